WITH asked AS (SELECT CAST(? AS TIMESTAMP) AS since, CAST(? AS TIMESTAMP) AS before),
moved AS (
    SELECT t.type, t.currency, t.posted_amount, t.posted_at
    FROM transfers AS t CROSS JOIN asked
    WHERE t.posted_amount IS NOT NULL AND t.posted_at >= asked.since AND t.posted_at < asked.before
)
SELECT currency, count(*) AS transfers, sum(posted_amount) AS volume,
    coalesce(sum(CASE WHEN type = 'deposit' THEN posted_amount END), 0) AS deposited,
    coalesce(sum(CASE WHEN type = 'withdrawal' THEN posted_amount END), 0) AS withdrawn,
    coalesce(sum(CASE WHEN type = 'transfer' THEN posted_amount END), 0) AS transferred,
    coalesce(sum(CASE WHEN type = 'payment' THEN posted_amount END), 0) AS paid,
    coalesce(sum(CASE WHEN type = 'voucher' THEN posted_amount END), 0) AS for_vouchers,
    coalesce(sum(CASE WHEN type = 'wallet' THEN posted_amount END), 0) AS with_wallets,
    coalesce(sum(CASE WHEN type = 'reversal' THEN posted_amount END), 0) AS reversed
FROM moved
GROUP BY currency
ORDER BY currency
