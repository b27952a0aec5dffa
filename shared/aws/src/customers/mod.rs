//! CustomersTable: customers, their documents, and which addresses and numbers are taken.
//!
//! ```text
//! pk=cus_…                              sk=customer            the customer; listed by list_key, list_sort
//! pk=cus_…                              sk=document#<number>   one document
//! pk=email#… | phone#… | document#…     sk=unique              whose it is (customer_id)
//! ```
//! The only place that knows these names. Every change is one transaction over the customer and the unique rows it
//! touches, so that two customers never share an address, a phone or a document.

mod list;
mod rows;
mod write;

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use domain::{
    customer::CustomerStatus,
    customer::{Customer, DocumentNumber, EmailAddress, PhoneNumber, Registration},
    id::CustomerId,
};

use crate::{
    item::{Item, Read, key, unavailable},
    store::StoreError,
};

pub use list::{Filter, is_place};
pub use write::{Provisioned, Refusal, WriteError};

/// What only one customer can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// An e-mail address.
    Email(EmailAddress),
    /// A phone number.
    Phone(PhoneNumber),
    /// The number of a document.
    Document(DocumentNumber),
}

impl Claim {
    /// Everything a new customer would claim, in the order in which a refusal names it.
    pub fn wanted(registration: &Registration) -> Vec<Self> {
        let email = std::iter::once(Self::Email(registration.email.clone()));
        let phone = registration.phone.iter().cloned().map(Self::Phone);
        let document = registration.document.iter().map(|document| Self::Document(document.number.clone()));
        email.chain(phone).chain(document).collect()
    }

    /// Everything this customer claims, in the same order.
    pub fn of(customer: &Customer) -> Vec<Self> {
        let email = std::iter::once(Self::Email(customer.email.clone()));
        let phone = customer.phone.iter().cloned().map(Self::Phone);
        let documents = customer.documents.iter().map(|document| Self::Document(document.number.clone()));
        email.chain(phone).chain(documents).collect()
    }
}

/// The table.
#[derive(Clone, Debug)]
pub struct Customers {
    client: Client,
    table: String,
}

impl Customers {
    /// A table of this name.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// A customer with the documents, read consistently.
    pub async fn customer(&self, id: &CustomerId) -> Result<Option<Customer>, StoreError> {
        // At most 21 rows of a few hundred bytes: always one page.
        let answer = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", AttributeValue::S(id.to_string()))
            .consistent_read(true)
            .send()
            .await
            .map_err(unavailable)?;
        rows::customer_of(&answer.items.unwrap_or_default())
    }

    /// Whether a customer may act at all, read consistently; `None` if there is no such customer.
    pub async fn status(&self, id: &CustomerId) -> Result<Option<CustomerStatus>, StoreError> {
        let item = self.get(key(id.as_str(), rows::CUSTOMER)).await?;
        item.map(|item| item.parsed("status", CustomerStatus::parse)).transpose()
    }

    /// Whose this is, read consistently.
    pub async fn holder(&self, claim: &Claim) -> Result<Option<CustomerId>, StoreError> {
        let item = self.get(rows::unique_key(claim)).await?;
        item.map(|item| item.parsed(rows::CUSTOMER_ID, CustomerId::parse)).transpose()
    }

    /// The first of these that another customer has; a look before work is begun, the transaction decides.
    pub async fn first_taken(&self, claims: &[Claim]) -> Result<Option<Claim>, StoreError> {
        let holders = futures::future::try_join_all(claims.iter().map(|claim| self.holder(claim))).await?;
        Ok(claims.iter().zip(holders).find_map(|(claim, holder)| holder.map(|_| claim.clone())))
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
