use serde_json::{Value, json};
use testkit::request;

use crate::{Bank, post, send};

fn list(name: &str, groups: &str, query: &str) -> testkit::RequestBuilder {
    request("GET", "/transfers", &format!("/transfers{query}")).caller(name, groups)
}

async fn amounts(bank: &Bank, name: &str, groups: &str, query: &str) -> Vec<String> {
    let (status, body, _) = bank.serve(list(name, groups, query).build()).await;
    assert_eq!(status, 200, "{body}");
    let items = body["items"].as_array().expect("items");
    items.iter().map(|item| item["amount"].as_str().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn customers_list_their_own_and_see_the_sender_masked() {
    let bank = Bank::start().await;
    let (alice, bob) = (bank.account("alice", "USD", "100").await, bank.account("bob", "USD", "0").await);
    assert_eq!(bank.told(post("alice", "k1", send(&alice, bob.id.as_str(), "1"))).await, "201 completed");
    assert_eq!(bank.told(post("alice", "k2", send(&alice, bob.id.as_str(), "999"))).await, "422 insufficient_funds");
    let mut hold = send(&alice, bob.id.as_str(), "3");
    hold["hold"] = json!(true);
    assert_eq!(bank.told(post("alice", "k3", hold)).await, "201 pending");
    assert_eq!(amounts(&bank, "alice", "", "").await, ["3.00", "999.00", "1.00", "100.00"]);
    // What has not reached the receiver is none of his business.
    let (_, body, _) = bank.serve(list("bob", "", "").build()).await;
    let items = body["items"].as_array().expect("items");
    assert_eq!(items.len(), 1, "{body}");
    assert_eq!(items[0]["from_account"], alice.number.masked());
    assert_eq!(items[0]["to_account"], json!(bob.id));
    assert!(!body.to_string().contains(alice.id.as_str()));
    let id = items[0]["transfer_id"].as_str().expect("an id");
    let one = request("GET", "/transfers/{id}", &format!("/transfers/{id}"));
    let (status, shown, _) = bank.serve(one.caller("bob", "").build()).await;
    assert_eq!((status, &shown["from_account"]), (200, &json!(alice.number.masked())));
    let one = request("GET", "/transfers/{id}", &format!("/transfers/{id}"));
    assert_eq!(bank.told(one.caller("mallory", "")).await, "404 not_found");
    let one = request("GET", "/transfers/{id}", &format!("/transfers/{id}"));
    let (_, shown, _) = bank.serve(one.caller("clerk", "staff").build()).await;
    assert_eq!(shown["from_account"], json!(alice.id));
}

#[tokio::test]
async fn filters_and_pages_work_together() {
    let bank = Bank::start().await;
    let (alice, bob) = (bank.account("alice", "USD", "100").await, bank.account("bob", "USD", "0").await);
    for index in 1..=6 {
        let body = if index % 2 == 0 {
            send(&alice, bob.id.as_str(), &index.to_string())
        } else {
            json!({"type": "withdrawal", "amount": index.to_string(), "currency": "USD", "from_account": alice.id})
        };
        bank.clock.advance_seconds(60);
        assert_eq!(bank.told(post("alice", &format!("k{index}"), body)).await, "201 completed");
    }
    assert_eq!(amounts(&bank, "alice", "", "?type=transfer").await, ["6.00", "4.00", "2.00"]);
    assert_eq!(amounts(&bank, "alice", "", "?status=rejected").await, Vec::<String>::new());
    assert_eq!(amounts(&bank, "alice", "", "?from=2026-11-21T10:05:00Z&to=2026-11-21T10:05:59Z").await, ["5.00"]);
    let account = format!("?account={}", bob.id);
    assert_eq!(amounts(&bank, "clerk", "staff", &account).await, ["6.00", "4.00", "2.00"]);
    assert_eq!(bank.told(list("alice", "", &account)).await, "404 not_found");
    assert_eq!(bank.told(list("clerk", "staff", "")).await, "400 invalid_parameter");

    let (mut cursor, mut all): (String, Vec<Value>) = (String::new(), Vec::new());
    loop {
        let query = format!("?type=withdrawal&limit=2{cursor}");
        let (_, body, _) = bank.serve(list("alice", "", &query).build()).await;
        all.extend(body["items"].as_array().expect("items").iter().map(|item| item["amount"].clone()));
        match body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(all, ["5.00", "3.00", "1.00"]);
    // A cursor is good for its own list only.
    assert_eq!(bank.told(list("alice", "", &format!("?limit=2{cursor}"))).await, "400 invalid_cursor");
}

#[tokio::test]
async fn parameters_that_do_not_parse_are_named() {
    let bank = Bank::start().await;
    bank.account("alice", "USD", "0").await;
    for (query, code) in [
        ("?limit=0", "invalid_parameter"),
        ("?limit=201", "invalid_parameter"),
        ("?limit=x", "invalid_parameter"),
        ("?type=gift", "invalid_parameter"),
        ("?status=done", "invalid_parameter"),
        ("?from=yesterday", "invalid_parameter"),
        ("?to=2026-13-01T00:00:00Z", "invalid_parameter"),
        ("?cursor=made-up", "invalid_cursor"),
        ("?colour=red", "invalid_parameter"),
    ] {
        assert_eq!(bank.told(list("alice", "", query)).await, format!("400 {code}"), "{query}");
    }
}

#[tokio::test]
async fn a_filter_that_lets_little_through_answers_short_pages_and_loses_nothing() {
    let bank = Bank::start().await;
    let (alice, bob) = (bank.account("alice", "USD", "9999").await, bank.account("bob", "USD", "0").await);
    assert_eq!(bank.told(post("alice", "k", send(&alice, bob.id.as_str(), "7"))).await, "201 completed");
    let mut refusals = tokio::task::JoinSet::new();
    for index in 0..2100 {
        let wish = testkit::command(&format!("w{index}"), Some(&alice.id), None, testkit::money("99999", "USD"));
        let (stack, at) = (bank.stack.clone(), bank.later(60_000 + index));
        refusals.spawn(async move { stack.transfer(&wish, at).await.expect("refused") });
        if index % 50 == 49 {
            while refusals.join_next().await.is_some() {}
        }
    }
    let (status, first, _) = bank.serve(list("alice", "", "?type=transfer&limit=1").build()).await;
    assert_eq!((status, first["items"].as_array().map(Vec::len)), (200, Some(0)), "{first}");
    let cursor = first["next_cursor"].as_str().expect("there is more to look at");
    assert_eq!(amounts(&bank, "alice", "", &format!("?type=transfer&limit=1&cursor={cursor}")).await, ["7.00"]);
}

#[tokio::test]
async fn a_cursor_with_a_right_checksum_and_a_wrong_place_is_refused() {
    let bank = Bank::start().await;
    bank.account("alice", "USD", "5").await;
    let scope = format!("transfers {} {} {}", testkit::customer("alice"), "", ["", "", "", ""].join(" "));
    for place in ["", "x", "9999-12-31T23:59:59-23:59#trf_1", &"9".repeat(3000), "2026-11-21T10:00:00.000Z#trf_é"] {
        let page = edge::http::Page::new(Vec::<u8>::new(), Some(place), &scope);
        let cursor = page.next_cursor.expect("a cursor");
        assert_eq!(bank.told(list("alice", "", &format!("?cursor={cursor}"))).await, "400 invalid_cursor", "{place}");
    }
}
