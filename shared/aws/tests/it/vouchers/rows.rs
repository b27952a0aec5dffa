//! What is written is read back, whatever state it is in, and only over the version it was decided from.

use aws::vouchers::{Purchased, Saved, Vouchers};
use domain::{
    transfer,
    voucher::{MoneyMove, Notice, Outcome, ProductStatus, Purchase, Settlement, State, Status},
};
use testkit::{Lossy, PATIENCE, Stack, buy_from, buy_paid, delivered, money, product, refused, voucher_id};

use crate::now;

#[tokio::test]
async fn every_state_of_a_purchase_reads_back_as_it_was_written() {
    let stack = Stack::start().await;
    let (vouchers, ledger) = (stack.vouchers(), stack.ledger());
    let account = stack.account("alice", "USD", "100", now()).await;
    let plan = stack.product("plan", "5").await;
    for (name, command) in
        [("a", buy_from("a", "alice", &account.id, &plan)), ("p", buy_paid("p", "client", "paid#1", &plan))]
    {
        let command = domain::voucher::Buy { wait_until: Some(now().plus_seconds(25)), ..command };
        let mut purchase = stack.bought(&command, now()).await;
        assert_eq!(vouchers.purchase(&voucher_id(name)).await.unwrap().as_ref(), Some(&purchase));
        let steps: [fn(&Purchase) -> Option<Purchase>; 8] = [
            |purchase| purchase.submit(now()),
            |purchase| purchase.put_back(now().plus_seconds(1)),
            |purchase| purchase.submit(now().plus_seconds(2)),
            |purchase| purchase.order_again(now().plus_seconds(3)),
            |purchase| purchase.submit(now().plus_seconds(3)),
            |purchase| purchase.stop_waiting(),
            |purchase| purchase.ask(false, 30, now().plus_seconds(4)),
            |purchase| purchase.ask(true, 30, now().plus_seconds(34)),
        ];
        for next in steps {
            purchase = next(&purchase).expect("a step");
            assert_eq!(vouchers.save(&purchase).await.unwrap(), Saved::Done);
            assert_eq!(vouchers.purchase(&purchase.id).await.unwrap().as_ref(), Some(&purchase));
        }
        for outcome in [refused(), delivered("LATE-1")] {
            let Settlement::Changes(next, money) = purchase.settle(&outcome, 30, now().plus_seconds(60)) else {
                panic!("it changes something");
            };
            assert_eq!(vouchers.settle(&ledger, &next, &money, now().plus_seconds(60)).await.unwrap(), Saved::Done);
            assert_eq!(vouchers.purchase(&purchase.id).await.unwrap().as_ref(), Some(&*next));
            purchase = *next;
        }
        assert!(purchase.is_late_success());
        let queued = purchase.queued().expect("an SMS was promised");
        assert_eq!(vouchers.save(&queued).await.unwrap(), Saved::Done);
        assert_eq!(vouchers.purchase(&purchase.id).await.unwrap().map(|row| row.notice), Some(Notice::Queued));
    }
    let command = buy_from("d", "alice", &account.id, &plan);
    stack.bought(&command, now()).await;
    let done = stack.settle(&command.id, &delivered("CODE-7"), now().plus_seconds(9)).await;
    assert!(matches!(&done.state, State::Delivered { code, supplier_order: Some(_), .. } if code.as_str() == "CODE-7"));
    assert_eq!(vouchers.purchase(&command.id).await.unwrap(), Some(done));
}

#[tokio::test]
async fn a_change_decided_from_an_old_version_is_not_written_and_learns_how_it_stands() {
    let stack = Stack::start().await;
    let (vouchers, ledger) = (stack.vouchers(), stack.ledger());
    let account = stack.account("alice", "USD", "100", now()).await;
    let plan = stack.product("plan", "5").await;
    let purchase = stack.bought(&buy_from("a", "alice", &account.id, &plan), now()).await;
    let submitted = purchase.submit(now()).expect("submitted");
    assert_eq!(vouchers.save(&submitted).await.unwrap(), Saved::Done);
    let twin = purchase.submit(now()).expect("submitted");
    assert_eq!(twin, submitted, "the same moment, the same words");
    assert_eq!(
        vouchers.save(&twin).await.unwrap(),
        Saved::Stale(Box::new(submitted.clone())),
        "and yet only one of two workers has written it"
    );
    for outcome in [delivered("1"), refused()] {
        let Settlement::Changes(next, money) = purchase.settle(&outcome, 30, now()) else { panic!("it settles") };
        let saved = vouchers.settle(&ledger, &next, &money, now()).await.unwrap();
        assert_eq!(saved, Saved::Stale(Box::new(submitted.clone())));
    }
    assert_eq!(vouchers.purchase(&purchase.id).await.unwrap(), Some(submitted));
    let hold = ledger.transfer(purchase.funding.transfer()).await.unwrap().unwrap();
    assert!(matches!(hold.state, transfer::State::Pending { .. }), "{hold:?}");
}

#[tokio::test]
async fn money_that_stands_otherwise_than_its_purchase_is_reported_and_not_papered_over() {
    let stack = Stack::start().await;
    let (vouchers, ledger) = (stack.vouchers(), stack.ledger());
    let account = stack.account("alice", "USD", "100", now()).await;
    let plan = stack.product("plan", "5").await;
    let purchase = stack.bought(&buy_from("a", "alice", &account.id, &plan), now()).await;
    let hold = ledger.transfer(purchase.funding.transfer()).await.unwrap().unwrap();
    // Behind the purchase's back, which nothing of ours does.
    let void = hold.void(now()).unwrap().unwrap();
    ledger.resolve(&hold, &void, None).await.unwrap();
    for outcome in [delivered("1"), refused()] {
        let Settlement::Changes(next, money) = purchase.settle(&outcome, 30, now()) else { panic!("it settles") };
        let answer = vouchers.settle(&ledger, &next, &money, now()).await;
        assert!(matches!(answer, Err(aws::store::StoreError::Corrupt(_))), "{answer:?}");
    }
    let Settlement::Changes(next, MoneyMove::Stays) =
        purchase.submit(now()).unwrap().settle(&Outcome::Unknown { acknowledged: false }, 30, now())
    else {
        panic!("it settles")
    };
    let answer = vouchers.settle(&ledger, &next, &MoneyMove::Capture(hold.id), now()).await;
    assert!(matches!(answer, Ok(Saved::Stale(_))), "one that is late as well decides anew first: {answer:?}");
    assert_eq!(vouchers.purchase(&purchase.id).await.unwrap().map(|row| row.status()), Some(Status::Processing));
}

#[tokio::test]
async fn products_are_taken_changed_and_withdrawn_by_version() {
    let stack = Stack::start().await;
    let vouchers = stack.vouchers();
    let plan = stack.product("plan", "5").await;
    let bare = domain::voucher::Product { data_mb: None, validity_days: None, ..product("bare", "0.50") };
    assert_eq!(vouchers.create_product(&bare).await.unwrap(), Saved::Done);
    assert_eq!(vouchers.create_product(&product("plan", "6")).await.unwrap(), Saved::Stale(Box::new(plan.clone())));
    assert_eq!(vouchers.products().await.unwrap(), [bare, plan.clone()]);
    let withdrawn = domain::voucher::Product { status: ProductStatus::Withdrawn, version: 2, ..plan.clone() };
    assert_eq!(vouchers.change_product(&withdrawn).await.unwrap(), Saved::Done);
    let late = domain::voucher::Product { price: money("7", "USD"), version: 2, ..plan.clone() };
    assert_eq!(vouchers.change_product(&late).await.unwrap(), Saved::Stale(Box::new(withdrawn.clone())));
    assert_eq!(vouchers.product(&plan.id).await.unwrap(), Some(withdrawn));
    let unknown = product("unknown", "1");
    assert!(vouchers.change_product(&unknown).await.is_err());
    assert_eq!(vouchers.product(&unknown.id).await.unwrap(), None);
}

#[tokio::test]
async fn a_product_whose_write_was_not_heard_of_is_not_taken_for_somebody_elses() {
    let stack = Stack::start().await;
    let way = Lossy::to(stack.endpoint()).await;
    let vouchers = Vouchers::new(way.environment().dynamodb(), stack.table("VouchersTable"), PATIENCE);
    let plan = product("plan", "5");
    way.lose(1);
    assert_eq!(vouchers.create_product(&plan).await.unwrap(), Saved::Done);
    assert_eq!(vouchers.create_product(&plan).await.unwrap(), Saved::Stale(Box::new(plan.clone())), "but this is");
    let dearer = domain::voucher::Product { price: money("7", "USD"), version: 2, ..plan };
    way.lose(1);
    assert_eq!(vouchers.change_product(&dearer).await.unwrap(), Saved::Done);
    assert_eq!(vouchers.change_product(&dearer).await.unwrap(), Saved::Stale(Box::new(dearer)));
}

#[tokio::test]
async fn a_purchase_under_a_known_id_is_the_known_one_even_if_it_would_be_another_now() {
    let stack = Stack::start().await;
    let (vouchers, ledger) = (stack.vouchers(), stack.ledger());
    let account = stack.account("alice", "USD", "5", now()).await;
    let (plan, dear) = (stack.product("plan", "5").await, stack.product("dear", "50").await);
    let first = stack.bought(&buy_from("a", "alice", &account.id, &plan), now()).await;
    // Decided before the first was committed: it meets the first at the rows, where there is no money either.
    for product in [&plan, &dear] {
        let command = buy_from("a", "alice", &account.id, product);
        let mut rich = account.clone();
        rich.balance.available = money("99", "USD");
        let again = domain::voucher::buy(&command, Some(product), Some(&rich), now()).expect("decided");
        match vouchers.buy(&ledger, &again).await {
            Ok(Purchased::Before(before)) => assert_eq!(before, first),
            other => panic!("{other:?}"),
        }
    }
}
