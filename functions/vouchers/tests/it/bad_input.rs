use serde_json::{Value, json};
use testkit::request;

use crate::app::{App, PHONE, PRODUCT, get, paid, partner, post, wish};

#[tokio::test]
async fn every_bad_field_gets_its_code_and_changes_nothing() {
    let app = App::start().await;
    let account = app.account("alice", "20.00").await;
    let cases: Vec<(&str, Value, &str)> = vec![
        ("product_id", json!(null), "invalid_field"),
        ("product_id", json!(7), "invalid_field"),
        ("product_id", json!(""), "invalid_field"),
        ("product_id", json!("Claro-5gb"), "invalid_field"),
        ("product_id", json!("сlaro-5gb"), "invalid_field"), // Cyrillic с
        ("product_id", json!("claro‐5gb"), "invalid_field"), // U+2010
        ("product_id", json!("-claro"), "invalid_field"),
        ("product_id", json!("x".repeat(41)), "invalid_field"),
        ("product_id", json!("products#claro"), "invalid_field"),
        ("phone", json!(null), "invalid_field"),
        ("phone", json!(51_987_654_321_i64), "invalid_field"),
        ("phone", json!(""), "invalid_field"),
        ("phone", json!("987654321"), "invalid_field"),
        ("phone", json!("0051987654321"), "invalid_field"),
        ("phone", json!("+051987654321"), "invalid_field"),
        ("phone", json!("+51 987 654 321"), "invalid_field"),
        ("phone", json!("+51987654321 "), "invalid_field"),
        ("phone", json!("＋51987654321"), "invalid_field"), // full-width plus
        ("phone", json!("+5198765432１"), "invalid_field"), // full-width 1
        ("phone", json!("+٥١٩٨٧٦٥٤٣٢١"), "invalid_field"),  // Arabic digits
        ("phone", json!("+5198765432\u{200b}1"), "invalid_field"),
        ("phone", json!("+51987654321\n"), "invalid_field"),
        ("phone", json!("+1234567890123456"), "invalid_field"),
        ("phone", json!(["+51987654321"]), "invalid_field"),
        ("account_id", json!(null), "invalid_field"),
        ("account_id", json!(1), "invalid_field"),
        ("account_id", json!(""), "invalid_field"),
        ("account_id", json!("trf_1"), "invalid_field"),
        ("account_id", json!("acc_1#account"), "invalid_field"),
        ("account_id", json!("аcc_1"), "invalid_field"), // Cyrillic а
        ("payment_reference", json!("p-1"), "invalid_field"),
        ("price", json!("0.01"), "unknown_field"),
        ("status", json!("delivered"), "unknown_field"),
        ("code", json!("ABC"), "unknown_field"),
        ("voucher_id", json!("vch_1"), "unknown_field"),
    ];
    for (index, (field, value, code)) in cases.into_iter().enumerate() {
        let mut body = wish(&account);
        body[field] = value.clone();
        let reply = app.send(post(&format!("k{index}"), &body).caller("alice", "")).await;
        assert_eq!(reply.told(), format!("400 {code}"), "{field} {value}: {}", reply.body);
        assert_eq!(reply.body["errors"][0]["pointer"], format!("/{field}"), "{value}: {}", reply.body);
    }
    for field in ["product_id", "phone", "account_id"] {
        let mut body = wish(&account);
        body.as_object_mut().expect("an object").remove(field);
        let reply = app.send(post("missing", &body).caller("alice", "")).await;
        assert_eq!(reply.told(), "400 invalid_field", "{}", reply.body);
        assert_eq!(reply.body["errors"][0]["pointer"], format!("/{field}"));
    }
    assert_eq!(app.balance(&account).await, "20.00 0.00 20.00");
    assert!(app.orders().await.is_empty());
}

#[tokio::test]
async fn a_partner_names_a_payment_and_no_account() {
    let app = App::start().await;
    let account = app.account("alice", "20.00").await;
    for (reference, fits) in [
        (json!("p"), true),
        (json!("~ POS/7 #1 ~"), true),
        (json!("x".repeat(64)), true),
        (json!("x".repeat(65)), false),
        (json!(""), false),
        (json!(null), false),
        (json!(5), false),
        (json!("line\nfeed"), false),
        (json!("\u{7f}"), false),
        (json!("réf"), false),
        (json!("ｐ-1"), false),
    ] {
        let mut body = paid("x");
        body["payment_reference"] = reference.clone();
        let reply = app.send(post(&format!("k {}", body.to_string().len()), &body).claims(partner("pos"))).await;
        let expected = if fits { "202 processing" } else { "400 invalid_field" };
        assert_eq!(reply.told(), expected, "{reference}: {}", reply.body);
        if !fits {
            assert_eq!(reply.body["errors"][0]["pointer"], "/payment_reference");
        }
    }
    let both = json!({"product_id": PRODUCT, "phone": PHONE, "account_id": account.id, "payment_reference": "y"});
    let reply = app.send(post("both", &both).claims(partner("pos"))).await;
    assert_eq!(
        (reply.told().as_str(), &reply.body["errors"][0]["pointer"]),
        ("400 invalid_field", &json!("/account_id"))
    );
    let reply = app.send(post("account", &wish(&account)).claims(partner("pos"))).await;
    assert_eq!(reply.told(), "400 invalid_field");
    assert_eq!(app.balance(&account).await, "20.00 0.00 20.00");
}

#[tokio::test]
async fn keys_bodies_and_ids_that_are_none_are_refused() {
    let app = App::start().await;
    let account = app.account("alice", "20.00").await;
    for key in ["", &"k".repeat(256), "tab\there", "schlüssel"] {
        let told = app.told(post(key, &wish(&account)).caller("alice", "")).await;
        assert_eq!(told, "400 invalid_idempotency_key", "{key}");
    }
    for body in ["", "{", "[]", "null", "\"x\"", "{}", &"[".repeat(5_000), &"x".repeat(1_000_000)] {
        let told = app.told(request("POST", "/vouchers", "/vouchers").caller("alice", "").key("k").body(body)).await;
        let expected = ["400 malformed_json", "400 invalid_field", "413 payload_too_large"];
        assert!(expected.contains(&told.as_str()), "{}: {told}", &body[..body.len().min(30)]);
    }
    for id in ["x", "trf_1", "vch_", "vch_1%00", "products"] {
        let path = format!("/vouchers/{id}");
        assert_eq!(
            app.told(request("GET", "/vouchers/{id}", &path).caller("alice", "")).await,
            "404 not_found",
            "{id}"
        );
    }
    assert_eq!(app.told(get(&crate::app::id_of("alice", "k"))).await, "401 unauthorized");
}
