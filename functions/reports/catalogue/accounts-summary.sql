SELECT currency,
    count(CASE WHEN status <> 'closed' THEN 1 END) AS accounts,
    count(CASE WHEN status = 'active' THEN 1 END) AS active,
    count(CASE WHEN status = 'frozen' THEN 1 END) AS frozen,
    count(CASE WHEN status = 'closed' THEN 1 END) AS closed,
    coalesce(sum(CASE WHEN status <> 'closed' THEN posted END), 0) AS balance,
    CAST(sum(CASE WHEN status <> 'closed' THEN posted END) / nullif(count(CASE WHEN status <> 'closed' THEN 1 END), 0)
        AS DECIMAL(38, 8)) AS mean_balance,
    min(CASE WHEN status <> 'closed' THEN posted END) AS least_balance,
    max(CASE WHEN status <> 'closed' THEN posted END) AS largest_balance
FROM accounts
GROUP BY currency
ORDER BY currency
