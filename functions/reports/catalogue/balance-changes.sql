WITH asked AS (SELECT ? AS account),
told AS (
    SELECT v.account_id, v.customer_id, v.currency, v.status, v.posted, v.held, v.available, v.version, v.changed_at,
        row_number() OVER (PARTITION BY v.version ORDER BY v.changed_at) AS nth
    FROM accounts_versions AS v CROSS JOIN asked
    WHERE v.account_id = asked.account
)
SELECT account_id, customer_id, version, changed_at, status, currency, posted, held, available,
    posted - lag(posted) OVER (ORDER BY version) AS change
FROM told
WHERE nth = 1
ORDER BY version
