//! The life of a purchase, whatever arrives in whatever order.

use proptest::prelude::*;

use super::*;
use crate::{
    Currency,
    account::{Account, AccountStatus, Balance},
    id::derive,
    number::AccountNumber,
    transfer,
};

const T0: i64 = 1_700_000_000_000;
const PATIENCE: Patience = Patience { deadline_seconds: 125, resend_seconds: 120 };

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(T0).plus_seconds(seconds)
}

fn usd(amount: &str) -> Money {
    Money::parse(amount, Currency::parse("USD").expect("a currency")).expect("an amount")
}

fn customer(name: &str) -> CustomerId {
    CustomerId::parse(&format!("cus_{name}")).expect("a customer")
}

fn account(available: &str) -> Account {
    let money = usd(available);
    Account {
        id: AccountId::parse("acc_1").expect("an account"),
        number: AccountNumber::from_bytes([7; 16]),
        owner: customer("alice"),
        kind: "checking".into(),
        currency: money.currency(),
        status: AccountStatus::Active,
        balance: Balance { posted: money, held: Money::zero(money.currency()), available: money },
        overdraft: Money::zero(money.currency()),
        opened_at: at(-100),
        version: 1,
    }
}

fn product() -> Product {
    Product {
        id: ProductId::parse("claro-5gb").expect("a product id"),
        network: "Claro".into(),
        name: "5 GB for 30 days".into(),
        data_mb: Some(5_000),
        validity_days: Some(30),
        price: usd("5.00"),
        supplier_sku: "CL5".into(),
        status: ProductStatus::Active,
        version: 1,
    }
}

fn command(wait_until: Option<Timestamp>) -> Buy {
    Buy {
        id: VoucherId::from_bytes(derive(&["1"])),
        product: product().id,
        phone: PhoneNumber::parse("+51987654321").expect("a phone"),
        payer: Payer::Account { customer: customer("alice"), account: account("1.00").id },
        wait_until,
    }
}

fn bought(wait_until: Option<Timestamp>) -> Purchase {
    buy(&command(wait_until), Some(&product()), Some(&account("5.00")), at(0)).expect("bought").purchase
}

fn partner() -> Purchase {
    let payer = Payer::Partner { client: "client".into(), payment_reference: "p-1".into() };
    buy(&Buy { payer, ..command(None) }, Some(&product()), None, at(0)).expect("bought").purchase
}

fn delivered(code: &str) -> Outcome {
    Outcome::Delivered { code: VoucherCode::parse(code).expect("a code"), supplier_order: None }
}

fn refused() -> Outcome {
    Outcome::Refused { reason: "no stock".into() }
}

const UNKNOWN: Outcome = Outcome::Unknown { acknowledged: false };
const PROCESSING: Outcome = Outcome::Unknown { acknowledged: true };

fn changed(settlement: Settlement) -> (Purchase, MoneyMove) {
    match settlement {
        Settlement::Changes(purchase, money) => (*purchase, money),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_purchase_reserves_its_price_until_it_has_an_outcome() {
    let bought = buy(&command(None), Some(&product()), Some(&account("5.00")), at(0)).expect("bought");
    let hold = bought.hold.expect("a hold");
    assert_eq!(hold.money, usd("5.00"));
    assert_eq!(hold.status(at(5 * 365 * 24 * 3600)), transfer::Status::Pending, "years later it still holds");
    assert_eq!(hold.credit, transfer::Party::System(transfer::SystemAccount::Supplier));
    assert_eq!(&hold.id, bought.purchase.funding.transfer());
    assert_eq!(bought.purchase.status(), Status::Processing);
}

#[test]
fn an_account_that_cannot_pay_is_remembered_as_refused_and_told_in_the_answer() {
    let bought = buy(&command(None), Some(&product()), Some(&account("4.99")), at(0)).expect("decided");
    assert!(matches!(&bought.purchase.state, State::Refused { reason, .. } if reason == INSUFFICIENT_FUNDS));
    assert!(matches!(bought.hold.map(|hold| hold.state), Some(transfer::State::Rejected { .. })));
    assert_eq!(bought.purchase.notice, Notice::Answered);
    assert_eq!(bought.purchase.due_at(&PATIENCE), None);
}

#[test]
fn refusals_come_in_the_published_order() {
    let withdrawn = Product { status: ProductStatus::Withdrawn, ..product() };
    let frozen = Account { status: AccountStatus::Frozen, ..account("5.00") };
    let others = Account { owner: customer("bob"), ..account("5.00") };
    let not_found = Rejection::Account(transfer::Rejection::AccountNotFound);
    for (product, account, rejection) in [
        (None, None, Rejection::ProductNotFound),
        (Some(&withdrawn), None, not_found),
        (Some(&withdrawn), Some(&others), not_found),
        (Some(&withdrawn), Some(&frozen), Rejection::ProductWithdrawn),
        (Some(&product()), Some(&frozen), Rejection::Account(transfer::Rejection::AccountFrozen)),
    ] {
        assert_eq!(buy(&command(None), product, account, at(0)), Err(rejection));
    }
}

#[test]
fn money_follows_the_outcome() {
    for start in [bought(None), bought(None).submit(at(1)).expect("submitted")] {
        let hold = start.funding.transfer().clone();
        let (purchase, money) = changed(start.settle(&delivered("1"), 30, at(2)));
        assert_eq!((purchase.status(), money), (Status::Delivered, MoneyMove::Capture(hold.clone())));
        let (purchase, money) = changed(start.settle(&refused(), 30, at(2)));
        assert_eq!((purchase.status(), money), (Status::Failed, MoneyMove::Release(hold)));
    }
}

#[test]
fn a_partners_purchase_is_booked_on_delivery_only() {
    let purchase = partner();
    assert_eq!(changed(purchase.settle(&refused(), 30, at(1))).1, MoneyMove::Stays);
    let MoneyMove::Book(booking) = changed(purchase.settle(&delivered("1"), 30, at(1))).1 else { panic!("no booking") };
    assert_eq!(&booking.id, purchase.funding.transfer());
    assert_eq!(booking.debit, transfer::Party::System(transfer::SystemAccount::CashIn));
}

#[test]
fn an_unknown_outcome_keeps_the_money_and_is_asked_about_with_growing_pauses() {
    let submitted = bought(None).submit(at(0)).expect("submitted");
    let (mut purchase, money) = changed(submitted.settle(&UNKNOWN, 30, at(10)));
    assert_eq!((purchase.status(), money), (Status::Unknown, MoneyMove::Stays));
    let mut now = at(10);
    let mut pauses = Vec::new();
    for _ in 0..9 {
        let due = purchase.due_at(&PATIENCE).expect("due");
        pauses.push((due.millis() - now.millis()) / 1000);
        now = due;
        assert_eq!(purchase.settle(&UNKNOWN, 30, now), Settlement::Nothing);
        purchase = purchase.ask(false, 30, now).expect("asked");
    }
    assert_eq!(pauses, [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
    assert_eq!(changed(purchase.settle(&delivered("1"), 30, now)).0.status(), Status::Delivered);
}

#[test]
fn a_late_success_is_paid_by_the_bank_once() {
    let (refused_one, _) = changed(bought(None).settle(&refused(), 30, at(1)));
    let (late, money) = changed(refused_one.settle(&delivered("1"), 30, at(2)));
    let MoneyMove::Book(loss) = money else { panic!("no loss") };
    assert_eq!(loss.debit, transfer::Party::System(transfer::SystemAccount::Losses));
    assert!(late.is_late_success());
    assert_eq!(late.status(), Status::Failed, "the customer has his money");
    assert_eq!(late.settle(&delivered("1"), 30, at(3)), Settlement::Nothing);
    assert!(matches!(late.settle(&delivered("2"), 30, at(3)), Settlement::Contradiction(_)));
}

#[test]
fn an_order_that_may_have_reached_the_supplier_goes_out_again_once_and_is_never_taken_for_unsent() {
    let submitted = bought(None).submit(at(0)).expect("submitted");
    let mut purchase = submitted.order_again(at(300)).expect("it goes out again");
    assert_eq!(purchase.state, State::Held { attempts: 0, since: at(300), doubt: true });
    for attempt in 1..=MAX_ATTEMPTS {
        assert!(!purchase.is_given_up());
        purchase = purchase.submit(at(301)).expect("submitted");
        assert_eq!(purchase.order_again(at(600)), None, "only once");
        let back = purchase.put_back(at(302));
        assert_eq!(back.is_some(), attempt < MAX_ATTEMPTS, "nobody knows after the last try");
        purchase = back.unwrap_or(purchase);
    }
    let (unknown, _) = changed(purchase.settle(&UNKNOWN, 30, at(303)));
    assert_eq!(unknown.submitted_at(), Some(at(301)));
}

#[test]
fn an_order_that_waits_is_sent_again_with_growing_pauses_and_given_up_after_an_hour() {
    let mut purchase = bought(None);
    let mut moments = Vec::new();
    loop {
        let due = purchase.due_at(&PATIENCE).expect("due");
        moments.push((due.millis() - T0) / 1000);
        purchase = match purchase.give_up(30, due) {
            Some(given_up) => {
                purchase = given_up;
                break;
            }
            None => purchase.resend(due).expect("sent again"),
        };
    }
    assert_eq!(moments, [120, 240, 480, 960, 1920, 3840]);
    assert!(purchase.is_given_up());
    assert_eq!((purchase.submit(at(3841)), purchase.give_up(30, at(9_000))), (None, None));
    // Its refusal is sent again each hour.
    assert_eq!(purchase.due_at(&PATIENCE), Some(at(3840 + 3600)));
}

#[test]
fn an_order_in_doubt_that_waits_too_long_is_unknown() {
    let held = bought(None).submit(at(0)).and_then(|purchase| purchase.order_again(at(3_000))).expect("held again");
    assert_eq!(held.give_up(30, at(3_599)), None);
    let unknown = held.give_up(30, at(3_600)).expect("no longer");
    let state = State::Unknown { submitted_at: at(3_000), asked: 0, ask_at: at(3_630), acknowledged: false };
    assert_eq!((unknown.state.clone(), unknown.submit(at(3_601))), (state, None));
}

#[test]
fn what_the_supplier_said_it_has_is_never_taken_for_not_ordered() {
    let submitted = bought(None).submit(at(0)).expect("submitted");
    let not_ordered = Outcome::Refused { reason: NOT_ORDERED.into() };
    let not_acknowledged = changed(submitted.settle(&UNKNOWN, 30, at(1))).0;
    assert!(not_acknowledged.is_surely_not_ordered(600, at(600)));
    for acknowledged in [
        changed(submitted.settle(&PROCESSING, 30, at(1))).0,
        changed(not_acknowledged.settle(&PROCESSING, 30, at(2))).0,
        submitted.ask(true, 30, at(1)).expect("asked"),
        not_acknowledged.ask(true, 30, at(1)).expect("asked"),
        // A late word, when it waits to be ordered again.
        changed(submitted.order_again(at(300)).expect("again").settle(&PROCESSING, 30, at(301))).0,
    ] {
        assert_eq!(acknowledged.settle(&UNKNOWN, 30, at(400)), Settlement::Nothing);
        let later = acknowledged.ask(false, 30, at(400)).expect("asked");
        assert!(later.is_acknowledged() && !later.is_surely_not_ordered(600, at(1_000_000)));
        assert!(matches!(later.settle(&not_ordered, 30, at(401)), Settlement::Contradiction(_)));
        assert_eq!(changed(later.settle(&refused(), 30, at(401))).0.status(), Status::Failed, "its own word counts");
        assert_eq!(changed(later.settle(&delivered("1"), 30, at(401))).0.status(), Status::Delivered);
    }
}

#[test]
fn after_three_tries_that_surely_did_not_reach_the_supplier_it_is_given_up() {
    let mut purchase = bought(None);
    for attempt in 1..=MAX_ATTEMPTS {
        assert!(!purchase.is_given_up());
        purchase = purchase.submit(at(0)).expect("submitted").put_back(at(1)).expect("put back");
        assert_eq!(purchase.is_given_up(), attempt == MAX_ATTEMPTS);
    }
    assert_eq!(purchase.submit(at(2)), None);
    assert!(purchase.resend(at(300)).expect("its refusal is sent again").is_given_up());
}

#[test]
fn the_outcome_is_told_by_the_waiting_request_or_by_sms_and_never_by_both() {
    let waiting = bought(Some(at(25)));
    assert_eq!(waiting.answer(), None, "there is nothing to tell yet");
    // The outcome first: the request tells it, unless it has died.
    let (done, _) = changed(waiting.settle(&delivered("1"), 30, at(24)));
    assert!(!done.owes_sms());
    assert_eq!(done.stop_waiting(), None);
    assert_eq!(done.answer().expect("told").due_at(&PATIENCE), None);
    assert_eq!(done.stand_in(at(29)), None, "it may still answer");
    assert!(done.stand_in(at(30)).expect("it died").owes_sms());
    // The end of the wait first: an SMS is promised and kept.
    let promised = waiting.stop_waiting().expect("promised");
    let (done, _) = changed(promised.settle(&delivered("1"), 30, at(26)));
    assert!(done.owes_sms());
    assert_eq!(done.answer(), None);
    assert_eq!(done.queued().expect("queued").due_at(&PATIENCE), None);
    // A request that died without a word.
    let (done, _) = changed(waiting.settle(&delivered("1"), 30, at(60)));
    assert!(done.owes_sms());
}

#[test]
fn another_request_may_wait_in_the_place_of_one_that_died_only() {
    let waiting = bought(Some(at(25)));
    assert_eq!(waiting.wait(at(60), at(29)), None);
    assert_eq!(waiting.wait(at(60), at(30)).expect("waits").notice, Notice::Waiting { until: at(60) });
    assert_eq!(waiting.stop_waiting().expect("promised").wait(at(60), at(30)), None);
}

#[test]
fn a_difference_is_named_by_its_field() {
    let purchase = bought(None);
    let same = command(Some(at(25)));
    assert_eq!(purchase.first_difference(&same), None, "how long one waits is no part of what is bought");
    let other_phone = Buy { phone: PhoneNumber::parse("+51987654322").expect("a phone"), ..same.clone() };
    let other_product = Buy { product: ProductId::parse("x").expect("an id"), ..same.clone() };
    let payer = Payer::Account { customer: customer("alice"), account: AccountId::parse("acc_2").expect("an id") };
    let other_account = Buy { payer, ..same };
    assert_eq!(purchase.first_difference(&other_phone), Some("phone"));
    assert_eq!(purchase.first_difference(&other_product), Some("product_id"));
    assert_eq!(purchase.first_difference(&other_account), Some("account_id"));
}

#[test]
fn a_code_is_never_printed() {
    let (purchase, _) = changed(bought(None).settle(&delivered("SECRET-1"), 30, at(1)));
    assert!(!format!("{purchase:?}").contains("SECRET"));
    assert!(!format!("{purchase:?}").contains("987654321"));
}

#[derive(Clone, Debug)]
enum Step {
    Submit,
    OrderAgain,
    PutBack,
    Resend,
    Ask(bool),
    GiveUp,
    Stop,
    Answer,
    StandIn,
    Queued,
    Settle(u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Submit),
        Just(Step::OrderAgain),
        Just(Step::PutBack),
        Just(Step::Resend),
        any::<bool>().prop_map(Step::Ask),
        Just(Step::GiveUp),
        Just(Step::Stop),
        Just(Step::Answer),
        Just(Step::StandIn),
        Just(Step::Queued),
        (0..6u8).prop_map(Step::Settle),
    ]
}

proptest! {
    /// Whatever happens in whatever order: money moves once and as the state says, the outcome is told once.
    #[test]
    fn money_and_notice_follow_the_state(waits in any::<bool>(), steps in proptest::collection::vec((step(), 0..40i64), 0..40)) {
        let mut purchase = bought(waits.then(|| at(25)));
        let (mut captured, mut released, mut lost, mut told) = (0, 0, 0, 0);
        let mut now = at(0);
        for (step, pause) in steps {
            now = now.plus_seconds(pause);
            let before = purchase.clone();
            let next = match step {
                Step::Submit => purchase.submit(now),
                Step::OrderAgain => purchase.order_again(now),
                Step::PutBack => purchase.put_back(now),
                Step::Resend => purchase.resend(now),
                Step::Ask(acknowledged) => purchase.ask(acknowledged, 30, now),
                Step::GiveUp => purchase.give_up(30, now),
                Step::Stop => purchase.stop_waiting(),
                Step::Answer => purchase.answer().inspect(|_| told += 1),
                Step::StandIn => purchase.stand_in(now),
                Step::Queued => purchase.queued().inspect(|_| told += 1),
                Step::Settle(kind) => {
                    let outcome = match kind {
                        0 => delivered("A"),
                        1 => delivered("B"),
                        2 => refused(),
                        3 => UNKNOWN,
                        4 => PROCESSING,
                        _ => Outcome::Refused { reason: NOT_ORDERED.into() },
                    };
                    match purchase.settle(&outcome, 30, now) {
                        Settlement::Changes(next, money) => {
                            match money {
                                MoneyMove::Capture(_) => captured += 1,
                                MoneyMove::Release(_) => released += 1,
                                MoneyMove::Book(_) => lost += 1,
                                MoneyMove::Stays => prop_assert!(next.state.is_open()),
                            }
                            Some(*next)
                        }
                        _ => None,
                    }
                }
            };
            if let Some(next) = next {
                prop_assert_eq!(next.version, before.version + 1);
                prop_assert!(before.state.is_open() || !next.state.is_open(), "an outcome is final");
                if before.is_acknowledged() {
                    let ours = matches!(&next.state, State::Refused { reason, .. } if reason == NOT_ORDERED);
                    prop_assert!(!ours && (next.is_acknowledged() || !next.state.is_open()), "{:?}", next.state);
                }
                purchase = next;
            }
            prop_assert_eq!(captured, i32::from(purchase.status() == Status::Delivered));
            prop_assert_eq!(released, i32::from(purchase.status() == Status::Failed));
            prop_assert_eq!(lost, i32::from(purchase.is_late_success()));
            prop_assert!(told <= 1);
            prop_assert_eq!(told == 1, matches!(purchase.notice, Notice::Answered | Notice::Queued));
            prop_assert_eq!(purchase.due_at(&PATIENCE).is_none(), told == 1);
        }
    }
}
