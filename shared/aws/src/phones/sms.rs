//! Which SMS are on their way: claimed before, marked after, so that a message delivered twice sends once.

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use domain::{
    Timestamp,
    sms::{Record, SmsId},
};

use super::{Phones, allowed, put, rows};
use crate::{
    item::{Read, number, text},
    store::StoreError,
};

/// The right to send one SMS, held by one sender.
#[derive(Debug)]
pub struct SmsClaim {
    id: SmsId,
    sender: u64,
}

/// What asking for the right to send came to.
#[derive(Debug)]
pub enum Claim {
    /// It is ours alone.
    Ours(SmsClaim),
    /// Somebody was first; this is on record.
    Before(Record),
}

impl Phones {
    /// Claims an SMS. If nobody knows whether the claim was written it is given back, as well as can be: a claim whose
    /// sender knows nothing of it would keep the SMS from ever being sent.
    pub async fn claim_sms(&self, id: &SmsId, now: Timestamp) -> Result<Claim, StoreError> {
        let claim = SmsClaim { id: id.clone(), sender: fastrand::u64(..) };
        let claimed = self.try_claim(&claim, now).await;
        match claimed {
            Ok(None) => Ok(Claim::Ours(claim)),
            Ok(Some(before)) => Ok(Claim::Before(before)),
            Err(error) => {
                if let Err(error) = self.release_sms(claim).await {
                    tracing::warn!(sms_id = %id, %error, "a claim may stay that nobody holds");
                }
                Err(error)
            }
        }
    }

    /// What is on record of somebody else, if he was first.
    async fn try_claim(&self, claim: &SmsClaim, now: Timestamp) -> Result<Option<Record>, StoreError> {
        let written = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(rows::sms_item(&claim.id, claim.sender, now)))
            .condition_expression("attribute_not_exists(pk) OR #status = :released")
            .expression_attribute_names("#status", rows::STATUS)
            .expression_attribute_values(":released", text(rows::RELEASED))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match put(written)? {
            None => Ok(None),
            Some(None) => Err(StoreError::Conflict),
            // Our own first try, whose answer got lost.
            Some(Some(row)) if row.count(rows::SENDER)? == claim.sender => Ok(None),
            Some(Some(row)) => rows::sms(&row).map(Some),
        }
    }

    /// Notes that a claimed SMS was sent.
    pub async fn mark_sms_sent(&self, claim: &SmsClaim) -> Result<(), StoreError> {
        let written = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(rows::sms_key(&claim.id)))
            .update_expression("SET #status = :sent")
            .condition_expression("sender = :sender")
            .expression_attribute_names("#status", rows::STATUS)
            .expression_attribute_values(":sent", text(rows::SENT))
            .expression_attribute_values(":sender", number(claim.sender))
            .send()
            .await;
        allowed(written)?.map(drop).ok_or_else(|| StoreError::corrupt("the claim of an SMS is gone"))
    }

    /// Gives a claim back after an error that surely sent nothing, so that a later delivery may send.
    pub async fn release_sms(&self, claim: SmsClaim) -> Result<(), StoreError> {
        let written = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(rows::sms_key(&claim.id)))
            .update_expression("SET #status = :released")
            .condition_expression("sender = :sender AND #status = :claimed")
            .expression_attribute_names("#status", rows::STATUS)
            .expression_attribute_values(":sender", number(claim.sender))
            .expression_attribute_values(":claimed", text(rows::CLAIMED))
            .expression_attribute_values(":released", text(rows::RELEASED))
            .send()
            .await;
        // Released already: the first try of this very request, whose answer got lost.
        allowed(written).map(drop)
    }
}
