use proptest::prelude::*;
use sqlparser::ast::Expr;

use super::*;

/// Queries that people would write, and what is sent where that is worth seeing.
const HONEST: &[&str] = &[
    "SELECT 1",
    "select count(*) from customers",
    "SELECT * FROM accounts",
    "SELECT a.* FROM accounts a",
    "SELECT * FROM accounts;",
    "SELECT * FROM accounts LIMIT 10",
    "SELECT * FROM accounts LIMIT 99999999",
    "(SELECT currency FROM accounts)",
    "SELECT DISTINCT currency FROM transfers",
    "SELECT currency, sum(posted) AS balance FROM accounts WHERE status <> 'closed' GROUP BY currency ORDER BY 2 DESC",
    "SELECT currency, count(*) FROM transfers GROUP BY currency HAVING count(*) > 10",
    "SELECT \"currency\" FROM \"accounts\"",
    "SELECT type, max(amount), min(amount), avg(amount) FROM transfers GROUP BY type",
    "SELECT count(DISTINCT customer_id) FROM accounts",
    "SELECT count(*) FILTER (WHERE status = 'active') FROM customers",
    "SELECT created_at FROM transfers WHERE created_at >= TIMESTAMP '2024-02-29 00:00:00' AND created_at < DATE '2024-03-01'",
    "SELECT created_at + INTERVAL '7' DAY FROM transfers",
    "SELECT date_trunc('month', created_at) AS month, count(*) FROM transfers GROUP BY 1",
    "SELECT EXTRACT(YEAR FROM created_at) FROM customers",
    "SELECT CAST(amount AS DECIMAL(18, 2)), CAST(version AS VARCHAR) FROM transfers_versions",
    "SELECT TRY_CAST(type AS BIGINT) FROM transfers",
    "SELECT CASE WHEN posted > 0 THEN 'rich' ELSE 'poor' END FROM accounts",
    "SELECT CASE status WHEN 'active' THEN 1 WHEN 'frozen' THEN 2 END FROM accounts",
    "SELECT coalesce(reason, 'none'), nullif(type, 'deposit') FROM transfers",
    "SELECT * FROM transfers WHERE type IN ('deposit', 'withdrawal') AND status NOT IN ('rejected')",
    "SELECT * FROM transfers WHERE posted_at IS NULL OR reversed_by IS NOT NULL",
    "SELECT * FROM transfers WHERE amount BETWEEN 10 AND 20.5",
    "SELECT * FROM vouchers WHERE product_name LIKE '%10 GB%'",
    "SELECT 'it''s', 'a -- b', 'a /* b */ c', '?', ';' FROM customers",
    "SELECT * FROM accounts a JOIN customers c ON c.customer_id = a.customer_id",
    "SELECT * FROM accounts JOIN customers USING (customer_id)",
    "SELECT * FROM accounts a LEFT JOIN account_types t ON t.type = a.type WHERE t.type IS NULL",
    "SELECT * FROM accounts a FULL OUTER JOIN customers c ON c.customer_id = a.customer_id",
    "SELECT * FROM customers CROSS JOIN account_types",
    "SELECT * FROM customers c, accounts a WHERE a.customer_id = c.customer_id",
    "SELECT * FROM (SELECT currency, sum(posted) AS s FROM accounts GROUP BY currency) AS t WHERE t.s > 100",
    "SELECT * FROM (accounts AS a JOIN customers AS c ON c.customer_id = a.customer_id)",
    "SELECT * FROM customers WHERE customer_id IN (SELECT customer_id FROM accounts)",
    "SELECT * FROM customers c WHERE EXISTS (SELECT 1 FROM accounts a WHERE a.customer_id = c.customer_id)",
    "SELECT (SELECT count(*) FROM trades) AS n",
    "WITH rich AS (SELECT customer_id FROM accounts WHERE posted > 10000) SELECT * FROM rich",
    "WITH a AS (SELECT 1 AS n), b (m) AS (SELECT n FROM a) SELECT m FROM b",
    "SELECT currency FROM accounts UNION SELECT currency FROM transfers",
    "SELECT currency FROM accounts UNION ALL SELECT asset FROM wallets ORDER BY 1 LIMIT 5",
    "SELECT currency FROM accounts EXCEPT SELECT currency FROM transfers",
    "SELECT row_number() OVER (PARTITION BY currency ORDER BY posted DESC NULLS LAST) FROM accounts",
    "SELECT sum(amount) OVER (ORDER BY created_at ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) FROM transfers",
    "SELECT posted - lag(posted, 1) OVER (PARTITION BY account_id ORDER BY version) FROM accounts_versions",
    "SELECT substr(symbol, 1, 3), upper(side), concat(side, '!'), length(symbol), trim(symbol) FROM orders",
    "SELECT substring(symbol, 1, 3), ceil(price), floor(price), round(price, 2), abs(-price) FROM orders",
    "SELECT side || ' ' || symbol FROM orders WHERE NOT (price IS NULL)",
    "SELECT * FROM orders WHERE reason IS DISTINCT FROM 'requested'",
    "SELECT current_date",
    "SELECT dt, count(*) FROM accounts_versions GROUP BY dt",
    "SELECT 1e3, .5, -1, TRUE, NULL",
];

/// Queries that are refused, with a word of the reason.
const HOSTILE: &[(&str, &str)] = &[
    ("", "one SELECT"),
    ("   ", "one SELECT"),
    (";", "one SELECT"),
    ("DROP TABLE accounts", "one SELECT"),
    ("DELETE FROM accounts", "one SELECT"),
    ("INSERT INTO accounts SELECT * FROM accounts", "one SELECT"),
    ("UPDATE accounts SET posted = 1", "one SELECT"),
    ("MERGE INTO accounts USING customers ON TRUE WHEN MATCHED THEN DELETE", "one SELECT"),
    ("CREATE TABLE x AS SELECT * FROM accounts", "one SELECT"),
    ("UNLOAD (SELECT * FROM accounts) TO 's3://elsewhere/' WITH (format = 'PARQUET')", "one SELECT"),
    ("EXPLAIN SELECT 1", "one SELECT"),
    ("SHOW TABLES", "one SELECT"),
    ("DESCRIBE accounts", "one SELECT"),
    ("EXECUTE a USING 1", "one SELECT"),
    ("CALL system.runtime.kill_query('x')", "one SELECT"),
    ("VALUES (1)", "one SELECT"),
    ("TABLE accounts", "one SELECT"),
    ("FROM accounts SELECT *", "one SELECT"),
    ("\"SELECT\" 1", "one SELECT"),
    ("SELECT 1; SELECT 2", "one statement"),
    ("SELECT 1; DROP TABLE accounts", "one statement"),
    ("SELECT 1;;SELECT 2", "one statement"),
    ("SELECT * FROM accounts -- all", "comments"),
    ("SELECT * /* all */ FROM accounts", "comments"),
    ("SELECT * /* a /* b */ FROM accounts */ FROM secrets", "comments"),
    ("SELECT /*+ hint */ * FROM accounts", "comments"),
    ("SELECT * FROM accounts /* open", "cannot be read"),
    ("SELECT * FROM accounts WHERE type = 'open", "cannot be read"),
    ("SELECT * FROM secrets", "no table of the lake"),
    ("SELECT * FROM accounts_versions_versions", "no table of the lake"),
    ("SELECT * FROM tables", "no table of the lake"),
    ("SELECT * FROM information_schema.tables", "one part"),
    ("SELECT * FROM \"information_schema\".\"tables\"", "one part"),
    ("SELECT * FROM system.runtime.queries", "one part"),
    ("SELECT * FROM florin.accounts", "one part"),
    ("SELECT * FROM awsdatacatalog.florin.accounts", "one part"),
    ("SELECT * FROM accounts UNION SELECT * FROM information_schema.columns", "one part"),
    ("SELECT * FROM customers WHERE EXISTS (SELECT 1 FROM information_schema.tables)", "one part"),
    ("SELECT * FROM accounts JOIN other.accounts USING (account_id)", "one part"),
    ("SELECT florin.accounts.posted FROM accounts", "no schema"),
    ("SELECT \"$path\" FROM accounts_versions", "ASCII letters"),
    ("SELECT a.\"$path\" FROM accounts_versions a", "ASCII letters"),
    ("SELECT * FROM \"accounts$partitions\"", "ASCII letters"),
    ("SELECT * FROM \"accounts\"\" x\"", "ASCII letters"),
    ("SELECT `posted` FROM accounts", "cannot be read"),
    ("SELECT [posted] FROM accounts", "cannot be read"),
    ("SELECT * FROM ассounts", "cannot be read"),
    ("SELECT * FROM 's3://bucket/key'", "cannot be read"),
    ("SELECT * FROM unnest(sequence(1, 1000000))", "no tables"),
    ("SELECT * FROM TABLE(system.query(query => 'x'))", "no tables"),
    ("SELECT * FROM read_parquet('x')", "no tables"),
    ("SELECT * FROM accounts CROSS JOIN UNNEST(ARRAY[1,2]) AS t (n)", "cannot be read|only tables|no tables"),
    ("SELECT * FROM LATERAL (SELECT 1)", "only tables"),
    ("SELECT * FROM (VALUES (1)) AS t", "VALUES"),
    ("SELECT * FROM (TABLE accounts) AS t", "TABLE"),
    ("SELECT * FROM accounts TABLESAMPLE BERNOULLI (10)", "cannot be read|by its name alone"),
    ("SELECT * FROM accounts FOR SYSTEM_TIME AS OF '2024-01-01'", "FOR|end before|cannot be read"),
    ("SELECT * FROM accounts FOR UPDATE", "FOR UPDATE"),
    ("SELECT * INTO copies FROM accounts", "INTO"),
    ("WITH accounts AS (SELECT 1) SELECT * FROM accounts", "keep its meaning"),
    ("WITH \"Accounts\" AS (SELECT 1) SELECT * FROM accounts", "keep its meaning"),
    ("WITH accounts_versions AS (SELECT 1) SELECT 1", "keep its meaning"),
    ("WITH a AS (SELECT 1), a AS (SELECT 2) SELECT * FROM a", "named twice"),
    ("WITH x AS (SELECT * FROM x) SELECT * FROM x", "no table of the lake"),
    ("WITH RECURSIVE t AS (SELECT 1 UNION ALL SELECT 1 FROM t) SELECT * FROM t", "RECURSIVE"),
    ("SELECT * FROM (WITH inside AS (SELECT 1) SELECT * FROM inside) AS t JOIN inside ON TRUE", "no table of the lake"),
    ("WITH a AS (INSERT INTO accounts SELECT 1) SELECT * FROM a", "changes nothing|cannot be read"),
    ("SELECT * FROM accounts WHERE posted > ?", "placeholder"),
    ("SELECT * FROM accounts WHERE posted > $1", "placeholder|cannot be read"),
    ("SELECT * FROM accounts WHERE posted > :amount", "placeholder|cannot be read|end before"),
    ("SELECT @@version", "cannot be read|not allowed"),
    ("SELECT * FROM accounts OFFSET 10", "OFFSET"),
    ("SELECT * FROM accounts LIMIT 5 OFFSET 10", "OFFSET"),
    ("SELECT * FROM accounts LIMIT ALL", "whole number|cannot be read"),
    ("SELECT * FROM accounts LIMIT 1 + 1", "whole number"),
    ("SELECT * FROM accounts LIMIT (SELECT 5)", "whole number"),
    ("SELECT * FROM accounts LIMIT 1e3", "whole number"),
    ("SELECT * FROM accounts FETCH FIRST 5 ROWS ONLY", "FETCH"),
    ("SELECT TOP 5 * FROM accounts", "TOP|cannot be read|end before"),
    ("SELECT * FROM accounts NATURAL JOIN customers", "NATURAL"),
    ("SELECT * FROM accounts JOIN customers", "ON or USING"),
    ("SELECT DISTINCT ON (currency) * FROM accounts", "DISTINCT ON"),
    ("SELECT * FROM accounts QUALIFY row_number() OVER (ORDER BY posted) = 1", "QUALIFY"),
    ("SELECT sum(posted) OVER w FROM accounts WINDOW w AS (ORDER BY posted)", "WINDOW|OVER"),
    ("SELECT current_user", "ASCII|not allowed|allowed"),
    ("SELECT version()", "function version"),
    ("SELECT sleep(10)", "function sleep"),
    ("SELECT \"count\"(*) FROM accounts", "plain name"),
    ("SELECT system.count(*) FROM accounts", "one part"),
    ("SELECT repeat('x', 1000000000)", "function repeat"),
    ("SELECT lpad('x', 1000000000, 'x')", "function lpad"),
    ("SELECT regexp_like(type, '(a+)+$') FROM transfers", "function regexp_like"),
    ("SELECT array_agg(account_id) FROM accounts", "function array_agg"),
    ("SELECT transform(ARRAY[1], x -> x)", "function transform|cannot be read"),
    ("SELECT row_number() FROM accounts", "needs OVER"),
    ("SELECT lower(type) OVER () FROM transfers", "aggregates"),
    ("SELECT ARRAY[1, 2]", "not allowed"),
    ("SELECT posted::varchar FROM accounts", "not allowed"),
    ("SELECT posted AT TIME ZONE 'UTC' FROM accounts", "not allowed"),
    ("SELECT CAST('x' AS JSON)", "not allowed"),
    ("SELECT X'41', N'a'", "literals"),
    ("SELECT U&'\\0041'", "cannot be read|literals|not allowed|end before"),
    ("SELECT E'\\n'", "end before|literals|cannot be read|not allowed"),
    ("SELECT $$text$$", "cannot be read|literals|placeholder"),
    ("SELECT 'a\\'' OR 1=1", "apostrophes"),
    ("SELECT 'a''''b'", "apostrophes"),
    ("SELECT 'a\u{0}b'", "control"),
    ("SELECT \"a\" \"b;DROP\" FROM accounts", "ASCII letters"),
    ("SELECT INTERVAL '1 day; x' DAY", "interval"),
    ("SELECT 1 |> 2", "cannot be read|not allowed|end before"),
    ("SELECT posted & 1 FROM accounts", "operator"),
    ("SELECT type ~ 'x' FROM transfers", "operator|cannot be read"),
    ("SELECT * EXCLUDE (posted) FROM accounts", "cannot be read|stands alone|end before|no table"),
    ("SELECT count(*) FROM accounts GROUP BY ALL", "GROUP BY ALL|cannot be read|not allowed"),
    ("SELECT count(*) FROM accounts GROUP BY ROLLUP (currency)", "not allowed"),
    ("SELECT 1 UNION BY NAME SELECT 2", "BY NAME|cannot be read"),
    ("SELECT (SELECT 1) FROM accounts; --", "comments"),
];

#[test]
fn honest_queries_are_let_through() {
    assert!(HONEST.len() >= 40);
    for sql in HONEST {
        let admitted = admit(sql).unwrap_or_else(|refused| panic!("{sql}: {refused}"));
        let again = admit(&admitted.sql).unwrap_or_else(|refused| panic!("{}: {refused}", admitted.sql));
        assert_eq!(again, admitted, "{sql}");
        assert!(admitted.sql.contains(" LIMIT "), "{}", admitted.sql);
    }
}

#[test]
fn hostile_queries_are_refused_with_the_reason() {
    assert!(HOSTILE.len() >= 60);
    for (sql, words) in HOSTILE {
        match admit(sql) {
            Ok(admitted) => panic!("{sql} was let through as {}", admitted.sql),
            Err(refused) => {
                let told = refused.to_string();
                assert!(words.split('|').any(|word| told.contains(word)), "{sql}: {told}, expected {words}");
            }
        }
    }
}

#[test]
fn huge_and_deep_queries_are_refused_and_never_overflow() {
    let nested = |depth: usize| format!("SELECT {}1{}", "(".repeat(depth), ")".repeat(depth));
    let from = |depth: usize| format!("SELECT * FROM {}accounts{}", "(".repeat(depth), ")".repeat(depth));
    let subqueries =
        |depth: usize| format!("SELECT * FROM {}accounts{}", "(SELECT * FROM ".repeat(depth), ")".repeat(depth));
    let not = |depth: usize| format!("SELECT {} TRUE", "NOT ".repeat(depth));
    let minus = |depth: usize| format!("SELECT {}1", "- ".repeat(depth));
    let chain = |depth: usize| format!("SELECT 1{}", "+1".repeat(depth));
    let unions = |depth: usize| format!("SELECT 1{}", " UNION SELECT 1".repeat(depth));
    let joins = |depth: usize| format!("SELECT 1 FROM trades{}", ",trades".repeat(depth));
    let cases = |depth: usize| format!("SELECT {}1{}", "CASE WHEN TRUE THEN ".repeat(depth), " END".repeat(depth));
    for (name, sql) in [
        ("brackets", nested(4_000)),
        ("brackets of relations", from(200)),
        ("subqueries", subqueries(300)),
        ("not", not(2_000)),
        ("minus", minus(4_000)),
        ("chain", chain(4_900)),
        ("shorter chain", chain(1_000)),
        ("unions", unions(600)),
        ("joins", joins(1_300)),
        ("cases", cases(300)),
        ("long", format!("SELECT '{}'", "x".repeat(MAX_BYTES))),
        ("only brackets", "(".repeat(9_000)),
    ] {
        let started = std::time::Instant::now();
        let refused = admit(&sql).expect_err(name);
        assert!(
            refused.reason.contains("nested")
                || refused.reason.contains("many words")
                || refused.reason.contains("bytes"),
            "{name}: {refused}"
        );
        assert!(started.elapsed().as_secs() < 5, "{name} took {:?}", started.elapsed());
    }
    for sql in [nested(10), from(5), subqueries(8), not(20), chain(50), unions(50), joins(50), cases(10)] {
        admit(&sql).unwrap_or_else(|refused| panic!("{sql}: {refused}"));
    }
}

#[test]
fn brackets_as_deep_as_they_may_be_are_read_in_time() {
    for opening in ["SELECT * FROM ", "SELECT ", "SELECT 1 WHERE 1 IN ", "SELECT 1 WHERE EXISTS ", ""] {
        let started = std::time::Instant::now();
        let _ = admit(&format!("{opening}{}", "(".repeat(MAX_BRACKETS)));
        let _ = admit(&format!("{opening}{}accounts{}", "(".repeat(MAX_BRACKETS), ")".repeat(MAX_BRACKETS)));
        assert!(started.elapsed().as_secs() < 5, "{opening} took {:?}", started.elapsed());
    }
}

#[test]
fn rows_are_limited_whatever_is_asked() {
    for (sql, sent) in [
        ("select posted from Accounts", "SELECT posted FROM Accounts LIMIT 10000"),
        ("SELECT posted FROM accounts LIMIT 5", "SELECT posted FROM accounts LIMIT 5"),
        ("SELECT posted FROM accounts LIMIT 10001", "SELECT posted FROM accounts LIMIT 10000"),
        ("SELECT posted FROM accounts LIMIT 99999999999999999999999", "SELECT posted FROM accounts LIMIT 10000"),
        ("SELECT 1 UNION SELECT 2", "SELECT 1 UNION SELECT 2 LIMIT 10000"),
        ("SELECT posted != 1 FROM accounts", "SELECT posted <> 1 FROM accounts LIMIT 10000"),
    ] {
        assert_eq!(admit(sql).map(|admitted| admitted.sql).as_deref(), Ok(sent), "{sql}");
    }
}

#[test]
fn the_tables_and_the_place_are_told() {
    let tables = |sql: &str| admit(sql).map(|admitted| admitted.tables.into_iter().collect::<Vec<_>>());
    let sql =
        "WITH a AS (SELECT * FROM trades) SELECT * FROM a, Accounts_Versions WHERE EXISTS (SELECT 1 FROM customers)";
    assert_eq!(tables(sql), Ok(vec!["accounts", "customers", "trades"]));
    let place = |sql: &str| admit(sql).err().and_then(|refused| refused.place);
    assert_eq!(place("SELECT *\nFROM  secrets"), Some((2, 7)));
    assert_eq!(place("SELECT 1 -- x"), Some((1, 10)));
    assert_eq!(place("SELECT 1 FROM"), None, "at the end of the text there is no place");
    assert_eq!(place("SELECT 1 +* 2"), Some((1, 11)));
}

#[test]
fn the_reports_keep_to_what_is_let_through() {
    for report in crate::catalogue::REPORTS {
        let admitted =
            admit(&report.sql.replace('?', "1")).unwrap_or_else(|refused| panic!("{}: {refused}", report.name));
        let declared: BTreeSet<_> = report.tables().iter().map(|table| table.name).collect();
        assert_eq!(admitted.tables, declared, "{}", report.name);
    }
}

fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[a-z_][a-z0-9_]{0,8}".prop_filter("no keyword", |name| admit(&format!("SELECT {name} FROM accounts")).is_ok()),
        "[0-9]{1,6}(\\.[0-9]{1,4})?",
        "[ -~äß€]{0,12}".prop_map(|text| format!("'{}'", text.replace('\'', "''"))),
        Just("NULL".to_owned()),
        Just("DATE '2024-02-29'".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (
                inner.clone(),
                prop::sample::select(vec!["+", "-", "*", "/", "=", "<>", "<", "AND", "OR", "||"]),
                inner.clone()
            )
                .prop_map(|(left, op, right)| format!("({left} {op} {right})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("coalesce({a}, {b})")),
            inner.clone().prop_map(|a| format!("NOT {a}")),
            inner.clone().prop_map(|a| format!("- {a}")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("CASE WHEN {a} THEN {b} ELSE {c} END")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} IN ({b}, 1)")),
            inner.clone().prop_map(|a| format!("CAST({a} AS VARCHAR)")),
            inner.prop_map(|a| format!("{a} IS NOT NULL")),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_again_is_the_same_tree(one in expression(), two in expression(), limit in proptest::option::of(0u64..20_000)) {
        let limit = limit.map_or_else(String::new, |limit| format!(" LIMIT {limit}"));
        let sql = format!("SELECT {one} AS a FROM accounts WHERE {two} ORDER BY 1{limit}");
        if let Ok(admitted) = admit(&sql) {
            let mut before = parse(&sql).expect("it was read before");
            bound_rows(&mut before).expect("it was bounded before");
            prop_assert_eq!(&parse(&admitted.sql).expect("what was printed is read"), &before);
            prop_assert_eq!(admit(&admitted.sql).map(|again| again.sql), Ok(admitted.sql));
        }
    }

    #[test]
    fn any_text_is_let_through_or_refused_without_a_panic(text in "\\PC{0,200}") {
        let _ = admit(&text);
        let _ = admit(&format!("SELECT {text} FROM accounts"));
        let _ = admit(&format!("SELECT '{text}' FROM accounts"));
    }

    #[test]
    fn text_arrives_as_it_was_written(text in "['\\\\a-z \"]{0,16}") {
        let sql = format!("SELECT '{}'", text.replace('\'', "''"));
        if let Ok(admitted) = admit(&sql) {
            // As the standard reads it: from apostrophe to apostrophe, two of them for one, nothing else special.
            let inner = admitted.sql.strip_prefix("SELECT '").and_then(|rest| rest.strip_suffix("' LIMIT 10000")).expect("one literal");
            prop_assert_eq!(inner.replace("''", "\u{1}").contains('\''), false);
            prop_assert_eq!(inner.replace("''", "'"), text);
        }
    }
}

#[test]
fn an_expression_of_every_kind_is_either_known_or_refused() {
    // A guard that forgets a kind lets nothing through: `Expr` is matched with a refusal for the rest.
    let tuple = Expr::Tuple(Vec::new());
    assert!(Guard::default().expression(&tuple).is_err());
}
