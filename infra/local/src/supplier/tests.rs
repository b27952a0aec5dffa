//! Every mode through the client that the functions use, on a real port.

use std::future::Future;
use std::time::{Duration, Instant};

use ::supplier::{Answer, CallError, Cause, Order, Supplier};
use domain::customer::PhoneNumber;
use domain::id::VoucherId;
use domain::{Currency, Money};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;

const ALICE: &str = "+51911111111";
const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(300);

/// A supplier whose times are a fiftieth, in a folder of its own.
struct World {
    supplier: VoucherSupplier,
    folder: TempDir,
}

impl World {
    async fn start(mode: Mode) -> World {
        let folder = tempfile::tempdir().expect("a folder");
        let supplier = VoucherSupplier::open(&folder.path().join("supplier.db"), 0, "token").expect("a supplier");
        let world = World { supplier, folder };
        world.change(Change { scale: Some(0.02), ..Change::mode(mode) }).await;
        world
    }

    async fn change(&self, change: Change) {
        self.supplier.change(change).await.expect("changed");
    }

    fn client(&self, deadline: Duration) -> Supplier {
        Supplier::new(&self.supplier.url(), Some("token".to_owned()), deadline).expect("a client")
    }

    async fn order(&self, reference: &str) -> Result<Answer, CallError> {
        order(&self.client(LONG), reference, ALICE, "5").await
    }

    async fn status(&self, reference: &str) -> Result<Answer, CallError> {
        self.client(LONG).status(&id(reference)).await
    }

    fn overview(&self) -> Overview {
        self.supplier.overview().expect("an overview")
    }

    /// Status and executions of an order.
    fn kept(&self, reference: &str) -> (String, i64) {
        let orders = self.supplier.orders().expect("orders");
        let order = orders.into_iter().find(|order| order.reference == reference).expect("the order");
        (order.status, order.executions)
    }

    fn code(&self, reference: &str) -> String {
        let orders = self.supplier.orders().expect("orders");
        orders.into_iter().find(|order| order.reference == reference).and_then(|order| order.code).expect("a code")
    }
}

fn id(reference: &str) -> VoucherId {
    VoucherId::parse(reference).expect("a reference")
}

async fn order(client: &Supplier, reference: &str, phone: &str, price: &str) -> Result<Answer, CallError> {
    let price = Money::parse(price, Currency::parse("USD").expect("dollars")).expect("a price");
    let phone = PhoneNumber::parse(phone).expect("a phone");
    client.order(&Order { reference: &id(reference), product: "claro-5gb", phone: &phone, price }).await
}

fn code(answer: Result<Answer, CallError>) -> String {
    match answer {
        Ok(Answer::Delivered { code, .. }) => code.as_str().to_owned(),
        other => panic!("{other:?}"),
    }
}

async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let limit = Instant::now() + LONG;
    while !condition().await {
        assert!(Instant::now() < limit, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn kept(status: &str, executions: i64) -> (String, i64) {
    (status.to_owned(), executions)
}

#[tokio::test]
async fn quick_or_slow_it_delivers_a_voucher_and_remembers_it() {
    let world = World::start(Mode::Fast).await;
    for (mode, reference, least) in [(Mode::Fast, "vch_1", 2), (Mode::Slow, "vch_2", 700), (Mode::Normal, "vch_3", 60)]
    {
        world.change(Change::mode(mode)).await;
        let begun = Instant::now();
        let told = code(world.order(reference).await);
        assert!(begun.elapsed() >= Duration::from_millis(least), "{mode:?}: {:?}", begun.elapsed());
        assert!(told.len() == 12 && told.bytes().all(|byte| byte.is_ascii_digit()), "{told}");
        assert_eq!((code(world.status(reference).await), world.kept(reference)), (told, kept("delivered", 1)));
    }
    let counts = world.overview().orders;
    assert_eq!((counts.received, counts.executed, counts.delivered), (3, 3, 3));
    assert_ne!(world.code("vch_1"), world.code("vch_2"));
}

#[tokio::test]
async fn an_error_is_a_sure_refusal_in_either_form() {
    let world = World::start(Mode::Error).await;
    for reference in ["vch_1", "vch_2"] {
        let told = world.order(reference).await;
        assert!(matches!(&told, Ok(Answer::Refused { reason }) if !reason.is_empty()), "{told:?}");
        assert_eq!((world.status(reference).await, world.kept(reference)), (told, kept("refused", 0)));
    }
    // What was refused stays refused, whatever the mode is by then.
    world.change(Change::mode(Mode::Fast)).await;
    assert!(matches!(world.order("vch_1").await, Ok(Answer::Refused { .. })));
}

#[tokio::test]
async fn a_hanging_order_was_never_there() {
    let world = World::start(Mode::Hang).await;
    let told = order(&world.client(SHORT), "vch_1", ALICE, "5").await;
    assert_eq!(told, Err(CallError::Unknown(Cause::Timeout)));
    assert_eq!((world.status("vch_1").await, world.kept("vch_1")), (Ok(Answer::NotFound), kept("not_found", 0)));
    assert_eq!(world.status("vch_2").await, Ok(Answer::NotFound));
    until("the request to be gone", || async { world.overview().in_flight == 0 }).await;
    // The same reference may be ordered when the supplier is well again.
    world.change(Change::mode(Mode::Fast)).await;
    assert_eq!(code(world.order("vch_1").await), world.code("vch_1"));
    assert_eq!(world.kept("vch_1"), kept("delivered", 1));
}

#[tokio::test]
async fn a_lost_answer_is_an_order_carried_out() {
    let world = World::start(Mode::Lost).await;
    for requests in 1..=2 {
        assert_eq!(world.order("vch_1").await, Err(CallError::Unknown(Cause::Broken)));
        assert_eq!(
            (code(world.status("vch_1").await), world.kept("vch_1")),
            (world.code("vch_1"), kept("delivered", 1))
        );
        assert_eq!(world.supplier.orders().expect("orders")[0].requests, requests);
    }
}

#[tokio::test]
async fn a_second_answer_comes_on_the_same_connection_and_is_heard_by_nobody() {
    let world = World::start(Mode::Twice).await;
    assert_eq!(code(world.order("vch_1").await), world.code("vch_1"));
    assert_eq!(world.kept("vch_1"), kept("delivered", 1));
    let body = r#"{"reference":"vch_2","product":"p","phone":"+51911111111","amount":"5.00","currency":"USD"}"#;
    let request = format!(
        "POST /orders HTTP/1.1\r\nhost: x\r\nauthorization: Bearer token\r\nidempotency-key: vch_2\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = tokio::net::TcpStream::connect(world.supplier.gate.address()).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut heard = String::new();
    stream.read_to_string(&mut heard).await.expect("both answers");
    let codes: Vec<&str> = heard.split(r#""code":""#).skip(1).map(|rest| &rest[..12]).collect();
    assert_eq!((heard.matches("HTTP/1.1 200 OK").count(), codes.len()), (2, 2), "{heard}");
    assert_eq!(codes[0], world.code("vch_2"));
    assert!(codes[1].starts_with('9') && !codes[0].starts_with('9'), "{codes:?}");
    assert_eq!(world.kept("vch_2"), kept("delivered", 1));
}

#[tokio::test]
async fn down_refuses_connections_and_comes_back_where_it_was() {
    let world = World::start(Mode::Fast).await;
    let url = world.supplier.url();
    for round in 0..3 {
        world.change(Change::mode(Mode::Down)).await;
        let refused = Err(CallError::NotSent(Cause::Unreachable));
        assert_eq!((world.order("vch_1").await, world.status("vch_1").await), (refused.clone(), refused), "{round}");
        world.change(Change::mode(Mode::Fast)).await;
        assert_eq!(world.supplier.url(), url);
        code(world.order(&format!("vch_up{round}")).await);
    }
    assert_eq!(world.overview().orders.received, 3);
}

#[tokio::test]
async fn phones_have_modes_of_their_own_in_one_run() {
    let world = World::start(Mode::Fast).await;
    for (phone, mode) in [("+51911111112", Mode::Error), ("+51911111113", Mode::Lost), ("+51911111114", Mode::Hang)] {
        world.change(Change { phone: Some(phone.to_owned()), ..Change::mode(mode) }).await;
    }
    let client = world.client(SHORT);
    let told = futures::future::join_all([
        order(&client, "vch_1", "+51911111111", "5"),
        order(&client, "vch_2", "+51911111112", "5"),
        order(&client, "vch_3", "+51911111113", "5"),
        order(&client, "vch_4", "+51911111114", "5"),
    ]);
    let told = told.await;
    assert!(
        matches!(&told[0], Ok(Answer::Delivered { .. })) && matches!(&told[1], Ok(Answer::Refused { .. })),
        "{told:?}"
    );
    assert_eq!(told[2..], [Err(CallError::Unknown(Cause::Broken)), Err(CallError::Unknown(Cause::Timeout))]);
    let counts = world.overview().orders;
    let expected = Counts { received: 4, executed: 2, not_found: 1, processing: 0, delivered: 2, refused: 1 };
    assert_eq!(counts, expected);
}

#[tokio::test]
async fn one_reference_is_one_order_however_often_and_at_once_it_comes() {
    let world = World::start(Mode::Slow).await;
    let told = futures::future::join_all((0..20).map(|_| world.order("vch_1"))).await;
    let processing = told.iter().filter(|told| **told == Ok(Answer::Processing)).count();
    assert_eq!(processing, 19, "{told:?}");
    let delivered = told.into_iter().find(|told| *told != Ok(Answer::Processing)).expect("the first");
    assert_eq!(code(delivered), world.code("vch_1"));
    assert_eq!((code(world.order("vch_1").await), world.kept("vch_1")), (world.code("vch_1"), kept("delivered", 1)));
    assert_eq!(world.overview().requests["order"], 21);
    // Another order under the same reference is a mistake of the client's, and none of the supplier's.
    let other = order(&world.client(LONG), "vch_1", ALICE, "6").await;
    assert_eq!(other, Err(CallError::Unknown(Cause::Status(409))));
}

#[tokio::test]
async fn the_most_orders_at_once_are_counted() {
    let world = World::start(Mode::Slow).await;
    let references: Vec<String> = (0..30).map(|number| format!("vch_{number}")).collect();
    let told = futures::future::join_all(references.iter().map(|reference| world.order(reference))).await;
    let codes: std::collections::BTreeSet<String> = told.into_iter().map(code).collect();
    let overview = world.overview();
    assert_eq!((codes.len(), overview.max_in_flight, overview.in_flight), (30, 30, 0));
    code(world.order("vch_30").await);
    assert_eq!(world.overview().max_in_flight, 30);
}

#[tokio::test]
async fn an_order_is_carried_out_although_nobody_waits_and_the_process_is_gone() {
    let world = World::start(Mode::Slow).await;
    world.change(Change { scale: Some(0.03), ..Change::default() }).await;
    let told = order(&world.client(SHORT), "vch_1", ALICE, "5").await;
    assert_eq!(told, Err(CallError::Unknown(Cause::Timeout)));
    assert_eq!(world.status("vch_1").await, Ok(Answer::Processing));
    assert_eq!(world.kept("vch_1"), kept("processing", 0));
    let url = world.supplier.url();
    world.supplier.shutdown().await;
    let World { supplier, folder } = world;
    drop(supplier);
    let supplier = VoucherSupplier::open(&folder.path().join("supplier.db"), 0, "token").expect("opened again");
    let world = World { supplier, folder };
    assert_eq!(world.supplier.url(), url, "where its clients look for it");
    until("the order", || async { world.kept("vch_1") == kept("delivered", 1) }).await;
    assert_eq!(code(world.order("vch_1").await), world.code("vch_1"));
    assert_eq!(world.kept("vch_1"), kept("delivered", 1));
}

#[tokio::test]
async fn who_does_not_know_the_token_or_the_protocol_gets_nothing() {
    let world = World::start(Mode::Fast).await;
    for token in [None, Some("other".to_owned())] {
        let stranger = Supplier::new(&world.supplier.url(), token, LONG).expect("a client");
        let unauthorized = Err(CallError::Unknown(Cause::Status(401)));
        assert_eq!(order(&stranger, "vch_1", ALICE, "5").await, unauthorized);
        assert_eq!(stranger.status(&id("vch_1")).await, unauthorized);
    }
    let wrong = Supplier::new(&format!("{}/v2", world.supplier.url()), Some("token".to_owned()), LONG);
    let told = order(&wrong.expect("a client"), "vch_1", ALICE, "5").await;
    assert_eq!(told, Err(CallError::Unknown(Cause::Status(404))));
    let overview = world.overview();
    assert_eq!((overview.orders.received, overview.requests["invalid"].clone()), (0, json!(5)));
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_its_flag() {
    let world = World::start(Mode::Fast).await;
    let port = world.supplier.gate.address().port();
    let other = VoucherSupplier::open(&world.folder.path().join("other.db"), port, "").map(drop);
    let error = format!("{:#}", other.expect_err("taken"));
    assert!(error.contains(&port.to_string()) && error.contains("--supplier-port"), "{error}");
}
