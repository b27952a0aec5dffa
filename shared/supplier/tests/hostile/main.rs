//! The client against a server that means no good, or is only broken, on a real socket.
#![allow(missing_docs)]

mod server;

use std::time::{Duration, Instant};

use domain::{Currency, Money, customer::PhoneNumber, id::VoucherId, voucher::VoucherCode};
use supplier::{Answer, CallError, Cause, Order, Supplier};
use tokio::net::TcpListener;

use server::{Act, Server};

const OURS: &str = "vch_1";
const PHONE: &str = "+51987654321";
const DELIVERED: &str = r#"{"reference":"vch_1","status":"delivered","code":"123456789012","order_id":"s-1"}"#;
const REFUSED: &str = r#"{"reference":"vch_1","status":"refused","reason":"no stock"}"#;
/// [`DELIVERED`], compressed by gzip.
const GZIP: [u8; 93] = [
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xab, 0x56, 0x2a, 0x4a, 0x4d, 0x4b, 0x2d, 0x4a, 0xcd,
    0x4b, 0x4e, 0x55, 0xb2, 0x52, 0x2a, 0x4b, 0xce, 0x88, 0x37, 0x54, 0xd2, 0x51, 0x2a, 0x2e, 0x49, 0x2c, 0x29, 0x2d,
    0x06, 0x0a, 0xa4, 0xa4, 0xe6, 0x64, 0x96, 0x01, 0xa5, 0x53, 0x80, 0x82, 0xc9, 0xf9, 0x29, 0x20, 0x35, 0x86, 0x46,
    0xc6, 0x26, 0xa6, 0x66, 0xe6, 0x16, 0x96, 0x06, 0x86, 0x46, 0x40, 0xd1, 0xfc, 0xa2, 0x94, 0xd4, 0xa2, 0xf8, 0xcc,
    0x14, 0xa0, 0x4c, 0xb1, 0xae, 0xa1, 0x52, 0x2d, 0x00, 0x69, 0xca, 0xd8, 0x42, 0x51, 0x00, 0x00, 0x00,
];

fn client(url: &str, deadline: Duration) -> Supplier {
    Supplier::new(url, Some("s3cret-token".to_owned()), deadline).expect("a client")
}

fn client_of(server: &Server, deadline: Duration) -> Supplier {
    client(&format!("http://{}", server.address), deadline)
}

fn reference() -> VoucherId {
    VoucherId::parse(OURS).expect("a reference")
}

async fn order(client: &Supplier) -> Result<Answer, CallError> {
    let price = Money::parse("5", Currency::parse("USD").expect("dollars")).expect("a price");
    let phone = PhoneNumber::parse(PHONE).expect("a phone");
    client.order(&Order { reference: &reference(), product: "claro-5gb", phone: &phone, price }).await
}

/// An answer of status 200 that declares its length.
fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}

fn delivered() -> Result<Answer, CallError> {
    let code = VoucherCode::parse("123456789012").expect("a code");
    Ok(Answer::Delivered { code, order: Some("s-1".to_owned()) })
}

fn unknown(cause: Cause) -> Result<Answer, CallError> {
    Err(CallError::Unknown(cause))
}

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn a_request_is_what_the_protocol_says() {
    let server = Server::start(Act::Answers(ok(DELIVERED))).await;
    let client = client(&format!("http://{}/api/", server.address), LONG);
    assert_eq!(order(&client).await, delivered());
    assert_eq!(client.status(&reference()).await, delivered());
    let requests = server.requests();
    let (head, body) = requests[0].split_once("\r\n\r\n").expect("a request");
    let mut lines: Vec<&str> = head.split("\r\n").collect();
    assert_eq!(lines.remove(0), "POST /api/orders HTTP/1.1");
    lines.sort_unstable();
    let host = format!("host: {}", server.address);
    let length = format!("content-length: {}", body.len());
    let mut expected = [
        "accept: application/json",
        "authorization: Bearer s3cret-token",
        "connection: close",
        "content-type: application/json",
        "idempotency-key: vch_1",
        &host,
        &length,
    ];
    expected.sort_unstable();
    assert_eq!(lines, expected);
    assert_eq!(
        body,
        r#"{"reference":"vch_1","product":"claro-5gb","phone":"+51987654321","amount":"5.00","currency":"USD"}"#
    );
    assert!(requests[1].starts_with("GET /api/orders/vch_1 HTTP/1.1\r\n"), "{}", requests[1]);
    assert!(!requests[1].contains("idempotency-key"));
}

#[tokio::test]
async fn an_empty_token_is_not_sent_and_no_token_is_printed() {
    let server = Server::start(Act::Answers(ok(DELIVERED))).await;
    let url = format!("http://{}", server.address);
    let silent = Supplier::new(&url, Some(String::new()), LONG).expect("a client");
    assert_eq!(order(&silent).await, delivered());
    assert!(!server.requests()[0].contains("authorization"));
    let printed = format!("{:?}", client_of(&server, LONG));
    assert!(printed.contains(&server.address.to_string()) && !printed.contains("s3cret"), "{printed}");
    for token in ["two\r\nlines", "with space", "ümlaut"] {
        let error = Supplier::new(&url, Some(token.to_owned()), LONG).expect_err("refused");
        assert!(!error.contains(token), "{error}");
    }
    assert!(Supplier::new(&url, None, Duration::ZERO).is_err());
    let (phone, reference) = (PhoneNumber::parse(PHONE).expect("a phone"), reference());
    let price = Money::parse("5", Currency::parse("USD").expect("dollars")).expect("a price");
    let printed = format!("{:?}", Order { reference: &reference, product: "p", phone: &phone, price });
    assert!(!printed.contains("987654321"), "{printed}");
}

/// Answers and what the client makes of them. `CRLF` is left to the table.
fn answers() -> Vec<(&'static str, Act, Result<Answer, CallError>)> {
    let text = |text: &str| Act::Answers(text.replace('\n', "\r\n").into_bytes());
    let body = |body: &str| Act::Answers(ok(body));
    let chunked = |chunks: &str| text(&format!("HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n{chunks}"));
    let (done, length) = (DELIVERED, DELIVERED.len());
    let gzip = [
        format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", GZIP.len()).as_bytes(),
        &GZIP,
    ]
    .concat();
    let invalid =
        [ok("").split_last_chunk::<5>().expect("long").0, b"29\r\n\r\n{\"reference\":\"vch_1\",\"x\":\"\xc3\x28\"}"]
            .concat();
    let deep = format!("{{\"x\":{}{}}}", "[".repeat(7_000), "]".repeat(7_000));
    vec![
        ("an answer that stays open", Act::Stays(ok(done)), delivered()),
        ("a body up to the end of the connection", text(&format!("HTTP/1.1 200 OK\n\n{done}")), delivered()),
        ("an answer of HTTP/1.0", text(&format!("HTTP/1.0 200 OK\ncontent-length: {length}\n\n{done}")), delivered()),
        (
            "continues first",
            text(&format!("HTTP/1.1 100 Continue\n\nHTTP/1.1 200 OK\ncontent-length: {length}\n\n{done}")),
            delivered(),
        ),
        ("chunks", chunked(&format!("{:x};a=b\n{done}\n0\n\n", length)), delivered()),
        ("nothing", text(""), unknown(Cause::Broken)),
        ("a truncated head", text("HTTP/1.1 200 OK\ncontent-le"), unknown(Cause::Broken)),
        (
            "a truncated body",
            text(&format!("HTTP/1.1 200 OK\ncontent-length: {}\n\n{done}", length + 1)),
            unknown(Cause::Broken),
        ),
        (
            "a body cut by its length",
            text(&format!("HTTP/1.1 200 OK\ncontent-length: {}\n\n{done}", length - 1)),
            unknown(Cause::Malformed),
        ),
        (
            "a truncated body without a length",
            text(&format!("HTTP/1.1 200 OK\n\n{}", &done[..length - 1])),
            unknown(Cause::Malformed),
        ),
        ("no HTTP", text("SSH-2.0-OpenSSH_9.9\n"), unknown(Cause::Broken)),
        ("HTTP/2", text("HTTP/2.0 200 OK\n\n"), unknown(Cause::Broken)),
        ("a status of four digits", text("HTTP/1.1 2000 OK\n\n"), unknown(Cause::Broken)),
        (
            "two lengths",
            text(&format!("HTTP/1.1 200 OK\ncontent-length: 2\ncontent-length: {length}\n\n{done}")),
            unknown(Cause::Broken),
        ),
        (
            "a huge length",
            text(&format!("HTTP/1.1 200 OK\ncontent-length: 99999999999999999999999\n\n{done}")),
            unknown(Cause::Broken),
        ),
        ("a negative length", text(&format!("HTTP/1.1 200 OK\ncontent-length: -1\n\n{done}")), unknown(Cause::Broken)),
        (
            "a declared body beyond the limit",
            text("HTTP/1.1 200 OK\ncontent-length: 1000000000\n\n{"),
            unknown(Cause::Broken),
        ),
        ("a body beyond the limit", body(&format!("{done}{}", " ".repeat(16 * 1024))), unknown(Cause::TooLarge)),
        ("chunks that are cut", chunked(&format!("{length:x}\n{done}\n")), unknown(Cause::Broken)),
        ("chunks without a size", chunked("zz\n{}\n0\n\n"), unknown(Cause::Broken)),
        ("a chunk of a huge size", chunked("ffffffffffffffffffff\n{}"), unknown(Cause::Broken)),
        ("a chunk longer than it says", chunked(&format!("2\n{done}\n0\n\n")), unknown(Cause::Broken)),
        (
            "another coding than chunks",
            text(&format!("HTTP/1.1 200 OK\ntransfer-encoding: gzip\n\n{done}")),
            delivered(),
        ),
        (
            "a header with a zero byte",
            text(&format!("HTTP/1.1 200 OK\nx: a\0b\ncontent-length: {length}\n\n{done}")),
            unknown(Cause::Broken),
        ),
        (
            "a redirect",
            text(&format!("HTTP/1.1 307 Temporary Redirect\nlocation: /orders\ncontent-length: {length}\n\n{done}")),
            unknown(Cause::Status(307)),
        ),
        (
            "a redirect to a file",
            text("HTTP/1.1 302 Found\nlocation: file:///etc/passwd\n\n"),
            unknown(Cause::Status(302)),
        ),
        (
            "a gateway's page",
            text("HTTP/1.1 502 Bad Gateway\ncontent-type: text/html\n\n<html><h1>502</h1></html>"),
            unknown(Cause::Status(502)),
        ),
        (
            "a refusal with a failure",
            text(&format!("HTTP/1.1 503 Unavailable\n\n{REFUSED}")),
            unknown(Cause::Status(503)),
        ),
        ("a page as a success", body("<!doctype html><title>Log in</title>"), unknown(Cause::Malformed)),
        (
            "a switch of protocols",
            text("HTTP/1.1 101 Switching Protocols\nupgrade: x\nconnection: upgrade\n\n"),
            unknown(Cause::Status(101)),
        ),
        ("no content", text("HTTP/1.1 204 No Content\n\n"), unknown(Cause::Status(204))),
        ("another's reference", body(&done.replace("vch_1", "vch_2")), unknown(Cause::WrongReference)),
        ("a compressed body", Act::Answers(gzip), unknown(Cause::Malformed)),
        ("bytes that are no text", Act::Answers(invalid), unknown(Cause::Malformed)),
        (
            "a huge number",
            body(r#"{"reference":"vch_1","status":"delivered","code":1e99999}"#),
            unknown(Cause::Malformed),
        ),
        (
            "a key twice",
            body(r#"{"reference":"vch_1","status":"refused","status":"delivered","code":"1"}"#),
            unknown(Cause::Malformed),
        ),
        ("deep nesting", body(&deep), unknown(Cause::Malformed)),
        ("a reset after the request", Act::Resets, unknown(Cause::Broken)),
        (
            "a second answer in the same breath",
            Act::Stays([ok(done), ok(&done.replace("123456789012", "999999999999"))].concat()),
            delivered(),
        ),
        ("rubbish after the answer", Act::Stays([ok(done), vec![0xff; 100_000]].concat()), delivered()),
    ]
}

#[tokio::test]
async fn whatever_is_not_surely_an_answer_to_our_order_is_unknown() {
    for (name, act, expected) in answers() {
        let server = Server::start(act).await;
        assert_eq!(order(&client_of(&server, LONG)).await, expected, "{name}");
    }
}

#[tokio::test]
async fn an_answer_without_an_end_is_cut_off_at_its_size() {
    let begun = Instant::now();
    let head = b"HTTP/1.1 200 OK\r\n".to_vec();
    for (name, act) in [
        ("one endless header", Act::Endless([&head[..], b"x: "].concat(), vec![b'a'; 4096])),
        ("endless headers", Act::Endless(head.clone(), b"x: a\r\n".repeat(100))),
        ("an endless body", Act::Endless([&head[..], b"\r\n"].concat(), vec![b' '; 4096])),
        (
            "endless chunks",
            Act::Endless([&head[..], b"transfer-encoding: chunked\r\n\r\n"].concat(), b"1\r\n \r\n".repeat(100)),
        ),
        (
            "endless chunk extensions",
            Act::Endless([&head[..], b"transfer-encoding: chunked\r\n\r\n1;"].concat(), vec![b'a'; 4096]),
        ),
        (
            "endless trailers",
            Act::Endless([&head[..], b"transfer-encoding: chunked\r\n\r\n0\r\n"].concat(), b"x: a\r\n".repeat(100)),
        ),
    ] {
        let server = Server::start(act).await;
        let answer = order(&client_of(&server, LONG)).await;
        assert!(matches!(answer, Err(CallError::Unknown(Cause::TooLarge | Cause::Broken))), "{name}: {answer:?}");
    }
    assert!(begun.elapsed() < LONG, "cut off by size, not by time");
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_unknown_in_time() {
    for (name, act) in [
        ("silence", Act::Stays(Vec::new())),
        ("half a head", Act::Stays(b"HTTP/1.1 200 OK\r\ncontent-".to_vec())),
        ("half a body", Act::Stays(ok(DELIVERED)[..120].to_vec())),
        ("a drip", Act::Drips(ok(DELIVERED), Duration::from_millis(30))),
        (
            "continues without an end",
            Act::Drips(b"HTTP/1.1 100 Continue\r\n\r\n".repeat(1000), Duration::from_millis(1)),
        ),
    ] {
        let server = Server::start(act).await;
        let begun = Instant::now();
        assert_eq!(order(&client_of(&server, SHORT)).await, unknown(Cause::Timeout), "{name}");
        let took = begun.elapsed();
        assert!(took >= SHORT && took < SHORT * 25, "{name}: {took:?}");
    }
}

#[tokio::test]
async fn an_answer_before_the_question_is_no_answer_or_an_honest_one() {
    // Whether it is seen before the request is a race; that another code is never taken is not.
    let server = Server::start(Act::SpeaksFirst(ok(&DELIVERED.replace("vch_1", "vch_2")))).await;
    for _ in 0..20 {
        let answer = order(&client_of(&server, LONG)).await;
        let fits = matches!(answer, Err(CallError::Unknown(Cause::Broken | Cause::WrongReference)));
        assert!(fits, "{answer:?}");
    }
}

#[tokio::test]
async fn a_connection_that_ends_before_the_request_counts_as_begun_unless_it_never_stood() {
    let server = Server::start(Act::ResetsUnread).await;
    for _ in 0..20 {
        let answer = order(&client_of(&server, LONG)).await;
        let fits = matches!(answer, Err(CallError::Unknown(Cause::Broken) | CallError::NotSent(Cause::Unreachable)));
        assert!(fits, "{answer:?}");
    }
}

#[tokio::test]
async fn every_call_has_a_connection_of_its_own() {
    let second = DELIVERED.replace("vch_1", "vch_2").replace("123456789012", "999999999999");
    let server = Server::start(Act::Stays([ok(DELIVERED), ok(&second)].concat())).await;
    let client = client_of(&server, LONG);
    assert_eq!(order(&client).await, delivered());
    let other = VoucherId::parse("vch_2").expect("a reference");
    // Were the connection used again, the second answer would now be taken for this one's.
    assert_eq!(client.status(&other).await, unknown(Cause::WrongReference));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn only_what_surely_never_left_is_not_sent() {
    let not_sent = |cause| Err(CallError::NotSent(cause));
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        listener.local_addr().expect("bound")
    };
    assert_eq!(order(&client(&format!("http://{closed}"), LONG)).await, not_sent(Cause::Unreachable), "refused");
    // How long a resolver takes to find nobody is not ours to say.
    let nobody = order(&client("http://no-such-host.invalid", LONG)).await;
    assert!(matches!(nobody, Err(CallError::NotSent(_))), "{nobody:?}");
    // Neither the plain answer nor the silence of these is a TLS handshake.
    for (name, act, cause) in [
        ("no TLS", Act::SpeaksFirst(ok(DELIVERED)), Cause::Unreachable),
        ("a reset", Act::ResetsUnread, Cause::Unreachable),
        ("silence", Act::Stays(Vec::new()), Cause::ConnectTimeout),
    ] {
        let server = Server::start(act).await;
        let client = client(&format!("https://{}", server.address), SHORT);
        assert_eq!(order(&client).await, not_sent(cause), "{name}");
        assert!(!server.requests().concat().contains(OURS), "{name}");
    }
}

#[tokio::test]
async fn a_status_is_asked_with_the_same_care() {
    for (answer, expected) in [
        (ok(DELIVERED), delivered()),
        (ok(r#"{"reference":"vch_1","status":"processing"}"#), Ok(Answer::Processing)),
        (
            b"HTTP/1.1 404 Not Found\r\n\r\n{\"reference\":\"vch_1\",\"status\":\"not_found\"}".to_vec(),
            Ok(Answer::NotFound),
        ),
        (
            b"HTTP/1.1 404 Not Found\r\n\r\n{\"reference\":\"vch_2\",\"status\":\"not_found\"}".to_vec(),
            unknown(Cause::WrongReference),
        ),
        (b"HTTP/1.1 404 Not Found\r\n\r\n404 page not found".to_vec(), unknown(Cause::Malformed)),
        (b"HTTP/1.1 401 Unauthorized\r\n\r\n".to_vec(), unknown(Cause::Status(401))),
    ] {
        let server = Server::start(Act::Answers(answer.clone())).await;
        let told = client_of(&server, LONG).status(&reference()).await;
        assert_eq!(told, expected, "{}", String::from_utf8_lossy(&answer));
    }
}
