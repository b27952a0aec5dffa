WITH asked AS (SELECT ? AS most),
ranked AS (SELECT t.*, row_number() OVER (ORDER BY t.executed_at DESC, t.symbol, t.number DESC) AS nth FROM trades AS t)
SELECT r.trade_id, r.symbol, r.price, r.quantity, r.notional, r.quote, r.taker_side, r.maker_id AS maker_customer_id,
    r.taker_id AS taker_customer_id, r.maker_order_id, r.taker_order_id, r.maker_fee, r.taker_fee, r.executed_at
FROM ranked AS r CROSS JOIN asked
WHERE r.nth <= asked.most
ORDER BY r.nth
