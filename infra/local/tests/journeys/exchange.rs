//! Two customers and the exchange: what one buys the other sells, and who waited for it sees all of it at once.

use http::Method;
use serde_json::{Value, json};

use crate::{
    app::{Person, journey},
    exchange_floor::{Floor, outcome, with},
    shop::until,
};

#[test]
fn who_waits_for_his_trade_sees_all_of_it_at_once() {
    journey(async |app| {
        let floor = Floor::open(app, "ALPHA").await;
        let (buyer, seller) = (&floor.buyer, &floor.seller);
        assert_eq!([buyer.holds("USD").await, seller.holds("ALPHA").await], ["10000+0", "100+0"]);

        let sold = seller.trade("sell", &floor.limit("sell", "2", "100.00")).await;
        assert_eq!(outcome(&sold), "open 0 -");
        assert_eq!(seller.holds("ALPHA").await, "98+2");

        let bought = buyer.trade("buy", &floor.market("buy", "1.5")).await;
        assert_eq!(outcome(&bought), "filled 1.5 100");
        assert_eq!(bought["fees"], json!({"amount": "0.30", "asset": "USD"}));
        // 150 dollars, of which the taker pays 20 basis points and the maker 10.
        assert_eq!([buyer.holds("USD").await, buyer.holds("ALPHA").await], ["9849.7+0", "1.5+0"]);
        assert_eq!([seller.holds("USD").await, seller.holds("ALPHA").await], ["149.85+0", "98+0.5"]);
        assert_eq!(outcome(&seller.looks_up(&sold).await), "partially_filled 1.5 100");

        let [mine, his] = [newest(buyer, "/trades").await, newest(seller, "/trades").await];
        assert_eq!(mine["trade_id"], his["trade_id"]);
        for (trade, side, role, order) in [(&mine, "buy", "taker", &bought), (&his, "sell", "maker", &sold)] {
            assert_eq!([&trade["side"], &trade["role"]], [side, role], "{trade}");
            assert_eq!(trade["order_id"], order["order_id"]);
        }
        let entry = newest(buyer, "/wallet/entries").await;
        let changes = json!([{"asset": "ALPHA", "amount": "1.50000000"}, {"asset": "USD", "amount": "-150.30"}]);
        assert_eq!((&entry["type"], &entry["changes"]), (&json!("trade"), &changes));
        assert_eq!(newest(buyer, "/orders").await["order_id"], bought["order_id"]);

        let portfolio = buyer.get("/portfolio").await.expect(200).body;
        let position = &portfolio["positions"][0];
        assert_eq!([&position["asset"], &position["last_price"]], ["ALPHA", "100.00"], "{portfolio}");
        assert_eq!([&position["average_cost"], &position["unrealised_pnl"]], ["100.200000", "-0.30"], "{portfolio}");

        // And back to the bank with it.
        assert_eq!(buyer.wallet_transfer("out", &floor.account, "9849.71").await.told(), "422 insufficient_funds");
        assert_eq!(buyer.wallet_transfer("out", &floor.account, "9849.70").await.told(), "201 completed");
        assert_eq!(buyer.holds("USD").await, "0+0");
        assert_eq!(buyer.balance(&floor.account).await, "9849.70 0.00 9849.70");
    });
}

async fn newest(person: &Person, list: &str) -> Value {
    person.get(list).await.expect(200).body["items"][0].clone()
}

#[test]
fn an_order_takes_what_there_is_and_its_rest_does_what_its_terms_say() {
    journey(async |app| {
        let floor = Floor::open(app, "BRAVO").await;
        let (buyer, seller) = (&floor.buyer, &floor.seller);
        let sell = floor.limit("sell", "1", "100.00");
        let ioc = json!({"time_in_force": "ioc"});
        let fok = json!({"time_in_force": "fok"});
        let post = json!({"post_only": true});
        let by_amount = json!({"symbol": floor.symbol, "side": "buy", "type": "market", "quote_quantity": "50.10"});
        for (key, who, wish, expected) in [
            ("1", seller, sell.clone(), "open 0 -"),
            // 50 dollars and a fee of 20 basis points.
            ("2", buyer, by_amount, "filled 0.5 100"),
            ("3", buyer, with(floor.limit("buy", "2", "100.00"), fok.clone()), "expired 0 - not_fillable"),
            ("4", buyer, with(floor.limit("buy", "2", "100.00"), post.clone()), "rejected 0 - would_take"),
            ("5", buyer, with(floor.limit("buy", "2", "100.00"), ioc.clone()), "expired 0.5 100 no_liquidity"),
            ("6", buyer, floor.market("buy", "1"), "expired 0 - no_liquidity"),
            ("7", seller, sell, "open 0 -"),
            ("8", buyer, floor.limit("buy", "3", "101.00"), "partially_filled 1 100"),
            ("9", buyer, with(floor.limit("buy", "1", "100.50"), post), "open 0 -"),
            ("10", seller, with(floor.limit("sell", "1", "101.00"), fok), "filled 1 101"),
            ("11", seller, floor.market("sell", "1.5"), "filled 1.5 100.833333"),
            ("12", seller, with(floor.limit("sell", "1", "100.00"), ioc), "expired 0.5 100.5 no_liquidity"),
        ] {
            assert_eq!(outcome(&who.trade(key, &wish).await), expected, "{key}: {wish}");
        }
        assert_eq!([buyer.holds("BRAVO").await, seller.holds("BRAVO").await], ["5+0", "95+0"]);
        assert!(buyer.holds("USD").await.ends_with("+0"), "nothing is left locked: {}", buyer.holds("USD").await);
        let poor = floor.market("sell", "95.001");
        let refused = seller.order("13", &poor).await;
        assert_eq!(refused.told(), "422 insufficient_funds");
        let kept = seller.looks_up(&refused.body).await;
        assert_eq!(outcome(&kept), "rejected 0 - insufficient_funds");
        // A known no never becomes a late yes.
        floor.admin.grants(seller, &floor.symbol, "1").await;
        assert_eq!(seller.order("13", &poor).await.told(), "422 insufficient_funds");
    });
}

#[test]
fn a_stop_sleeps_until_the_price_comes_to_it_from_either_side() {
    journey(async |app| {
        let floor = Floor::open(app, "CHARLIE").await;
        let (buyer, seller) = (&floor.buyer, &floor.seller);
        seller.trade("a", &floor.limit("sell", "1", "100.00")).await;
        buyer.trade("b", &floor.market("buy", "1")).await;
        let rising = json!({"type": "stop_limit", "stop_price": "105.00"});
        let rising = buyer.trade("c", &with(floor.limit("buy", "1", "106.00"), rising)).await;
        let falling = json!({"type": "stop_limit", "stop_price": "95.00"});
        let falling = seller.trade("d", &with(floor.limit("sell", "1", "94.00"), falling)).await;
        assert_eq!([outcome(&rising), outcome(&falling)], ["untriggered 0 -", "untriggered 0 -"]);
        assert_eq!(
            buyer.holds("USD").await.split_once('+').map(|(_, locked)| locked.to_owned()),
            Some("106.21".into())
        );

        // Up to 105: the buyer's stop wakes and rests at 106; it is no better than the order that waits there.
        seller.trade("e", &floor.limit("sell", "1", "105.00")).await;
        buyer.trade("f", &floor.market("buy", "1")).await;
        assert_eq!(outcome(&buyer.looks_up(&rising).await), "open 0 -");
        assert_eq!(outcome(&seller.looks_up(&falling).await), "untriggered 0 -");
        assert_eq!(outcome(&seller.trade("g", &floor.market("sell", "1")).await), "filled 1 106");

        // Down to 95: the seller's wakes and takes what is left of that bid.
        buyer.trade("h", &floor.limit("buy", "2", "95.00")).await;
        seller.trade("i", &floor.market("sell", "1")).await;
        assert_eq!(outcome(&seller.looks_up(&falling).await), "filled 1 95");
        assert_eq!([buyer.holds("CHARLIE").await, seller.holds("CHARLIE").await], ["5+0", "95+0"]);
    });
}

#[test]
fn nobody_trades_with_himself() {
    journey(async |app| {
        let floor = Floor::open(app, "DELTA").await;
        let (buyer, seller) = (&floor.buyer, &floor.seller);
        floor.admin.grants(buyer, &floor.symbol, "10").await;
        for (mode, taken, own, others) in [
            ("expire_taker", "expired 0 - self_trade", "open 0 -", "open 0 -"),
            ("expire_maker", "filled 1 100", "expired 0 - self_trade", "filled 1 100"),
            ("expire_both", "expired 0 - self_trade", "expired 0 - self_trade", "open 0 -"),
            ("skip", "filled 1 100", "open 0 -", "filled 1 100"),
        ] {
            let mine = buyer.trade(&format!("{mode} mine"), &floor.limit("sell", "1", "100.00")).await;
            let theirs = seller.trade(&format!("{mode} theirs"), &floor.limit("sell", "1", "100.00")).await;
            let ioc = json!({"time_in_force": "ioc", "self_trade_prevention": mode});
            let took = buyer.trade(&format!("{mode} takes"), &with(floor.limit("buy", "1", "100.00"), ioc)).await;
            let seen = [buyer.looks_up(&mine).await, seller.looks_up(&theirs).await];
            assert_eq!([outcome(&took), outcome(&seen[0]), outcome(&seen[1])], [taken, own, others], "{mode}");
            for (who, order) in [buyer, seller].into_iter().zip(&seen) {
                if order["status"] == "open" {
                    who.cancel(order).await.expect(200);
                }
            }
        }
        assert_eq!([buyer.holds("DELTA").await, seller.holds("DELTA").await], ["12+0", "98+0"]);
    });
}

#[test]
fn an_open_order_is_cancelled_replaced_or_ends_by_time_and_frees_what_it_locked() {
    journey(async |app| {
        let floor = Floor::open(app, "ECHO").await;
        let (buyer, seller) = (&floor.buyer, &floor.seller);
        let moment = (time::OffsetDateTime::now_utc() + time::Duration::seconds(4)).unix_timestamp();
        let moment = time::OffsetDateTime::from_unix_timestamp(moment).expect("a moment");
        let moment = moment.format(&time::format_description::well_known::Rfc3339).expect("a text");
        let mortal = with(floor.limit("sell", "7", "130.00"), json!({"expires_at": moment}));
        let mortal = seller.trade("mortal", &mortal).await;

        let order = buyer.trade("1", &floor.limit("buy", "10", "90.00")).await;
        assert_eq!(buyer.holds("USD").await, "9098.2+901.8");
        let cancelled = buyer.cancel(&order).await.expect(200);
        assert_eq!(outcome(&cancelled.body), "cancelled 0 - requested");
        assert_eq!(buyer.holds("USD").await, "10000+0");
        assert_eq!(buyer.cancel(&order).await.told(), "409 order_not_open");
        assert_eq!(buyer.looks_up(&order).await["status"], "cancelled");

        let order = seller.trade("2", &floor.limit("sell", "5", "110.00")).await;
        buyer.trade("3", &floor.limit("buy", "2", "110.00")).await;
        let wish = json!({"side": "sell", "type": "limit", "quantity": "4", "price": "120.00"});
        let new = seller.replace("4", &order, &wish).await.expect(201).body;
        assert_eq!([outcome(&new), outcome(&seller.looks_up(&order).await)], ["open 0 -", "cancelled 2 110 replaced"]);
        assert_eq!(new["replaces"], order["order_id"]);
        let again = seller.replace("4", &order, &wish).await.expect(201);
        assert_eq!(
            (&again.body["order_id"], again.headers.contains_key("idempotent-replayed")),
            (&new["order_id"], true)
        );
        assert_eq!(seller.replace("5", &order, &wish).await.told(), "409 order_not_open");

        until("its time is over", async || {
            let seen = seller.looks_up(&mortal).await;
            (outcome(&seen) == "expired 0 - time_over").then_some(())
        })
        .await;
        assert_eq!(seller.holds("ECHO").await, "94+4");
    });
}

#[test]
fn a_halted_instrument_takes_no_orders_and_lets_go_of_those_it_has() {
    journey(async |app| {
        let floor = Floor::open(app, "FOXTROT").await;
        let order = floor.seller.trade("rests", &floor.limit("sell", "1", "100.00")).await;
        floor.admin.sets(&floor.symbol, "halted").await;
        // For a second the old status may be remembered; then the book itself rejects.
        let mut tries = 0;
        until("orders are refused", async || {
            tries += 1;
            let answer = floor.buyer.order(&format!("buy {tries}"), &floor.limit("buy", "1", "100.00")).await;
            if answer.status == 201 {
                assert_eq!(outcome(&answer.body), "rejected 0 - instrument_halted");
            }
            (answer.told() == "409 instrument_halted").then_some(())
        })
        .await;
        assert_eq!(floor.buyer.holds("USD").await, "10000+0");
        floor.seller.cancel(&order).await.expect(200);
        floor.admin.sets(&floor.symbol, "trading").await;
        until("orders are taken again", async || {
            tries += 1;
            let answer = floor.buyer.order(&format!("buy {tries}"), &floor.limit("buy", "1", "100.00")).await;
            (answer.told() == "201 open").then_some(())
        })
        .await;
    });
}

#[test]
fn everybody_sees_the_market() {
    journey(async |app| {
        let floor = Floor::open(app, "GOLF").await;
        let (buyer, seller) = (&floor.buyer, &floor.seller);
        for (key, who, side, quantity, price) in [
            ("1", seller, "sell", "1", "101.00"),
            ("2", seller, "sell", "2", "102.00"),
            ("3", seller, "sell", "3", "102.00"),
            ("4", buyer, "buy", "4", "99.00"),
            ("5", buyer, "buy", "1.5", "102.00"),
        ] {
            who.trade(key, &floor.limit(side, quantity, price)).await;
        }
        let symbol = &floor.symbol;
        until("the replica follows", async || {
            let book = app.market(symbol, "book?depth=5").await;
            let expected =
                json!({"symbol": symbol, "bids": [["99.00", "4.000"]], "asks": [["102.00", "4.500"]], "sequence": 5});
            (book == expected).then_some(())
        })
        .await;
        let trades = app.market(symbol, "trades").await;
        let prints: Vec<[&str; 3]> = trades["items"].as_array().expect("trades").iter().map(print).collect();
        assert_eq!(prints, [["102.00", "0.500", "buy"], ["101.00", "1.000", "buy"]]);
        let ticker = app.market(symbol, "ticker").await;
        for (name, value) in [
            ("last_price", "102.00"),
            ("best_bid", "99.00"),
            ("best_ask", "102.00"),
            ("high_24h", "102.00"),
            ("low_24h", "101.00"),
            ("volume_24h", "1.500"),
            ("change_24h", "1.00"),
        ] {
            assert_eq!(ticker[name], value, "{name}: {ticker}");
        }
        for interval in ["1m", "5m", "1h", "1d"] {
            let candles = app.market(symbol, &format!("candles?interval={interval}")).await;
            let candle = &candles["items"][0];
            let shown = ["open", "high", "low", "close", "volume"].map(|name| candle[name].as_str().expect("a figure"));
            assert_eq!(shown, ["101.00", "102.00", "101.00", "102.00", "1.500"], "{interval}: {candles}");
        }
        let markets = app.public(Method::GET, "/markets", Value::Null).await.expect(200).body;
        let listed = markets["items"].as_array().expect("markets").iter().find(|market| market["symbol"] == *symbol);
        assert_eq!(listed.expect("the market")["last_price"], "102.00");
    });
}

fn print(trade: &Value) -> [&str; 3] {
    ["price", "quantity", "side"].map(|name| trade[name].as_str().expect("a text"))
}
