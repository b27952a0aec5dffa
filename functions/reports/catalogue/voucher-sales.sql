WITH asked AS (SELECT CAST(? AS TIMESTAMP) AS since, CAST(? AS TIMESTAMP) AS before)
SELECT v.product_id, max(v.product_name) AS product_name, v.paid_by, v.currency, count(*) AS purchases,
    count(CASE WHEN v.status = 'delivered' THEN 1 END) AS delivered, count(CASE WHEN v.status = 'failed' THEN 1 END) AS failed,
    count(CASE WHEN v.status IN ('processing', 'unknown') THEN 1 END) AS undecided,
    coalesce(sum(CASE WHEN v.status = 'delivered' THEN v.price END), 0) AS sales
FROM vouchers AS v CROSS JOIN asked
WHERE v.created_at >= asked.since AND v.created_at < asked.before
GROUP BY v.product_id, v.paid_by, v.currency
ORDER BY v.product_id, v.paid_by, v.currency
