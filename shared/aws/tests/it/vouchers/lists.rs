//! What the indexes know: a phone's vouchers, and what must be looked at.

use aws::vouchers::Saved;
use domain::{
    customer::PhoneNumber,
    voucher::{Buy, Outcome},
};
use testkit::{PATIENCE, Stack, buy_from, buy_paid, delivered, phone, refused, voucher_id};

use crate::now;

#[tokio::test]
async fn a_phones_vouchers_are_listed_newest_first_whoever_bought_them() {
    let stack = Stack::start().await;
    let vouchers = stack.vouchers();
    let account = stack.account("alice", "USD", "12", now()).await;
    let plan = stack.product("plan", "5").await;
    let other = PhoneNumber::parse("+14155550123").expect("a phone");
    stack.bought(&buy_from("a", "alice", &account.id, &plan), now()).await;
    stack.bought(&buy_paid("b", "client", "paid", &plan), now().plus_seconds(1)).await;
    stack.bought(&Buy { phone: other.clone(), ..buy_paid("c", "client", "more", &plan) }, now()).await;
    stack.bought(&buy_from("d", "alice", &account.id, &plan), now().plus_seconds(2)).await;
    // Never paid for.
    stack.buy(&buy_from("e", "alice", &account.id, &plan), now().plus_seconds(3)).await.expect("remembered");
    let done = stack.settle(&voucher_id("b"), &delivered("1"), now().plus_seconds(9)).await;
    let failed = stack.settle(&voucher_id("a"), &refused(), now().plus_seconds(9)).await;
    let listed = vouchers.of_phone(&phone(), 1_000).await.unwrap();
    let ids: Vec<_> = listed.iter().map(|purchase| purchase.id.clone()).collect();
    assert_eq!(ids, ["d", "b", "a"].map(voucher_id));
    assert_eq!(listed[1..], [done, failed], "as they stand, code included");
    assert_eq!(vouchers.of_phone(&phone(), 2).await.unwrap(), listed[..2]);
    assert_eq!(vouchers.of_phone(&other, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_purchase_is_due_as_long_as_something_is_left_to_do_and_no_longer() {
    let stack = Stack::start().await;
    let vouchers = stack.vouchers();
    let account = stack.account("alice", "USD", "100", now()).await;
    let plan = stack.product("plan", "5").await;
    let mut purchase = stack.bought(&buy_from("a", "alice", &account.id, &plan), now()).await;
    let due_from = async |seconds: i64| {
        let (before, at) = (now().plus_seconds(seconds).plus_millis(-1), now().plus_seconds(seconds));
        assert_eq!(vouchers.due(before, 10).await.unwrap(), [], "{seconds}");
        assert_eq!(vouchers.due(at, 10).await.unwrap(), [voucher_id("a")], "{seconds}");
    };
    due_from(PATIENCE.resend_seconds).await;
    purchase = purchase.submit(now().plus_seconds(1)).expect("submitted");
    assert_eq!(vouchers.save(&purchase).await.unwrap(), Saved::Done);
    due_from(1 + PATIENCE.deadline_seconds + PATIENCE.resend_seconds).await;
    stack.settle(&purchase.id, &Outcome::Unknown { acknowledged: false }, now().plus_seconds(100)).await;
    due_from(130).await;
    purchase = stack.settle(&purchase.id, &delivered("1"), now().plus_seconds(140)).await;
    due_from(140 + PATIENCE.resend_seconds).await;
    assert_eq!(vouchers.save(&purchase.queued().expect("an SMS is due")).await.unwrap(), Saved::Done);
    assert_eq!(vouchers.due(now().plus_seconds(1_000_000), 10).await.unwrap(), []);
}

#[tokio::test]
async fn the_longest_overdue_come_first_whatever_their_shard() {
    let stack = Stack::start().await;
    let vouchers = stack.vouchers();
    let plan = stack.product("plan", "5").await;
    let mut expected = Vec::new();
    for index in 0..30 {
        let name = format!("v{index}");
        stack.bought(&buy_paid(&name, "client", &name, &plan), now().plus_seconds(index)).await;
        expected.push(voucher_id(&name));
    }
    let later = now().plus_seconds(10_000);
    assert_eq!(vouchers.due(later, 100).await.unwrap(), expected);
    assert_eq!(vouchers.due(later, 7).await.unwrap(), expected[..7]);
    assert_eq!(vouchers.due(now().plus_seconds(PATIENCE.resend_seconds + 4), 100).await.unwrap(), expected[..5]);
}

#[tokio::test]
async fn purchases_are_counted_that_are_unknown_since_long() {
    let stack = Stack::start().await;
    let vouchers = stack.vouchers();
    let plan = stack.product("plan", "5").await;
    for (name, submitted) in [("a", 0), ("b", 3_600), ("c", 7_200), ("d", 7_200)] {
        let purchase = stack.bought(&buy_paid(name, "client", name, &plan), now()).await;
        let submitted = purchase.submit(now().plus_seconds(submitted)).expect("submitted");
        assert_eq!(vouchers.save(&submitted).await.unwrap(), Saved::Done);
        if name != "d" {
            stack.settle(&purchase.id, &Outcome::Unknown { acknowledged: false }, now().plus_seconds(7_300)).await;
        }
    }
    stack.bought(&buy_paid("e", "client", "e", &plan), now()).await;
    for (seconds, count) in [(-1, 0), (0, 1), (3_599, 1), (3_600, 2), (7_200, 3), (1_000_000, 3)] {
        assert_eq!(vouchers.unknown_for(now().plus_seconds(seconds)).await.unwrap(), count, "{seconds}");
    }
    stack.settle(&voucher_id("a"), &delivered("1"), now().plus_seconds(8_000)).await;
    assert_eq!(vouchers.unknown_for(now().plus_seconds(1_000_000)).await.unwrap(), 2);
}
