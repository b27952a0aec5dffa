//! Where the money of a purchase goes, and that it always adds up.

use aws::vouchers::Purchased;
use domain::{
    account::{AccountStatus, Changed},
    transfer::{Rejection, State as Hold, SystemAccount},
    voucher::{INSUFFICIENT_FUNDS, Notice, State, Status},
};
use testkit::{Stack, buy_from, buy_paid, delivered, money, phone, refused};

use super::{assert_of_one_mind, system, transfer_of};
use crate::{assert_clean, now};

#[tokio::test]
async fn a_delivered_purchase_pays_the_supplier_and_a_refused_one_gives_the_money_back() {
    let stack = Stack::start().await;
    let ledger = stack.ledger();
    let account = stack.account("alice", "USD", "20", now()).await;
    let plan = stack.product("plan", "5").await;
    for (name, outcome) in [("a", delivered("1")), ("b", refused())] {
        let purchase = stack.bought(&buy_from(name, "alice", &account.id, &plan), now()).await;
        assert_of_one_mind(&stack, &purchase, "open").await;
        assert_eq!(ledger.account(&account.id).await.unwrap().unwrap().balance.held, money("5", "USD"));
        let purchase = stack.settle(&purchase.id, &outcome, now().plus_seconds(5)).await;
        assert_of_one_mind(&stack, &purchase, "settled").await;
    }
    let balance = ledger.account(&account.id).await.unwrap().unwrap().balance;
    assert_eq!([balance.posted, balance.held, balance.available], ["15", "0", "15"].map(|text| money(text, "USD")));
    assert_eq!(system(&stack, SystemAccount::Supplier).await, money("5", "USD"));
    assert_eq!(system(&stack, SystemAccount::Losses).await, money("0", "USD"));
}

#[tokio::test]
async fn a_late_success_is_a_loss_of_the_bank_once_and_the_books_stay_at_zero() {
    let stack = Stack::start().await;
    let account = stack.account("alice", "USD", "20", now()).await;
    let plan = stack.product("plan", "5").await;
    for command in [buy_from("a", "alice", &account.id, &plan), buy_paid("p", "client", "paid-1", &plan)] {
        let purchase = stack.bought(&command, now()).await;
        stack.settle(&purchase.id, &refused(), now().plus_seconds(5)).await;
        for code in ["1", "1", "2"] {
            let late = stack.settle(&purchase.id, &delivered(code), now().plus_seconds(50)).await;
            assert!(late.is_late_success() && late.status() == Status::Failed, "{late:?}");
            assert_of_one_mind(&stack, &late, "late").await;
        }
    }
    assert_eq!(system(&stack, SystemAccount::Supplier).await, money("10", "USD"));
    assert_eq!(system(&stack, SystemAccount::Losses).await, money("10", "USD").negated());
    let balance = stack.ledger().account(&account.id).await.unwrap().unwrap().balance;
    assert_eq!(balance.available, money("20", "USD"), "the customer has all of it");
}

#[tokio::test]
async fn a_partners_purchase_is_booked_when_it_is_delivered_and_only_then() {
    let stack = Stack::start().await;
    let plan = stack.product("plan", "5").await;
    for (name, outcome) in [("a", delivered("1")), ("b", refused())] {
        let purchase = stack.bought(&buy_paid(name, "client", name, &plan), now()).await;
        assert_of_one_mind(&stack, &purchase, "open").await;
        let purchase = stack.settle(&purchase.id, &outcome, now().plus_seconds(5)).await;
        assert_of_one_mind(&stack, &purchase, "settled").await;
    }
    assert_eq!(system(&stack, SystemAccount::CashIn).await, money("5", "USD").negated());
    assert_eq!(system(&stack, SystemAccount::Supplier).await, money("5", "USD"));
}

#[tokio::test]
async fn one_payment_reference_is_one_purchase_of_its_client() {
    let stack = Stack::start().await;
    let plan = stack.product("plan", "5").await;
    let first = stack.bought(&buy_paid("a", "client", "paid-1", &plan), now()).await;
    let repeated = domain::voucher::buy(&buy_paid("a", "client", "paid-1", &plan), Some(&plan), None, now()).unwrap();
    match stack.vouchers().buy(&stack.ledger(), &repeated).await {
        Ok(Purchased::Before(before)) => assert_eq!(before, first, "its own reference is taken by itself"),
        other => panic!("{other:?}"),
    }
    let taken = stack.buy(&buy_paid("b", "client", "paid-1", &plan), now()).await;
    assert!(matches!(taken, Ok(Purchased::ReferenceTaken)), "{taken:?}");
    assert_eq!(stack.vouchers().purchase(&testkit::voucher_id("b")).await.unwrap(), None, "nothing is left behind");
    stack.bought(&buy_paid("b", "client", "paid-2", &plan), now()).await;
    stack.bought(&buy_paid("c", "other", "paid-1", &plan), now()).await;
}

#[tokio::test]
async fn funds_that_ran_out_since_the_decision_are_remembered_as_a_refusal_of_hold_and_purchase() {
    let stack = Stack::start().await;
    let (vouchers, ledger) = (stack.vouchers(), stack.ledger());
    let account = stack.account("alice", "USD", "4.99", now()).await;
    let plan = stack.product("plan", "5").await;
    let mut rich = account.clone();
    rich.balance.available = money("5", "USD");
    let command = buy_from("a", "alice", &account.id, &plan);
    let decided = domain::voucher::buy(&command, Some(&plan), Some(&rich), now()).expect("it could pay");
    assert!(decided.purchase.state.is_open());
    let purchase = match vouchers.buy(&ledger, &decided).await {
        Ok(Purchased::Done(purchase)) => purchase,
        other => panic!("{other:?}"),
    };
    assert!(matches!(&purchase.state, State::Refused { reason, .. } if reason == INSUFFICIENT_FUNDS), "{purchase:?}");
    assert_eq!(purchase.notice, Notice::Answered);
    assert!(matches!(transfer_of(&stack, &purchase).await, Some(Hold::Rejected { .. })));
    assert_eq!(vouchers.purchase(&command.id).await.unwrap(), Some(purchase.clone()));
    assert_eq!(vouchers.of_phone(&phone(), 10).await.unwrap(), [], "nothing was bought for the phone");
    // A known no never becomes a late yes, not even when it was decided anew.
    stack.transfer(&testkit::command("d", None, Some(&account.id), money("50", "USD")), now()).await.expect("posted");
    for answer in [vouchers.buy(&ledger, &decided).await, stack.buy(&command, now()).await] {
        assert!(matches!(&answer, Ok(Purchased::Before(before)) if *before == purchase), "{answer:?}");
    }
    assert_clean(&ledger).await;
}

#[tokio::test]
async fn a_frozen_account_buys_nothing_and_yet_pays_for_what_it_has_ordered() {
    let stack = Stack::start().await;
    let (vouchers, ledger) = (stack.vouchers(), stack.ledger());
    let account = stack.account("alice", "USD", "20", now()).await;
    let plan = stack.product("plan", "5").await;
    let (paid, freed) = (buy_from("a", "alice", &account.id, &plan), buy_from("b", "alice", &account.id, &plan));
    stack.bought(&paid, now()).await;
    stack.bought(&freed, now()).await;
    let decided = buy_from("c", "alice", &account.id, &plan);
    let decided = domain::voucher::buy(&decided, Some(&plan), Some(&account), now()).expect("it may");
    let changed = Changed { status: AccountStatus::Frozen, overdraft: account.overdraft };
    let before = ledger.account(&account.id).await.unwrap().unwrap();
    ledger.change_account(&before, &changed, None).await.expect("frozen");
    let answer = vouchers.buy(&ledger, &decided).await;
    assert!(matches!(answer, Ok(Purchased::Refused(Rejection::AccountFrozen))), "{answer:?}");
    assert_eq!(vouchers.purchase(&decided.purchase.id).await.unwrap(), None, "nothing is remembered");
    let done = stack.settle(&paid.id, &delivered("1"), now().plus_seconds(5)).await;
    assert_of_one_mind(&stack, &done, "delivered").await;
    let done = stack.settle(&freed.id, &refused(), now().plus_seconds(5)).await;
    assert_of_one_mind(&stack, &done, "refused").await;
    let balance = ledger.account(&account.id).await.unwrap().unwrap().balance;
    assert_eq!([balance.posted, balance.held, balance.available], ["15", "0", "15"].map(|text| money(text, "USD")));
    assert_clean(&ledger).await;
}

#[tokio::test]
async fn a_hold_of_any_other_kind_is_not_captured_from_a_frozen_account() {
    use aws::ledger::transfers::{Posted, Resolved};
    let stack = Stack::start().await;
    let ledger = stack.ledger();
    let (alice, shop) =
        (stack.account("alice", "USD", "20", now()).await, stack.account("shop", "USD", "0", now()).await);
    let wish = testkit::hold("h", &alice.id, Some(&shop.id), money("5", "USD"), 60);
    let Ok(Posted::Done(hold)) = stack.transfer(&wish, now()).await else { panic!("held") };
    let changed = Changed { status: AccountStatus::Frozen, overdraft: alice.overdraft };
    let before = ledger.account(&alice.id).await.unwrap().unwrap();
    ledger.change_account(&before, &changed, None).await.expect("frozen");
    let capture = hold.capture(None, now()).expect("it is pending");
    let answer = ledger.resolve(&hold, &capture, None).await;
    assert!(matches!(answer, Ok(Resolved::Refused(Rejection::AccountFrozen))), "{answer:?}");
}
