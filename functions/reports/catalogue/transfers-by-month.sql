WITH asked AS (SELECT CAST(? AS TIMESTAMP) AS since, CAST(? AS TIMESTAMP) AS before),
moved AS (
    SELECT t.type, t.currency, t.posted_amount, t.posted_at
    FROM transfers AS t CROSS JOIN asked
    WHERE t.posted_amount IS NOT NULL AND t.posted_at >= asked.since AND t.posted_at < asked.before
)
SELECT substr(CAST(CAST(posted_at AS DATE) AS VARCHAR), 1, 7) AS month, currency, count(*) AS transfers, sum(posted_amount) AS volume,
    CAST(sum(posted_amount) / count(*) AS DECIMAL(38, 8)) AS mean,
    count(CASE WHEN type = 'reversal' THEN 1 END) AS reversals,
    coalesce(sum(CASE WHEN type = 'reversal' THEN posted_amount END), 0) AS reversed
FROM moved
GROUP BY substr(CAST(CAST(posted_at AS DATE) AS VARCHAR), 1, 7), currency
ORDER BY month, currency
