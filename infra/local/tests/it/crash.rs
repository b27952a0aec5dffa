//! `kill -9` of the runner at any moment: what was acknowledged is there, nobody is left behind, nothing happens twice.

use serde_json::{Value, json};

use crate::process::{Program, runs};
use crate::world::{Http, built, until};

async fn sign_in(http: &Http) -> String {
    let body = json!({"email": "demo@example.com", "password": local::DEMO_PASSWORD});
    let tokens = http.post("/auth/sign-in", None, &body).await.expect_status(200);
    tokens["access_token"].as_str().expect("a token").to_owned()
}

fn balances(accounts: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let items = accounts["items"].as_array().expect("accounts").iter();
    let mut seen: Vec<_> = items.map(|item| (text(&item["currency"]), text(&item["balance"]["posted"]))).collect();
    seen.sort();
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_runner_comes_back_with_everything_it_had_acknowledged() {
    built().await;
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut program = Program::start(&data);
    let http = Http::new(program.api.clone());
    let token = sign_in(&http).await;
    let accounts = http.get("/accounts", Some(&token)).await.expect_status(200);
    let usd = accounts["items"].as_array().expect("accounts").iter().find(|item| item["currency"] == "USD");
    let usd = usd.expect("an account")["account_id"].clone();
    let deposit = json!({"type": "deposit", "amount": "1.00", "currency": "USD", "to_account": usd});

    let mut acknowledged = Vec::new();
    let writer = {
        let (http, token, deposit) = (http.clone(), token.clone(), deposit.clone());
        let (sender, receiver) = std::sync::mpsc::channel();
        let task = tokio::spawn(async move {
            for number in 0.. {
                let key = format!("k{number}");
                let seen = http.post_once("/transfers", Some(&token), &key, &deposit).await;
                if seen.status != 201 || sender.send(key).is_err() {
                    return;
                }
            }
        });
        (task, receiver)
    };
    until("a few deposits", || {
        acknowledged.extend(writer.1.try_iter());
        acknowledged.len() >= 5
    })
    .await;
    let children = program.children();
    program.signal("KILL");
    program.wait();
    until("the functions to be gone", || !children.iter().any(|pid| runs(*pid))).await;
    drop(writer.0.await); // it fails as its connection breaks
    acknowledged.extend(writer.1.try_iter());

    let program = Program::start(&data);
    let http = Http::new(program.api.clone());
    for key in &acknowledged {
        let seen = http.post_once("/transfers", Some(&token), key, &deposit).await;
        seen.expect_status(201);
        assert_eq!(seen.header("idempotent-replayed"), "true", "{key} was lost");
    }
    // The one under way when the runner died may have been posted or not; nothing else may.
    let accounts = http.get("/accounts", Some(&token)).await.expect_status(200);
    let deposited = |count: usize| ("USD".to_owned(), format!("{}.00", 1000 + count));
    let usd = balances(&accounts).into_iter().find(|(currency, _)| currency == "USD").expect("an account");
    let count = acknowledged.len();
    assert!(usd == deposited(count) || usd == deposited(count + 1), "{usd:?} after {count} deposits");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_that_broke_off_is_completed_exactly_once() {
    built().await;
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    // The set-up takes about a second; the screen appears after it.
    for moment in [50, 250, 450, 650] {
        let mut child = crate::process::command(&data).spawn().expect("the runner starts");
        tokio::time::sleep(std::time::Duration::from_millis(moment)).await;
        child.kill().expect("killed");
        child.wait().expect("gone");
    }
    let program = Program::start(&data);
    let http = Http::new(program.api.clone());
    let token = sign_in(&http).await;
    let accounts = http.get("/accounts", Some(&token)).await.expect_status(200);
    let expected = [("PEN", "3500.00"), ("USD", "1000.00")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(balances(&accounts), expected);
}
