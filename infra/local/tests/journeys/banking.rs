//! From sign-up to statement.

use http::Method;
use serde_json::{Value, json};

use crate::app::{journey, transfer};

#[test]
fn from_sign_up_to_statement() {
    journey(|app| async move {
        let (ana, ben) = (app.sign_up("ana.walk").await, app.sign_up("ben.walk").await);
        let me = ana.get("/me").await.expect(200);
        assert_eq!(me.text("email"), "ana.walk@example.com");
        assert!(me.text("customer_id").starts_with("cus_"));
        let (from, to) = (ana.open("USD", "100.00").await, ben.open("USD", "0").await);

        // The receiver is confirmed by name before money moves.
        let number = to["number"].as_str().expect("a number");
        let payee = ana.get(&format!("/payees?number={number}")).await.expect(200);
        assert_eq!(payee.text("account_number"), number);
        assert!(payee.text("name").contains("Ben") && !payee.text("name").contains("Tester"), "{}", payee.text);

        let mut lunch = transfer(&from, &to, "12.50");
        lunch["to_account"] = json!(number);
        lunch["description"] = json!("Lunch");
        let sent = ana.post("/transfers", "lunch", &lunch).await.expect(201);
        assert_eq!(sent.text("status"), "completed");
        let again = ana.post("/transfers", "lunch", &lunch).await.expect(201);
        assert_eq!(again.headers.get("idempotent-replayed").map(|value| value.as_bytes()), Some(&b"true"[..]));
        assert_eq!(again.body, sent.body);

        let id = from["account_id"].as_str().expect("an id");
        let entries = ana.get(&format!("/accounts/{id}/entries")).await.expect(200).body;
        let lines: Vec<_> = entries["items"].as_array().expect("entries").iter().map(line).collect();
        assert_eq!(lines, ["debit 12.50 87.50", "credit 100.00 100.00"]);
        assert_eq!(ana.balance(&from).await, "87.50 0.00 87.50");
        assert_eq!(ben.balance(&to).await, "12.50 0.00 12.50");
        let opened = ana.get(&format!("/accounts/{id}/balance?at=2020-01-01T00:00:00Z")).await.expect(200);
        assert_eq!(opened.text("posted"), "0.00");
        let received = ben.get("/transfers").await.expect(200).body;
        assert_eq!(received["items"].as_array().map(Vec::len), Some(1), "{received}");
        assert!(received["items"][0]["from_account"].as_str().is_some_and(|number| number.starts_with("****")));
    });
}

fn line(entry: &Value) -> String {
    let part = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
    format!("{} {} {}", part("direction"), part("amount"), part("balance_after"))
}

#[test]
fn a_hold_is_swept_by_the_schedules_function_after_its_deadline() {
    journey(|app| async move {
        let ana = app.sign_up("ana.hold").await;
        let account = ana.open("EUR", "50").await;
        let hold = json!({"type": "payment", "amount": "20", "currency": "EUR", "from_account": account["account_id"],
            "hold": true, "expires_in": 1});
        let held = ana.post("/transfers", "h", &hold).await.expect(201);
        assert_eq!(ana.balance(&account).await, "50.00 20.00 30.00");
        let path = format!("/transfers/{}", held.text("transfer_id"));
        loop {
            let shown = ana.get(&path).await.expect(200).text("status");
            if shown == "expired" {
                break;
            }
            assert_eq!(shown, "pending");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert_eq!(ana.post(&format!("{path}/capture"), "c", &json!({})).await.told(), "409 hold_not_pending");
        app.invoke("transfers-expire", json!({"at": "2026-11-21T10:00:00Z"})).await;
        assert_eq!(ana.balance(&account).await, "50.00 0.00 50.00");
    });
}

#[test]
fn sign_in_works_by_phone_and_sessions_end_when_they_are_told_to() {
    journey(|app| async move {
        let body = json!({"email": "phone.walk@example.com", "password": "Secret-word-1", "given_name": "Phi",
            "family_name": "One", "phone": "+51987654321"});
        app.public(Method::POST, "/auth/sign-up", body.clone()).await.expect(201);
        let early = json!({"email": "phone.walk@example.com", "password": "Secret-word-1"});
        assert_eq!(app.public(Method::POST, "/auth/sign-in", early).await.told(), "403 user_not_confirmed");
        assert_eq!(app.public(Method::POST, "/auth/sign-up", body).await.told(), "409 email_taken");
        let code = app.mailed_code("phone.walk@example.com").await;
        let wrong = if code == "000000" { "000001" } else { "000000" };
        let confirm = |code: &str| json!({"email": "phone.walk@example.com", "code": code});
        assert!(app.public(Method::POST, "/auth/confirm", confirm(wrong)).await.status.is_client_error());
        assert!(app.public(Method::POST, "/auth/confirm", confirm(&code)).await.status.is_success());

        let by_phone = json!({"phone": "+51987654321", "password": "Secret-word-1"});
        let tokens = app.public(Method::POST, "/auth/sign-in", by_phone).await.expect(200);
        let (unknown, wrong) = (
            app.public(Method::POST, "/auth/sign-in", json!({"phone": "+51900000000", "password": "Secret-word-1"}))
                .await,
            app.public(Method::POST, "/auth/sign-in", json!({"phone": "+51987654321", "password": "Wrong-word-1"}))
                .await,
        );
        assert_eq!(
            (unknown.told(), wrong.told()),
            ("401 invalid_credentials".into(), "401 invalid_credentials".into())
        );
        assert_eq!(unknown.body["detail"], wrong.body["detail"]);

        let refresh = json!({"refresh_token": tokens.text("refresh_token")});
        app.public(Method::POST, "/auth/refresh", refresh.clone()).await.expect(200);
        let person = app.sign_in("phone.walk@example.com", "Secret-word-1").await;
        assert!(
            person
                .send(Method::POST, "/auth/sign-out", &[], &Value::Null)
                .await
                .expect("an answer")
                .status
                .is_success()
        );
        assert_eq!(app.public(Method::POST, "/auth/refresh", refresh).await.status.as_u16(), 401);
    });
}

#[test]
fn a_forgotten_password_is_reset_by_mail() {
    journey(|app| async move {
        let ana = app.sign_up("ana.forgot").await;
        let before = app.mailed_code(&ana.email).await;
        let asked = app.public(Method::POST, "/auth/forgot-password", json!({"email": ana.email})).await;
        assert!(asked.status.is_success(), "{}", asked.text);
        let mut code = app.mailed_code(&ana.email).await;
        while code == before {
            code = app.mailed_code(&ana.email).await;
        }
        let reset = json!({"email": ana.email, "code": code, "new_password": "Another-word-2"});
        let reset = app.public(Method::POST, "/auth/reset-password", reset).await;
        assert!(reset.status.is_success(), "{}", reset.text);
        app.sign_in(&ana.email, "Another-word-2").await;
        let old = json!({"email": ana.email, "password": "Secret-word-1"});
        assert_eq!(app.public(Method::POST, "/auth/sign-in", old).await.told(), "401 invalid_credentials");
        // Somebody unknown gets the same answer to the question.
        let unknown = app.public(Method::POST, "/auth/forgot-password", json!({"email": "nobody@example.com"})).await;
        assert_eq!(unknown.status, asked.status);
    });
}
