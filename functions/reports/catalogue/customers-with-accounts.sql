WITH asked AS (SELECT ? AS most),
owned AS (
    SELECT customer_id, currency, count(*) AS accounts, sum(posted) AS balance
    FROM accounts WHERE status <> 'closed'
    GROUP BY customer_id, currency
),
ranked AS (
    SELECT o.*, row_number() OVER (PARTITION BY o.currency ORDER BY o.balance DESC, o.customer_id) AS nth
    FROM owned AS o JOIN customers AS c ON c.customer_id = o.customer_id
)
SELECT r.customer_id, r.currency, r.accounts, r.balance
FROM ranked AS r CROSS JOIN asked
WHERE r.nth <= asked.most
ORDER BY r.currency, r.nth
