WITH sides AS (
    SELECT currency, from_kind AS kind, -posted_amount AS amount FROM transfers WHERE posted_amount IS NOT NULL
    UNION ALL
    SELECT currency, to_kind, posted_amount FROM transfers WHERE posted_amount IS NOT NULL
),
parts AS (
    SELECT 'bank' AS books, currency, posted AS accounts, CAST(0 AS DECIMAL(38, 8)) AS wallets, CAST(0 AS DECIMAL(38, 8)) AS bank,
        CAST(0 AS DECIMAL(38, 8)) AS fees, CAST(0 AS DECIMAL(38, 8)) AS granted
    FROM accounts
    UNION ALL
    SELECT 'bank', currency, CAST(0 AS DECIMAL(38, 8)), CASE WHEN kind = 'wallet' THEN amount ELSE CAST(0 AS DECIMAL(38, 8)) END,
        CASE WHEN kind = 'system' THEN amount ELSE CAST(0 AS DECIMAL(38, 8)) END, CAST(0 AS DECIMAL(38, 8)), CAST(0 AS DECIMAL(38, 8))
    FROM sides WHERE kind <> 'account'
    UNION ALL
    SELECT 'exchange', currency, CAST(0 AS DECIMAL(38, 8)), CAST(0 AS DECIMAL(38, 8)), -amount, CAST(0 AS DECIMAL(38, 8)),
        CAST(0 AS DECIMAL(38, 8))
    FROM sides WHERE kind = 'wallet'
    UNION ALL
    SELECT 'exchange', asset, CAST(0 AS DECIMAL(38, 8)), free + locked, CAST(0 AS DECIMAL(38, 8)), CAST(0 AS DECIMAL(38, 8)),
        CAST(0 AS DECIMAL(38, 8))
    FROM wallets
    UNION ALL
    SELECT 'exchange', quote, CAST(0 AS DECIMAL(38, 8)), CAST(0 AS DECIMAL(38, 8)), CAST(0 AS DECIMAL(38, 8)), maker_fee + taker_fee,
        CAST(0 AS DECIMAL(38, 8))
    FROM trades
    UNION ALL
    SELECT 'exchange', asset, CAST(0 AS DECIMAL(38, 8)), CAST(0 AS DECIMAL(38, 8)), CAST(0 AS DECIMAL(38, 8)),
        CAST(0 AS DECIMAL(38, 8)), -quantity
    FROM grants
)
SELECT books, currency, CAST(sum(accounts) AS DECIMAL(38, 8)) AS accounts, CAST(sum(wallets) AS DECIMAL(38, 8)) AS wallets,
    CAST(sum(bank) AS DECIMAL(38, 8)) AS bank, CAST(sum(fees) AS DECIMAL(38, 8)) AS fees, CAST(sum(granted) AS DECIMAL(38, 8)) AS granted,
    CAST(sum(accounts) + sum(wallets) + sum(bank) + sum(fees) + sum(granted) AS DECIMAL(38, 8)) AS difference
FROM parts
GROUP BY books, currency
ORDER BY books, currency
