WITH asked AS (SELECT CAST(? AS TIMESTAMP) AS since, CAST(? AS TIMESTAMP) AS before)
SELECT t.status, t.currency, count(*) AS transfers, sum(t.amount) AS asked_for,
    CAST(sum(t.amount) / count(*) AS DECIMAL(38, 8)) AS mean, coalesce(sum(t.posted_amount), 0) AS moved
FROM transfers AS t CROSS JOIN asked
WHERE t.created_at >= asked.since AND t.created_at < asked.before
GROUP BY t.status, t.currency
ORDER BY t.status, t.currency
