use aws::queues::Queue;
use domain::voucher::Notice;
use edge::clock::Clock;
use serde_json::json;
use testkit::{delivered, refused};

use crate::app::{App, PHONE, PRODUCT, SUPPORT, buy, get, id_of, paid, partner, post, wish};

const NOWHERE: &str = "acc_00000000000000000000000000";

#[tokio::test]
async fn a_purchase_reserves_its_price_and_waits_in_the_queue_for_the_supplier() {
    let app = App::start().await;
    let account = app.account("alice", "20.00").await;
    let reply = app.send(buy("alice", "k", &account)).await;
    let id = id_of("alice", "k");
    assert_eq!((reply.status, reply.is_replayed(), reply.header("preference-applied")), (202, false, None));
    let expected = json!({
        "voucher_id": id, "product_id": PRODUCT, "phone": PHONE, "price": "5.00", "currency": "USD",
        "status": "processing", "message": "Your order is processed within 30 seconds. The code will come by SMS.",
        "created_at": app.clock.now(), "account_id": account.id,
    });
    assert_eq!(reply.body, expected);
    assert_eq!(app.balance(&account).await, "20.00 5.00 15.00");
    assert_eq!(app.orders().await, [json!({"voucher_id": id})]);
    assert_eq!(app.purchase(&id).await.notice, Notice::Sms);
    app.assert_clean().await;
}

#[tokio::test]
async fn the_promised_sms_tells_the_code_or_the_failure() {
    let app = App::start().await;
    let account = app.account("alice", "20.00").await;
    for key in ["k1", "k2"] {
        assert_eq!(app.told(buy("alice", key, &account)).await, "202 processing");
    }
    app.settle(&id_of("alice", "k1"), &delivered("ABC-1")).await;
    app.settle(&id_of("alice", "k2"), &refused()).await;
    let name = "Claro 5 GB for 30 days";
    let expected = [
        format!("Florin: your voucher code for {name} is ABC-1."),
        format!("Florin: your order of {name} failed and you were not charged. Support: {SUPPORT}"),
    ];
    let mut texts: Vec<_> =
        app.sms().await.iter().map(|sms| sms["text"].as_str().unwrap_or_default().to_owned()).collect();
    texts.sort_by_key(|text| text.contains("failed"));
    assert_eq!(texts, expected);
    assert_eq!(app.balance(&account).await, "15.00 0.00 15.00");
    app.assert_clean().await;
}

#[tokio::test]
async fn an_account_that_cannot_pay_is_refused_for_good_under_this_key() {
    let app = App::start().await;
    let account = app.account("alice", "4.99").await;
    let reply = app.send(buy("alice", "k", &account)).await;
    assert_eq!(reply.told(), "422 insufficient_funds");
    assert_eq!(app.balance(&account).await, "4.99 0.00 4.99");
    assert!(app.orders().await.is_empty());
    let deposit = testkit::command("more", None, Some(&account.id), testkit::money("10", "USD"));
    app.stack.transfer(&deposit, app.clock.now()).await.expect("posted");
    assert_eq!(app.told(buy("alice", "k", &account)).await, "422 insufficient_funds replayed");
    let seen = app.send(get(&reply.id()).caller("alice", "")).await;
    assert_eq!(seen.told(), "200 failed");
    assert_eq!(app.told(buy("alice", "k2", &account)).await, "202 processing");
    assert!(app.sms().await.is_empty());
    app.assert_clean().await;
}

#[tokio::test]
async fn a_partner_buys_once_for_each_payment() {
    let app = App::start().await;
    let of = |client: &str, key: &str, reference: &str| post(key, &paid(reference)).claims(partner(client));
    let reply = app.send(of("pos", "k1", "p-1")).await;
    assert_eq!(reply.told(), "202 processing");
    assert_eq!((reply.body["payment_reference"].as_str(), reply.body.get("account_id")), (Some("p-1"), None));
    assert_eq!(app.told(of("pos", "k1", "p-1")).await, "202 processing replayed");
    assert_eq!(app.told(of("pos", "k2", "p-1")).await, "409 payment_reference_taken");
    assert_eq!(app.told(of("pos", "k2", "p-2")).await, "202 processing");
    assert_eq!(app.told(of("kiosk", "k1", "p-1")).await, "202 processing", "references are each partner's own");
    assert_eq!(app.orders().await.len(), 3);
    app.settle(&reply.id(), &delivered("P-1")).await;
    assert_eq!(app.sms().await.len(), 1);
    app.assert_clean().await;
}

#[tokio::test]
async fn the_first_fault_in_the_published_order_is_told() {
    let mut app = App::start().await;
    let (alice, bob) = (app.account("alice", "1.00").await, app.account("bob", "9.00").await);
    let euros = app.stack.account("alice", "EUR", "9.00", app.clock.now()).await;
    app.stack.product("gone", "5.00").await;
    let withdrawn = domain::voucher::Product {
        status: domain::voucher::ProductStatus::Withdrawn,
        version: 2,
        ..testkit::product("gone", "5.00")
    };
    app.stores.vouchers.change_product(&withdrawn).await.expect("written");
    let body = |product: &str, account: &str| json!({"product_id": product, "phone": PHONE, "account_id": account});
    let no_key = |text: &str| testkit::request("POST", "/vouchers", "/vouchers").caller("alice", "").body(text);
    let keyed = |product: &str, account: &str| post("k", &body(product, account)).caller("alice", "");

    let unsigned = testkit::request("POST", "/vouchers", "/vouchers").body("{");
    assert_eq!(app.told(unsigned).await, "401 unauthorized");
    assert_eq!(app.told(no_key("{")).await, "400 malformed_json");
    assert_eq!(app.told(no_key(r#"{"code": "x"}"#)).await, "400 unknown_field");
    assert_eq!(app.told(no_key(&body("nowhere", "x").to_string())).await, "400 invalid_field");
    assert_eq!(app.told(no_key(&body("nowhere", NOWHERE).to_string())).await, "400 idempotency_key_missing");
    app.shop.sales = false;
    assert_eq!(app.told(keyed("nowhere", NOWHERE)).await, "503 unavailable");
    app.shop.sales = true;
    app.set_customer_status("alice", "blocked").await;
    assert_eq!(app.told(keyed("nowhere", NOWHERE)).await, "404 not_found");
    assert_eq!(app.told(keyed("gone", NOWHERE)).await, "404 not_found");
    assert_eq!(app.told(keyed("gone", bob.id.as_str())).await, "404 not_found");
    assert_eq!(app.told(keyed("gone", euros.id.as_str())).await, "409 customer_not_active");
    app.set_customer_status("alice", "active").await;
    assert_eq!(app.told(keyed("gone", euros.id.as_str())).await, "409 product_withdrawn");
    assert_eq!(app.told(keyed(PRODUCT, euros.id.as_str())).await, "409 currency_mismatch");
    assert_eq!(app.told(keyed(PRODUCT, alice.id.as_str())).await, "422 insufficient_funds");
    assert!(app.orders().await.is_empty());
    app.assert_clean().await;
}

#[tokio::test]
async fn an_account_of_another_is_no_account_and_staff_buy_for_themselves_only() {
    let app = App::start().await;
    let (alice, clerk) = (app.account("alice", "9.00").await, app.account("clerk", "9.00").await);
    let strange = app.send(buy("bob", "k", &alice)).await;
    let mut nowhere = wish(&alice);
    nowhere["account_id"] = json!(NOWHERE);
    let missing = app.send(post("k", &nowhere).caller("bob", "")).await;
    assert_eq!((strange.status, &strange.body), (404, &missing.body));
    for groups in ["staff", "admins"] {
        assert_eq!(app.told(buy("clerk", "k", &alice).caller("clerk", groups)).await, "404 not_found");
    }
    assert_eq!(app.told(buy("clerk", "k", &clerk).caller("clerk", "staff")).await, "202 processing");
    assert_eq!(app.balance(&alice).await, "9.00 0.00 9.00");
}

#[tokio::test]
async fn a_frozen_account_buys_nothing() {
    let app = App::start().await;
    let account = app.account("alice", "9.00").await;
    let change = domain::account::Change { status: Some(domain::account::AccountStatus::Frozen), overdraft: None };
    let frozen = account.change(&change, true).expect("allowed").expect("a change");
    app.stores.ledger.change_account(&account, &frozen, None).await.expect("frozen");
    assert_eq!(app.told(buy("alice", "k", &account)).await, "409 account_frozen");
    assert!(app.orders().await.is_empty());
}

#[tokio::test]
async fn without_a_supplier_nothing_is_sold_and_what_was_sold_is_still_told() {
    let mut app = App::start().await;
    let account = app.account("alice", "9.00").await;
    assert_eq!(app.told(buy("alice", "before", &account)).await, "202 processing");
    app.shop.sales = false;
    assert_eq!(app.told(buy("alice", "k", &account)).await, "503 unavailable");
    assert_eq!(app.told(buy("alice", "before", &account)).await, "202 processing replayed");
    assert_eq!(app.orders().await.len(), 1);
    assert_eq!(app.balance(&account).await, "9.00 5.00 4.00");
    assert_eq!(app.stores.vouchers.purchase(&id_of("alice", "k")).await.expect("a read"), None);
}

#[tokio::test]
async fn a_queue_that_is_down_costs_no_purchase_which_is_due_to_be_sent_again() {
    let mut app = App::start().await;
    let account = app.account("alice", "9.00").await;
    let nowhere = app.services.queue_url("VoucherOrderQueue").replace("voucher-order", "not-there");
    app.shop.orders = Queue::new(app.services.environment().sqs(), nowhere);
    assert_eq!(app.told(buy("alice", "k", &account)).await, "202 processing");
    app.clock.advance_seconds(120);
    assert_eq!(app.stores.vouchers.due(app.clock.now(), 10).await.expect("a read"), [id_of("alice", "k")]);
}
