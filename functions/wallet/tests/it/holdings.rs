use edge::clock::Clock;
use serde_json::json;
use testkit::{buy, customer, request, sell};

use crate::app::{App, get, post, wish};

/// Alice buys a coin for 100 and a half for 120, sells a half for 130, and has an order open. Bob has the other side.
async fn traded() -> App {
    let app = App::start().await;
    let account = app.account("alice", "1000.00").await;
    app.send(post("alice", "in", &wish("in", &account, "1000.00"))).await;
    app.stack.grant("bob", "BTC", "5", app.clock.now()).await;
    app.stack.grant("bob", "USD", "500", app.clock.now()).await;
    let mut market = app.stack.market("BTC-USD").await;
    for (nth, (who, fields)) in [
        ("bob", sell("1", "100")),
        ("alice", buy("1", "100")),
        ("bob", sell("0.5", "120")),
        ("alice", buy("0.5", "120")),
        ("bob", buy("0.5", "130")),
        ("alice", sell("0.5", "130")),
        ("alice", sell("0.25", "150")),
    ]
    .into_iter()
    .enumerate()
    {
        app.clock.advance_seconds(1);
        market.trade(&format!("o{nth}"), who, &fields, app.clock.now()).await;
    }
    app
}

#[tokio::test]
async fn a_wallet_tells_what_is_free_and_what_is_locked() {
    let app = traded().await;
    assert_eq!(app.send(get("carol", "/wallet")).await.body, json!({"assets": []}));
    let expected = json!({"assets": [
        {"asset": "BTC", "free": "0.75000000", "locked": "0.25000000"},
        // 1000 − 100.20 − 60.12 + 64.87
        {"asset": "USD", "free": "904.55", "locked": "0.00"},
    ]});
    assert_eq!(app.send(get("alice", "/wallet")).await.body, expected);
    let named = format!("/wallet?customer_id={}", customer("alice"));
    assert_eq!(app.told(get("bob", &named)).await, "404 not_found");
    assert_eq!(app.send(get("alice", &named)).await.body, expected);
    assert_eq!(app.send(request("GET", "/wallet", &named).caller("sam", "staff")).await.body, expected);
}

#[tokio::test]
async fn a_portfolio_counts_what_was_paid_and_what_it_is_worth() {
    let app = traded().await;
    // 160.32 for one and a half; a half of them sold.
    let expected = json!({"positions": [{
        "asset": "BTC", "quantity": "1.00000000", "average_cost": "106.880000", "last_price": "130.00",
        "market_value": "130.00", "unrealised_pnl": "23.12", "realised_pnl": "11.43",
    }], "quote_currency": "USD"});
    assert_eq!(app.send(get("alice", "/portfolio")).await.body, expected);
    assert_eq!(app.send(get("alice", "/portfolio?quote_currency=USD")).await.body, expected);
    let euros = app.send(get("alice", "/portfolio?quote_currency=EUR")).await.body;
    assert_eq!(euros, json!({"positions": [], "quote_currency": "EUR"}));
    // What was granted has no cost. What was sold of it is no profit.
    let bob = app.send(get("bob", "/portfolio")).await.body;
    let position = &bob["positions"][0];
    assert_eq!(
        [&position["quantity"], &position["average_cost"], &position["realised_pnl"]],
        ["4.00000000", "130.120000", "0.00"]
    );
    let named = format!("/portfolio?customer_id={}", customer("bob"));
    assert_eq!(app.told(get("alice", &named)).await, "404 not_found");
}

#[tokio::test]
async fn entries_tell_what_has_moved_newest_first() {
    let app = traded().await;
    let all = app.send(get("alice", "/wallet/entries")).await.body;
    let items = all["items"].as_array().expect("a page");
    let kinds: Vec<_> = items.iter().map(|item| item["type"].as_str().unwrap_or_default()).collect();
    assert_eq!(kinds, ["trade", "trade", "trade", "transfer"]);
    assert_eq!(
        items[0]["changes"],
        json!([{"asset": "BTC", "amount": "-0.50000000"}, {"asset": "USD", "amount": "64.87"}])
    );
    assert_eq!(
        items[2]["changes"],
        json!([{"asset": "BTC", "amount": "1.00000000"}, {"asset": "USD", "amount": "-100.20"}])
    );
    let trade = &items[0]["trade"];
    assert_eq!(
        [&trade["side"], &trade["role"], &trade["price"], &trade["quantity"], &trade["fee"], &trade["fee_asset"]],
        ["sell", "taker", "130.00", "0.5000", "0.13", "USD"]
    );
    assert_eq!((&items[0]["entry_id"], &items[0]["created_at"]), (&trade["trade_id"], &trade["created_at"]));
    assert_eq!(items[3]["changes"], json!([{"asset": "USD", "amount": "1000.00"}]));
    assert_eq!(items[3]["entry_id"], items[3]["transfer_id"]);

    let (mut seen, mut path) = (Vec::new(), "/wallet/entries?limit=1".to_owned());
    loop {
        let page = app.send(get("alice", &path)).await.body;
        seen.extend(page["items"].as_array().expect("a page").clone());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        assert_eq!(app.told(get("bob", &format!("/wallet/entries?cursor={cursor}"))).await, "400 invalid_cursor");
        path = format!("/wallet/entries?limit=1&cursor={cursor}");
    }
    assert_eq!(seen, *items);
    let grants = app.send(get("bob", "/wallet/entries")).await.body;
    let kinds: Vec<_> = grants["items"].as_array().expect("a page").iter().map(|item| item["type"].clone()).collect();
    assert_eq!(kinds, ["trade", "trade", "trade", "grant", "grant"]);
}
