-- $1: the table. Answers the server's time, its encoding, and the columns of the table as it is, if it is.
SELECT
  floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint,
  current_setting('server_encoding'),
  (SELECT string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, NULL), c.collname), ', ' ORDER BY a.attnum)
    FROM pg_attribute AS a
    LEFT JOIN pg_collation AS c ON c.oid = a.attcollation AND c.collname <> 'default'
    WHERE a.attrelid = to_regclass($1::text) AND a.attnum > 0 AND NOT a.attisdropped
      AND a.attname IN
        ('namespace', 'key', 'version', 'expires_at', 'envelope', 'metadata', 'created_at', 'updated_at')),
  (to_regclass($1::text) IS NOT NULL)::text
