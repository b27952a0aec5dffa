WITH asked AS (SELECT CAST(? AS TIMESTAMP) AS since, CAST(? AS TIMESTAMP) AS before),
digits AS (
    SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4
    UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9
),
bounds AS (
    SELECT CAST(EXTRACT(YEAR FROM since) * 12 + EXTRACT(MONTH FROM since) - 1 AS BIGINT) AS first_month,
        CAST(EXTRACT(YEAR FROM before) * 12 + EXTRACT(MONTH FROM before) - 1 AS BIGINT) AS end_month
    FROM asked
),
months AS (
    SELECT b.first_month + tens.n * 10 + ones.n AS month
    FROM bounds AS b CROSS JOIN digits AS tens CROSS JOIN digits AS ones
    WHERE b.first_month + tens.n * 10 + ones.n < b.end_month
),
versions AS (
    SELECT account_id, type, currency, status, deleted, version,
        CAST(EXTRACT(YEAR FROM changed_at) * 12 + EXTRACT(MONTH FROM changed_at) - 1 AS BIGINT) AS changed_month,
        CAST(EXTRACT(YEAR FROM opened_at) * 12 + EXTRACT(MONTH FROM opened_at) - 1 AS BIGINT) AS opened_month
    FROM accounts_versions
),
at_month_end AS (
    SELECT m.month, v.type, v.currency, v.status, v.deleted,
        row_number() OVER (
            PARTITION BY m.month, v.account_id
            ORDER BY CASE WHEN v.changed_month <= m.month THEN 0 ELSE 1 END,
                CASE WHEN v.changed_month <= m.month THEN -v.version ELSE v.version END
        ) AS nth
    FROM months AS m JOIN versions AS v ON v.opened_month <= m.month
)
SELECT concat(CAST(a.month / 12 AS VARCHAR), CASE WHEN a.month % 12 < 9 THEN '-0' ELSE '-' END, CAST(a.month % 12 + 1 AS VARCHAR)) AS month,
    a.currency, a.type, count(*) AS accounts, max(t.monthly_fee) AS monthly_fee, sum(t.monthly_fee) AS income
FROM at_month_end AS a JOIN account_types AS t ON t.type = a.type
WHERE a.nth = 1 AND a.status = 'active' AND NOT a.deleted
GROUP BY a.month, a.currency, a.type
ORDER BY month, currency, type
