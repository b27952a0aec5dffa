//! Rows and what they mean.

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};
use domain::{
    Timestamp,
    customer::PhoneNumber,
    phone_code::{NewCode, PhoneCode, Seal, SendLog, Status},
    sms::{Record, SmsId},
};

use crate::{
    item::{Item, Read, key, number, text},
    store::StoreError,
};

pub(super) const GENERATION: &str = "generation";
pub(super) const TRIES: &str = "tries";
pub(super) const SEAL: &str = "seal";
/// A reserved word, as `ttl` is: expressions call it `#status`.
pub(super) const STATUS: &str = "status";
pub(super) const TTL: &str = "ttl";
pub(super) const SENDER: &str = "sender";
pub(super) const VERSION: &str = "version";
pub(super) const CLAIMED: &str = "claimed";
pub(super) const SENT: &str = "sent";
/// Surely not sent: whoever comes next may claim it.
pub(super) const RELEASED: &str = "released";

const EXPIRES_AT: &str = "expires_at";
const QUEUED: &str = "queued";
const SENDS: &str = "sends";
const MOMENTS: &str = "moments";
const CLAIMED_AT: &str = "claimed_at";

const DAY: i64 = 86_400;
/// A message may come back this late: fourteen days in its queue, as many in the dead-letter queue, moved back by hand.
const SMS_DAYS: i64 = 30;

pub(super) fn code_key(phone: &PhoneNumber) -> Item {
    key(format!("phone#{}", phone.as_str()), "code")
}

pub(super) fn address_key(address: &str) -> Item {
    key(format!("address#{address}"), "sends")
}

pub(super) fn searches_key(address: &str) -> Item {
    key(format!("address#{address}"), "searches")
}

pub(super) fn budget_key(calling_code: &str, day: &str) -> Item {
    key(format!("budget#{calling_code}#{day}"), "sends")
}

pub(super) fn sms_key(id: &SmsId) -> Item {
    key(format!("sms#{id}"), "sms")
}

/// When a row may go: a day after it stopped to matter.
pub(super) fn ttl(over_at: Timestamp) -> AttributeValue {
    number(over_at.plus_seconds(DAY).seconds())
}

pub(super) fn code_item(phone: &PhoneNumber, code: &NewCode, seal: &Seal) -> Item {
    let over_at = code.sends.over_at().unwrap_or(code.expires_at).max(code.expires_at);
    let mut item = code_key(phone);
    item.insert(GENERATION.into(), number(code.generation));
    item.insert(SEAL.into(), AttributeValue::B(Blob::new(seal.0)));
    item.insert(STATUS.into(), text(Status::Live.as_str()));
    item.insert(TRIES.into(), number(0));
    item.insert(EXPIRES_AT.into(), text(code.expires_at.to_string()));
    item.insert(SENDS.into(), moments(&code.sends));
    item.insert(QUEUED.into(), AttributeValue::Bool(false));
    item.insert(TTL.into(), ttl(over_at));
    item
}

pub(super) fn code(item: &Item) -> Result<PhoneCode, StoreError> {
    let queued = item.get(QUEUED).and_then(|value| value.as_bool().ok());
    Ok(PhoneCode {
        generation: item.count(GENERATION)?,
        status: item.parsed(STATUS, Status::parse)?,
        tries: item.count(TRIES)?,
        expires_at: item.moment(EXPIRES_AT)?,
        queued: *queued.ok_or_else(|| StoreError::corrupt(QUEUED))?,
        sends: log(item, SENDS)?,
    })
}

pub(super) fn seal(item: &Item) -> Option<Seal> {
    let seal = item.get(SEAL)?.as_b().ok()?;
    seal.as_ref().try_into().ok().map(Seal)
}

pub(super) fn moments_item(key: Item, sends: &SendLog, version: u64) -> Item {
    let mut item = key;
    item.insert(MOMENTS.into(), moments(sends));
    item.insert(VERSION.into(), number(version));
    if let Some(over_at) = sends.over_at() {
        item.insert(TTL.into(), ttl(over_at));
    }
    item
}

/// What is counted of an address, and the version of that; nothing and 0 without a row.
pub(super) fn logged(item: Option<&Item>) -> Result<(SendLog, u64), StoreError> {
    item.map_or(Ok((SendLog::default(), 0)), |item| Ok((log(item, MOMENTS)?, item.count(VERSION)?)))
}

pub(super) fn sms_item(id: &SmsId, sender: u64, now: Timestamp) -> Item {
    let mut item = sms_key(id);
    item.insert(STATUS.into(), text(CLAIMED));
    item.insert(CLAIMED_AT.into(), text(now.to_string()));
    item.insert(SENDER.into(), number(sender));
    item.insert(TTL.into(), number(now.plus_seconds(SMS_DAYS * DAY).seconds()));
    item
}

pub(super) fn sms(item: &Item) -> Result<Record, StoreError> {
    match item.text(STATUS)? {
        CLAIMED => Ok(Record::Claimed { at: item.moment(CLAIMED_AT)? }),
        SENT => Ok(Record::Sent),
        _ => Err(StoreError::corrupt(STATUS)),
    }
}

fn moments(log: &SendLog) -> AttributeValue {
    AttributeValue::L(log.moments().iter().map(|moment| text(moment.to_string())).collect())
}

fn log(item: &Item, name: &str) -> Result<SendLog, StoreError> {
    let list = item.get(name).and_then(|value| value.as_l().ok()).ok_or_else(|| StoreError::corrupt(name))?;
    let moments = list.iter().map(|moment| moment.as_s().ok().and_then(|text| text.parse().ok()));
    moments.collect::<Option<Vec<_>>>().map(SendLog::new).ok_or_else(|| StoreError::corrupt(name))
}
