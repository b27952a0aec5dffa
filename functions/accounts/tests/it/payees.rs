//! GET /payees.

use domain::customer::CustomerStatus;
use serde_json::json;

use crate::app::{App, path};

#[tokio::test]
async fn a_receiver_is_confirmed_by_number_or_phone_with_a_masked_name() {
    let app = App::start().await;
    let frozen = app.open("ana", "EUR").await;
    app.call_with("sam:staff", "PATCH", &path(&frozen, ""), &json!({"status": "frozen"})).await.expect(200);
    let oldest = app.open("ana", "USD").await;
    let newer = app.open("ana", "PEN").await;
    let payee = |account: &serde_json::Value| json!({"name": "Ana P•••", "account_number": account["number"], "currency": account["currency"]});
    let number =
        |account: &serde_json::Value| format!("/payees?number={}", account["number"].as_str().expect("a number"));
    for who in ["ben", "ana", "sam:staff"] {
        assert_eq!(app.call(who, "GET", &number(&newer)).await.expect(200), payee(&newer));
        for phone in ["%2B51987654321", "+51987654321", " 51987654321"] {
            let phone = phone.replace("%2B", "+");
            let found = app.call(who, "GET", &format!("/payees?phone={phone}")).await.expect(200);
            assert_eq!(found, payee(&oldest), "the oldest account that takes money");
        }
        assert_eq!(app.call(who, "GET", &number(&frozen)).await.refusal(), (404, "not_found"));
    }
    for account in [&oldest, &newer] {
        app.call("ana", "DELETE", &path(account, "")).await.expect(204);
        assert_eq!(app.call("ben", "GET", &number(account)).await.refusal(), (404, "not_found"));
    }
    assert_eq!(app.call("ben", "GET", "/payees?phone=+51987654321").await.refusal(), (404, "not_found"));
}

#[tokio::test]
async fn who_cannot_receive_answers_as_who_does_not_exist() {
    let app = App::start().await;
    let blocked = app.register("cleo", "Cleo", "Ruiz", Some("+51900000001")).await;
    app.set_status(&blocked, CustomerStatus::Blocked).await;
    for query in ["phone=+51900000001", "phone=+51900000002", "number=00000000000000000098"] {
        assert_eq!(app.call("ben", "GET", &format!("/payees?{query}")).await.refusal(), (404, "not_found"), "{query}");
    }
}

#[tokio::test]
async fn parameters_that_do_not_parse_are_refused() {
    let app = App::start().await;
    for query in [
        "",
        "?number=1",
        "?number=00000000000000000097",
        "?phone=987654321",
        "?phone=",
        "?phone=+51987654321&number=00000000000000000098",
        "?name=ana",
    ] {
        let reply = app.call("ben", "GET", &format!("/payees{query}")).await;
        assert_eq!(reply.refusal(), (400, "invalid_parameter"), "{query}");
    }
}
