//! Changes of a customer: each one transaction, each condition with the refusal it stands for.

use std::time::Duration;

use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    operation::transact_write_items::TransactWriteItemsError,
    types::{CancellationReason, Delete, Put, TransactWriteItem, builders},
};
use domain::{
    customer::{Customer, Document},
    id::CustomerId,
};

use super::{Claim, Customers, rows};
use crate::{
    item::{Item, number, text, unavailable},
    store::StoreError,
};

/// How often a transaction is tried while others write the same rows.
const ATTEMPTS: u32 = 6;
/// The wait before the second try is up to this long, then up to twice as long each time.
const FIRST_WAIT: Duration = Duration::from_millis(20);

/// Most parts of one transaction (DynamoDB).
const MOST_PARTS: usize = 100;

/// The address, phone or document is free, or this customer's already: what is done twice is done once.
const FREE_OR_OWN: &str = "attribute_not_exists(pk) OR customer_id = :owner";

/// Why a change was not made. With several reasons, the first of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is a customer with this id already.
    Exists,
    /// The customer has changed since, or is gone.
    Stale,
    /// Another customer has this.
    Taken(Claim),
}

/// A change that was not made.
#[derive(Debug)]
pub enum WriteError {
    /// A condition said no; nothing was written.
    Refused(Refusal),
    /// The world failed.
    Store(StoreError),
}

impl From<StoreError> for WriteError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// How a customer came to be whom only the user pool knew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provisioned {
    /// Was there already, and stayed as it was.
    Present,
    /// Is there now.
    Created,
    /// Is there now, without the phone: another customer has taken it meanwhile.
    WithoutPhone,
    /// Is not there: the address is another customer's.
    EmailTaken,
}

impl Customers {
    /// Writes a new customer with address, phone and documents.
    pub async fn create(&self, customer: &Customer) -> Result<(), WriteError> {
        self.creation(customer)?.commit().await
    }

    /// Writes new customers, as many in one transaction as it takes; for whoever brings many at once. When one of a
    /// transaction is refused, each of it is written by itself. What each was answered, in their order.
    pub async fn create_many(&self, customers: &[Customer]) -> Result<Vec<Result<(), Refusal>>, StoreError> {
        let mut outcomes = Vec::with_capacity(customers.len());
        let mut batch = Change::new(self);
        let mut first = 0;
        for (index, customer) in customers.iter().enumerate() {
            let creation = self.creation(customer)?;
            if !batch.has_room_for(&creation) {
                outcomes.extend(self.commit_creations(&customers[first..index], batch).await?);
                (batch, first) = (Change::new(self), index);
            }
            batch.append(creation);
        }
        outcomes.extend(self.commit_creations(&customers[first..], batch).await?);
        Ok(outcomes)
    }

    async fn commit_creations(
        &self,
        customers: &[Customer],
        batch: Change<'_>,
    ) -> Result<Vec<Result<(), Refusal>>, StoreError> {
        if customers.is_empty() {
            return Ok(Vec::new());
        }
        match batch.settle().await {
            Ok(None) => return Ok(vec![Ok(()); customers.len()]),
            Ok(Some(refusals)) => {
                let present = refusals.iter().filter(|refusal| **refusal == Refusal::Exists).count();
                if present == customers.len() {
                    return Ok(vec![Err(Refusal::Exists); present]);
                }
            }
            // Some of them conflict with other writers all the time; the others need not.
            Err(StoreError::Conflict) => {}
            Err(error) => return Err(error),
        }
        let mut outcomes = Vec::with_capacity(customers.len());
        for customer in customers {
            outcomes.push(match self.create(customer).await {
                Ok(()) => Ok(()),
                Err(WriteError::Refused(refusal)) => Err(refusal),
                Err(WriteError::Store(error)) => return Err(error),
            });
        }
        Ok(outcomes)
    }

    fn creation(&self, customer: &Customer) -> Result<Change<'_>, StoreError> {
        let own_row = builders::PutBuilder::default()
            .set_item(Some(rows::customer_row(customer)))
            .condition_expression("attribute_not_exists(pk)");
        let mut change = Change::new(self);
        change.put(own_row, Refusal::Exists)?;
        for claim in Claim::of(customer) {
            change.take(claim, &customer.id)?;
        }
        for document in &customer.documents {
            change.put_document(&customer.id, document)?;
        }
        Ok(change)
    }

    /// Writes what a replacement or a new state made of a customer. Documents are not touched.
    pub async fn replace(&self, before: &Customer, after: &Customer) -> Result<(), WriteError> {
        let mut change = self.changed(before, after)?;
        let (had, has) = (Claim::of(before), Claim::of(after));
        for claim in has.iter().filter(|claim| !had.contains(claim)) {
            change.take(claim.clone(), &after.id)?;
        }
        for claim in had.iter().filter(|claim| !has.contains(claim)) {
            change.free(claim, &after.id)?;
        }
        change.commit().await
    }

    /// Writes a customer who has one document more.
    pub async fn add_document(
        &self,
        before: &Customer,
        after: &Customer,
        document: &Document,
    ) -> Result<(), WriteError> {
        let mut change = self.changed(before, after)?;
        change.take(Claim::Document(document.number.clone()), &after.id)?;
        change.put_document(&after.id, document)?;
        change.commit().await
    }

    /// Removes a customer and everything that was his.
    pub async fn delete(&self, customer: &Customer) -> Result<(), WriteError> {
        let own_row = builders::DeleteBuilder::default()
            .set_key(Some(rows::customer_key(&customer.id)))
            .condition_expression("version = :version")
            .expression_attribute_values(":version", number(customer.version));
        let mut change = Change::new(self);
        change.delete(own_row, Refusal::Stale)?;
        for claim in Claim::of(customer) {
            change.free(&claim, &customer.id)?;
        }
        for document in &customer.documents {
            let key = rows::document_key(&customer.id, &document.number);
            change.delete(builders::DeleteBuilder::default().set_key(Some(key)), Refusal::Stale)?;
        }
        change.commit().await
    }

    /// Makes the customer of a user whom only the user pool knows so far. A customer who is there is never touched;
    /// a phone that another has taken meanwhile is left out.
    pub async fn provision(&self, mut customer: Customer) -> Result<Provisioned, StoreError> {
        if self.customer(&customer.id).await?.is_some() {
            return Ok(Provisioned::Present);
        }
        let mut outcome = Provisioned::Created;
        loop {
            match self.create(&customer).await {
                Ok(()) => return Ok(outcome),
                Err(WriteError::Refused(Refusal::Taken(Claim::Phone(_)))) if customer.phone.is_some() => {
                    customer.phone = None;
                    outcome = Provisioned::WithoutPhone;
                }
                Err(WriteError::Refused(Refusal::Taken(_))) => return Ok(Provisioned::EmailTaken),
                Err(WriteError::Refused(Refusal::Exists | Refusal::Stale)) => return Ok(Provisioned::Present),
                Err(WriteError::Store(error)) => return Err(error),
            }
        }
    }

    /// A change that begins with the customer's own row, if it is still as it was read.
    fn changed(&self, before: &Customer, after: &Customer) -> Result<Change<'_>, WriteError> {
        let own_row = builders::PutBuilder::default()
            .set_item(Some(rows::customer_row(after)))
            .condition_expression("version = :version")
            .expression_attribute_values(":version", number(before.version));
        let mut change = Change::new(self);
        change.put(own_row, Refusal::Stale)?;
        Ok(change)
    }
}

/// A transaction being built: its parts, and for each what its failed condition means.
struct Change<'a> {
    table: &'a Customers,
    parts: Vec<TransactWriteItem>,
    refusals: Vec<Refusal>,
}

impl<'a> Change<'a> {
    fn new(table: &'a Customers) -> Self {
        Self { table, parts: Vec::new(), refusals: Vec::new() }
    }

    fn put(&mut self, put: builders::PutBuilder, refusal: Refusal) -> Result<(), StoreError> {
        let put: Put = put.table_name(&self.table.table).build().map_err(incomplete)?;
        self.parts.push(TransactWriteItem::builder().put(put).build());
        self.refusals.push(refusal);
        Ok(())
    }

    fn delete(&mut self, delete: builders::DeleteBuilder, refusal: Refusal) -> Result<(), StoreError> {
        let delete: Delete = delete.table_name(&self.table.table).build().map_err(incomplete)?;
        self.parts.push(TransactWriteItem::builder().delete(delete).build());
        self.refusals.push(refusal);
        Ok(())
    }

    fn put_document(&mut self, id: &CustomerId, document: &Document) -> Result<(), StoreError> {
        let row: Item = rows::document_row(id, document);
        self.put(builders::PutBuilder::default().set_item(Some(row)), Refusal::Stale)
    }

    fn take(&mut self, claim: Claim, id: &CustomerId) -> Result<(), StoreError> {
        let put = builders::PutBuilder::default()
            .set_item(Some(rows::unique_row(&claim, id)))
            .condition_expression(FREE_OR_OWN)
            .expression_attribute_values(":owner", text(id.as_str()));
        self.put(put, Refusal::Taken(claim))
    }

    fn free(&mut self, claim: &Claim, id: &CustomerId) -> Result<(), StoreError> {
        let delete = builders::DeleteBuilder::default()
            .set_key(Some(rows::unique_key(claim)))
            .condition_expression(FREE_OR_OWN)
            .expression_attribute_values(":owner", text(id.as_str()));
        self.delete(delete, Refusal::Stale)
    }

    /// Whether another change fits into the same transaction: it stays small enough, and neither claims what the other
    /// does.
    fn has_room_for(&self, other: &Self) -> bool {
        let claims = |refusal: &&Refusal| matches!(refusal, Refusal::Taken(_));
        self.parts.len() + other.parts.len() <= MOST_PARTS
            && !other.refusals.iter().filter(claims).any(|claim| self.refusals.contains(claim))
    }

    fn append(&mut self, other: Self) {
        self.parts.extend(other.parts);
        self.refusals.extend(other.refusals);
    }

    /// Commits all parts or none. A conflict with other writers is tried again, a failed condition never is.
    async fn commit(self) -> Result<(), WriteError> {
        match self.settle().await?.map(|refusals| refusals.into_iter().next()) {
            None => Ok(()),
            Some(Some(refusal)) => Err(WriteError::Refused(refusal)),
            Some(None) => Err(WriteError::Store(StoreError::corrupt("a refusal without a reason"))),
        }
    }

    /// As [`Change::commit`]; every refusal, in the order of the parts.
    async fn settle(self) -> Result<Option<Vec<Refusal>>, StoreError> {
        let mut longest = FIRST_WAIT;
        for attempt in 1.. {
            match self.send().await? {
                Verdict::Committed => return Ok(None),
                Verdict::Refused(refusals) => return Ok(Some(refusals)),
                Verdict::Conflict if attempt >= ATTEMPTS => break,
                Verdict::Conflict => {
                    tokio::time::sleep(longest.mul_f64(fastrand::f64())).await;
                    longest *= 2;
                }
            }
        }
        Err(StoreError::Conflict)
    }

    async fn send(&self) -> Result<Verdict, StoreError> {
        let request = self.table.client.transact_write_items().set_transact_items(Some(self.parts.clone()));
        let error = match request.send().await {
            Ok(_) => return Ok(Verdict::Committed),
            Err(error) => error,
        };
        match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                judge(cancelled.cancellation_reasons(), &self.refusals)
            }
            Some(TransactWriteItemsError::TransactionInProgressException(_)) => Ok(Verdict::Conflict),
            _ if error.code() == Some("TransactionConflictException") => Ok(Verdict::Conflict),
            _ => Err(failed(error)),
        }
    }
}

fn failed(error: SdkError<TransactWriteItemsError>) -> StoreError {
    unavailable(error)
}

fn incomplete(error: aws_sdk_dynamodb::error::BuildError) -> StoreError {
    StoreError::Corrupt(error.to_string())
}

#[derive(Debug, PartialEq)]
enum Verdict {
    Committed,
    /// Each part whose condition failed, by what that means.
    Refused(Vec<Refusal>),
    Conflict,
}

/// A conflict on any part leaves the answer open, even when a condition of another failed: what is in flight may be
/// this very request.
fn judge(reasons: &[CancellationReason], refusals: &[Refusal]) -> Result<Verdict, StoreError> {
    let code = |reason: &CancellationReason| reason.code().unwrap_or("None").to_owned();
    if reasons.iter().any(|reason| code(reason) == "TransactionConflict") {
        return Ok(Verdict::Conflict);
    }
    let failed = reasons.iter().zip(refusals).filter(|(reason, _)| code(reason) == "ConditionalCheckFailed");
    let failed: Vec<_> = failed.map(|(_, refusal)| refusal.clone()).collect();
    if failed.is_empty() {
        let codes: Vec<_> = reasons.iter().map(code).collect();
        return Err(StoreError::Unavailable(format!("transaction cancelled: {}", codes.join(", "))));
    }
    Ok(Verdict::Refused(failed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_conditions_are_the_answer_in_their_order_unless_a_conflict_leaves_it_open() {
        let refusals = [Refusal::Exists, Refusal::Stale, Refusal::Stale];
        let refused = |refusals: &[Refusal]| Some(Verdict::Refused(refusals.to_vec()));
        for (codes, expected) in [
            (["None", "ConditionalCheckFailed", "ConditionalCheckFailed"], refused(&refusals[1..])),
            (["ConditionalCheckFailed", "None", "ConditionalCheckFailed"], refused(&refusals[..2])),
            (["ConditionalCheckFailed", "None", "TransactionConflict"], Some(Verdict::Conflict)),
            (["None", "ThrottlingError", "None"], None),
        ] {
            let reasons = codes.map(|code| CancellationReason::builder().code(code).build());
            assert_eq!(judge(&reasons, &refusals).ok(), expected, "{codes:?}");
        }
    }
}
