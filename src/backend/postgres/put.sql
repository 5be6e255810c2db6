-- Writes without a condition. $1: namespace; then arrays, an item a record: $2: keys, $3: envelopes in base64,
-- $4: when it expires, $5: metadata, $6, $7: when it was created and changed. Answers the server's time,
-- the place of each record and its version, if it did not stand in the place of what is no record of ours.
WITH written AS (
  INSERT INTO {table} AS old (namespace, key, envelope, expires_at, metadata, created_at, updated_at)
  SELECT $1::text, key, decode(envelope, 'base64'), to_timestamp(expires / 1000), metadata::jsonb,
    to_timestamp(created / 1000), to_timestamp(updated / 1000)
  FROM unnest($2::text[], $3::text[], $4::float8[], $5::text[], $6::float8[], $7::float8[])
    AS new (key, envelope, expires, metadata, created, updated)
  ORDER BY key COLLATE "C"
  ON CONFLICT (namespace, key) DO UPDATE SET version = EXCLUDED.version, envelope = EXCLUDED.envelope,
    expires_at = EXCLUDED.expires_at, metadata = EXCLUDED.metadata,
    created_at = EXCLUDED.created_at, updated_at = EXCLUDED.updated_at
  WHERE old.envelope IS NULL OR substr(old.envelope, 1, 1) = '\x01'
  RETURNING key, version
)
SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint, asked.place, written.version
FROM unnest($2::text[]) WITH ORDINALITY AS asked (key, place)
LEFT JOIN written ON written.key = asked.key
ORDER BY asked.place
