//! PhonesTable: one-time codes, what was sent to whom and how often, and which SMS are on their way.
//!
//! ```text
//! pk=phone#<E.164>                 sk=code      the phone's newest code: generation, seal, status, tries, expires_at, sends, queued
//! pk=address#<address>             sk=sends     sends on behalf of a caller address: moments, version
//! pk=address#<address>             sk=searches  searches of a caller address: moments, version
//! pk=budget#<country code>#<day>   sk=sends     SMS of a UTC day to a country: sent
//! pk=sms#<message id>              sk=sms       one SMS: status claimed, sent or released, claimed_at, sender
//! ```
//! The only place that knows these names. Every row has a `ttl` well after it stopped to matter: nothing depends on
//! when it goes. Every write is one conditional request.

mod limits;
mod rows;
mod sms;

use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::put_item::PutItemError,
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use domain::{
    Timestamp,
    customer::PhoneNumber,
    phone_code::{Code, CodeKey, MAX_TRIES, NewCode, PhoneCode, Seal, Status, Timer},
};

use crate::{
    item::{Item, Read, key, number, text, unavailable},
    store::StoreError,
};

pub use limits::Admission;
pub use sms::{Claim, SmsClaim};

/// The table.
#[derive(Clone, Debug)]
pub struct Phones {
    client: Client,
    table: String,
}

impl Phones {
    /// A table of this name.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// The newest code of a phone, read consistently.
    pub async fn code(&self, phone: &PhoneNumber) -> Result<Option<PhoneCode>, StoreError> {
        let item = self.get(rows::code_key(phone)).await?;
        item.as_ref().map(rows::code).transpose()
    }

    /// Puts a new code in place of the one it was decided on. False if somebody else was first: nothing was written,
    /// and the phone has a code newer than was known.
    pub async fn issue(&self, phone: &PhoneNumber, code: &NewCode, seal: &Seal) -> Result<bool, StoreError> {
        let before = number(code.generation.saturating_sub(1));
        let written = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(rows::code_item(phone, code, seal)))
            .condition_expression("attribute_not_exists(pk) OR generation = :before")
            .expression_attribute_values(":before", before)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match put(written)? {
            None => Ok(true),
            // Our own first try, whose answer got lost: nobody else has this seal.
            Some(row) => Ok(row.as_ref().is_some_and(|row| rows::seal(row).as_ref() == Some(seal))),
        }
    }

    /// Notes that the SMS of this generation was handed over.
    pub async fn mark_queued(&self, phone: &PhoneNumber, generation: u64) -> Result<(), StoreError> {
        let written = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(rows::code_key(phone)))
            .update_expression("SET queued = :true")
            .condition_expression("generation = :generation")
            .expression_attribute_values(":true", AttributeValue::Bool(true))
            .expression_attribute_values(":generation", number(generation))
            .send()
            .await;
        // A newer code is in place: nothing to note.
        allowed(written).map(drop)
    }

    /// Whether this is the phone's code now; if so it is used up. A try is taken before the code is looked at, so
    /// that guesses at the same time have no more of them, and a right code is used by one caller only. False says
    /// nothing about why.
    pub async fn verify(
        &self,
        phone: &PhoneNumber,
        code: &Code,
        key: &CodeKey,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let Some(row) = self.take_try(phone, now).await? else { return Ok(false) };
        let (generation, this_try) = (row.count(rows::GENERATION)?, row.count(rows::TRIES)?);
        let seal = rows::seal(&row).ok_or_else(|| StoreError::corrupt(rows::SEAL))?;
        if !key.opens(&seal, phone, generation, code) {
            return Ok(false);
        }
        // No two callers have the same try, so a lost answer of this very write is told from another caller's.
        let written = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(rows::code_key(phone)))
            .update_expression("SET #status = :used, used_by_try = :try REMOVE seal")
            .condition_expression(
                "generation = :generation AND (#status = :live OR (#status = :used AND used_by_try = :try))",
            )
            .expression_attribute_names("#status", rows::STATUS)
            .expression_attribute_values(":generation", number(generation))
            .expression_attribute_values(":live", text(Status::Live.as_str()))
            .expression_attribute_values(":used", text(Status::Used.as_str()))
            .expression_attribute_values(":try", number(this_try))
            .send()
            .await;
        allowed(written).map(|answer| answer.is_some())
    }

    /// The row with one more try taken, if there was one left.
    async fn take_try(&self, phone: &PhoneNumber, now: Timestamp) -> Result<Option<Item>, StoreError> {
        let written = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(rows::code_key(phone)))
            .update_expression("SET tries = tries + :one")
            .condition_expression("#status = :live AND tries < :most AND expires_at > :now")
            .expression_attribute_names("#status", rows::STATUS)
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":live", text(Status::Live.as_str()))
            .expression_attribute_values(":most", number(MAX_TRIES))
            .expression_attribute_values(":now", text(now.to_string()))
            .return_values(ReturnValue::AllNew)
            .send()
            .await;
        Ok(allowed(written)?.and_then(|answer| answer.attributes))
    }

    /// Ends the code of this timer, if it is still the newest and live. Whether it did. Generations begin anew when a row
    /// has gone by its `ttl`; together with the time one stands for one code.
    pub async fn expire(&self, timer: &Timer) -> Result<bool, StoreError> {
        let written = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(rows::code_key(&timer.phone)))
            .update_expression("SET #status = :expired REMOVE seal")
            .condition_expression("generation = :generation AND expires_at = :over AND #status = :live")
            .expression_attribute_names("#status", rows::STATUS)
            .expression_attribute_values(":generation", number(timer.generation))
            .expression_attribute_values(":over", text(timer.expires_at.to_string()))
            .expression_attribute_values(":live", text(Status::Live.as_str()))
            .expression_attribute_values(":expired", text(Status::Expired.as_str()))
            .send()
            .await;
        allowed(written).map(|answer| answer.is_some())
    }

    /// Whether the table answers at all.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.get(key("health", "health")).await.map(drop)
    }

    async fn get(&self, key: Item) -> Result<Option<Item>, StoreError> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable)?;
        Ok(answer.item)
    }
}

/// `None` if the condition said no.
fn allowed<T, E>(answer: Result<T, SdkError<E>>) -> Result<Option<T>, StoreError>
where
    E: ProvideErrorMetadata + std::fmt::Debug,
{
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(SdkError::ServiceError(error)) if error.err().code() == Some("ConditionalCheckFailedException") => Ok(None),
        Err(error) => Err(unavailable(error)),
    }
}

/// `None` if the put was made; otherwise its condition said no, and inside is the row as it is, if there is one.
fn put<T>(answer: Result<T, SdkError<PutItemError>>) -> Result<Option<Option<Item>>, StoreError> {
    match answer {
        Ok(_) => Ok(None),
        Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => {
            match error.into_err() {
                PutItemError::ConditionalCheckFailedException(failed) => Ok(Some(failed.item)),
                error => Err(StoreError::Unavailable(format!("{error:?}"))),
            }
        }
        Err(error) => Err(unavailable(error)),
    }
}
