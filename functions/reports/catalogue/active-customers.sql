WITH asked AS (SELECT ? AS most),
owned AS (SELECT customer_id, count(*) AS accounts FROM accounts WHERE status <> 'closed' GROUP BY customer_id),
ranked AS (
    SELECT c.customer_id, c.created_at, coalesce(o.accounts, 0) AS accounts,
        row_number() OVER (ORDER BY c.created_at DESC, c.customer_id) AS nth
    FROM customers AS c LEFT JOIN owned AS o ON o.customer_id = c.customer_id
    WHERE c.status = 'active'
)
SELECT r.customer_id, r.accounts, r.created_at
FROM ranked AS r CROSS JOIN asked
WHERE r.nth <= asked.most
ORDER BY r.nth
