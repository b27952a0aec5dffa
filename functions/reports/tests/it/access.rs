//! Who may ask, what may be asked, and how it is told.

use domain::customer::{Customer, EmailAddress, PersonName, Registration};
use serde_json::{Value, json};
use testkit::{customer, event, event_request, request};

use crate::{
    app::App,
    world::{World, at},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn customers_are_refused_before_anything_else() {
    let app = App::start().await;
    let of = |groups: &'static str| {
        [
            request("GET", "/reports", "/reports").caller("eve", groups),
            request("GET", "/reports/{name}", "/reports/nothing").caller("eve", groups),
            request("GET", "/reports/{name}", "/reports/top-balances?top=x").caller("eve", groups),
            request("POST", "/queries", "/queries").caller("eve", groups).body("{"),
            request("GET", "/queries/{id}", "/queries/qry_1").caller("eve", groups),
            request("DELETE", "/queries/{id}", "/queries/qry_1").caller("eve", groups),
        ]
    };
    for request in of("") {
        let reply = app.serve(request.build()).await;
        assert_eq!((reply.status, &reply.body["code"]), (403, &"forbidden".into()));
    }
    let expected = [200, 404, 400, 400, 404, 404];
    for groups in ["staff", "admins"] {
        for (request, expected) in of(groups).into_iter().zip(expected) {
            let reply = app.serve(request.build()).await;
            assert_eq!(reply.status, expected, "{groups}: {}", reply.body);
        }
    }
    assert_eq!(app.executions(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parameters_are_typed_bounded_and_known() {
    let app = App::start().await;
    for path in [
        "top-balances?top=0",
        "top-balances?top=101",
        "top-balances?top=1e1",
        "top-balances?top=",
        "top-balances?top=1;DROP",
        "top-balances?since=2024-01-01",
        "top-balances?limit=0",
        "top-balances?limit=201",
        "transfers-summary?since=2024-02-30",
        "transfers-summary?since=2024-01-01' OR '1'='1",
        "transfers-summary?since=1999-12-31",
        "transfers-summary?since=2024-02-01&before=2024-02-01",
        "transfers-summary?before=2024-01-01T00:00:00Z",
        "executive-dashboard?month=2024-13",
        "executive-dashboard?month=2024-02-01",
        "vip-customers?threshold=-1",
        "vip-customers?threshold=1e4",
        "balance-changes",
        "balance-changes?account=trf_1",
        "customers-summary?top=5",
    ] {
        let reply = app.get(&format!("/reports/{path}")).await;
        assert_eq!((reply.status, &reply.body["code"]), (400, &"invalid_parameter".into()), "{path}: {}", reply.body);
    }
    let reply = app.get("/reports/top-balances?top=7").await;
    assert_eq!(reply.body["parameters"], json!({"top": 7}));
    let reply = app.get("/reports/transfers-summary").await;
    assert_eq!(reply.body["parameters"], json!({"since": "2024-02-01", "before": "2025-01-02"}));
    let reply = app.get("/reports/executive-dashboard").await;
    assert_eq!(reply.body["parameters"], json!({"month": "2025-01"}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_catalogue_tells_what_each_report_takes_and_means() {
    let app = App::start().await;
    let reply = app.get("/reports").await;
    let items = reply.body["items"].as_array().expect("reports");
    assert_eq!(items.len(), reports::catalogue::REPORTS.len());
    let top = items.iter().find(|report| report["name"] == "top-balances").expect("a report");
    let parameter = &top["parameters"][0];
    assert_eq!(parameter["default"], 20);
    assert_eq!(
        (&parameter["minimum"], &parameter["maximum"], &parameter["type"]),
        (&1.into(), &100.into(), &"integer".into())
    );
    assert!(
        top["columns"].as_array().is_some_and(|columns| columns.iter().all(|column| column["meaning"].is_string()))
    );
    assert_eq!(app.get("/reports?x=1").await.status, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_are_added_to_the_page_and_missing_ones_are_null() {
    let (app, world) = (App::start().await, World::of(10));
    app.fill("whole", &world.records()).await;
    let known = Customer::register(
        customer("c0"),
        Registration {
            given_name: PersonName::parse("Ana María").expect("a name"),
            family_name: PersonName::parse("Pérez").expect("a name"),
            email: EmailAddress::parse("ana@example.com").expect("an address"),
            phone: None,
            document: None,
        },
        at("2024-01-01T00:00:00Z"),
    );
    app.stores.customers.create(&known).await.expect("the customer is written");
    let (columns, rows) = app.report("/reports/recent-trades").await;
    assert!(columns.windows(2).any(|pair| pair == ["maker_customer_id", "maker_customer_name"]), "{columns:?}");
    for row in &rows {
        assert_eq!(row["maker_customer_name"], "Ana María Pérez", "{row}");
        assert_eq!(row["taker_customer_name"], Value::Null, "{row}");
    }
    assert!(!rows.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_is_csv_for_who_asks() {
    let (app, world) = (App::start().await, World::of(11));
    app.fill("whole", &world.records()).await;
    let (text, headers) = app.csv("/reports/voucher-sales?since=2023-01-01&limit=1").await;
    let mut lines = text.split("\r\n");
    assert_eq!(
        lines.next(),
        Some("product_id,product_name,paid_by,currency,purchases,delivered,failed,undecided,sales")
    );
    assert!(lines.next().is_some_and(|line| line.starts_with("data-1,1 GB,account,USD,")), "{text}");
    assert!(
        headers["link"].to_str().is_ok_and(|link| link.starts_with("<?cursor=") && link.ends_with("; rel=\"next\""))
    );
    assert_eq!(headers["content-disposition"], "attachment; filename=\"voucher-sales.csv\"");
    // A product called `=10 GB` is text, not a formula.
    let (text, headers) = app.csv("/reports/voucher-sales?since=2023-01-01").await;
    assert!(text.contains("data-10,'=10 GB,"), "{text}");
    assert!(!headers.contains_key("link"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_is_served() {
    let app = App::start().await;
    for (file, status) in [
        ("reports.json", 200),
        ("reports.one.json", 200),
        ("reports.query.json", 202),
        ("reports.query-get.json", 404),
        ("reports.query-stop.json", 404),
    ] {
        let reply = app.serve(event_request(event(file))).await;
        assert_eq!(reply.status, status, "{file}: {}", reply.body);
    }
}
