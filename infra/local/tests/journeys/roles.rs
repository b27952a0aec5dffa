//! Who may do what.

use http::Method;
use serde_json::{Value, json};

use crate::app::{journey, transfer, withdrawal};

#[test]
fn staff_serve_customers_and_admins_reverse() {
    journey(|app| async move {
        let (ana, ben) = (app.sign_up("ana.role").await, app.sign_up("ben.role").await);
        let (clerk, root) = (app.employ("clerk", "staff").await, app.employ("root", "admins").await);
        let (from, to) = (ana.open("USD", "100").await, ben.open("USD", "0").await);
        let id = from["account_id"].as_str().expect("an id");

        // A customer sees nobody else's account, staff see all.
        assert_eq!(ben.get(&format!("/accounts/{id}")).await.told(), "404 not_found");
        assert_eq!(ben.get(&format!("/accounts/{id}/entries")).await.told(), "404 not_found");
        clerk.get(&format!("/accounts/{id}")).await.expect(200);
        assert_eq!(ana.get("/customers").await.told(), "403 forbidden");
        clerk.get("/customers?q=ana.role").await.expect(200);

        // Frozen accounts refuse postings, freezing is for staff, holds may still be freed.
        let hold = json!({"type": "payment", "amount": "5", "currency": "USD", "from_account": id, "hold": true});
        let held = ana.post("/transfers", "h", &hold).await.expect(201).text("transfer_id");
        assert_eq!(ana.patch(&format!("/accounts/{id}"), &json!({"status": "frozen"})).await.told(), "403 forbidden");
        clerk.patch(&format!("/accounts/{id}"), &json!({"status": "frozen"})).await.expect(200);
        assert_eq!(ana.post("/transfers", "w1", &withdrawal(&from, "1")).await.told(), "409 account_frozen");
        assert_eq!(
            ana.post(&format!("/transfers/{held}/capture"), "c", &Value::Null).await.told(),
            "409 account_frozen"
        );
        assert_eq!(ana.post(&format!("/transfers/{held}/void"), "v", &Value::Null).await.told(), "200 voided");
        clerk.patch(&format!("/accounts/{id}"), &json!({"status": "active"})).await.expect(200);
        assert_eq!(ana.post("/transfers", "w1", &withdrawal(&from, "1")).await.told(), "201 completed");

        let sent = ana.post("/transfers", "t", &transfer(&from, &to, "40")).await.expect(201).text("transfer_id");
        let reverse = format!("/transfers/{sent}/reverse");
        assert_eq!(clerk.post(&reverse, "r", &Value::Null).await.told(), "403 forbidden");
        root.post(&reverse, "r", &Value::Null).await.expect(201);
        assert_eq!(root.post(&reverse, "r2", &Value::Null).await.told(), "409 already_reversed");
        assert_eq!(ana.balance(&from).await, "99.00 0.00 99.00");

        // Closing needs an empty account.
        assert_eq!(
            ana.patch(&format!("/accounts/{id}"), &json!({"status": "closed"})).await.told(),
            "409 balance_not_zero"
        );
        ana.post("/transfers", "w2", &withdrawal(&from, "99")).await.expect(201);
        ana.patch(&format!("/accounts/{id}"), &json!({"status": "closed"})).await.expect(200);
        assert_eq!(
            ben.post(
                "/transfers",
                "late",
                &json!({"type": "deposit", "amount": "1", "currency": "USD", "to_account": to["account_id"]})
            )
            .await
            .told(),
            "201 completed"
        );
        assert_eq!(ben.post("/transfers", "closed", &transfer(&to, &from, "1")).await.told(), "409 account_closed");
    });
}

#[test]
fn a_partners_machine_opens_no_door_of_the_bank() {
    journey(|app| async move {
        let clients = app.local("/_local/clients").await;
        let clients = clients.body.as_array().cloned().unwrap_or_default();
        let partner = clients.iter().find(|client| client["client_secret"].is_string()).expect("a partner").clone();
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope=florin%2Fvouchers.buy",
            partner["client_id"].as_str().expect("an id"),
            partner["client_secret"].as_str().expect("a secret"),
        );
        let aws = crate::app::Http::new(app.runner.aws_url());
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let token = aws.send(Method::POST, "/oauth2/token", &headers, form).await.expect("an answer").expect(200);
        let bearer = format!("Bearer {}", token.text("access_token"));
        for path in ["/accounts", "/me", "/transfers", "/customers"] {
            let answer = app.http.send(Method::GET, path, &[("authorization", &bearer)], "").await.expect("an answer");
            assert_eq!(answer.told(), "401 unauthorized", "{path}");
        }
    });
}

#[test]
fn staff_open_a_customer_who_then_chooses_a_password() {
    journey(|app| async move {
        let clerk = app.employ("clerk.branch", "staff").await;
        let body = json!({"email": "branch.customer@example.com", "given_name": "Bran", "family_name": "Chía",
            "phone": "+51911222333", "document": {"type": "dni", "number": "44556677"}});
        let made = clerk.send(Method::POST, "/customers", &[], &body).await.expect("an answer").expect(201);
        let id = made.text("customer_id");
        for query in ["email=branch.customer@example.com", "document=44556677", "q=chía"] {
            let found = clerk.get(&format!("/customers?{}", query.replace('í', "%C3%AD"))).await.expect(200);
            assert_eq!(found.body["items"][0]["customer_id"].as_str(), Some(id.as_str()), "{query}: {}", found.text);
        }
        let twice = clerk.send(Method::POST, "/customers", &[], &body).await.expect("an answer");
        assert_eq!(twice.told(), "409 email_taken");
        let account = json!({"customer_id": id, "type": "savings", "currency": "PEN"});
        let account = clerk.send(Method::POST, "/accounts", &[], &account).await.expect("an answer").expect(201);
        assert_eq!(account.text("customer_id"), id);
        let gone = clerk.send(Method::DELETE, &format!("/customers/{id}"), &[], &Value::Null).await.expect("an answer");
        assert_eq!(gone.told(), "409 customer_has_accounts");
    });
}
