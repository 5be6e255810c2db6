-- Each namespace once, a look at the index for each.
WITH RECURSIVE each AS (
  (SELECT namespace FROM {table} ORDER BY namespace LIMIT 1)
  UNION ALL
  SELECT (SELECT namespace FROM {table} WHERE namespace > each.namespace ORDER BY namespace LIMIT 1)
  FROM each
  WHERE each.namespace IS NOT NULL
)
SELECT namespace FROM each WHERE namespace IS NOT NULL
