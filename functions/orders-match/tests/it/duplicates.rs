//! A place command is applied once, however often and late it comes.

use domain::{
    exchange::Message,
    order_book::{Command, REMEMBERED},
};
use orders_match::Matcher;
use testkit::{ManualClock, buy, order_id};

use crate::app::App;

#[tokio::test]
async fn what_is_delivered_twice_is_applied_once() {
    let app = App::start().await;
    let matcher = app.matcher();
    let batch = [app.buy("a", 10_000), app.sell("b", 10_000), app.buy("c", 9_000), app.cancel("c")];
    app.done(&matcher, &batch).await;
    let once = app.replayed().await;
    for matcher in [&matcher, &app.matcher()] {
        app.done(matcher, &batch).await;
        app.done(matcher, &batch[2..]).await;
        assert_eq!(app.head().await, 1);
    }
    assert_eq!(app.replayed().await, once);
}

/// Ends more orders than a book remembers, in halted trading: each is rejected.
async fn make_it_forget(app: &App, matcher: &Matcher<ManualClock>, prefix: &str) {
    app.done(matcher, &[app.message(Command::Halt)]).await;
    app.clock.advance_seconds(60);
    let others: Vec<_> = (0..REMEMBERED + 1_808).map(|index| app.buy(&format!("{prefix}{index}"), 9_000)).collect();
    for some in others.chunks(1_000) {
        app.done(matcher, some).await;
    }
    app.clock.advance_seconds(60);
    app.done(matcher, &[app.message(Command::Resume)]).await;
}

#[tokio::test]
async fn an_order_that_comes_again_after_ten_thousand_others_is_not_applied_again() {
    let app = App::start().await;
    let mut market = app.stack.market("BTC-USD").await;
    let at = edge::clock::Clock::now(&app.clock);
    app.stack.grant("ana", "USD", "100000", at).await;
    for name in ["settled", "unsettled", "never"] {
        market.place(name, "ana", &buy("1", "100"), at).await.expect("placed");
    }
    let message = |name: &str| {
        let (app, id) = (&app, order_id(name));
        async move {
            let order = app.exchange.order(&testkit::customer("ana"), &id).await.expect("a look").expect("an order");
            Message::place(&order, &app.instrument).expect("a message")
        }
    };
    let matcher = app.matcher();
    let (settled, unsettled) = (message("settled").await, message("unsettled").await);
    let never = message("never").await;
    // One is applied, ended and settled; one is applied and ended, but its settlement is late.
    app.done(&matcher, &[settled.clone(), app.cancel("settled")]).await;
    market.settle().await.expect("settled");
    app.done(&matcher, &[unsettled.clone(), app.cancel("unsettled")]).await;
    make_it_forget(&app, &matcher, "x").await;
    let head = app.head().await;
    let late = [settled, unsettled];
    for matcher in [&matcher, &app.matcher()] {
        app.done(matcher, &late).await;
        let without: Vec<_> = late.iter().map(|message| Message { placed_at: None, ..message.clone() }).collect();
        app.done(matcher, &without).await;
        assert_eq!(app.head().await, head, "nothing is applied");
    }
    // One that was never there is taken in, as old as it is, and known from then on.
    for _ in 0..2 {
        app.done(&matcher, std::slice::from_ref(&never)).await;
        assert_eq!((app.head().await, app.placed("never").await), (head + 1, 1));
    }
    assert_eq!(app.replayed().await.bids.len(), 1);
    market.follow().await.expect("the journal replays");
    // An order without a row has locked nothing: an old one is not taken in.
    let mut without_row = app.buy("without a row", 9_000);
    without_row.placed_at = Some(at.millis());
    app.done(&matcher, &[without_row]).await;
    assert_eq!(app.head().await, head + 1);
}
