//! One-time codes that prove who holds a phone.
//!
//! ```text
//! issue ─► live (generation n) ─► used       the right code, once
//!             │                └► expired    its time is over, whether or not a timer said so
//!             └ five tries ─► ended
//! ```
//! A live code is reused, not sent again. Each new one has the next generation, by which a late timer or a late guess
//! at an older one is told apart.

mod code;
mod limits;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use code::{Code, CodeKey, Seal};
pub use limits::{SendLog, calling_code, day, until_next_day};

use crate::{
    Timestamp,
    customer::PhoneNumber,
    sms::{Sms, SmsId, SmsText},
};

/// Tries a code survives, the right one included.
pub const MAX_TRIES: u64 = 5;
/// How long the request that issued a code may still be about to send it: the timeout of `phone-codes`. A code whose
/// SMS was not handed over by then never will be.
pub const HANDING_OVER_SECONDS: i64 = 10;

/// How long a code is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime(u32);

impl Lifetime {
    /// Between a second and an hour. Longer would be no one-time code, and its timer a chain that Lambda takes for
    /// a loop.
    pub fn new(seconds: u32) -> Option<Self> {
        (1..=3_600).contains(&seconds).then_some(Self(seconds))
    }

    /// In seconds.
    pub fn seconds(self) -> u32 {
        self.0
    }
}

/// What issuing keeps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a code is good for.
    pub lifetime: Lifetime,
    /// SMS to one phone within an hour.
    pub per_phone: usize,
    /// SMS on behalf of one caller address within an hour.
    pub per_address: usize,
    /// SMS to one country on one UTC day.
    pub per_country: u64,
}

/// Where a code stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// May be used until it expires.
    Live,
    /// Was used.
    Used,
    /// Its timer ended it.
    Expired,
}

impl Status {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Used => "used",
            Self::Expired => "expired",
        }
    }

    /// The other way round.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Live, Self::Used, Self::Expired].into_iter().find(|status| status.as_str() == text)
    }
}

/// The newest code of a phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneCode {
    /// Which one of the phone's codes; the first is 1.
    pub generation: u64,
    /// Where it stands.
    pub status: Status,
    /// Tries used up.
    pub tries: u64,
    /// From this moment on it is no good.
    pub expires_at: Timestamp,
    /// Whether its SMS was handed over.
    pub queued: bool,
    /// The phone's sends, this one included.
    pub sends: SendLog,
}

impl PhoneCode {
    /// Whether it may still be tried. `expires_at <= now` is expired, whoever looks first.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.status == Status::Live && self.tries < MAX_TRIES && now < self.expires_at
    }

    /// Whether its SMS is with the phone or may still be on its way there.
    fn reaches_phone(&self, now: Timestamp) -> bool {
        let issued = self.sends.moments().last();
        self.queued || issued.is_some_and(|at| now < at.plus_seconds(HANDING_OVER_SECONDS))
    }
}

/// A code to be issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCode {
    /// The next generation.
    pub generation: u64,
    /// When it is issued.
    pub issued_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// The phone's sends, this one included.
    pub sends: SendLog,
}

/// What to do when somebody asks for a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nothing: the phone has one that is good.
    Reuse,
    /// Send a new one.
    Issue(NewCode),
    /// The phone has had its share.
    Limited {
        /// One more fits after this.
        retry_after: Duration,
    },
}

/// Decides by the phone's newest code. Caller address and country are counted apart, before anything is sent.
pub fn decide_issue(newest: Option<&PhoneCode>, limits: &Limits, now: Timestamp) -> Decision {
    if newest.is_some_and(|code| code.is_live(now) && code.reaches_phone(now)) {
        return Decision::Reuse;
    }
    let sends = newest.map(|code| code.sends.clone()).unwrap_or_default();
    match sends.admit(limits.per_phone, now) {
        Err(retry_after) => Decision::Limited { retry_after },
        Ok(sends) => Decision::Issue(NewCode {
            generation: newest.map_or(0, |code| code.generation).saturating_add(1),
            issued_at: now,
            expires_at: now.plus_seconds(i64::from(limits.lifetime.seconds())),
            sends,
        }),
    }
}

impl NewCode {
    /// The SMS that brings it. Its id is this issue's and no other's, also after the row's generations began anew.
    pub fn sms(&self, phone: &PhoneNumber, code: &Code, lifetime: Lifetime) -> Option<Sms> {
        let (generation, issued_at) = (self.generation.to_string(), self.issued_at.to_string());
        let (code, seconds) = (code.reveal(), lifetime.seconds());
        let text = format!("{code} is your Florin code. It is valid for {seconds} seconds. Never tell it to anybody.");
        Some(Sms {
            id: SmsId::derived(&["phone code", phone.as_str(), &generation, &issued_at]),
            to: phone.clone(),
            text: SmsText::parse(&text)?,
            not_after: Some(self.expires_at),
        })
    }

    /// The timer that ends it.
    pub fn timer(&self, phone: &PhoneNumber) -> Timer {
        Timer { phone: phone.clone(), generation: self.generation, expires_at: self.expires_at }
    }
}

/// The message of `AuthCodeTimerQueue` and `AuthCodeTimerExpiredQueue`: this generation ends at this moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timer {
    /// Whose code.
    pub phone: PhoneNumber,
    /// Which one.
    pub generation: u64,
    /// When.
    pub expires_at: Timestamp,
}

impl Timer {
    /// How long it still has to wait; `None` when it is due.
    pub fn remaining(&self, now: Timestamp) -> Option<Duration> {
        let millis = u64::try_from(self.expires_at.millis() - now.millis()).ok()?;
        (millis > 0).then(|| Duration::from_millis(millis))
    }
}

#[cfg(test)]
mod tests;
