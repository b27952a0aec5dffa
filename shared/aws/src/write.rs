//! Transactions and conditional updates: built from the parts they all have, sent with patience for conflicts, and told
//! apart afterwards.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::{
        transact_write_items::TransactWriteItemsError,
        update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    },
    types::{
        CancellationReason, ConditionCheck, ConsumedCapacity, Put, ReturnConsumedCapacity, ReturnValue,
        ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
    },
};

use crate::{
    item::{Item, Read, unavailable},
    meter::Meter,
    store::StoreError,
};

/// How often a transaction is tried when others write the same rows or the table throttles.
const ATTEMPTS: u32 = 9;
/// The first wait is up to this long, each further one up to twice the one before.
const FIRST_WAIT: Duration = Duration::from_millis(10);
/// No wait is longer.
const LONGEST_WAIT: Duration = Duration::from_millis(500);
/// No new try begins after this long: the SDK is patient with throttles too, and a function that runs into its
/// timeout (10 s) answers nothing.
const PATIENCE: Duration = Duration::from_secs(6);

/// Marks one write, so that its repetition by the SDK after a lost answer is not taken for somebody else's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WriteId(u64);

impl WriteId {
    /// A fresh one.
    pub fn new() -> Self {
        Self(fastrand::u64(..))
    }

    /// Whether the row is as this very write left it.
    pub fn wrote(self, row: &Item) -> bool {
        row.optional("write_id") == Some(&self.to_text())
    }

    /// As stored.
    pub fn to_text(self) -> String {
        format!("{:016x}", self.0)
    }
}

/// Why a transaction was cancelled: for each of its items, in order, the row that failed its condition.
#[derive(Debug)]
pub(crate) struct Cancelled(Vec<Option<Option<Item>>>);

impl Cancelled {
    /// `Some` if the condition of item `index` failed; inside it the row as it is, if there is one.
    pub(crate) fn failed(&self, index: usize) -> Option<Option<&Item>> {
        self.0.get(index).and_then(Option::as_ref).map(Option::as_ref)
    }
}

/// How a transaction ended without committing.
#[derive(Debug)]
pub(crate) enum WriteError {
    /// A condition said no. Never tried again.
    Cancelled(Cancelled),
    /// Others kept writing the items with these indexes. Nothing was written.
    Conflict(Vec<usize>),
    /// The world failed.
    Store(StoreError),
}

impl From<WriteError> for StoreError {
    /// For writes whose conditions have all been asked about: one that failed all the same has no meaning.
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Store(error) => error,
            WriteError::Conflict(_) => Self::Conflict,
            WriteError::Cancelled(_) => Self::corrupt("a condition failed that has no meaning here"),
        }
    }
}

/// A put, an update or a check, with the old row returned when its condition fails.
pub(crate) fn put(put: aws_sdk_dynamodb::types::builders::PutBuilder) -> Result<TransactWriteItem, WriteError> {
    let put: Put = put
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
        .map_err(|error| WriteError::Store(StoreError::Corrupt(error.to_string())))?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// See [`put`].
pub(crate) fn update(
    update: aws_sdk_dynamodb::types::builders::UpdateBuilder,
) -> Result<TransactWriteItem, WriteError> {
    let update: Update = update
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
        .map_err(|error| WriteError::Store(StoreError::Corrupt(error.to_string())))?;
    Ok(TransactWriteItem::builder().update(update).build())
}

/// See [`put`].
pub(crate) fn check(
    check: aws_sdk_dynamodb::types::builders::ConditionCheckBuilder,
) -> Result<TransactWriteItem, WriteError> {
    let check: ConditionCheck = check
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .build()
        .map_err(|error| WriteError::Store(StoreError::Corrupt(error.to_string())))?;
    Ok(TransactWriteItem::builder().condition_check(check).build())
}

/// Sends one conditional update alone, which costs half of a transaction; the row as it becomes.
pub(crate) async fn update_alone(meter: &Meter, update: UpdateItemFluentBuilder) -> Result<Item, WriteError> {
    let row = change_alone(meter, update.return_values(ReturnValue::AllNew)).await?;
    row.ok_or_else(|| WriteError::Store(StoreError::corrupt("no row after an update")))
}

/// The same for whoever does not ask how the row becomes: it is answered only if the update says so.
pub(crate) async fn change_alone(meter: &Meter, update: UpdateItemFluentBuilder) -> Result<Option<Item>, WriteError> {
    let update = update
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .return_consumed_capacity(ReturnConsumedCapacity::Indexes);
    let started = Instant::now();
    let mut longest = FIRST_WAIT;
    for attempt in 1.. {
        let error = match update.clone().send().await {
            Ok(answer) => {
                meter.write(&answer.consumed_capacity);
                return Ok(answer.attributes);
            }
            Err(SdkError::ServiceError(refused)) => refused.into_err(),
            Err(error) => return Err(WriteError::Store(unavailable(error))),
        };
        match error {
            UpdateItemError::ConditionalCheckFailedException(failed) => {
                return Err(WriteError::Cancelled(Cancelled(vec![Some(failed.item)])));
            }
            UpdateItemError::TransactionConflictException(_) => {}
            error => {
                let (code, message) = (error.code().unwrap_or("unknown"), error.message().unwrap_or_default());
                return Err(WriteError::Store(StoreError::Unavailable(format!("{code}: {message}"))));
            }
        }
        if attempt >= ATTEMPTS || started.elapsed() >= PATIENCE {
            break;
        }
        tokio::time::sleep(longest.mul_f64(fastrand::f64())).await;
        longest = (longest * 2).min(LONGEST_WAIT);
    }
    Err(WriteError::Conflict(vec![0]))
}

/// Commits all items or none. Conflicts and throttling are tried again, with full jitter and a bound.
pub(crate) async fn transact(client: &Client, meter: &Meter, items: Vec<TransactWriteItem>) -> Result<(), WriteError> {
    let started = Instant::now();
    let mut longest = FIRST_WAIT;
    for attempt in 1.. {
        let error = match send(client, items.clone()).await {
            Ok(capacity) => {
                meter.write(&capacity);
                return Ok(());
            }
            Err(error) => error,
        };
        let outcome = match error {
            Refused::Cancelled(reasons) => match judge(&reasons) {
                Verdict::Final(cancelled) => return Err(WriteError::Cancelled(cancelled)),
                Verdict::Again(indexes) => WriteError::Conflict(indexes),
                Verdict::Fault(cause) => return Err(WriteError::Store(StoreError::Corrupt(cause))),
            },
            Refused::Again(cause) => WriteError::Store(StoreError::Unavailable(cause)),
            Refused::Final(cause) => return Err(WriteError::Store(StoreError::Unavailable(cause))),
        };
        if attempt >= ATTEMPTS || started.elapsed() >= PATIENCE {
            return Err(outcome);
        }
        let wait = longest.mul_f64(fastrand::f64());
        tracing::debug!(attempt, wait_ms = wait.as_millis(), "transaction is tried again");
        tokio::time::sleep(wait).await;
        longest = (longest * 2).min(LONGEST_WAIT);
    }
    Err(WriteError::Store(StoreError::Conflict))
}

enum Refused {
    Cancelled(Vec<CancellationReason>),
    Again(String),
    Final(String),
}

async fn send(client: &Client, items: Vec<TransactWriteItem>) -> Result<Vec<ConsumedCapacity>, Refused> {
    // The SDK adds a client token of its own: a repetition on the network is applied once.
    let sent = client
        .transact_write_items()
        .set_transact_items(Some(items))
        .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
        .send()
        .await;
    match sent {
        Ok(answer) => Ok(answer.consumed_capacity.unwrap_or_default()),
        Err(SdkError::ServiceError(context)) => match context.into_err() {
            TransactWriteItemsError::TransactionCanceledException(cancelled) => {
                Err(Refused::Cancelled(cancelled.cancellation_reasons.unwrap_or_default()))
            }
            error @ (TransactWriteItemsError::TransactionInProgressException(_)
            | TransactWriteItemsError::ProvisionedThroughputExceededException(_)
            | TransactWriteItemsError::RequestLimitExceeded(_)
            | TransactWriteItemsError::InternalServerError(_)) => Err(Refused::Again(describe(&error))),
            error if matches!(error.code(), Some("ThrottlingException" | "TransactionConflictException")) => {
                Err(Refused::Again(describe(&error)))
            }
            error => Err(Refused::Final(describe(&error))),
        },
        Err(error) => Err(Refused::Final(format!("{error:?}"))),
    }
}

fn describe(error: &TransactWriteItemsError) -> String {
    format!("{}: {}", error.code().unwrap_or("unknown"), error.message().unwrap_or_default())
}

enum Verdict {
    Final(Cancelled),
    Again(Vec<usize>),
    Fault(String),
}

/// A conflict or throttle on any item leaves the answer open, even when another item's condition failed: the write
/// in flight may be this very request. What is neither that nor a condition is a fault of ours, not an answer.
fn judge(reasons: &[CancellationReason]) -> Verdict {
    let (mut again, mut fault, mut failed) = (Vec::new(), None, Vec::new());
    for (index, reason) in reasons.iter().enumerate() {
        let mut row = None;
        match reason.code() {
            None | Some("None") => {}
            Some("ConditionalCheckFailed") => row = Some(reason.item().cloned()),
            Some(
                "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded" | "RequestLimitExceeded",
            ) => again.push(index),
            Some(code) => fault = Some(format!("item {index}: {code}: {}", reason.message().unwrap_or_default())),
        }
        failed.push(row);
    }
    match fault {
        _ if !again.is_empty() => Verdict::Again(again),
        Some(fault) => Verdict::Fault(fault),
        None => Verdict::Final(Cancelled(failed)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(code: &str) -> CancellationReason {
        CancellationReason::builder().code(code).build()
    }

    #[test]
    fn a_conflict_anywhere_leaves_the_answer_open() {
        for (codes, again) in [
            (["ConditionalCheckFailed", "None", "TransactionConflict"], Some(vec![2])),
            (["TransactionConflict", "ConditionalCheckFailed", "None"], Some(vec![0])),
            (["TransactionConflict", "None", "TransactionConflict"], Some(vec![0, 2])),
            (["ThrottlingError", "ValidationError", "None"], Some(vec![0])),
            (["ConditionalCheckFailed", "None", "None"], None),
        ] {
            let verdict = judge(&codes.map(reason));
            match (verdict, again) {
                (Verdict::Again(indexes), Some(expected)) => assert_eq!(indexes, expected, "{codes:?}"),
                (Verdict::Final(cancelled), None) => {
                    let failed: Vec<_> = (0..3).map(|index| cancelled.failed(index).is_some()).collect();
                    assert_eq!(failed, codes.map(|code| code != "None"), "{codes:?}");
                }
                (_, expected) => panic!("{codes:?}: expected {expected:?}"),
            }
        }
    }

    #[test]
    fn what_is_no_condition_is_a_fault_and_not_an_answer() {
        for codes in [["None", "ValidationError", "None"], ["ConditionalCheckFailed", "AccessDenied", "None"]] {
            assert!(matches!(judge(&codes.map(reason)), Verdict::Fault(_)), "{codes:?}");
        }
    }
}
