-- KEYS: the index. ARGV: from, to (as ZRANGEBYLEX takes them, in the direction of travel), "up" or
-- "down", how many at most, "keys" or "records", and what a record's name begins with.
-- Answers the server's time, the last key looked at ("" where the index has no more), and for each
-- record its key and the record, or only its version and times. Keys whose records the engine dropped
-- after their expiry leave the index here.
local time = redis.call('TIME')
local command = ARGV[3] == 'up' and 'ZRANGEBYLEX' or 'ZREVRANGEBYLEX'
local keys = redis.call(command, KEYS[1], ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[4])
local answer = { time[1] .. string.sub('000000' .. time[2], -6, -4), '' }
if #keys == tonumber(ARGV[4]) then answer[2] = keys[#keys] end
local gone = {}
for _, key in ipairs(keys) do
  local record
  if ARGV[5] == 'keys' then
    record = redis.call('GETRANGE', ARGV[6] .. key, 0, 45)
    record = string.match(record, '^%d+:%d+:') or record
  else
    record = redis.call('GET', ARGV[6] .. key) or ''
  end
  if record == '' then
    gone[#gone + 1] = key
  else
    answer[#answer + 1] = key
    answer[#answer + 1] = record
  end
end
if #gone > 0 then redis.call('ZREM', KEYS[1], unpack(gone)) end
return answer
