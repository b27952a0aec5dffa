use std::time::Duration;

use domain::voucher::Notice;
use edge::clock::Clock;
use futures::{
    StreamExt,
    future::{Either, select},
    stream,
};
use testkit::{ManualClock, delivered, refused};

use crate::app::{App, Reply, buy, buy_waiting, id_of};

/// A request whose process dies once its purchase is there.
async fn die_waiting(app: &App, key: &str, account: &domain::account::Account, seconds: u32) {
    let id = id_of("alice", key);
    let request = std::pin::pin!(app.send(buy_waiting("alice", key, account, seconds)));
    let seen = std::pin::pin!(app.appears(&id));
    match select(request, seen).await {
        Either::Left((reply, _)) => panic!("answered: {reply:?}"),
        Either::Right((purchase, _)) => assert!(matches!(purchase.notice, Notice::Waiting { .. })),
    }
}

#[tokio::test]
async fn an_outcome_within_the_wait_is_answered_and_no_sms_sent() {
    let app = App::start().await;
    let account = app.account("alice", "20.00").await;
    for (key, outcome, told) in [("k1", delivered("ABC-1"), "201 delivered"), ("k2", refused(), "201 failed")] {
        let id = id_of("alice", key);
        let request = app.send(buy_waiting("alice", key, &account, 25));
        let settling = async {
            app.appears(&id).await;
            app.settle(&id, &outcome).await
        };
        let (reply, _) = tokio::join!(request, settling);
        assert_eq!((reply.told().as_str(), reply.header("preference-applied")), (told, Some("wait=25")));
        assert_eq!(app.purchase(&id).await.notice, Notice::Answered);
        let again = app.send(buy("alice", key, &account)).await;
        assert_eq!(again.told(), format!("{told} replayed"));
        assert_eq!(again.body, reply.body);
    }
    let failed = app.send(buy("alice", "k2", &account)).await.body;
    assert_eq!(failed["message"], "The order failed and you were not charged. Support: +1 555 0100");
    assert!(app.sms().await.is_empty());
    assert_eq!(app.balance(&account).await, "15.00 0.00 15.00");
    app.assert_clean().await;
}

#[tokio::test]
async fn when_the_wait_is_over_an_sms_is_promised() {
    let app = App::start().await;
    let account = app.account("alice", "20.00").await;
    let id = id_of("alice", "k");
    // More than 25 seconds is not waited.
    let request = app.send(buy_waiting("alice", "k", &account, 100));
    let time = async {
        app.appears(&id).await;
        app.clock.advance_seconds(25);
    };
    let (reply, ()) = tokio::join!(request, time);
    assert_eq!((reply.told().as_str(), reply.header("preference-applied")), ("202 processing", Some("wait=25")));
    assert_eq!(app.purchase(&id).await.notice, Notice::Sms);
    app.settle(&id, &delivered("ABC-1")).await;
    assert_eq!(app.sms().await.len(), 1);
    assert_eq!(app.told(buy_waiting("alice", "k", &account, 25)).await, "202 processing replayed");
}

#[tokio::test]
async fn an_unknown_outcome_is_shown_as_such() {
    let app = App::start().await;
    let account = app.account("alice", "20.00").await;
    let id = id_of("alice", "k");
    let request = app.send(buy_waiting("alice", "k", &account, 10));
    let time = async {
        let purchase = app.appears(&id).await.submit(app.clock.now()).expect("submitted");
        app.stores.vouchers.save(&purchase).await.expect("written");
        app.settle(&id, &domain::voucher::Outcome::Unknown { acknowledged: false }).await;
        app.clock.advance_seconds(10);
    };
    let (reply, ()) = tokio::join!(request, time);
    assert_eq!(reply.told(), "202 unknown");
    assert!(reply.body["message"].as_str().is_some_and(|message| message.contains("stays reserved")));
    assert_eq!(app.balance(&account).await, "20.00 5.00 15.00");
}

#[tokio::test]
async fn no_wait_and_nonsense_promise_an_sms_at_once() {
    let app = App::start().await;
    let account = app.account("alice", "50.00").await;
    for (key, prefer) in [("k1", "wait=0"), ("k2", "wait=-1"), ("k3", "wait=soon"), ("k4", "respond-async"), ("k5", "")]
    {
        let reply = app.send(buy("alice", key, &account).header("Prefer", prefer)).await;
        assert_eq!((reply.told().as_str(), reply.header("preference-applied")), ("202 processing", None), "{prefer}");
        assert_eq!(app.purchase(&id_of("alice", key)).await.notice, Notice::Sms);
    }
}

#[tokio::test]
async fn an_account_that_cannot_pay_keeps_nobody_waiting() {
    let app = App::start().await;
    let account = app.account("alice", "1.00").await;
    assert_eq!(app.told(buy_waiting("alice", "k", &account, 25)).await, "422 insufficient_funds");
}

/// The outcome comes exactly when the wait ends, again and again: it is told once, here or by SMS.
#[tokio::test]
async fn an_outcome_at_the_very_end_of_the_wait_is_told_exactly_once() {
    let app = App::start().await;
    let account = app.account("alice", "500.00").await;
    let race = |round: u64| {
        let (app, account) = (&app, &account);
        async move {
            let (clock, key) = (ManualClock::default(), format!("k{round}"));
            let id = id_of("alice", &key);
            let settling = async {
                app.appears(&id).await;
                app.settle_at(&id, &delivered(&key.to_uppercase()), &clock).await
            };
            // Somewhere between long before the outcome and long after it.
            let time = async {
                app.appears(&id).await;
                tokio::time::sleep(Duration::from_micros(round * 500)).await;
                clock.advance_seconds(1);
            };
            tokio::join!(app.send_by(&clock, buy_waiting("alice", &key, account, 1)), settling, time).0
        }
    };
    let replies: Vec<Reply> = stream::iter(0..50).map(race).buffered(10).collect().await;
    let here: Vec<_> = replies.iter().filter(|reply| reply.status == 201).map(Reply::id).collect();
    let later: Vec<_> = replies.iter().filter(|reply| reply.status == 202).map(Reply::id).collect();
    assert_eq!(here.len() + later.len(), 50, "{replies:?}");
    let mut told: Vec<_> =
        app.sms().await.iter().map(|sms| sms["message_id"].as_str().unwrap_or_default().to_owned()).collect();
    told.sort();
    let mut promised: Vec<_> = later.iter().map(|id| format!("voucher-{id}")).collect();
    promised.sort();
    assert_eq!(told, promised, "an SMS for each 202 and for no 201");
    for reply in replies.iter().filter(|reply| reply.status == 201) {
        assert_eq!(reply.told(), "201 delivered");
        assert_eq!(app.purchase(&reply.id()).await.notice, Notice::Answered);
    }
    for id in later {
        assert_eq!(app.purchase(&id).await.notice, Notice::Queued);
    }
    assert_eq!(app.balance(&account).await, "250.00 0.00 250.00");
    app.assert_clean().await;
}

#[tokio::test]
async fn while_the_first_request_may_still_answer_another_is_told_to_come_back() {
    let app = App::start().await;
    let account = app.account("alice", "20.00").await;
    die_waiting(&app, "k", &account, 20).await;
    for request in [buy("alice", "k", &account), buy_waiting("alice", "k", &account, 5)] {
        let reply = app.send(request).await;
        assert_eq!((reply.told().as_str(), reply.header("retry-after")), ("409 request_in_progress", Some("1")));
    }
    // Also when the outcome is there: the first one is about to tell it.
    app.settle(&id_of("alice", "k"), &delivered("ABC-1")).await;
    app.clock.advance_seconds(24);
    assert_eq!(app.told(buy("alice", "k", &account)).await, "409 request_in_progress");
}

#[tokio::test]
async fn in_the_place_of_a_request_that_died_the_next_one_is_answered() {
    let app = App::start().await;
    let account = app.account("alice", "20.00").await;
    // Without a wait: an SMS is promised.
    die_waiting(&app, "k1", &account, 20).await;
    app.clock.advance_seconds(25);
    assert_eq!(app.told(buy("alice", "k1", &account)).await, "202 processing replayed");
    assert_eq!(app.purchase(&id_of("alice", "k1")).await.notice, Notice::Sms);
    // With the outcome there: it is told here.
    die_waiting(&app, "k2", &account, 20).await;
    app.settle(&id_of("alice", "k2"), &delivered("ABC-2")).await;
    app.clock.advance_seconds(25);
    assert_eq!(app.told(buy("alice", "k2", &account)).await, "201 delivered replayed");
    // With a wait of its own.
    die_waiting(&app, "k3", &account, 20).await;
    app.clock.advance_seconds(25);
    let id = id_of("alice", "k3");
    let settling = async {
        let mine = Notice::Waiting { until: app.clock.now().plus_seconds(7) };
        while app.purchase(&id).await.notice != mine {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        app.settle(&id, &delivered("ABC-3")).await
    };
    let (reply, _) = tokio::join!(app.send(buy_waiting("alice", "k3", &account, 7)), settling);
    assert_eq!((reply.told().as_str(), reply.header("preference-applied")), ("201 delivered replayed", Some("wait=7")));
    assert!(app.sms().await.is_empty());
    // A result that comes after the death goes by SMS.
    die_waiting(&app, "k4", &account, 20).await;
    app.clock.advance_seconds(25);
    app.settle(&id_of("alice", "k4"), &delivered("ABC-4")).await;
    assert_eq!(app.sms().await.len(), 1);
    assert_eq!(app.told(buy("alice", "k4", &account)).await, "202 processing replayed");
}

#[tokio::test]
async fn a_waiting_request_whose_place_was_taken_tells_nothing() {
    let app = App::start().await;
    let account = app.account("alice", "20.00").await;
    let id = id_of("alice", "k");
    let first = app.send(buy_waiting("alice", "k", &account, 5));
    let taking = async {
        let before = app.appears(&id).await;
        let taken = before.wait(app.clock.now().plus_seconds(60), app.clock.now().plus_seconds(10)).expect("taken");
        app.stores.vouchers.save(&taken).await.expect("written");
        app.clock.advance_seconds(6);
    };
    let (reply, ()) = tokio::join!(first, taking);
    assert_eq!(reply.told(), "409 request_in_progress");
    assert!(matches!(app.purchase(&id).await.notice, Notice::Waiting { .. }));
}

/// Somebody's process stands still while the outcome comes, and goes on so long after the end of its wait.
async fn stand_still(app: &App, key: &str, account: &domain::account::Account, seconds: i64) -> Reply {
    let id = id_of("alice", key);
    let request = std::pin::pin!(app.send(buy_waiting("alice", key, account, 5)));
    let seen = std::pin::pin!(app.appears(&id));
    let Either::Right((_, request)) = select(request, seen).await else { panic!("answered") };
    app.settle(&id, &delivered("ABC-1")).await;
    app.clock.advance_seconds(5 + seconds);
    request.await
}

#[tokio::test]
async fn an_answer_that_would_come_too_late_is_left_to_the_sms() {
    let app = App::start().await;
    let account = app.account("alice", "20.00").await;
    assert_eq!(stand_still(&app, "k1", &account, 2).await.told(), "201 delivered");
    let late = stand_still(&app, "k2", &account, 3).await;
    assert_eq!(late.told(), "202 processing");
    assert!(!late.body.to_string().contains("ABC-1"), "{}", late.body);
    let purchase = app.purchase(&id_of("alice", "k2")).await;
    assert!(matches!(purchase.notice, Notice::Waiting { .. }), "vouchers-reconcile promises the SMS and sends it");
    assert!(purchase.stand_in(app.clock.now().plus_seconds(2)).is_some_and(|purchase| purchase.owes_sms()));
}
