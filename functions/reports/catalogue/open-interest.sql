WITH open_orders AS (
    SELECT symbol, side, quantity - filled_quantity AS open_quantity,
        CASE
            WHEN quote_quantity IS NOT NULL THEN quote_quantity - filled_notional - fees
            WHEN price IS NOT NULL THEN CAST((quantity - filled_quantity) * price AS DECIMAL(38, 8))
        END AS open_notional
    FROM orders
    WHERE status IN ('pending', 'untriggered', 'open', 'partially_filled')
),
sums AS (
    SELECT symbol, side, count(*) AS orders, coalesce(sum(open_quantity), 0) AS open_quantity,
        coalesce(sum(open_notional), 0) AS open_notional
    FROM open_orders
    GROUP BY symbol, side
)
SELECT s.symbol, s.side, i.base, i.quote, s.orders, s.open_quantity, s.open_notional,
    CASE WHEN s.side = 'buy' THEN s.open_notional ELSE s.open_quantity END AS bound,
    CASE WHEN s.side = 'buy' THEN i.quote ELSE i.base END AS asset
FROM sums AS s LEFT JOIN instruments AS i ON i.symbol = s.symbol
ORDER BY s.symbol, s.side
