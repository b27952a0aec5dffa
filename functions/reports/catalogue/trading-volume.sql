WITH asked AS (SELECT CAST(? AS TIMESTAMP) AS since, CAST(? AS TIMESTAMP) AS before)
SELECT t.symbol, t.quote, count(*) AS trades, sum(t.quantity) AS quantity, sum(t.notional) AS volume, min(t.price) AS lowest,
    max(t.price) AS highest
FROM trades AS t CROSS JOIN asked
WHERE t.executed_at >= asked.since AND t.executed_at < asked.before
GROUP BY t.symbol, t.quote
ORDER BY t.symbol
