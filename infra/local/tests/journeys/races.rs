//! Many requests at once through the whole path.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::app::{journey, transfer, withdrawal};

#[test]
fn of_64_simultaneous_withdrawals_with_money_for_10_exactly_10_succeed() {
    journey(|app| async move {
        let ana = app.sign_up("ana.race").await;
        let account = ana.open("USD", "100").await;
        let all = join_all((0..64).map(|index| {
            let (ana, account) = (&ana, &account);
            async move { ana.post("/transfers", &format!("w{index}"), &withdrawal(account, "10")).await.told() }
        }))
        .await;
        let count = |told: &str| all.iter().filter(|answer| *answer == told).count();
        assert_eq!((count("201 completed"), count("422 insufficient_funds")), (10, 54), "{all:?}");
        assert_eq!(ana.balance(&account).await, "0.00 0.00 0.00");
    });
}

#[test]
fn of_16_identical_requests_at_once_one_moves_money_and_all_are_answered_alike() {
    journey(|app| async move {
        let (ana, ben) = (app.sign_up("ana.same").await, app.sign_up("ben.same").await);
        let (from, to) = (ana.open("USD", "100").await, ben.open("USD", "0").await);
        let body = transfer(&from, &to, "30");
        let all = join_all((0..16).map(|_| ana.post("/transfers", "once", &body))).await;
        let first = &all[0];
        for answer in &all {
            assert_eq!((answer.status.as_u16(), &answer.body), (201, &first.body), "{}", answer.text);
        }
        let fresh = all.iter().filter(|answer| !answer.headers.contains_key("idempotent-replayed")).count();
        assert_eq!(fresh, 1);
        assert_eq!(ben.balance(&to).await, "30.00 0.00 30.00");
    });
}

#[test]
fn capture_and_void_of_one_hold_at_once_have_one_winner() {
    journey(|app| async move {
        let ana = app.sign_up("ana.void").await;
        let account = ana.open("USD", "100").await;
        let mut captured = 0;
        for round in 0..20 {
            let hold = json!({"type": "payment", "amount": "1", "currency": "USD", "from_account": account["account_id"], "hold": true});
            let held = ana.post("/transfers", &format!("h{round}"), &hold).await.expect(201).text("transfer_id");
            let (capture, void) = (format!("/transfers/{held}/capture"), format!("/transfers/{held}/void"));
            let (key, nothing) = (format!("c{round}"), Value::Null);
            let outcome = tokio::join!(ana.post(&capture, &key, &nothing), ana.post(&void, "v", &nothing));
            match (outcome.0.told().as_str(), outcome.1.told().as_str()) {
                ("200 completed", "409 hold_not_pending") => captured += 1,
                ("409 hold_not_pending", "200 voided") => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(ana.balance(&account).await, format!("{0}.00 0.00 {0}.00", 100 - captured));
    });
}
