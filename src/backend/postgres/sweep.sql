-- $1: namespace, $2: what expired then or earlier goes, $3: how many at once. Answers the server's time, how
-- many rows went, and how many of them were entries.
WITH swept AS (
  DELETE FROM {table}
  WHERE namespace = $1::text AND key IN (
      SELECT key
      FROM {table}
      WHERE namespace = $1::text AND expires_at <= to_timestamp($2::float8 / 1000)
        AND (envelope IS NULL OR substr(envelope, 1, 1) = '\x01')
      ORDER BY key
      LIMIT $3::bigint
      FOR UPDATE)
  RETURNING envelope IS NOT NULL AS was_entry
)
SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint, count(*), count(*) FILTER (WHERE was_entry)
FROM swept
