//! Buying vouchers, as a customer and as a partner.

use http::Method;
use serde_json::{Value, json};

use crate::{
    app::{Answer, App, Person, alone, journey},
    shop::{PRODUCT, hold_of, until, wish},
};

/// A customer with money and a shop with something on its shelves.
async fn shop(app: &App, name: &str, amount: &str) -> (Person, Value) {
    let admin = app.employ(&format!("{name}.admin"), "admins").await;
    app.stock(&admin, PRODUCT, "5.00").await;
    let buyer = app.sign_up(name).await;
    let account = buyer.open("USD", amount).await;
    (buyer, account)
}

/// Lets the supplier treat the orders of one phone in its own way.
async fn treat(app: &App, phone: &str, mode: &str, seconds: [f64; 2]) {
    app.supplier(json!({"phone": phone, "mode": mode, "seconds": seconds})).await;
}

fn replayed(answer: &Answer) -> bool {
    answer.headers.get("idempotent-replayed").is_some_and(|value| value.as_bytes() == b"true")
}

#[test]
fn a_quick_supplier_answers_in_the_request_that_waits_and_no_sms_is_sent() {
    journey(|app| async move {
        let (ana, account) = shop(app, "ana.quick", "20").await;
        let phone = "+51900100001";
        let bought = ana.buy("k", &account, phone, Some(20)).await.expect(201);
        assert_eq!(bought.text("status"), "delivered");
        assert_eq!(bought.headers["preference-applied"], "wait=20");
        let id = bought.text("voucher_id");
        assert_eq!(id, ana.voucher("k").as_str());
        let order = app.supplier_orders().await.remove(&id).expect("the supplier's order");
        assert_eq!((order["code"].as_str(), &order["executions"]), (bought.body["code"].as_str(), &json!(1)));
        assert_eq!((&order["amount"], &order["product"]), (&json!("5.00"), &json!(PRODUCT.to_uppercase())));
        assert_eq!(ana.balance(&account).await, "15.00 0.00 15.00");
        let hold = ana.get(&format!("/transfers/{}", hold_of(&id))).await.expect(200);
        assert_eq!((hold.text("type"), hold.text("status")), ("voucher".into(), "completed".into()));
        // The same key, with and without patience: the same answer, and nothing happens again.
        for wait in [Some(20), None] {
            let again = ana.buy("k", &account, phone, wait).await.expect(201);
            assert!(replayed(&again));
            assert_eq!(again.body, bought.body);
        }
        assert_eq!(ana.balance(&account).await, "15.00 0.00 15.00");
        // An SMS that is not to come cannot be waited for: one that was promised later has come.
        ana.buy("later", &account, "+51900100002", None).await.expect(202);
        app.sms_after("+51900100002", 1).await;
        assert_eq!(app.sms(phone).await, [""; 0]);
    });
}

#[test]
fn who_does_not_wait_or_not_long_enough_gets_the_code_by_exactly_one_sms() {
    journey(|app| async move {
        let (ana, account) = shop(app, "ana.slow", "20").await;
        treat(app, "+51900200002", "slow", [2.5, 2.5]).await;
        for (key, phone, wait) in [("fast", "+51900200001", None), ("slow", "+51900200002", Some(1))] {
            let bought = ana.buy(key, &account, phone, wait).await.expect(202);
            assert_eq!((bought.text("status"), &bought.body["code"]), ("processing".into(), &Value::Null));
            assert!(bought.text("message").contains("SMS"));
            let id = bought.text("voucher_id");
            let delivered = ana.sees(&id, "delivered").await;
            let sms = app.sms_after(phone, 1).await;
            assert!(sms[0].contains(&delivered.text("code")) && sms[0].contains("Claro"), "{sms:?}");
            // Answered as it was answered, whatever has become of it: the code is in the SMS and at GET.
            let again = ana.buy(key, &account, phone, wait).await.expect(202);
            assert!(replayed(&again));
            assert_eq!((again.text("voucher_id"), again.text("status")), (id, "processing".into()));
            assert_eq!(app.sms(phone).await, sms);
        }
        assert_eq!(ana.balance(&account).await, "10.00 0.00 10.00");
    });
}

#[test]
fn a_refusal_gives_the_money_back_and_is_told_once() {
    journey(|app| async move {
        let (ana, account) = shop(app, "ana.refused", "20").await;
        let (waits, goes) = ("+51900300001", "+51900300002");
        for phone in [waits, goes] {
            treat(app, phone, "error", [0.1, 0.2]).await;
        }
        let told = ana.buy("waits", &account, waits, Some(20)).await.expect(201);
        assert_eq!((told.text("status"), &told.body["code"]), ("failed".into(), &Value::Null));
        assert!(told.text("message").contains("not charged") && told.text("message").contains("+1 555 0100"));
        let id = ana.buy("goes", &account, goes, None).await.expect(202).text("voucher_id");
        let sms = app.sms_after(goes, 1).await;
        assert!(sms[0].contains("not charged") && sms[0].contains("+1 555 0100"), "{sms:?}");
        assert_eq!(ana.purchase(&id).await.told(), "200 failed");
        assert_eq!(app.sms(waits).await, [""; 0]);
        assert_eq!(ana.balance(&account).await, "20.00 0.00 20.00");
        let hold = ana.get(&format!("/transfers/{}", hold_of(&id))).await;
        assert_eq!(hold.told(), "200 voided");
    });
}

#[test]
fn a_key_means_one_purchase_and_a_lack_of_funds_is_remembered() {
    journey(|app| async move {
        let (ana, account) = shop(app, "ana.key", "12").await;
        let phone = "+51900400001";
        let other = ana.open("USD", "50").await;
        let missing = ana.send(Method::POST, "/vouchers", &[], &wish(&account, phone)).await.expect("an answer");
        assert_eq!(missing.told(), "400 idempotency_key_missing");
        let first = ana.buy("k", &account, phone, Some(20)).await.expect(201);
        for (field, account, phone) in [("phone", &account, "+51900400002"), ("account_id", &other, phone)] {
            let reused = ana.buy("k", account, phone, Some(20)).await;
            assert_eq!((reused.told().as_str(), &reused.body["field"]), ("422 idempotency_key_reused", &json!(field)));
        }
        // The same key of somebody else is another key.
        let ben = app.sign_up("ben.key").await;
        let bens = ben.open("USD", "5").await;
        let his = ben.buy("k", &bens, phone, Some(20)).await.expect(201);
        assert_ne!(his.text("voucher_id"), first.text("voucher_id"));

        ana.buy("second", &account, phone, Some(20)).await.expect(201);
        let poor = ana.buy("poor", &account, phone, None).await;
        assert_eq!(poor.told(), "422 insufficient_funds");
        ana.post(
            "/transfers",
            "more",
            &json!({"type": "deposit", "amount": "10", "currency": "USD", "to_account": account["account_id"]}),
        )
        .await
        .expect(201);
        let still = ana.buy("poor", &account, phone, None).await;
        assert_eq!((still.told().as_str(), replayed(&still)), ("422 insufficient_funds", true));
        assert_eq!(ana.purchase(&poor.text("voucher_id")).await.told(), "200 failed");
        assert!(!app.supplier_orders().await.contains_key(&poor.text("voucher_id")));
        assert_eq!(ana.balance(&account).await, "12.00 0.00 12.00");
        assert_eq!(app.sms(phone).await, [""; 0]);
    });
}

#[test]
fn a_partner_buys_once_per_payment_and_enters_no_other_door() {
    journey(|app| async move {
        let (ana, account) = shop(app, "ana.partner", "20").await;
        let (partner, phone) = (app.partner().await, "+51900500001");
        let bought = partner.buy("k1", phone, "payment-1", &[("prefer", "wait=20")]).await.expect(201);
        assert_eq!((bought.text("status"), bought.text("payment_reference")), ("delivered".into(), "payment-1".into()));
        let id = bought.text("voucher_id");
        // Once per key and once per payment.
        let again = partner.buy("k1", phone, "payment-1", &[]).await.expect(201);
        assert_eq!((replayed(&again), &again.body), (true, &bought.body));
        assert_eq!(partner.buy("k2", phone, "payment-1", &[]).await.told(), "409 payment_reference_taken");
        assert_eq!(partner.buy("k1", phone, "payment-2", &[]).await.told(), "422 idempotency_key_reused");
        partner.buy("k3", phone, "payment-3", &[]).await.expect(202);
        app.sms_after(phone, 1).await;
        let shown = partner.send(Method::GET, &format!("/vouchers/{id}"), &[], &Value::Null).await.expect(200);
        assert_eq!(shown.body, bought.body);
        // A machine has no account, and sees nothing that it has not bought.
        let headers = [("idempotency-key", "account")];
        let from_account = partner.send(Method::POST, "/vouchers", &headers, &wish(&account, phone)).await;
        assert_eq!(from_account.told(), "400 invalid_field");
        let hers = ana.buy("hers", &account, phone, Some(20)).await.expect(201).text("voucher_id");
        let hers = partner.send(Method::GET, &format!("/vouchers/{hers}"), &[], &Value::Null).await;
        assert_eq!(hers.told(), "404 not_found");
        assert_eq!(ana.get(&format!("/vouchers/{id}")).await.told(), "404 not_found");
        for (method, path) in [
            (Method::POST, "/voucher-products"),
            (Method::GET, "/accounts"),
            (Method::GET, "/me"),
            (Method::GET, "/transfers"),
            (Method::POST, "/transfers"),
            (Method::GET, "/customers"),
        ] {
            let answer = partner.send(method.clone(), path, &[], &Value::Null).await;
            assert_eq!(answer.told(), "401 unauthorized", "{method} {path}");
        }
        let none = app.public(Method::GET, &format!("/vouchers/{id}"), Value::Null).await;
        assert_eq!(none.told(), "401 unauthorized");
    });
}

#[test]
fn a_purchase_is_shown_to_its_buyer_whole_to_staff_without_the_code_and_to_nobody_else() {
    journey(|app| async move {
        let (ana, account) = shop(app, "ana.sight", "20").await;
        let (ben, clerk) = (app.sign_up("ben.sight").await, app.employ("clerk.sight", "staff").await);
        let bought = ana.buy("k", &account, "+51900600001", Some(20)).await.expect(201);
        let path = format!("/vouchers/{}", bought.text("voucher_id"));
        assert_eq!(ana.get(&path).await.expect(200).body, bought.body);
        let seen = clerk.get(&path).await.expect(200);
        assert_eq!((seen.text("status"), &seen.body["code"]), ("delivered".into(), &Value::Null));
        assert!(!seen.text.contains(&bought.text("code")));
        assert_eq!(ben.get(&path).await.told(), "404 not_found");
        // Staff buy for nobody.
        assert_eq!(clerk.buy("k", &account, "+51900600001", None).await.told(), "404 not_found");
        assert_eq!(ben.buy("k", &account, "+51900600001", None).await.told(), "404 not_found");
        for person in [&ana, &clerk] {
            let refused = person.send(Method::POST, "/voucher-products", &[], &json!({})).await.expect("an answer");
            assert_eq!(refused.told(), "403 forbidden");
        }
    });
}

#[test]
fn a_product_withdrawn_between_and_a_frozen_account_stop_what_is_not_yet_reserved() {
    journey(|app| async move {
        let (ana, account) = shop(app, "ana.between", "50").await;
        let (admin, clerk) = (app.employ("admin.between", "admins").await, app.employ("clerk.between", "staff").await);
        let product = "claro-between";
        app.stock(&admin, product, "5.00").await;
        let wish = |phone: &str| json!({"product_id": product, "phone": phone, "account_id": account["account_id"]});
        let buy = async |key: &str, phone: &str, wait: &str| {
            let headers = [("idempotency-key", key), ("prefer", wait)];
            ana.send(Method::POST, "/vouchers", &headers, &wish(phone)).await.expect("an answer")
        };
        let shelf = async || {
            let list = app.public(Method::GET, "/voucher-products?network=Claro", Value::Null).await.expect(200);
            list.body["items"].as_array().expect("items").iter().any(|item| item["product_id"] == product)
        };
        assert!(shelf().await);
        let path = format!("/voucher-products/{product}");
        // Held at the supplier while product and account change.
        let (first, second) = ("+51900700001", "+51900700002");
        treat(app, first, "slow", [3.0, 3.0]).await;
        treat(app, second, "slow", [3.0, 3.0]).await;
        let before = buy("before", first, "wait=0").await.expect(202).text("voucher_id");
        admin.patch(&path, &json!({"status": "withdrawn", "price": "9.00", "currency": "USD"})).await.expect(200);
        assert!(!shelf().await);
        assert_eq!(buy("withdrawn", first, "wait=20").await.told(), "409 product_withdrawn");
        assert_eq!(buy("before", first, "wait=0").await.told(), "202 processing");
        admin.patch(&path, &json!({"status": "active"})).await.expect(200);
        let frozen = buy("frozen", second, "wait=0").await.expect(202).text("voucher_id");
        let id = account["account_id"].as_str().expect("an id");
        clerk.patch(&format!("/accounts/{id}"), &json!({"status": "frozen"})).await.expect(200);
        assert_eq!(buy("too late", second, "wait=20").await.told(), "409 account_frozen");
        // What was reserved is captured, at the price it was reserved at.
        assert_eq!(ana.sees(&before, "delivered").await.text("price"), "5.00");
        assert_eq!(ana.sees(&frozen, "delivered").await.text("price"), "9.00");
        assert_eq!(ana.balance(&account).await, "36.00 0.00 36.00");
    });
}

#[test]
fn the_reserved_price_is_nobodys_to_capture_or_to_void() {
    journey(|app| async move {
        let (ana, account) = shop(app, "ana.own", "20").await;
        let clerk = app.employ("clerk.own", "staff").await;
        let root = app.employ("root.own", "admins").await;
        let phone = "+51900800001";
        treat(app, phone, "slow", [3.0, 3.0]).await;
        let id = ana.buy("k", &account, phone, None).await.expect(202).text("voucher_id");
        let hold = format!("/transfers/{}", hold_of(&id));
        assert_eq!(ana.get(&hold).await.told(), "200 pending");
        assert_eq!(ana.balance(&account).await, "20.00 5.00 15.00");
        for (who, person) in [("ana", &ana), ("clerk", &clerk), ("root", &root)] {
            for how in ["void", "capture", "reverse"] {
                let told = person.post(&format!("{hold}/{how}"), how, &Value::Null).await.told();
                let refused = ["403 forbidden", "409 not_reversible", "409 hold_not_pending"].contains(&told.as_str());
                assert!(refused && (how == "reverse" || told == "403 forbidden"), "{who} {how}: {told}");
            }
        }
        ana.sees(&id, "delivered").await;
        assert_eq!(ana.balance(&account).await, "15.00 0.00 15.00");
    });
}

#[test]
fn bad_input_gets_its_problem_and_changes_nothing() {
    alone(async {
        let app = App::start(|_| {}).await;
        let (ana, account) = shop(&app, "ana.bad", "20").await;
        let euros = ana.open("EUR", "20").await;
        let before = (app.invoke("ledger-audit", json!({})).await, ana.balance(&account).await);
        let phone = "+51900900001";
        let good = wish(&account, phone);
        let mut cases: Vec<(Value, &str)> = Vec::new();
        for (field, value, expected) in [
            ("phone", json!("51900900001"), "400 invalid_field"),
            ("phone", json!("0051900900001"), "400 invalid_field"),
            ("phone", json!("+051900900001"), "400 invalid_field"),
            ("phone", json!("+51 900 900 001"), "400 invalid_field"),
            ("phone", json!("+51900900001 "), "400 invalid_field"),
            ("phone", json!("+51900900001\n"), "400 invalid_field"),
            ("phone", json!("＋51900900001"), "400 invalid_field"), // full-width plus
            ("phone", json!("+5190090000１"), "400 invalid_field"), // full-width one
            ("phone", json!("+٥١٩٠٠٩٠٠٠٠١"), "400 invalid_field"),  // Arabic digits
            ("phone", json!("+5190090000l"), "400 invalid_field"),  // a letter like a one
            ("phone", json!("+519009\u{200b}00001"), "400 invalid_field"),
            ("phone", json!("+1234567890123456"), "400 invalid_field"),
            ("phone", json!("9".repeat(100_000)), "400 invalid_field"),
            ("phone", json!(51_900_900_001_i64), "400 invalid_field"),
            ("phone", json!(null), "400 invalid_field"),
            ("phone", json!({"number": phone}), "400 invalid_field"),
            ("product_id", json!("no-such-product"), "404 not_found"),
            ("product_id", json!("Claro-5gb-30d"), "400 invalid_field"),
            ("product_id", json!("сlaro-5gb-30d"), "400 invalid_field"), // Cyrillic с
            ("product_id", json!("../claro"), "400 invalid_field"),
            ("product_id", json!("x".repeat(1_000)), "400 invalid_field"),
            ("product_id", json!(5), "400 invalid_field"),
            ("account_id", json!("acc_00000000000000000000000000"), "404 not_found"),
            ("account_id", euros["account_id"].clone(), "409 currency_mismatch"),
            ("account_id", json!("trf_1"), "400 invalid_field"),
            ("account_id", json!(7), "400 invalid_field"),
            ("payment_reference", json!("p-1"), "400 invalid_field"),
            ("price", json!("0.01"), "400 unknown_field"),
            ("code", json!("FREE"), "400 unknown_field"),
        ] {
            let mut body = good.clone();
            body[field] = value;
            cases.push((body, expected));
        }
        for text in [json!([]), json!("x"), json!({})] {
            cases.push((text, "400 invalid_field"));
        }
        for (index, (body, expected)) in cases.iter().enumerate() {
            let key = format!("bad{index}");
            let answer = ana.post("/vouchers", &key, body).await;
            let short: String = body.to_string().chars().take(120).collect();
            assert_eq!(answer.told(), *expected, "{short}: {}", answer.text);
            assert_eq!(answer.headers["content-type"], "application/problem+json", "{short}");
        }
        let too_long = "k".repeat(256);
        for (key, expected) in [("", "400 invalid_idempotency_key"), (&too_long, "400 invalid_idempotency_key")] {
            assert_eq!(ana.post("/vouchers", key, &good).await.told(), expected);
        }
        for path in ["/vouchers/vch_0000000000000000000000000a", "/vouchers/x", "/vouchers/vch_%23"] {
            assert_eq!(ana.get(path).await.told(), "404 not_found", "{path}");
        }
        let after = (app.invoke("ledger-audit", json!({})).await, ana.balance(&account).await);
        assert_eq!(before, after);
        assert!(app.supplier_orders().await.is_empty());
        for queue in ["voucher-order", "voucher-order-result", "sms", "auth-code-timer", "auth-code-timer-expired"] {
            assert_eq!(app.depth(queue).await, (0, 0), "{queue}");
        }
        // The same shop sells to who asks properly, under a key that was refused before.
        ana.buy("bad0", &account, phone, Some(20)).await.expect(201);
        until("the ledger is clean", async || {
            (app.invoke("ledger-audit", json!({})).await["clean"] == true).then_some(())
        })
        .await;
        app.runner.shutdown().await;
    });
}
