-- For the clean-up.
CREATE INDEX ON {table} (namespace, expires_at) WHERE expires_at IS NOT NULL
