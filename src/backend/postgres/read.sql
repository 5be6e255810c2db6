-- $1: namespace, $2: keys, $3: about how many bytes at once. For each record that is there its place among
-- the keys, its version, and its envelope, which those beyond the first bytes come without.
SELECT place, version, CASE WHEN coalesce(before, 0) < $3::bigint THEN encode(envelope, 'base64') END
FROM (
  SELECT asked.place, found.version, found.envelope, sum(octet_length(found.envelope))
    OVER (ORDER BY asked.place ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
  FROM unnest($2::text[]) WITH ORDINALITY AS asked (key, place)
  -- Each by the index: without statistics the planner would read the whole table for some hundred.
  CROSS JOIN LATERAL (
    SELECT version, envelope
    FROM {table}
    WHERE namespace = $1::text AND key = asked.key AND envelope IS NOT NULL
    OFFSET 0
  ) AS found
) AS found
ORDER BY place
