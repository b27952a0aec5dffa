use serde_json::{Value, json};
use testkit::request;

use crate::app::{App, SYMBOL, limit, post, with};

async fn assert_untouched(app: &App, what: &str) {
    assert_eq!(app.holds("alice", "USD").await, "1000 0 0", "{what}");
    assert!(app.orders_of("alice").await.is_empty(), "{what}");
}

fn amounts(field: &str) -> Vec<(Value, &'static str)> {
    let texts = ["", "-1", "0", "0.00", "1e3", "abc", "1,0", "+1", " 1", "1 ", "１", ".5", "5.", "00.1", "0x1", "NaN"];
    let mut cases: Vec<_> = texts.into_iter().map(|text| (json!(text), "invalid_amount")).collect();
    cases.extend([
        (json!(1), "invalid_amount"),
        (json!(0.5), "invalid_amount"),
        (json!(true), "invalid_amount"),
        (json!(["1"]), "invalid_amount"),
        (json!({}), "invalid_amount"),
        (json!("1000000000000000"), "invalid_amount"),
        (json!("0.1234567890123"), "invalid_amount"),
    ]);
    if field != "quote_quantity" {
        cases.push((json!(null), "invalid_field"));
    }
    cases
}

#[tokio::test]
async fn every_bad_field_gets_its_code_and_leaves_no_lock_behind() {
    let app = App::start().await;
    let market = json!({"symbol": SYMBOL, "side": "buy", "type": "market"});
    let by_amount = with(market.clone(), json!({"quote_quantity": "10"}));
    let by_quantity = with(market, json!({"quantity": "1"}));
    let stop = with(limit("buy"), json!({"type": "stop_limit", "stop_price": "99"}));
    let ioc = with(limit("buy"), json!({"time_in_force": "ioc"}));
    let invalid = |base: &Value, field: &'static str, values: Vec<Value>| {
        values.into_iter().map(|value| (base.clone(), field, value, "invalid_field")).collect::<Vec<_>>()
    };
    let limit = limit("buy");
    let mut cases = Vec::new();
    for (base, field) in
        [(&limit, "price"), (&limit, "quantity"), (&stop, "stop_price"), (&by_amount, "quote_quantity")]
    {
        cases.extend(amounts(field).into_iter().map(|(value, code)| (base.clone(), field, value, code)));
    }
    cases.extend(invalid(
        &limit,
        "symbol",
        vec![json!(null), json!(7), json!(""), json!("BTC"), json!("btc-usd"), json!("BTC-BTC"), json!("BTC_USD")],
    ));
    cases.extend(invalid(&limit, "symbol", vec![json!("BTC-USD "), json!("ВTC-USD"), json!("BTC-USD-EUR")]));
    cases.extend(invalid(&limit, "side", vec![json!(null), json!(1), json!(""), json!("BUY"), json!("long")]));
    cases.extend(invalid(&limit, "type", vec![json!(null), json!(1), json!(""), json!("LIMIT"), json!("stop")]));
    cases.extend(invalid(&limit, "quote_quantity", vec![json!("5")]));
    cases.extend(invalid(&limit, "stop_price", vec![json!("5")]));
    cases.extend(invalid(&limit, "time_in_force", vec![json!(1), json!(""), json!("day"), json!("GTC")]));
    cases.extend(invalid(&limit, "post_only", vec![json!("yes"), json!(1)]));
    cases.extend(invalid(&ioc, "post_only", vec![json!(true)]));
    cases.extend(invalid(&limit, "self_trade_prevention", vec![json!(1), json!("none"), json!("skip")]));
    cases.extend(invalid(
        &limit,
        "client_order_id",
        vec![json!(5), json!(""), json!("x".repeat(65)), json!("ä"), json!("a b"), json!("a#b")],
    ));
    let past = json!("2026-11-21T10:00:00.000Z");
    cases.extend(invalid(&limit, "expires_at", vec![json!(5), json!(""), json!("tomorrow"), past]));
    cases.extend(invalid(&ioc, "expires_at", vec![json!("2030-01-01T00:00:00Z")]));
    cases.extend(invalid(&by_quantity, "quote_quantity", vec![json!("5")]));
    cases.extend(invalid(&by_quantity, "price", vec![json!("5")]));
    cases.extend(invalid(&by_quantity, "stop_price", vec![json!("5")]));
    cases.extend(invalid(&by_quantity, "time_in_force", vec![json!("gtc")]));
    cases.extend(invalid(&by_quantity, "post_only", vec![json!(true)]));
    cases.extend([
        (limit.clone(), "price", json!("100.001"), "price_tick"),
        (limit.clone(), "quantity", json!("0.00001"), "quantity_lot"),
        (limit.clone(), "quantity", json!("999999999999999"), "max_notional"),
        (limit.clone(), "price", json!("999999999999999"), "max_notional"),
        (stop.clone(), "stop_price", json!("99.999"), "price_tick"),
        (by_amount.clone(), "quote_quantity", json!("10.001"), "invalid_amount"),
        (by_amount.clone(), "quote_quantity", json!("0.001"), "invalid_amount"),
        (with(limit.clone(), json!({"price": "0.01"})), "quantity", json!("0.0001"), "min_notional"),
        (by_amount.clone(), "side", json!("sell"), "invalid_field"),
    ]);
    for (nth, (base, field, value, code)) in cases.into_iter().enumerate() {
        let mut body = with(base, json!({field: value}));
        if code == "max_notional" && field == "price" {
            // One coin at the highest price there is would not be beyond the limit.
            body["quantity"] = json!("999");
        }
        let reply = app.send(post("alice", &format!("k{nth}"), &body)).await;
        assert_eq!(reply.told(), format!("400 {code}"), "{body}: {}", reply.body);
        let pointer = reply.body["errors"][0]["pointer"].as_str().unwrap_or_default().to_owned();
        let expected =
            if code.ends_with("notional") || body["side"] == "sell" { pointer.clone() } else { format!("/{field}") };
        assert_eq!(pointer, expected, "{body}: {}", reply.body);
        assert_untouched(&app, &body.to_string()).await;
    }
    for field in ["order_id", "status", "customer_id", "reserved", "filled_quantity", "replaces"] {
        let body = with(limit.clone(), json!({field: "1"}));
        assert_eq!(app.told(post("alice", "k", &body)).await, "400 unknown_field", "{field}");
    }
    for field in ["symbol", "side", "type", "price", "quantity"] {
        let mut body = limit.clone();
        body.as_object_mut().expect("an object").remove(field);
        let reply = app.send(post("alice", "k", &body)).await;
        assert_eq!(reply.told(), "400 invalid_field", "{}", reply.body);
        assert_eq!(reply.body["errors"][0]["pointer"], format!("/{field}"), "{}", reply.body);
    }
    assert_untouched(&app, "all").await;
    assert!(app.queued().await.is_empty());
}

#[tokio::test]
async fn keys_bodies_and_ids_that_are_none_are_refused() {
    let app = App::start().await;
    for key in ["", &"k".repeat(256), "tab\there", "schlüssel"] {
        assert_eq!(app.told(post("alice", key, &limit("buy"))).await, "400 invalid_idempotency_key", "{key}");
    }
    for body in ["", "{", "[]", "null", "\"x\"", "{}", &"[".repeat(5_000), &"x".repeat(1_000_000)] {
        let told = app.told(request("POST", "/orders", "/orders").caller("alice", "").key("k").body(body)).await;
        let expected = ["400 malformed_json", "400 invalid_field", "413 payload_too_large"];
        assert!(expected.contains(&told.as_str()), "{}: {told}", &body[..body.len().min(30)]);
    }
    for id in ["x", "trf_1", "ord_", "ord_1%00", "ord_00000000000000000000000001"] {
        let path = format!("/orders/{id}");
        for method in ["GET", "DELETE"] {
            let told = app.told(request(method, "/orders/{id}", &path).caller("alice", "")).await;
            assert_eq!(told, "404 not_found", "{method} {id}");
        }
        let body = json!({"side": "buy", "type": "limit", "price": "1", "quantity": "1"});
        let replace = request("POST", "/orders/{id}/replace", &format!("{path}/replace")).key("k").json(&body);
        assert_eq!(app.told(replace.caller("alice", "")).await, "404 not_found", "{id}");
    }
    assert_untouched(&app, "all").await;
}

#[tokio::test]
async fn parameters_that_do_not_parse_are_refused() {
    let app = App::start().await;
    for (path, code) in [
        ("/orders?limit=0", "invalid_parameter"),
        ("/orders?limit=201", "invalid_parameter"),
        ("/orders?symbol=btc", "invalid_parameter"),
        ("/orders?status=done", "invalid_parameter"),
        ("/orders?state=open", "invalid_parameter"),
        ("/orders?cursor=abc", "invalid_cursor"),
        ("/trades?symbol=", "invalid_parameter"),
        ("/trades?order=1", "invalid_parameter"),
        ("/trades?cursor=AAAAAAAAAAAAAAAA", "invalid_cursor"),
    ] {
        assert_eq!(app.told(crate::app::get("alice", path)).await, format!("400 {code}"), "{path}");
    }
}
