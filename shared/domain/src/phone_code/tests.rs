//! Issuing, by a table of what is on record and what is decided.

use proptest::prelude::*;

use super::*;

const ISSUED: i64 = 100_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(ISSUED).plus_seconds(seconds)
}

fn limits() -> Limits {
    let lifetime = Lifetime::new(60).expect("a lifetime");
    Limits { lifetime, per_phone: 5, per_address: 20, per_country: 1_000 }
}

/// Generation 3, issued at 0, good until 60, its SMS handed over.
fn live() -> PhoneCode {
    PhoneCode {
        generation: 3,
        status: Status::Live,
        tries: 0,
        expires_at: at(60),
        queued: true,
        sends: SendLog::new(vec![at(-50), at(0)]),
    }
}

#[test]
fn a_code_is_reused_while_it_is_good_and_its_sms_on_the_way() {
    let queued = live();
    let handing_over = PhoneCode { queued: false, ..live() };
    let (used, expired) =
        (PhoneCode { status: Status::Used, ..live() }, PhoneCode { status: Status::Expired, ..live() });
    let (four, five) = (PhoneCode { tries: 4, ..live() }, PhoneCode { tries: 5, ..live() });
    for (code, seconds, reused) in [
        (&queued, 0, true),
        (&queued, 59, true),
        (&queued, 60, false),
        (&queued, 3_000, false),
        (&handing_over, 9, true),
        (&handing_over, 10, false),
        (&used, 1, false),
        (&expired, 1, false),
        (&four, 1, true),
        (&five, 1, false),
    ] {
        let decision = decide_issue(Some(code), &limits(), at(seconds));
        match (&decision, reused) {
            (Decision::Reuse, true) => {}
            (Decision::Issue(new), false) => {
                assert_eq!((new.generation, new.expires_at), (4, at(seconds + 60)));
                assert_eq!(new.sends.moments().last(), Some(&at(seconds)));
            }
            _ => panic!("{code:?} after {seconds} s: {decision:?}"),
        }
    }
}

#[test]
fn the_first_code_of_a_phone_is_generation_one() {
    let Decision::Issue(new) = decide_issue(None, &limits(), at(0)) else { panic!("nothing stands against it") };
    assert_eq!((new.generation, new.expires_at, new.sends.moments()), (1, at(60), &[at(0)][..]));
}

#[test]
fn the_limit_of_a_phone_holds_over_used_and_expired_codes() {
    let sends = SendLog::new((0..5).map(|index| at(index * 100)).collect());
    let code = PhoneCode { status: Status::Used, sends, ..live() };
    let limited = decide_issue(Some(&code), &limits(), at(500));
    assert_eq!(limited, Decision::Limited { retry_after: Duration::from_secs(3_100) });
    assert!(matches!(decide_issue(Some(&code), &limits(), at(3_600)), Decision::Issue(_)));
}

#[test]
fn the_sms_of_every_issue_has_an_id_of_its_own() {
    let phone = PhoneNumber::parse("+51987654321").expect("a phone");
    let code = Code::from_bytes([1; 16]);
    let sms = |generation, issued| {
        let new = NewCode { generation, issued_at: at(issued), expires_at: at(60), sends: SendLog::default() };
        new.sms(&phone, &code, limits().lifetime).expect("an SMS")
    };
    assert_eq!(sms(1, 0), sms(1, 0));
    assert_ne!(sms(1, 0).id, sms(2, 0).id);
    assert_ne!(sms(1, 0).id, sms(1, 86_400).id);
    assert_eq!(
        sms(1, 0).text.as_str(),
        "BBBBBB is your Florin code. It is valid for 60 seconds. Never tell it to anybody."
    );
}

#[test]
fn messages_read_back_and_refuse_what_they_do_not_know() {
    let phone = PhoneNumber::parse("+51987654321").expect("a phone");
    let timer = Timer { phone, generation: 7, expires_at: "2026-11-21T10:01:00Z".parse().expect("a moment") };
    let written = r#"{"phone":"+51987654321","generation":7,"expires_at":"2026-11-21T10:01:00.000Z"}"#;
    let read = |text: &str| serde_json::from_str::<Timer>(text).ok();
    assert_eq!(serde_json::to_string(&timer).ok().as_deref(), Some(written));
    assert_eq!(read(written), Some(timer));
    for bad in [
        written.replace("+51", "51"),
        written.replace(":7", ":-7"),
        written.replace("2026-11-21T", ""),
        written.replace("}", ",\"code\":\"ABC234\"}"),
    ] {
        assert_eq!(read(&bad), None, "{bad}");
    }
}

#[test]
fn a_timer_is_due_exactly_at_its_moment() {
    let phone = PhoneNumber::parse("+51987654321").expect("a phone");
    let timer = Timer { phone, generation: 1, expires_at: at(60) };
    assert_eq!(timer.remaining(at(0)), Some(Duration::from_secs(60)));
    assert_eq!(timer.remaining(at(60).plus_millis(-1)), Some(Duration::from_millis(1)));
    assert_eq!(timer.remaining(at(60)), None);
    assert_eq!(timer.remaining(at(61)), None);
}

#[test]
fn lifetimes_are_bounded() {
    for (seconds, fits) in [(0, false), (1, true), (60, true), (3_600, true), (3_601, false)] {
        assert_eq!(Lifetime::new(seconds).is_some(), fits, "{seconds}");
    }
}

proptest! {
    #[test]
    fn generations_only_grow_and_sends_never_exceed_the_limit(steps in proptest::collection::vec((0i64..900, 0u8..4), 1..80)) {
        let (mut newest, mut seconds, mut sent): (Option<PhoneCode>, i64, Vec<i64>) = (None, 0, Vec::new());
        for (step, fate) in steps {
            seconds += step;
            match decide_issue(newest.as_ref(), &limits(), at(seconds)) {
                Decision::Reuse => prop_assert!(newest.as_ref().is_some_and(|code| code.is_live(at(seconds)))),
                Decision::Limited { .. } => prop_assert!(sent.len() >= 5),
                Decision::Issue(new) => {
                    prop_assert_eq!(new.generation, newest.as_ref().map_or(0, |code| code.generation) + 1);
                    sent.push(seconds);
                    let status = [Status::Live, Status::Used, Status::Expired, Status::Live][usize::from(fate)];
                    newest = Some(PhoneCode {
                        generation: new.generation, status, tries: 0, expires_at: new.expires_at,
                        queued: fate != 3, sends: new.sends,
                    });
                }
            }
        }
        for window in sent.windows(6) {
            prop_assert!(window[5] - window[0] >= 3_600, "{:?}", window);
        }
    }
}
