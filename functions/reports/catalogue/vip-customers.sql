WITH asked AS (SELECT CAST(? AS DECIMAL(38, 8)) AS threshold, ? AS most),
owned AS (
    SELECT customer_id, currency, count(*) AS accounts, sum(posted) AS balance
    FROM accounts WHERE status <> 'closed'
    GROUP BY customer_id, currency
),
touched AS (
    SELECT t.transfer_id, t.currency, a.customer_id
    FROM transfers AS t JOIN accounts AS a ON a.account_id = t.from_id
    WHERE t.posted_amount IS NOT NULL AND t.from_kind = 'account'
    UNION
    SELECT t.transfer_id, t.currency, a.customer_id
    FROM transfers AS t JOIN accounts AS a ON a.account_id = t.to_id
    WHERE t.posted_amount IS NOT NULL AND t.to_kind = 'account'
),
counted AS (SELECT customer_id, currency, count(*) AS transfers FROM touched GROUP BY customer_id, currency),
ranked AS (
    SELECT o.*, row_number() OVER (PARTITION BY o.currency ORDER BY o.balance DESC, o.customer_id) AS nth
    FROM owned AS o JOIN customers AS c ON c.customer_id = o.customer_id CROSS JOIN asked
    WHERE o.balance > asked.threshold
)
SELECT r.customer_id, r.currency, r.accounts, r.balance, CAST(r.balance / r.accounts AS DECIMAL(38, 8)) AS mean_balance,
    coalesce(n.transfers, 0) AS transfers
FROM ranked AS r CROSS JOIN asked LEFT JOIN counted AS n ON n.customer_id = r.customer_id AND n.currency = r.currency
WHERE r.nth <= asked.most
ORDER BY r.currency, r.nth
