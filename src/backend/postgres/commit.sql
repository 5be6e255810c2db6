-- $1: namespace; $2: all or nothing, or each for itself? Then arrays, an item a mutation: $3: keys,
-- $4: what is expected ("*" anything, "-" nothing, else a version), $5: what to do ("put", "delete",
-- "keep"), and of a record $6: its envelope in base64, $7: when it expires, $8: metadata, $9, $10: when it
-- was created and changed. Answers the server's time, and for each mutation its place, its fate
-- ("w" written, "d" deleted, "k" kept, "c" conflict, "x" what is there is no record of ours, "n" nothing was done
-- since another has such a fate), the version of what was written, and whether and until when there
-- was what was deleted.
WITH asked AS MATERIALIZED (
  SELECT *
  FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::float8[], $8::text[], $9::float8[],
    $10::float8[]) WITH ORDINALITY
    AS asked (key, expected, action, envelope, expires, metadata, created, updated, place)
),
-- Locked in the order of the keys. A row that somebody changed meanwhile is read as it is then.
seen AS MATERIALIZED (
  SELECT key, version::text AS version, expires_at, envelope IS NOT NULL AS there,
    envelope IS NULL OR substr(envelope, 1, 1) = '\x01' AS ours
  FROM {table}
  WHERE namespace = $1::text AND key = ANY (ARRAY(SELECT key FROM asked))
  ORDER BY key
  FOR UPDATE
),
judged AS MATERIALIZED (
  SELECT asked.*, seen.key IS NOT NULL AS locked, coalesce(seen.there, false) AS there,
    seen.expires_at AS expired_at,
    CASE
      WHEN NOT seen.ours THEN 'x'
      WHEN expected = '*' THEN NULL
      WHEN expected <> CASE WHEN seen.there THEN seen.version ELSE '-' END THEN 'c'
    END AS fault
  FROM asked
  LEFT JOIN seen ON seen.key = asked.key
),
allowed AS MATERIALIZED (
  SELECT *
  FROM judged
  WHERE fault IS NULL AND NOT ($2::boolean AND EXISTS (SELECT FROM judged WHERE fault IS NOT NULL))
),
-- A key that others must not create meanwhile, as its absence was a part of the whole, gets a row
-- without an envelope, which the clean-up removes.
wanted AS MATERIALIZED (
  SELECT *
  FROM allowed
  WHERE action = 'put'
    OR ($2::boolean AND NOT locked AND (SELECT count(*) FROM asked) > 1)
),
-- Where a row came meanwhile that was not locked, only what expected nothing may change it.
written AS (
  INSERT INTO {table} AS old (namespace, key, envelope, expires_at, metadata, created_at, updated_at)
  SELECT $1::text, key, decode(envelope, 'base64'),
    CASE WHEN action = 'put' THEN to_timestamp(expires / 1000) ELSE clock_timestamp() END,
    metadata::jsonb, to_timestamp(created / 1000), to_timestamp(updated / 1000)
  FROM wanted
  ORDER BY key COLLATE "C"
  ON CONFLICT (namespace, key) DO UPDATE SET version = EXCLUDED.version, envelope = EXCLUDED.envelope,
    expires_at = EXCLUDED.expires_at, metadata = EXCLUDED.metadata,
    created_at = EXCLUDED.created_at, updated_at = EXCLUDED.updated_at
  WHERE old.envelope IS NULL
    OR (substr(old.envelope, 1, 1) = '\x01'
      AND old.key IN (SELECT key FROM wanted WHERE locked OR (action = 'put' AND expected = '*')))
  RETURNING key, version
),
removed AS (
  DELETE FROM {table}
  WHERE namespace = $1::text AND key = ANY (ARRAY(SELECT key FROM allowed WHERE action = 'delete' AND there))
)
SELECT
  floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint,
  judged.place,
  CASE
    WHEN fault IS NOT NULL THEN fault
    WHEN $2::boolean AND NOT EXISTS (SELECT FROM allowed) THEN 'n'
    WHEN action = 'keep' THEN 'k'
    WHEN action = 'delete' THEN 'd'
    WHEN written.key IS NOT NULL THEN 'w'
    WHEN expected = '*' THEN 'x'
    ELSE 'c'
  END,
  written.version,
  there::text,
  round(extract(epoch FROM expired_at) * 1000)::bigint,
  -- All of it is undone, by an error, where a row came meanwhile: asked again, the statement sees it.
  1 / CASE
    WHEN $2::boolean AND (SELECT count(*) FROM asked) > 1
      AND (SELECT count(*) FROM written) < (SELECT count(*) FROM wanted) THEN 0
    ELSE 1
  END
FROM judged
LEFT JOIN written ON written.key = judged.key
ORDER BY judged.place
