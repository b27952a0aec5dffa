WITH asked AS (SELECT CAST(? AS TIMESTAMP) AS since, CAST(? AS TIMESTAMP) AS before, ? AS most),
deeds AS (
    SELECT created_at AS started_at, created_at AS ended_at, 'customer' AS activity, customer_id AS id, customer_id, status,
        CAST(NULL AS DECIMAL(38, 8)) AS amount, CAST(NULL AS VARCHAR) AS currency
    FROM customers
    UNION ALL
    SELECT opened_at, opened_at, 'account', account_id, customer_id, status, CAST(NULL AS DECIMAL(38, 8)), currency FROM accounts
    UNION ALL
    SELECT t.created_at, t.posted_at, concat('transfer.', t.type), t.transfer_id,
        coalesce(CASE WHEN t.from_kind = 'wallet' THEN t.from_id END, f.customer_id, CASE WHEN t.to_kind = 'wallet' THEN t.to_id END, c.customer_id),
        t.status, coalesce(t.posted_amount, t.amount), t.currency
    FROM transfers AS t
        LEFT JOIN accounts AS f ON t.from_kind = 'account' AND f.account_id = t.from_id
        LEFT JOIN accounts AS c ON t.to_kind = 'account' AND c.account_id = t.to_id
    UNION ALL
    SELECT o.created_at, o.updated_at, concat('order.', o.side), o.order_id, o.customer_id, o.status, o.filled_notional, i.quote
    FROM orders AS o LEFT JOIN instruments AS i ON i.symbol = o.symbol
    UNION ALL
    SELECT executed_at, executed_at, 'trade', trade_id, taker_id, CAST(NULL AS VARCHAR), notional, quote FROM trades
    UNION ALL
    SELECT created_at, created_at, 'grant', grant_id, customer_id, CAST(NULL AS VARCHAR), quantity, asset FROM grants
    UNION ALL
    SELECT created_at, ended_at, 'voucher', voucher_id, customer_id, status, price, currency FROM vouchers
),
ranked AS (
    SELECT d.*, row_number() OVER (ORDER BY d.started_at DESC, d.id, d.activity) AS nth
    FROM deeds AS d CROSS JOIN asked
    WHERE d.started_at >= asked.since AND d.started_at < asked.before
)
SELECT r.started_at, r.ended_at, r.activity, r.id, r.customer_id, r.status, r.amount, r.currency
FROM ranked AS r CROSS JOIN asked
WHERE r.nth <= asked.most
ORDER BY r.nth
