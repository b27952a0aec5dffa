WITH asked AS (SELECT CAST(? AS TIMESTAMP) AS month_start, CAST(? AS TIMESTAMP) AS month_end),
open_accounts AS (SELECT currency, type, posted FROM accounts WHERE status <> 'closed'),
moved AS (SELECT type, currency, posted_amount, posted_at FROM transfers WHERE posted_amount IS NOT NULL),
moved_in_month AS (
    SELECT m.type, m.currency, m.posted_amount
    FROM moved AS m CROSS JOIN asked
    WHERE m.posted_at >= asked.month_start AND m.posted_at < asked.month_end
),
at_month_end AS (
    SELECT v.type, v.currency, v.status, v.deleted,
        row_number() OVER (
            PARTITION BY v.account_id
            ORDER BY CASE WHEN v.changed_at < asked.month_end THEN 0 ELSE 1 END,
                CASE WHEN v.changed_at < asked.month_end THEN -v.version ELSE v.version END
        ) AS nth
    FROM accounts_versions AS v CROSS JOIN asked
    WHERE v.opened_at < asked.month_end
),
figures AS (
    SELECT 1 AS place, 'customers' AS metric, CAST(NULL AS VARCHAR) AS currency, CAST(NULL AS VARCHAR) AS account_type,
        count(*) AS number, CAST(NULL AS DECIMAL(38, 8)) AS amount
    FROM customers
    UNION ALL
    SELECT 2, 'active_customers', CAST(NULL AS VARCHAR), CAST(NULL AS VARCHAR), count(*), CAST(NULL AS DECIMAL(38, 8))
    FROM customers WHERE status = 'active'
    UNION ALL
    SELECT 3, 'accounts', currency, CAST(NULL AS VARCHAR), count(*), sum(posted) FROM open_accounts GROUP BY currency
    UNION ALL
    SELECT 4, 'mean_balance', currency, CAST(NULL AS VARCHAR), count(*), CAST(sum(posted) / count(*) AS DECIMAL(38, 8))
    FROM open_accounts GROUP BY currency
    UNION ALL
    SELECT 5, 'accounts_by_type', currency, type, count(*), sum(posted) FROM open_accounts GROUP BY currency, type
    UNION ALL
    SELECT 6, 'transfers_of_month', currency, CAST(NULL AS VARCHAR), count(*), sum(posted_amount)
    FROM moved_in_month GROUP BY currency
    UNION ALL
    SELECT 7, 'reversals_of_month', currency, CAST(NULL AS VARCHAR), count(*), sum(posted_amount)
    FROM moved_in_month WHERE type = 'reversal' GROUP BY currency
    UNION ALL
    SELECT 8, 'transfers', currency, CAST(NULL AS VARCHAR), count(*), sum(posted_amount) FROM moved GROUP BY currency
    UNION ALL
    SELECT 9, 'mean_transfer', currency, CAST(NULL AS VARCHAR), count(*), CAST(sum(posted_amount) / count(*) AS DECIMAL(38, 8))
    FROM moved GROUP BY currency
    UNION ALL
    SELECT 10, 'maintenance_income', a.currency, CAST(NULL AS VARCHAR), count(*), sum(t.monthly_fee)
    FROM at_month_end AS a JOIN account_types AS t ON t.type = a.type
    WHERE a.nth = 1 AND a.status = 'active' AND NOT a.deleted
    GROUP BY a.currency
)
SELECT metric, currency, account_type, number, amount FROM figures ORDER BY place, currency, account_type
