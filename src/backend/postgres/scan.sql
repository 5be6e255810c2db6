-- $1: namespace; keys from $2 on, before $3; $4: how many; $5: a regular expression that they match, or "";
-- $6: "records" or "keys"; $7: about how many bytes at once. Answers the server's time, and for each key its
-- version, when it expires, and its envelope (of it the first byte, for keys), which those beyond the
-- first bytes come without.
-- (The range is one of rows since, as long as there are no statistics, the planner takes few to be in one of
-- keys, and would sort them all for a page.)
SELECT now.ms, page.key, page.version, round(extract(epoch FROM page.expires_at) * 1000)::bigint,
  CASE
    WHEN $6::text = 'keys' THEN encode(substr(page.envelope, 1, 1), 'base64')
    WHEN coalesce(page.before, 0) < $7::bigint THEN encode(page.envelope, 'base64')
  END
FROM (SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS ms) AS now
LEFT JOIN (
  SELECT *, sum(octet_length(envelope))
    OVER (ORDER BY key {order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
  FROM (
    SELECT key, version, expires_at, envelope
    FROM {table}
    WHERE (namespace, key) >= ($1::text, $2::text) AND (namespace, key) < ($1::text, $3::text)
      AND envelope IS NOT NULL AND ($5::text = '' OR key ~ $5::text)
    ORDER BY namespace {order}, key {order}
    LIMIT $4::bigint
  ) AS looked
) AS page ON true
ORDER BY page.key {order}
