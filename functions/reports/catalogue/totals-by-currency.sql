WITH parts AS (
    SELECT currency, count(*) AS accounts, sum(posted) AS balance, sum(held) AS held, CAST(0 AS DECIMAL(38, 8)) AS in_wallets,
        CAST(0 AS BIGINT) AS transfers, CAST(0 AS DECIMAL(38, 8)) AS volume
    FROM accounts WHERE status <> 'closed' GROUP BY currency
    UNION ALL
    SELECT asset, CAST(0 AS BIGINT), CAST(0 AS DECIMAL(38, 8)), CAST(0 AS DECIMAL(38, 8)), sum(free + locked),
        CAST(0 AS BIGINT), CAST(0 AS DECIMAL(38, 8))
    FROM wallets GROUP BY asset
    UNION ALL
    SELECT currency, CAST(0 AS BIGINT), CAST(0 AS DECIMAL(38, 8)), CAST(0 AS DECIMAL(38, 8)), CAST(0 AS DECIMAL(38, 8)),
        count(*), sum(posted_amount)
    FROM transfers WHERE posted_amount IS NOT NULL GROUP BY currency
)
SELECT currency, sum(accounts) AS accounts, CAST(sum(balance) AS DECIMAL(38, 8)) AS balance, CAST(sum(held) AS DECIMAL(38, 8)) AS held,
    CAST(sum(in_wallets) AS DECIMAL(38, 8)) AS in_wallets, sum(transfers) AS transfers, CAST(sum(volume) AS DECIMAL(38, 8)) AS volume
FROM parts
GROUP BY currency
ORDER BY currency
