SELECT a.type, max(t.name) AS name, a.currency, count(*) AS accounts, sum(a.posted) AS balance,
    CAST(sum(a.posted) / count(*) AS DECIMAL(38, 8)) AS mean_balance, max(t.monthly_fee) AS monthly_fee
FROM accounts AS a LEFT JOIN account_types AS t ON t.type = a.type
WHERE a.status <> 'closed'
GROUP BY a.type, a.currency
ORDER BY a.type, a.currency
