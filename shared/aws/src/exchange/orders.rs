//! Orders as they stand: one, or a customer's newest first.
//!
//! The list comes from an index that holds keys only; the rows are then read consistently. An order placed a moment ago
//! may be missing from the list, never its status be old in it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    Timestamp,
    id::{CustomerId, OrderId},
    order::Order,
};

use super::{Exchange, rows};
use crate::{
    item::{Read, key, text},
    store::StoreError,
};

/// Keys of the index read at a time; as many as one batch of rows takes.
const STEP: usize = 100;
/// After this many steps a filtered list answers with what it has found, and the place to go on from.
const MAX_STEPS: usize = 10;

/// A page of orders, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrdersPage {
    /// The orders.
    pub orders: Vec<Order>,
    /// The place to go on from; `None` on the last page. A page with a next place may be short, even empty: the filter
    /// had looked far enough for one request.
    pub next: Option<String>,
}

/// Which order of which customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderRef {
    /// Whose.
    pub customer: CustomerId,
    /// Which.
    pub id: OrderId,
}

impl OrderRef {
    /// The order that a row's keys belong to; `None` for keys of other rows.
    pub fn of_keys(partition: &str, sort: &str) -> Option<Self> {
        let id = OrderId::parse(sort.strip_prefix("order#")?)?;
        Some(Self { customer: CustomerId::parse(partition)?, id })
    }
}

/// Whether a text can be a place that [`Exchange::orders_of`] answered. Ask this of whatever comes from outside.
pub fn is_place(text: &str) -> bool {
    let is_moment = |text: &str| text.parse::<Timestamp>().is_ok_and(|moment| moment.to_string() == text);
    text.split_once('#').is_some_and(|(at, id)| at.ends_with('Z') && is_moment(at) && OrderId::parse(id).is_some())
}

impl Exchange {
    /// An order as it stands, read consistently.
    pub async fn order(&self, customer: &CustomerId, id: &OrderId) -> Result<Option<Order>, StoreError> {
        let item = self.get(key(customer.as_str(), rows::order_sort(id))).await?;
        item.as_ref().map(rows::order).transpose()
    }

    /// Orders as they stand, read consistently, in any order; those that do not exist are left out.
    pub async fn orders(&self, wanted: &[OrderRef]) -> Result<Vec<Order>, StoreError> {
        let keys = wanted.iter().map(|order| key(order.customer.as_str(), rows::order_sort(&order.id))).collect();
        self.batch_get(keys).await?.iter().map(rows::order).collect()
    }

    /// The order to which a customer has given this name.
    pub async fn order_named(
        &self,
        customer: &CustomerId,
        client_order_id: &str,
    ) -> Result<Option<OrderId>, StoreError> {
        let item = self.get(key(customer.as_str(), rows::client_sort(client_order_id))).await?;
        item.map(|item| item.parsed("order_id", OrderId::parse)).transpose()
    }

    /// A customer's orders, newest first, those that `keep` says yes to, from `after` (a page's `next`) on.
    pub async fn orders_of(
        &self,
        customer: &CustomerId,
        after: Option<&str>,
        limit: usize,
        keep: impl Fn(&Order) -> bool,
    ) -> Result<OrdersPage, StoreError> {
        let (mut page, mut after) = (OrdersPage::default(), after.map(str::to_owned));
        for _ in 0..MAX_STEPS {
            // One more than is wanted tells whether there is a next page.
            let step = (limit - page.orders.len() + 1).clamp(1, STEP);
            let (keys, more) = self.order_keys(customer, after.as_deref(), step).await?;
            let wanted = keys.iter().map(|(_, sort)| key(customer.as_str(), sort)).collect();
            let mut found = HashMap::new();
            for item in self.batch_get(wanted).await? {
                found.insert(item.text("sk")?.to_owned(), rows::order(&item)?);
            }
            for (place, sort) in keys {
                let kept = found.remove(&sort).filter(|order| keep(order));
                if kept.is_some() && page.orders.len() == limit {
                    page.next = after;
                    return Ok(page);
                }
                page.orders.extend(kept);
                after = Some(place);
            }
            if !more {
                return Ok(page);
            }
        }
        page.next = after;
        Ok(page)
    }

    /// Index keys and sort keys of a customer's orders, newest first, and whether there are more.
    async fn order_keys(
        &self,
        customer: &CustomerId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<(String, String)>, bool), StoreError> {
        let mut condition = "owner_key = :customer".to_owned();
        let mut query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("orders")
            .expression_attribute_values(":customer", text(customer.as_str()))
            .scan_index_forward(false);
        if let Some(after) = after {
            condition.push_str(" AND created_key < :after");
            query = query.expression_attribute_values(":after", AttributeValue::S(after.to_owned()));
        }
        let (items, more) = self.rows(query.key_condition_expression(condition), limit).await?;
        let keys = items.iter().map(|item| Ok((item.text("created_key")?.to_owned(), item.text("sk")?.to_owned())));
        Ok((keys.collect::<Result<_, StoreError>>()?, more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_page_has_answered_is_a_place() {
        let place = "2026-11-21T10:00:00.000Z#ord_0b";
        assert!(is_place(place));
        for text in ["", "#", "ord_0b", "2026-11-21T10:00:00Z#ord_0b", "2026-11-21T10:00:00.000Z#trf_0b"] {
            assert!(!is_place(text), "{text}");
        }
    }
}
