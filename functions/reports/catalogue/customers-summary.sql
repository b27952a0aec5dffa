SELECT count(*) AS customers,
    count(CASE WHEN status = 'active' THEN 1 END) AS active,
    count(CASE WHEN status = 'inactive' THEN 1 END) AS inactive,
    count(CASE WHEN status = 'blocked' THEN 1 END) AS blocked
FROM customers
