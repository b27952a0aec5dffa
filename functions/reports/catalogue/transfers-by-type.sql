WITH asked AS (SELECT CAST(? AS TIMESTAMP) AS since, CAST(? AS TIMESTAMP) AS before),
moved AS (
    SELECT t.type, t.currency, t.posted_amount, t.posted_at
    FROM transfers AS t CROSS JOIN asked
    WHERE t.posted_amount IS NOT NULL AND t.posted_at >= asked.since AND t.posted_at < asked.before
)
SELECT type, currency, count(*) AS transfers, sum(posted_amount) AS volume,
    CAST(sum(posted_amount) / count(*) AS DECIMAL(38, 8)) AS mean
FROM moved
GROUP BY type, currency
ORDER BY type, currency
