WITH asked AS (SELECT ? AS most),
ranked AS (SELECT c.*, row_number() OVER (ORDER BY c.created_at DESC, c.customer_id) AS nth FROM customers AS c)
SELECT r.customer_id, r.status, r.documents, r.has_phone, r.created_at
FROM ranked AS r CROSS JOIN asked
WHERE r.nth <= asked.most
ORDER BY r.nth
