WITH asked AS (SELECT ? AS most),
ranked AS (SELECT o.*, row_number() OVER (ORDER BY o.created_at DESC, o.order_id) AS nth FROM orders AS o)
SELECT r.order_id, r.customer_id, r.symbol, r.side, r.type, r.time_in_force, r.status, r.reason, r.price, r.stop_price, r.quantity,
    r.quote_quantity, r.filled_quantity, r.filled_notional, r.fees, i.quote, r.created_at, r.updated_at
FROM ranked AS r CROSS JOIN asked LEFT JOIN instruments AS i ON i.symbol = r.symbol
WHERE r.nth <= asked.most
ORDER BY r.nth
