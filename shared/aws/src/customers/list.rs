//! All customers, newest first, for staff: by state and by part of a name, address, phone or document number.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use domain::{
    Timestamp,
    customer::{Customer, CustomerStatus, Document},
    id::CustomerId,
};

use super::{Customers, rows};
use crate::{
    item::{Item, Read, key, text, unavailable},
    store::StoreError,
};

/// Most rows that one query of a filtered list looks at; the first ones look at fewer.
const LARGEST_STEP: usize = 2_000;
/// After this many queries a filtered list answers with what it has and a cursor: some 20,000 customers.
const MAX_STEPS: usize = 16;
/// Keys that one BatchGetItem takes.
const BATCH: usize = 100;
/// How often keys are asked for again that a batch did not get to.
const BATCH_ROUNDS: usize = 8;

/// Which customers are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only those in this state.
    pub status: Option<CustomerStatus>,
    /// Only those whose [`Customer::search_text`] contains this; lower case.
    pub contains: Option<String>,
}

impl Filter {
    fn expression(&self) -> Option<String> {
        let parts: Vec<_> = [
            self.status.map(|_| "#status = :status"), // `status` is a reserved word
            self.contains.as_ref().map(|_| "contains(#search, :contains)"),
        ]
        .into_iter()
        .flatten()
        .collect();
        (!parts.is_empty()).then(|| parts.join(" AND "))
    }

    /// Whether this customer is among those listed.
    pub fn fits(&self, customer: &Customer) -> bool {
        self.status.is_none_or(|status| status == customer.status)
            && self.contains.as_ref().is_none_or(|part| customer.search_text().contains(part))
    }
}

/// Whether a text can be a place that [`Customers::list`] answered. Ask this of whatever comes from outside.
pub fn is_place(text: &str) -> bool {
    text.split_once('#').is_some_and(|(at, id)| at.parse::<Timestamp>().is_ok() && CustomerId::parse(id).is_some())
}

impl Customers {
    /// Up to `limit` customers, newest first, from after a place on, and the place where the next page begins. A
    /// page may be short, even empty, with a next place: the filter had looked far enough for one request.
    pub async fn list(
        &self,
        filter: &Filter,
        limit: usize,
        after: Option<&str>,
    ) -> Result<(Vec<Customer>, Option<String>), StoreError> {
        let mut found: Vec<Item> = Vec::new();
        let mut place = after.map(start_key).transpose()?;
        let mut step = limit + 1;
        for _ in 0..MAX_STEPS {
            let mut query = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(rows::LISTED)
                .key_condition_expression("list_key = :list")
                .expression_attribute_values(":list", text(rows::LIST_KEY))
                .scan_index_forward(false)
                .limit(i32::try_from(step).unwrap_or(i32::MAX))
                .set_exclusive_start_key(place)
                .set_filter_expression(filter.expression());
            if let Some(status) = filter.status {
                query = query
                    .expression_attribute_names("#status", "status")
                    .expression_attribute_values(":status", text(status.as_str()));
            }
            if let Some(part) = &filter.contains {
                query = query
                    .expression_attribute_names("#search", "search")
                    .expression_attribute_values(":contains", text(part));
            }
            let answer = query.send().await.map_err(unavailable)?;
            found.extend(answer.items.unwrap_or_default());
            place = answer.last_evaluated_key;
            if found.len() > limit || place.is_none() {
                break;
            }
            step = (step * 2).min(LARGEST_STEP);
        }
        let next = if found.len() > limit {
            found.truncate(limit);
            found.last().map(|row| row.text("list_sort").map(str::to_owned)).transpose()?
        } else {
            place.map(|key| key.text("list_sort").map(str::to_owned)).transpose()?
        };
        Ok((self.with_documents(&found).await?, next))
    }

    /// Customers from their rows, with the documents these name, fetched together.
    async fn with_documents(&self, rows: &[Item]) -> Result<Vec<Customer>, StoreError> {
        let mut customers = rows.iter().map(rows::customer).collect::<Result<Vec<_>, _>>()?;
        let mut keys = Vec::new();
        for (row, customer) in rows.iter().zip(&customers) {
            keys.extend(rows::document_numbers(row)?.iter().map(|number| rows::document_key(&customer.id, number)));
        }
        let mut documents: HashMap<String, Vec<Document>> = HashMap::new();
        for row in self.fetch(keys).await? {
            documents.entry(row.text("pk")?.to_owned()).or_default().push(rows::document(&row)?);
        }
        for customer in &mut customers {
            customer.documents = documents.remove(customer.id.as_str()).unwrap_or_default();
            customer.documents.sort_by(|a, b| a.number.cmp(&b.number));
        }
        Ok(customers)
    }

    async fn fetch(&self, keys: Vec<Item>) -> Result<Vec<Item>, StoreError> {
        let mut found = Vec::new();
        for batch in keys.chunks(BATCH) {
            let mut open = batch.to_vec();
            for _ in 0..BATCH_ROUNDS {
                if open.is_empty() {
                    break;
                }
                let keys = KeysAndAttributes::builder()
                    .set_keys(Some(std::mem::take(&mut open)))
                    .build()
                    .map_err(|error| StoreError::Corrupt(error.to_string()))?;
                let answer =
                    self.client.batch_get_item().request_items(&self.table, keys).send().await.map_err(unavailable)?;
                found.extend(answer.responses.unwrap_or_default().remove(&self.table).unwrap_or_default());
                open = answer
                    .unprocessed_keys
                    .and_then(|mut tables| tables.remove(&self.table))
                    .map(|left| left.keys)
                    .unwrap_or_default();
            }
            if !open.is_empty() {
                return Err(StoreError::Unavailable("BatchGetItem left keys unread".into()));
            }
        }
        Ok(found)
    }
}

/// The index key of a place: `created_at#id`.
fn start_key(place: &str) -> Result<HashMap<String, AttributeValue>, StoreError> {
    let id = place.rsplit_once('#').and_then(|(_, id)| CustomerId::parse(id)).ok_or_else(|| {
        // The edge has proven the cursor, so this is a fault of ours.
        StoreError::corrupt("list_sort")
    })?;
    let mut start = key(id.as_str(), rows::CUSTOMER);
    start.insert("list_key".into(), text(rows::LIST_KEY));
    start.insert("list_sort".into(), text(place));
    Ok(start)
}
