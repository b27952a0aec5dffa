use serde_json::{Value, json};
use testkit::{RequestBuilder, request};

use crate::app::{App, PRODUCT, Reply, buy, partner};

fn list(query: &str) -> RequestBuilder {
    request("GET", "/voucher-products", &format!("/voucher-products{query}"))
}

fn add(body: &Value) -> RequestBuilder {
    request("POST", "/voucher-products", "/voucher-products").json(body)
}

fn change(id: &str, body: &Value) -> RequestBuilder {
    request("PATCH", "/voucher-products/{id}", &format!("/voucher-products/{id}")).caller("root", "admins").json(body)
}

fn product(id: &str, network: &str, price: &str) -> Value {
    json!({"product_id": id, "network": network, "name": "A plan", "price": price, "currency": "USD", "supplier_sku": "S-1"})
}

fn ids(reply: &Reply) -> Vec<&str> {
    let items = reply.body["items"].as_array().unwrap_or_else(|| panic!("{}", reply.body));
    items.iter().map(|item| item["product_id"].as_str().unwrap_or_default()).collect()
}

#[tokio::test]
async fn everybody_sees_what_is_for_sale_by_network_and_price() {
    let app = App::start().await;
    for (id, network, price) in
        [("m-2", "Movistar", "9.00"), ("m-1", "Movistar", "10.00"), ("c-1", "Claro", "4.50"), ("b-1", "Bitel", "7.00")]
    {
        assert_eq!(app.send(add(&product(id, network, price)).caller("root", "admins")).await.status, 201);
    }
    let all = app.send(list("")).await;
    assert_eq!(ids(&all), ["b-1", "c-1", PRODUCT, "m-2", "m-1"]);
    assert_eq!(all.header("cache-control"), Some("public, max-age=60"));
    let expected = json!({
        "product_id": PRODUCT, "network": "Claro", "name": "5 GB for 30 days", "data_mb": 5000, "validity_days": 30,
        "price": "5.00", "currency": "USD", "status": "active",
    });
    assert_eq!(all.body["items"][2], expected, "and nothing of the supplier");
    assert_eq!(ids(&app.send(list("?network=Movistar")).await), ["m-2", "m-1"]);
    assert!(ids(&app.send(list("?network=Entel")).await).is_empty());
    assert_eq!(app.told(list("?netwrok=Claro")).await, "400 invalid_parameter");
}

#[tokio::test]
async fn admins_alone_keep_the_catalogue() {
    let app = App::start().await;
    let body = product("new", "Claro", "5.00");
    for request in
        [add(&body).caller("alice", ""), add(&body).caller("clerk", "staff"), add(&body).claims(partner("p"))]
    {
        assert_eq!(app.told(request).await, "403 forbidden");
    }
    assert_eq!(app.told(add(&body)).await, "401 unauthorized");
    let withdraw = json!({"status": "withdrawn"});
    assert_eq!(app.told(change(PRODUCT, &withdraw).caller("clerk", "staff")).await, "403 forbidden");

    let made = app.send(add(&body).caller("root", "admins")).await;
    assert_eq!((made.status, made.header("etag")), (201, Some("\"1\"")));
    let expected = json!({
        "product_id": "new", "network": "Claro", "name": "A plan", "data_mb": null, "validity_days": null,
        "price": "5.00", "currency": "USD", "status": "active", "supplier_sku": "S-1", "version": 1,
    });
    assert_eq!(made.body, expected);
    assert_eq!(app.told(add(&body).caller("root", "admins")).await, "409 product_taken");
}

#[tokio::test]
async fn a_product_is_changed_withdrawn_and_offered_again() {
    let app = App::start().await;
    let account = app.account("alice", "20.00").await;
    let bought = app.send(buy("alice", "k1", &account)).await;
    let dearer =
        app.send(change(PRODUCT, &json!({"price": "6.00", "currency": "USD"})).header("If-Match", "\"1\"")).await;
    assert_eq!(
        (dearer.status, dearer.header("etag"), dearer.body["price"].as_str()),
        (200, Some("\"2\""), Some("6.00"))
    );
    let stale = change(PRODUCT, &json!({"name": "Other"})).header("If-Match", "\"1\"");
    assert_eq!(app.told(stale).await, "412 version_mismatch");
    assert_eq!(app.told(change("nowhere", &json!({"name": "Other"}))).await, "404 not_found");

    assert_eq!(app.send(buy("alice", "k2", &account)).await.body["price"], "6.00");
    assert_eq!(app.send(crate::app::get(&bought.id()).caller("alice", "")).await.body["price"], "5.00");

    assert_eq!(app.send(change(PRODUCT, &json!({"status": "withdrawn"}))).await.body["status"], "withdrawn");
    assert!(ids(&app.send(list("")).await).is_empty());
    assert_eq!(app.told(buy("alice", "k3", &account)).await, "409 product_withdrawn");
    assert_eq!(app.told(buy("alice", "k1", &account)).await, "202 processing replayed", "what was bought stays bought");
    assert_eq!(app.send(change(PRODUCT, &json!({"status": "active", "name": "Back"}))).await.body["version"], 4);
    // Another refusal than for lack of funds leaves nothing behind.
    assert_eq!(app.told(buy("alice", "k3", &account)).await, "202 processing");
}

#[tokio::test]
async fn bad_products_are_refused_by_field() {
    let app = App::start().await;
    let cases: Vec<(&str, Value, &str)> = vec![
        ("product_id", json!("Upper"), "invalid_field"),
        ("product_id", json!(""), "invalid_field"),
        ("product_id", json!("a-"), "invalid_field"),
        ("product_id", json!(1), "invalid_field"),
        ("network", json!(" "), "invalid_field"),
        ("network", json!("x".repeat(41)), "invalid_field"),
        ("network", json!("two\nlines"), "invalid_field"),
        ("name", json!(""), "invalid_field"),
        ("name", json!("é".repeat(101)), "invalid_field"),
        ("name", json!(null), "invalid_field"),
        ("data_mb", json!(0), "invalid_field"),
        ("data_mb", json!(-1), "invalid_field"),
        ("data_mb", json!(1.5), "invalid_field"),
        ("data_mb", json!("5000"), "invalid_field"),
        ("data_mb", json!(10_000_001), "invalid_field"),
        ("validity_days", json!(0), "invalid_field"),
        ("validity_days", json!(3_651), "invalid_field"),
        ("price", json!(5), "invalid_amount"),
        ("price", json!("0"), "invalid_amount"),
        ("price", json!("-5.00"), "invalid_amount"),
        ("price", json!("5.001"), "invalid_amount"),
        ("price", json!("５"), "invalid_amount"),
        ("currency", json!("usd"), "unsupported_currency"),
        ("currency", json!("ZZZ"), "unsupported_currency"),
        ("supplier_sku", json!(""), "invalid_field"),
        ("supplier_sku", json!("x".repeat(65)), "invalid_field"),
        ("supplier_sku", json!("naïve"), "invalid_field"),
        ("supplier_sku", json!(" S"), "invalid_field"),
        ("version", json!(7), "unknown_field"),
        ("status", json!("active"), "unknown_field"),
    ];
    for (field, value, code) in cases {
        let mut body = product("new", "Claro", "5.00");
        body[field] = value.clone();
        let reply = app.send(add(&body).caller("root", "admins")).await;
        assert_eq!(reply.told(), format!("400 {code}"), "{field} {value}: {}", reply.body);
        assert_eq!(reply.body["errors"][0]["pointer"], format!("/{field}"), "{value}: {}", reply.body);
    }
    for (body, pointer) in [
        (json!({}), ""),
        (json!({"price": "6.00"}), "/currency"),
        (json!({"currency": "USD"}), "/price"),
        (json!({"status": "gone"}), "/status"),
        (json!({"name": ""}), "/name"),
        (json!({"network": "Entel"}), "/network"),
        (json!({"product_id": "other"}), "/product_id"),
    ] {
        let reply = app.send(change(PRODUCT, &body)).await;
        assert_eq!(
            (reply.status, &reply.body["errors"][0]["pointer"]),
            (400, &json!(pointer)),
            "{body}: {}",
            reply.body
        );
    }
    assert_eq!(ids(&app.send(list("")).await), [PRODUCT]);
}
