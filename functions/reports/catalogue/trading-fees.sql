WITH asked AS (SELECT CAST(? AS TIMESTAMP) AS since, CAST(? AS TIMESTAMP) AS before)
SELECT t.symbol, t.quote, count(*) AS trades, sum(t.maker_fee) AS maker_fees, sum(t.taker_fee) AS taker_fees,
    sum(t.maker_fee + t.taker_fee) AS fees
FROM trades AS t CROSS JOIN asked
WHERE t.executed_at >= asked.since AND t.executed_at < asked.before
GROUP BY t.symbol, t.quote
ORDER BY t.symbol
