//! Phone codes, limits and SMS claims on a real DynamoDB engine.
#![allow(missing_docs)]

use std::time::Duration;

use aws::phones::{Admission, Claim, Phones};
use domain::{
    Timestamp,
    customer::PhoneNumber,
    phone_code::{Code, CodeKey, Decision, Lifetime, Limits, Status, Timer, decide_issue},
    sms::{Next, Record, SmsId},
};
use futures::{
    StreamExt,
    future::{join_all, try_join_all},
    stream,
};
use testkit::Stack;

fn now() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().expect("a moment")
}

fn phone() -> PhoneNumber {
    PhoneNumber::parse("+51987654321").expect("a phone")
}

fn key() -> CodeKey {
    CodeKey::new(&"k".repeat(64)).expect("a key")
}

fn code(text: &str) -> Code {
    Code::parse(text).expect("a code")
}

fn limits() -> Limits {
    let lifetime = Lifetime::new(60).expect("a lifetime");
    Limits { lifetime, per_phone: 5, per_address: 20, per_country: 1_000 }
}

/// Issues as `phone-codes` does; whether this call sent something.
async fn issue(phones: &Phones, code: &Code, now: Timestamp) -> bool {
    let newest = phones.code(&phone()).await.expect("a look");
    match decide_issue(newest.as_ref(), &limits(), now) {
        Decision::Issue(new) => {
            let seal = key().seal(&phone(), new.generation, code);
            let first = phones.issue(&phone(), &new, &seal).await.expect("an answer");
            if first {
                phones.mark_queued(&phone(), new.generation).await.expect("noted");
            }
            first
        }
        Decision::Reuse | Decision::Limited { .. } => false,
    }
}

/// The timer of a generation that was issued at this moment.
fn timer(generation: u64, issued_at: Timestamp) -> Timer {
    Timer { phone: phone(), generation, expires_at: issued_at.plus_seconds(60) }
}

async fn verify(phones: &Phones, text: &str, now: Timestamp) -> bool {
    phones.verify(&phone(), &code(text), &key(), now).await.expect("an answer")
}

#[tokio::test]
async fn a_right_code_is_good_once() {
    let phones = Stack::start().await.phones();
    assert!(!verify(&phones, "ABC234", now()).await, "no code was issued");
    assert!(issue(&phones, &code("ABC234"), now()).await);
    assert!(!verify(&phones, "ABC235", now()).await);
    let other = PhoneNumber::parse("+51987654322").expect("a phone");
    assert!(!phones.verify(&other, &code("ABC234"), &key(), now()).await.expect("an answer"));
    assert!(verify(&phones, "ABC234", now()).await);
    assert!(!verify(&phones, "ABC234", now()).await);
    let row = phones.code(&phone()).await.expect("a look").expect("a code");
    assert_eq!((row.status, row.tries, row.queued), (Status::Used, 2, true));
}

#[tokio::test]
async fn fifty_users_of_a_right_code_at_once_are_one() {
    let stack = Stack::start().await;
    assert!(issue(&stack.phones(), &code("ABC234"), now()).await);
    let phones: Vec<_> = (0..50).map(|_| stack.phones()).collect();
    let outcomes = join_all(phones.iter().map(|phones| verify(phones, "ABC234", now()))).await;
    assert_eq!(outcomes.into_iter().filter(|used| *used).count(), 1);
}

#[tokio::test]
async fn ten_thousand_guesses_at_once_have_five_tries_for_each_of_five_codes() {
    let phones = Stack::start().await.phones();
    let (mut generations, mut tries) = (0, 0);
    // A new code whenever the phone may have one; after the first minutes its limit stands in the way.
    for round in 0..20 {
        let at = now().plus_seconds(round * 61);
        let issued = issue(&phones, &code("ABC234"), at).await;
        assert_eq!(issued, round < 5, "round {round}");
        generations += u64::from(issued);
        let guesses = stream::iter((0..500u16).map(|index| {
            let [high, low] = index.to_be_bytes();
            let mut random = [0; 16];
            random[..3].copy_from_slice(&[high, low & 31, low >> 5]);
            let guess = Code::from_bytes(random);
            let phones = &phones;
            async move { phones.verify(&phone(), &guess, &key(), at).await.expect("an answer") }
        }));
        let right = guesses.buffer_unordered(64).filter(|right| std::future::ready(*right)).count().await;
        assert_eq!(right, 0);
        if issued {
            let row = phones.code(&phone()).await.expect("a look").expect("a code");
            tries += row.tries;
            assert_eq!((row.generation, row.tries), (generations, 5));
            assert!(!verify(&phones, "ABC234", at).await, "five wrong tries end a code");
        }
    }
    assert_eq!((generations, tries), (5, 25));
}

#[tokio::test]
async fn a_code_ends_at_its_time_whether_or_not_a_timer_said_so() {
    let phones = Stack::start().await.phones();
    assert!(issue(&phones, &code("ABC234"), now()).await);
    assert!(!verify(&phones, "ABC234", now().plus_seconds(60)).await);
    assert!(verify(&phones, "ABC234", now().plus_seconds(60).plus_millis(-1)).await);
}

#[tokio::test]
async fn an_old_timer_ends_no_newer_code() {
    let phones = Stack::start().await.phones();
    assert!(issue(&phones, &code("ABC234"), now()).await);
    let later = now().plus_seconds(60);
    assert!(issue(&phones, &code("XYZ789"), later).await);
    assert!(!phones.expire(&timer(1, now())).await.expect("an answer"));
    assert!(!verify(&phones, "ABC234", later).await);
    assert!(verify(&phones, "XYZ789", later).await);
    // Nor does its own timer change what was used.
    assert!(!phones.expire(&timer(2, later)).await.expect("an answer"));
    assert_eq!(phones.code(&phone()).await.expect("a look").expect("a code").status, Status::Used);
}

#[tokio::test]
async fn a_timer_of_a_row_that_is_gone_ends_no_code_of_the_same_generation() {
    let phones = Stack::start().await.phones();
    assert!(issue(&phones, &code("ABC234"), now()).await);
    assert!(!phones.expire(&timer(1, now().plus_seconds(-90_000))).await.expect("an answer"));
    assert!(verify(&phones, "ABC234", now()).await);
}

#[tokio::test]
async fn its_own_timer_ends_a_code_once() {
    let phones = Stack::start().await.phones();
    assert!(!phones.expire(&timer(1, now())).await.expect("an answer"), "there is none");
    assert!(issue(&phones, &code("ABC234"), now()).await);
    assert!(phones.expire(&timer(1, now())).await.expect("an answer"));
    assert!(!phones.expire(&timer(1, now())).await.expect("an answer"));
    assert!(!verify(&phones, "ABC234", now()).await);
    assert!(issue(&phones, &code("XYZ789"), now()).await, "an ended code is in nobody's way");
    assert!(verify(&phones, "XYZ789", now()).await);
}

#[tokio::test]
async fn of_many_who_issue_at_once_one_sends() {
    let stack = Stack::start().await;
    for (round, sent) in [1, 1, 1, 1, 1, 0].into_iter().enumerate() {
        let at = now().plus_seconds(i64::try_from(round).expect("small") * 60);
        let contenders: Vec<_> = (0..20).map(|index| (stack.phones(), Code::from_bytes([index; 16]))).collect();
        let sends = join_all(contenders.iter().map(|(phones, code)| issue(phones, code, at))).await;
        assert_eq!(sends.into_iter().filter(|sent| *sent).count(), sent, "round {round}");
    }
}

#[tokio::test]
async fn a_lost_answer_of_an_issue_is_recognised_as_ones_own() {
    let phones = Stack::start().await.phones();
    let Decision::Issue(new) = decide_issue(None, &limits(), now()) else { panic!("nothing stands against it") };
    let seal = key().seal(&phone(), 1, &code("ABC234"));
    assert!(phones.issue(&phone(), &new, &seal).await.expect("an answer"));
    assert!(phones.issue(&phone(), &new, &seal).await.expect("the same again"));
    let other = key().seal(&phone(), 1, &code("XYZ789"));
    assert!(!phones.issue(&phone(), &new, &other).await.expect("an answer"));
}

#[tokio::test]
async fn an_address_sends_no_more_than_its_limit_within_an_hour() {
    let stack = Stack::start().await;
    let phones: Vec<_> = (0..60).map(|_| stack.phones()).collect();
    let crowd = try_join_all(phones.iter().map(|phones| phones.admit_address("203.0.113.7", 20, now())));
    let admitted = |admissions: &[Admission]| admissions.iter().filter(|one| **one == Admission::Admitted).count();
    let mut sum = admitted(&crowd.await.expect("answers"));
    assert!((1..=20).contains(&sum), "{sum}");
    // Whom the crowd kept out gets in afterwards, up to the limit exactly.
    for _ in 0..30 {
        let admission = phones[0].admit_address("203.0.113.7", 20, now()).await.expect("an answer");
        sum += admitted(&[admission]);
    }
    assert_eq!(sum, 20);
    let phones = &phones[0];
    let limited = phones.admit_address("203.0.113.7", 20, now().plus_seconds(600)).await.expect("an answer");
    assert_eq!(limited, Admission::Limited { retry_after: Duration::from_secs(3_000) });
    assert_eq!(phones.admit_address("203.0.113.8", 20, now()).await.expect("an answer"), Admission::Admitted);
    let after = phones.admit_address("203.0.113.7", 20, now().plus_seconds(3_600)).await.expect("an answer");
    assert_eq!(after, Admission::Admitted);
}

#[tokio::test]
async fn a_country_gets_its_budget_of_a_day_exactly() {
    let stack = Stack::start().await;
    let phones: Vec<_> = (0..60).map(|_| stack.phones()).collect();
    let crowd = try_join_all(phones.iter().map(|phones| phones.admit_country("51", 25, now()))).await.expect("answers");
    assert_eq!(crowd.iter().filter(|one| **one == Admission::Admitted).count(), 25);
    let limited = Admission::Limited { retry_after: Duration::from_secs(14 * 3_600) };
    assert_eq!(crowd.iter().filter(|one| **one == limited).count(), 35);
    let phones = &phones[0];
    assert_eq!(phones.admit_country("52", 25, now()).await.expect("an answer"), Admission::Admitted);
    let tomorrow = now().plus_seconds(14 * 3_600);
    assert_eq!(phones.admit_country("51", 25, tomorrow).await.expect("an answer"), Admission::Admitted);
    assert_eq!(phones.admit_country("53", 0, now()).await.expect("an answer"), limited);
}

#[tokio::test]
async fn an_sms_is_claimed_by_one_and_again_only_when_surely_not_sent() {
    let stack = Stack::start().await;
    let id = SmsId::derived(&["an sms"]);
    let phones: Vec<_> = (0..20).map(|_| stack.phones()).collect();
    let claims = try_join_all(phones.iter().map(|phones| phones.claim_sms(&id, now()))).await.expect("answers");
    let mut ours: Vec<_> = claims
        .into_iter()
        .filter_map(|claim| if let Claim::Ours(claim) = claim { Some(claim) } else { None })
        .collect();
    assert_eq!(ours.len(), 1);
    let phones = &phones[0];
    phones.release_sms(ours.remove(0)).await.expect("released");

    let later = now().plus_seconds(180);
    let Claim::Ours(claim) = phones.claim_sms(&id, later).await.expect("an answer") else { panic!("it was released") };
    let Claim::Before(record) = phones.claim_sms(&id, later).await.expect("an answer") else { panic!("it is claimed") };
    assert_eq!(record, Record::Claimed { at: later });
    assert_eq!(record.next(later.plus_seconds(180)), Next::Unknown);

    phones.mark_sms_sent(&claim).await.expect("marked");
    phones.mark_sms_sent(&claim).await.expect("marked again after a lost answer");
    phones.release_sms(claim).await.expect("nothing to release");
    let Claim::Before(record) = phones.claim_sms(&id, later).await.expect("an answer") else { panic!("it was sent") };
    assert_eq!(record, Record::Sent);
}

#[tokio::test]
async fn rows_hold_no_code_and_go_by_themselves() {
    let stack = Stack::start().await;
    assert!(issue(&stack.phones(), &code("ABC234"), now()).await);
    stack.phones().admit_address("203.0.113.7", 20, now()).await.expect("an answer");
    stack.phones().admit_country("51", 20, now()).await.expect("an answer");
    stack.phones().claim_sms(&SmsId::derived(&["x"]), now()).await.expect("an answer");
    let rows = stack.environment().dynamodb().scan().table_name(stack.table("PhonesTable")).send().await;
    let rows = rows.expect("a scan").items.expect("rows");
    assert_eq!(rows.len(), 4);
    for row in rows {
        assert!(!format!("{row:?}").contains("ABC234"), "{row:?}");
        let ttl: i64 = row["ttl"].as_n().expect("a ttl").parse().expect("a number");
        assert!(ttl > now().plus_seconds(86_400).seconds(), "{row:?}");
    }
}
