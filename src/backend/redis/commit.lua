-- KEYS: the index, the counter of versions, then the record of each mutation.
-- ARGV: "all" (or nothing) or "each" (for itself); then for each mutation its key, what is expected
-- ("*" anything, "-" nothing, else a version), what to do ("put", "delete", "keep"), the record's
-- times and envelope, and after how many milliseconds the engine may drop it (0: never).
-- Answers the server's time and, for each mutation, one of: "w" .. version, "d" (there was nothing),
-- "d" .. when it expires (0: never), "k", "c" (conflict), "x" (what is there is no record);
-- or the first that failed, "c" .. index or "x" .. index.
local time = redis.call('TIME')
local answer = { time[1] .. string.sub('000000' .. time[2], -6, -4) }
local all = ARGV[1] == 'all'
local count = #KEYS - 2
local expires, fate = {}, {}
local puts = 0
for i = 1, count do
  local at = 5 * i - 3
  local expected, action = ARGV[at + 1], ARGV[at + 2]
  local version
  -- A blind write looks at nothing.
  if expected ~= '*' or action == 'delete' then
    local head = redis.call('GETRANGE', KEYS[i + 2], 0, 45)
    if head ~= '' then
      version, expires[i] = string.match(head, '^(%d+):(%d+):')
      if not version then fate[i] = 'x' end
    end
  end
  if not fate[i] and expected ~= '*' and expected ~= (version or '-') then fate[i] = 'c' end
  if fate[i] and all then
    answer[2] = fate[i] .. (i - 1)
    return answer
  end
  if not fate[i] and action == 'put' then puts = puts + 1 end
end
local version = 0
if puts > 0 then version = redis.call('INCRBY', KEYS[2], puts) - puts end
local added, removed = {}, {}
local function flush(command, members)
  if #members > 0 then redis.call(command, KEYS[1], unpack(members)) end
end
for i = 1, count do
  local at = 5 * i - 3
  local key, action = ARGV[at], ARGV[at + 2]
  if fate[i] then
    answer[i + 1] = fate[i]
  elseif action == 'put' then
    version = version + 1
    local number = string.format('%.0f', version)
    local record = number .. ':' .. ARGV[at + 3]
    if ARGV[at + 4] == '0' then
      redis.call('SET', KEYS[i + 2], record)
    else
      redis.call('SET', KEYS[i + 2], record, 'PX', ARGV[at + 4])
    end
    added[#added + 1] = '0'
    added[#added + 1] = key
    answer[i + 1] = 'w' .. number
  elseif action == 'delete' then
    redis.call('DEL', KEYS[i + 2])
    removed[#removed + 1] = key
    answer[i + 1] = 'd' .. (expires[i] or '')
  else
    answer[i + 1] = 'k'
  end
  -- Lua's stack takes some thousands.
  if #added >= 2000 then flush('ZADD', added) added = {} end
  if #removed >= 2000 then flush('ZREM', removed) removed = {} end
end
flush('ZADD', added)
flush('ZREM', removed)
return answer
