SELECT status, count(*) AS customers FROM customers GROUP BY status ORDER BY status
