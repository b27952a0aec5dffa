WITH asked AS (SELECT ? AS most),
ranked AS (
    SELECT a.*, row_number() OVER (PARTITION BY a.currency ORDER BY a.posted DESC, a.account_id) AS nth
    FROM accounts AS a WHERE a.status <> 'closed'
)
SELECT r.currency, r.nth AS place, r.account_id, r.customer_id, r.type, r.status, r.posted AS balance, r.opened_at
FROM ranked AS r CROSS JOIN asked
WHERE r.nth <= asked.most
ORDER BY r.currency, r.nth
