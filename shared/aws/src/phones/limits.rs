//! What is counted before anything is sent. A count stays, also when the send then fails: limits err on the quiet side.

use std::time::Duration;

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use domain::{Timestamp, phone_code};

use super::{Phones, allowed, put, rows};
use crate::{
    item::{Item, number},
    store::StoreError,
};

/// How often an address is counted again when other requests of the same address were quicker.
const ATTEMPTS: u32 = 12;
/// No wait between them is longer.
const LONGEST_WAIT: Duration = Duration::from_millis(40);

/// Whether one more may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Yes, and it is counted.
    Admitted,
    /// No; nothing was counted.
    Limited {
        /// One more fits after this.
        retry_after: Duration,
    },
}

impl Phones {
    /// Counts one send on behalf of a caller address, at most `most` within an hour. A crowd of requests at the same
    /// moment may see some of them refused early, never one too many admitted.
    pub async fn admit_address(&self, address: &str, most: usize, now: Timestamp) -> Result<Admission, StoreError> {
        self.admit(rows::address_key(address), most, now).await
    }

    /// Counts one search of a caller address, in the same way.
    pub async fn admit_search(&self, address: &str, most: usize, now: Timestamp) -> Result<Admission, StoreError> {
        self.admit(rows::searches_key(address), most, now).await
    }

    async fn admit(&self, key: Item, most: usize, now: Timestamp) -> Result<Admission, StoreError> {
        let mut row = self.get(key.clone()).await?;
        for _ in 0..ATTEMPTS {
            let (sends, version) = rows::logged(row.as_ref())?;
            let sends = match sends.admit(most, now) {
                Ok(sends) => sends,
                Err(retry_after) => return Ok(Admission::Limited { retry_after }),
            };
            let request = self
                .client
                .put_item()
                .table_name(&self.table)
                .set_item(Some(rows::moments_item(key.clone(), &sends, version + 1)))
                .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
            let request = match row {
                None => request.condition_expression("attribute_not_exists(pk)"),
                Some(_) => request
                    .condition_expression("version = :version")
                    .expression_attribute_values(":version", number(version)),
            };
            match put(request.send().await)? {
                None => return Ok(Admission::Admitted),
                Some(newer) => row = newer,
            }
            tokio::time::sleep(LONGEST_WAIT.mul_f64(fastrand::f64())).await;
        }
        Ok(Admission::Limited { retry_after: Duration::from_secs(1) })
    }

    /// Counts one SMS to a country on the present UTC day, at most `most`.
    pub async fn admit_country(&self, calling_code: &str, most: u64, now: Timestamp) -> Result<Admission, StoreError> {
        let limited = Admission::Limited { retry_after: phone_code::until_next_day(now) };
        if most == 0 {
            return Ok(limited);
        }
        let counted = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(rows::budget_key(calling_code, &phone_code::day(now))))
            .update_expression("SET #ttl = :ttl ADD sent :one")
            .condition_expression("attribute_not_exists(sent) OR sent < :most")
            .expression_attribute_names("#ttl", rows::TTL)
            .expression_attribute_values(":ttl", rows::ttl(now.plus_seconds(86_400)))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":most", number(most))
            .send()
            .await;
        Ok(allowed(counted)?.map_or(limited, |_| Admission::Admitted))
    }
}
