WITH asked AS (SELECT ? AS most),
ranked AS (SELECT t.*, row_number() OVER (ORDER BY t.created_at DESC, t.transfer_id) AS nth FROM transfers AS t)
SELECT r.transfer_id, r.type, r.status, r.amount, r.posted_amount, r.currency, r.from_kind, r.from_id,
    CASE WHEN r.from_kind = 'wallet' THEN r.from_id ELSE f.customer_id END AS from_customer_id, r.to_kind, r.to_id,
    CASE WHEN r.to_kind = 'wallet' THEN r.to_id ELSE t.customer_id END AS to_customer_id, r.reason, r.created_at, r.posted_at,
    r.reverses, r.reversed_by
FROM ranked AS r CROSS JOIN asked
    LEFT JOIN accounts AS f ON r.from_kind = 'account' AND f.account_id = r.from_id
    LEFT JOIN accounts AS t ON r.to_kind = 'account' AND t.account_id = r.to_id
WHERE r.nth <= asked.most
ORDER BY r.nth
