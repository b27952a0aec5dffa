WITH asked AS (SELECT CAST(? AS TIMESTAMP) AS since, CAST(? AS TIMESTAMP) AS before),
delivered AS (
    SELECT v.product_id, v.took_ms, row_number() OVER (PARTITION BY v.product_id ORDER BY v.took_ms) AS nth,
        count(*) OVER (PARTITION BY v.product_id) AS total
    FROM vouchers AS v CROSS JOIN asked
    WHERE v.status = 'delivered' AND v.took_ms IS NOT NULL AND v.created_at >= asked.since AND v.created_at < asked.before
)
SELECT product_id, count(*) AS delivered, sum(took_ms) / count(*) AS mean_ms,
    min(CASE WHEN nth * 100 >= total * 50 THEN took_ms END) AS p50_ms, min(CASE WHEN nth * 100 >= total * 95 THEN took_ms END) AS p95_ms,
    max(took_ms) AS longest_ms
FROM delivered
GROUP BY product_id
ORDER BY product_id
