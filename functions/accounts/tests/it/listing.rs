//! GET /accounts.

use domain::{account::OpenAccount, id::AccountId, number::AccountNumber};
use edge::clock::Clock;
use serde_json::{Value, json};
use testkit::{customer, money};

use crate::app::{App, path};

async fn ids(app: &App, who: &str, query: &str) -> Vec<String> {
    let page = app.call(who, "GET", &format!("/accounts{query}")).await.expect(200);
    let items = page["items"].as_array().expect("items").clone();
    items.iter().filter_map(|item| item["account_id"].as_str().map(str::to_owned)).collect()
}

fn id(account: &Value) -> String {
    account["account_id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn a_customer_sees_his_own_newest_first_and_staff_sees_all() {
    let app = App::start().await;
    let (one, two) = (app.open("ana", "USD").await, app.open("ana", "EUR").await);
    let three = app.open("ben", "USD").await;
    app.deposit(&one, "12.5").await;
    let (ana, ben) = (customer("ana"), customer("ben"));
    let all = vec![id(&three), id(&two), id(&one)];
    assert_eq!(ids(&app, "ana", "").await, [id(&two), id(&one)]);
    assert_eq!(ids(&app, "ana", &format!("?customer_id={ana}")).await, [id(&two), id(&one)]);
    assert_eq!(ids(&app, "sam:staff", "").await, all);
    assert_eq!(ids(&app, "root:admins", "").await, all);
    assert_eq!(ids(&app, "sam:staff", &format!("?customer_id={ben}")).await, [id(&three)]);
    assert_eq!(ids(&app, "sam:staff", &format!("?customer_id={}", customer("nobody"))).await, Vec::<String>::new());
    let page = app.call("ana", "GET", "/accounts").await.expect(200);
    assert_eq!(page["items"][1]["balance"]["posted"], "12.50", "balances in a list are as they stand");
    assert_eq!(page["next_cursor"], Value::Null);
    assert_eq!(app.call("ana", "GET", &format!("/accounts?customer_id={ben}")).await.refusal(), (404, "not_found"));
    let nobody = format!("/accounts?customer_id={}", customer("nobody"));
    assert_eq!(app.call("ana", "GET", &nobody).await.refusal(), (404, "not_found"));
}

#[tokio::test]
async fn filters_combine() {
    let app = App::start().await;
    let (one, two) = (app.open("ana", "USD").await, app.open("ana", "EUR").await);
    let three = app.open("ben", "USD").await;
    app.call("ana", "DELETE", &path(&one, "")).await.expect(204);
    app.call_with("sam:staff", "PATCH", &path(&three, ""), &json!({"status": "frozen"})).await.expect(200);
    let number = |account: &Value| account["number"].as_str().expect("a number").to_owned();
    let (ana, ben) = (customer("ana"), customer("ben"));
    for (who, query, expected) in [
        ("ana", "?status=closed".to_owned(), vec![id(&one)]),
        ("ana", "?status=active".to_owned(), vec![id(&two)]),
        ("ana", "?status=frozen".to_owned(), vec![]),
        ("sam:staff", "?status=frozen".to_owned(), vec![id(&three)]),
        ("sam:staff", format!("?status=frozen&customer_id={ana}"), vec![]),
        ("sam:staff", format!("?number={}", number(&three)), vec![id(&three)]),
        ("sam:staff", format!("?number={}&customer_id={ben}", number(&three)), vec![id(&three)]),
        ("sam:staff", format!("?number={}&customer_id={ana}", number(&three)), vec![]),
        ("sam:staff", format!("?number={}&status=active", number(&three)), vec![]),
        ("sam:staff", "?number=00000000000000000098".to_owned(), vec![]),
        ("ana", format!("?number={}", number(&two)), vec![id(&two)]),
        ("ana", format!("?number={}", number(&three)), vec![]),
    ] {
        assert_eq!(ids(&app, who, &query).await, expected, "{who} {query}");
    }
}

#[tokio::test]
async fn pages_follow_one_another_without_gap_or_repetition_also_when_filtered() {
    let app = App::start().await;
    let mut opened = Vec::new();
    for nth in 0..15 {
        let account = app.open(if nth % 3 == 0 { "ben" } else { "ana" }, "USD").await;
        if nth % 4 == 0 {
            app.call_with("sam:staff", "PATCH", &path(&account, ""), &json!({"status": "frozen"})).await.expect(200);
        }
        opened.insert(0, app.call("sam:staff", "GET", &path(&account, "")).await.expect(200));
    }
    let ana = customer("ana");
    for (who, query) in [
        ("sam:staff", String::new()),
        ("sam:staff", "&status=frozen".to_owned()),
        ("sam:staff", "&status=active".to_owned()),
        ("sam:staff", format!("&customer_id={ana}")),
        ("ana", "&status=active".to_owned()),
    ] {
        let expected: Vec<_> = opened
            .iter()
            .filter(|account| {
                who == "sam:staff" && !query.contains("customer") || account["customer_id"] == ana.as_str()
            })
            .filter(|account| query.split_once("status=").is_none_or(|(_, status)| account["status"] == *status))
            .cloned()
            .collect();
        for limit in [1, 2, 4, 5, 7, 15, 200] {
            let (mut seen, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = app.call(who, "GET", &format!("/accounts?limit={limit}{query}{cursor}")).await.expect(200);
                let items = page["items"].as_array().expect("items");
                assert!(items.len() <= limit);
                seen.extend(items.iter().cloned());
                let Some(next) = page["next_cursor"].as_str() else { break };
                assert!(!items.is_empty());
                cursor = format!("&cursor={next}");
            }
            assert_eq!(seen, expected, "{who} {query} by {limit}");
        }
    }
}

#[tokio::test]
async fn parameters_that_do_not_parse_and_cursors_of_other_lists_are_refused() {
    let app = App::start().await;
    for _ in 0..2 {
        app.open("ana", "USD").await;
    }
    for query in [
        "status=open",
        "status=",
        "number=123",
        "number=12345678901234567890",
        "customer_id=acc_1",
        "customer_id=",
        "limit=0",
        "limit=201",
        "limit=ten",
        "owner=me",
    ] {
        let reply = app.call("sam:staff", "GET", &format!("/accounts?{query}")).await;
        assert_eq!(reply.refusal(), (400, "invalid_parameter"), "{query}");
    }
    let page = app.call("ana", "GET", "/accounts?limit=1").await.expect(200);
    let cursor = page["next_cursor"].as_str().expect("a second page").to_owned();
    for (who, query) in [
        ("ana", "cursor=made-up".to_owned()),
        ("ana", "cursor=".to_owned()),
        ("ana", format!("cursor={cursor}A")),
        ("ana", format!("status=active&cursor={cursor}")),
        ("ben", format!("cursor={cursor}")),
        ("sam:staff", format!("cursor={cursor}")),
    ] {
        let reply = app.call(who, "GET", &format!("/accounts?{query}")).await;
        assert_eq!(reply.refusal(), (400, "invalid_cursor"), "{who} {query}");
    }
}

#[tokio::test]
async fn more_accounts_than_one_read_takes_are_listed_all_the_same() {
    let app = App::start().await;
    let (ledger, owner) = (&app.stores.ledger, customer("ana"));
    let mut opened = Vec::new();
    for nth in 0..130 {
        let command = OpenAccount {
            id: AccountId::from_bytes([nth; 16]),
            owner: owner.clone(),
            kind: "savings".into(),
            currency: money("0", "USD").currency(),
        };
        app.clock.tick();
        let account = command.decide(AccountNumber::from_bytes([nth; 16]), app.clock.now());
        ledger.open_account(&account, &app.stores.customers_table).await.expect("opened");
        opened.insert(0, account);
    }
    assert_eq!(ledger.accounts_of(&owner).await.expect("read"), opened);
    let newest_first: Vec<_> = opened.iter().map(|account| account.id.to_string()).collect();
    assert_eq!(ids(&app, "ana", "?limit=200").await, newest_first);
    assert_eq!(ids(&app, "sam:staff", "?limit=120&status=active").await, newest_first[..120]);
    assert_eq!(ids(&app, "sam:staff", "?status=closed").await, Vec::<String>::new());
}
