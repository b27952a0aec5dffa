//! Conflicts, throttles and lost answers between the functions and DynamoDB: clients that repeat with the same key get
//! their one outcome, and the books stay at zero.

use futures::{StreamExt, stream};
use serde_json::json;

use crate::app::{App, alone, transfer};

#[test]
fn under_conflicts_throttles_and_lost_answers_every_key_has_one_outcome() {
    alone(async {
        let app = App::with_faults(json!({"seed": 7})).await;
        let (ana, ben) = (app.sign_up("ana.fault").await, app.sign_up("ben.fault").await);
        let (from, to) = (ana.open("USD", "500").await, ben.open("USD", "0").await);
        let plan = json!({"seed": 7, "dynamodb": {"transaction_conflict": 0.3, "throttle": 0.05, "lost_answer": 0.05}});
        let http = crate::app::Http::new(app.runner.url());
        let set = |plan: serde_json::Value| {
            let http = http.clone();
            async move { http.send(http::Method::PUT, "/_local/faults", &[], plan.to_string()).await.expect("an answer") }
        };
        assert!(set(plan).await.status.is_success());
        let attempts: Vec<usize> = stream::iter(0..150)
            .map(|index| {
                let (ana, from, to) = (&ana, &from, &to);
                async move {
                    let key = format!("k{index}");
                    for attempt in 1..=40 {
                        let answer = ana.post("/transfers", &key, &transfer(from, to, "2")).await;
                        match answer.status.as_u16() {
                            201 => return attempt,
                            409 | 503 => {}
                            _ => panic!("{}", answer.text),
                        }
                    }
                    panic!("no outcome after 40 attempts");
                }
            })
            .buffer_unordered(8)
            .collect()
            .await;
        assert!(set(json!({"seed": 0})).await.status.is_success());
        assert_eq!(attempts.len(), 150);
        assert_eq!(ana.balance(&from).await, "200.00 0.00 200.00");
        assert_eq!(ben.balance(&to).await, "300.00 0.00 300.00");
        app.assert_clean().await;
        app.runner.shutdown().await;
    });
}

#[test]
fn conflicts_alone_are_waited_out_within_the_request() {
    alone(async {
        let app = App::with_faults(json!({"seed": 11, "dynamodb": {"transaction_conflict": 0.2}})).await;
        let ana = app.sign_up("ana.conflict").await;
        let account = ana.open("USD", "100").await;
        for index in 0..50 {
            let answer = ana.post("/transfers", &format!("w{index}"), &crate::app::withdrawal(&account, "1")).await;
            assert_eq!(answer.told(), "201 completed", "{}", answer.text);
        }
        assert_eq!(ana.balance(&account).await, "50.00 0.00 50.00");
        app.assert_clean().await;
        app.runner.shutdown().await;
    });
}
