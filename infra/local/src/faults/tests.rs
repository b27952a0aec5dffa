use bytes::Bytes;
use http::Request;

use super::*;

fn faults(plan: &str) -> Faults {
    let names = |folder: &str, logical: &str| [folder.to_owned(), logical.to_owned(), format!("florin-{logical}")];
    let functions = vec![names("vouchers", "Vouchers"), names("vouchers-order", "VouchersOrder")];
    let faults = Faults { functions, ..Faults::default() };
    faults.set(FaultPlan::parse(plan.as_bytes()).expect("a plan")).expect("known functions");
    faults
}

fn put(body: &str) -> Request<Bytes> {
    let request = Request::post("/").header("x-amz-target", "DynamoDB_20120810.PutItem");
    request.body(Bytes::from(body.to_owned())).expect("a request")
}

#[test]
fn the_same_seed_gives_the_same_faults() {
    let run = || {
        let faults = faults(
            r#"{"seed":7,"dynamodb":{"transaction_conflict":0.3,"throttle":0.2},"kill":{"before":0.1},"streams":{"drop":0.5}}"#,
        );
        let request = put("{}");
        let one = |_| {
            let write = Write::of(&request).expect("a write");
            (faults.fate("TransactWriteItems"), faults.kill(&write, "florin-Vouchers", "KEY"), faults.batch("vouchers"))
        };
        (0..200).map(one).collect::<Vec<_>>()
    };
    let seen = run();
    assert_eq!(seen, run());
    let count = |fate| seen.iter().filter(|(seen, ..)| *seen == fate).count();
    assert!((40..80).contains(&count(Fate::Conflicts)), "{}", count(Fate::Conflicts));
    let throttled = count(Fate::Throttled) + count(Fate::Cancelled);
    assert!((15..50).contains(&throttled), "{throttled}");
    assert_eq!(count(Fate::Lost), 0);
    let killed = seen.iter().filter(|(_, kill, _)| kill.is_some()).count();
    assert!((8..40).contains(&killed), "{killed}");
    let dropped = seen.iter().filter(|(.., batch)| *batch == BatchFate::Dropped).count();
    assert!((70..130).contains(&dropped), "{dropped}");
}

#[test]
fn without_a_plan_everything_passes_and_reads_never_conflict() {
    let calm = faults("{}");
    assert!(!calm.may_kill());
    for _ in 0..100 {
        assert_eq!((calm.fate("TransactWriteItems"), calm.batch("vouchers")), (Fate::Passes, BatchFate::Passes));
        assert_eq!((calm.late("vouchers", "m"), calm.again("vouchers", "m")), (None, None));
        assert!(!calm.unheard("vouchers", ["m"].into_iter()));
    }
    let faults = faults(r#"{"dynamodb":{"transaction_conflict":1}}"#);
    assert_eq!((faults.fate("GetItem"), faults.fate("PutItem")), (Fate::Passes, Fate::Conflicts));
}

#[test]
fn a_rule_is_added_to_what_is_in_force_fires_once_and_is_listed() {
    let faults = faults(r#"{"dynamodb":{"throttle":1}}"#);
    let request = put("vch_1");
    let write = Write::of(&request).expect("a write");
    let kill = br#"{"function":"VouchersOrder","when":"after","contains":"vch_1"}"#;
    faults.add_kills(Kill::parse(kill).expect("a rule")).expect("a known function");
    assert!(faults.may_kill());
    assert_eq!(faults.shown()["kills"][0]["function"], "vouchers-order");
    assert_eq!(faults.kill(&write, "florin-Vouchers", "KEY"), None);
    assert_eq!(faults.kill(&write, "florin-VouchersOrder", "KEY"), Some(When::After));
    assert_eq!(faults.kill(&write, "florin-VouchersOrder", "KEY"), None);
    assert!(!faults.may_kill());
    assert_eq!(faults.fate("PutItem"), Fate::Throttled, "the plan is still in force");
    let shown = faults.shown();
    assert_eq!((&shown["kills"], &shown["counts"]["kills"]), (&json!([]), &json!(1)));
    let fired = &shown["fired"][0];
    assert_eq!((&fired["rule"]["contains"], &fired["instance"]), (&json!("vch_1"), &json!("KEY")));
    assert_eq!((&fired["operation"], &fired["when"]), (&json!("PutItem"), &json!("after")));
    faults.set(FaultPlan::default()).expect("a plan");
    assert_eq!(faults.shown()["fired"], json!([]), "a new plan begins anew");
}

#[test]
fn shares_are_for_the_functions_they_name() {
    let faults = faults(
        r#"{"kill":{"before":1,"functions":["florin-Vouchers"]},"streams":{"duplicate":1,"functions":["vouchers"]},
            "sqs":{"duplicate":1,"delay":1,"redeliver":1,"within_ms":5,"functions":["Vouchers"]}}"#,
    );
    let request = put("{}");
    let write = Write::of(&request).expect("a write");
    assert_eq!(faults.kill(&write, "florin-VouchersOrder", "KEY"), None);
    assert_eq!(faults.kill(&write, "florin-Vouchers", "KEY"), Some(When::Before));
    assert_eq!((faults.batch("vouchers-order"), faults.batch("vouchers")), (BatchFate::Passes, BatchFate::Twice));
    assert_eq!((faults.late("vouchers-order", "m"), faults.again("vouchers-order", "m")), (None, None));
    assert!(faults.late("vouchers", "m").is_some_and(|late| late <= Duration::from_millis(5)));
    assert!(faults.again("vouchers", "m").is_some_and(|late| late <= Duration::from_millis(5)));
    assert_eq!((faults.late("vouchers", "m"), faults.again("vouchers", "m")), (None, None), "no message twice");
    assert!(faults.unheard("vouchers", ["a", "b"].into_iter()));
    assert!(!faults.unheard("vouchers", ["b", "c"].into_iter()), "b has come again already");
    assert_eq!(faults.shown()["counts"]["sqs_redeliveries"], 1);
}

#[test]
fn a_function_that_is_not_there_is_refused_and_leaves_the_plan_as_it_was() {
    let faults = faults(r#"{"seed":3}"#);
    for plan in [
        r#"{"kills":[{"function":"voucher","when":"before"}]}"#,
        r#"{"kill":{"before":1,"functions":["voucher"]}}"#,
        r#"{"sqs":{"functions":["voucher"]}}"#,
    ] {
        let plan = FaultPlan::parse(plan.as_bytes()).expect("a plan");
        assert_eq!(faults.set(plan), Err("there is no function voucher".to_owned()));
    }
    assert_eq!(faults.shown()["seed"], 3);
}
