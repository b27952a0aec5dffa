//! Sends a one-time code to a phone.
//!
//! ```text
//! newest code ─► decide ─► reuse: nothing is sent                              phone over its share ─► 429
//!                   └► issue ─► count caller address ─► count country ─► new row ─► SmsQueue, AuthCodeTimerQueue ─► row: queued
//!                                        └ over ─► 429    └ over ─► 429     └ somebody was first: his code is the phone's
//! ```
//! Everything is counted before anything is sent, and the answer is the same whether something was. A request that
//! dies after the new row and before the SMS leaves a code that nobody got: the next request replaces it.

use std::time::Duration;

use aws::{
    phones::{Admission, Phones},
    queues::Queue,
    secrets::Secret,
    store::StoreError,
};
use domain::{
    customer::PhoneNumber,
    phone_code::{Code, CodeKey, Decision, Limits, NewCode, calling_code, decide_issue},
};
use edge::{
    clock::Clock,
    entropy::Entropy,
    http::{self, Answer, Problem, Request, accepted},
    telemetry,
};
use serde::Deserialize;
use serde_json::json;

/// What the route stands on.
pub struct PhoneCodes<C, E> {
    /// Codes and counts.
    pub phones: Phones,
    /// What codes are kept under; without it there are none.
    pub key: Option<Secret>,
    /// SmsQueue.
    pub sms: Queue,
    /// AuthCodeTimerQueue.
    pub timers: Queue,
    /// What issuing keeps to.
    pub limits: Limits,
    /// Where metrics go.
    pub metrics: String,
    /// Tells the time.
    pub clock: C,
    /// Makes codes.
    pub entropy: E,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    phone: String,
}

/// Answers one request.
pub async fn handle(codes: &PhoneCodes<impl Clock, impl Entropy>, request: Request) -> Result<Answer, Problem> {
    match request.route() {
        ("POST", "/phone-codes") => create(codes, &request).await,
        _ => Err(Problem::not_found()),
    }
}

/// `POST /phone-codes`
async fn create(codes: &PhoneCodes<impl Clock, impl Entropy>, request: &Request) -> Result<Answer, Problem> {
    let body: Body = request.parse()?;
    let phone = PhoneNumber::parse(&body.phone)
        .ok_or_else(|| Problem::field(http::Code::InvalidField, "/phone", PhoneNumber::EXPECTED))?;
    let key = codes.key.as_ref().ok_or_else(Problem::unavailable)?;
    let key = CodeKey::new(key.value().await.map_err(store)?).ok_or_else(|| store(StoreError::corrupt("secret")))?;

    let now = codes.clock.now();
    let newest = codes.phones.code(&phone).await.map_err(store)?;
    match decide_issue(newest.as_ref(), &codes.limits, now) {
        Decision::Reuse => tracing::info!("the phone has a code that is good"),
        Decision::Limited { retry_after } => return Err(limited("phone", retry_after)),
        Decision::Issue(new) => {
            admit(codes, &phone, &request.source()).await?;
            let code = Code::from_bytes(codes.entropy.bytes());
            let seal = key.seal(&phone, new.generation, &code);
            if codes.phones.issue(&phone, &new, &seal).await.map_err(store)? {
                hand_over(codes, &phone, &new, &code).await?;
            } else {
                tracing::info!("another request issued a code at the same moment");
            }
        }
    }
    let seconds = codes.limits.lifetime.seconds();
    accepted(&json!({
        "message": format!("A code is on its way by SMS, unless the number still has a good one. It is valid for {seconds} seconds."),
    }))
}

/// Counts the SMS to come, with the caller first: one caller alone must not use up a country's share. Of several
/// requests for one phone at the same moment each is counted though only one sends: counting after would let a
/// caller over his limit use up the share of phones that are not his.
async fn admit(codes: &PhoneCodes<impl Clock, impl Entropy>, phone: &PhoneNumber, caller: &str) -> Result<(), Problem> {
    let (limits, now) = (&codes.limits, codes.clock.now());
    let admission = codes.phones.admit_address(caller, limits.per_address, now).await.map_err(store)?;
    if let Admission::Limited { retry_after } = admission {
        return Err(limited("caller address", retry_after));
    }
    let country = calling_code(phone);
    let admission = codes.phones.admit_country(country, limits.per_country, now).await.map_err(store)?;
    if let Admission::Limited { retry_after } = admission {
        telemetry::metric(&codes.metrics, now, "SmsBudgetExhausted", "Count", &json!(1), &[]);
        tracing::warn!(country, "the day's SMS to this country are used up");
        return Err(limited("country", retry_after));
    }
    Ok(())
}

/// Gives the code to the queues. Without its timer a code ends all the same; without its SMS it is worth nothing.
async fn hand_over(
    codes: &PhoneCodes<impl Clock, impl Entropy>,
    phone: &PhoneNumber,
    new: &NewCode,
    code: &Code,
) -> Result<(), Problem> {
    let sms = new.sms(phone, code, codes.limits.lifetime).ok_or(http::Code::Internal)?;
    let timer = new.timer(phone);
    let delay = timer.remaining(codes.clock.now()).unwrap_or_default();
    let (sms_sent, timer_sent) = futures::join!(codes.sms.send(&sms, Duration::ZERO), codes.timers.send(&timer, delay));
    if let Err(cause) = timer_sent {
        tracing::error!(%cause, generation = new.generation, "a code has no timer");
    }
    sms_sent.map_err(store)?;
    tracing::info!(sms_id = %sms.id, generation = new.generation, country = calling_code(phone), "phone code issued");
    // The SMS is on its way whatever becomes of this note; without it the next request sends one more.
    if let Err(cause) = codes.phones.mark_queued(phone, new.generation).await {
        tracing::error!(%cause, generation = new.generation, "not noted that a code was handed over");
    }
    Ok(())
}

fn limited(what: &str, retry_after: Duration) -> Problem {
    tracing::info!(limit = what, "phone code refused");
    let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
    let detail = "No more codes can be sent for now; try again later.";
    Problem::new(http::Code::RateLimited, detail).header("Retry-After", seconds.max(1).to_string())
}

/// The world failed; said once in the log.
fn store(error: StoreError) -> Problem {
    tracing::error!(%error, "a store or service failed");
    match error {
        StoreError::Corrupt(_) => http::Code::Internal.into(),
        StoreError::Conflict | StoreError::Unavailable(_) => Problem::unavailable(),
    }
}
