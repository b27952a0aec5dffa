//! The catalogue: all products in one partition, read as a whole.

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::put_item::{PutItemError, builders::PutItemFluentBuilder},
    types::{ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure},
};
use domain::voucher::{Product, ProductId};

use super::{Saved, Vouchers, rows};
use crate::{
    item::{Item, key, number, text, unavailable},
    store::StoreError,
    write::WriteId,
};

impl Vouchers {
    /// A product, withdrawn ones included, read consistently.
    pub async fn product(&self, id: &ProductId) -> Result<Option<Product>, StoreError> {
        self.get(key(rows::PRODUCTS, id.as_str())).await?.as_ref().map(rows::product).transpose()
    }

    /// All products by their ids, withdrawn ones included.
    pub async fn products(&self) -> Result<Vec<Product>, StoreError> {
        let (mut products, mut from) = (Vec::new(), None);
        loop {
            let answer = self
                .client
                .query()
                .table_name(&self.table)
                .key_condition_expression("pk = :products")
                .expression_attribute_values(":products", text(rows::PRODUCTS))
                .consistent_read(true)
                .set_exclusive_start_key(from)
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await
                .map_err(unavailable)?;
            self.meter.read(&answer.consumed_capacity);
            for item in answer.items.unwrap_or_default() {
                products.push(rows::product(&item)?);
            }
            from = answer.last_evaluated_key.filter(|key| !key.is_empty());
            if from.is_none() {
                return Ok(products);
            }
        }
    }

    /// Offers a new product. `Stale` with the one that has its id, if it is taken.
    pub async fn create_product(&self, product: &Product) -> Result<Saved<Product>, StoreError> {
        let id = WriteId::new();
        self.put_product(self.product_put(product, id).condition_expression("attribute_not_exists(pk)"), id).await
    }

    /// Writes a product that was changed, if it still has the version before that of `next`.
    pub async fn change_product(&self, next: &Product) -> Result<Saved<Product>, StoreError> {
        let id = WriteId::new();
        let put = self
            .product_put(next, id)
            .condition_expression("#version = :before")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":before", number(next.version.saturating_sub(1)));
        self.put_product(put, id).await
    }

    fn product_put(&self, product: &Product, id: WriteId) -> PutItemFluentBuilder {
        self.client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(rows::product_item(product, id)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
    }

    async fn put_product(&self, put: PutItemFluentBuilder, id: WriteId) -> Result<Saved<Product>, StoreError> {
        match put.send().await {
            Ok(answer) => {
                self.meter.write(&answer.consumed_capacity);
                Ok(Saved::Done)
            }
            Err(SdkError::ServiceError(refused))
                if matches!(refused.err(), PutItemError::ConditionalCheckFailedException(_)) =>
            {
                let row: Option<Item> = match refused.into_err() {
                    PutItemError::ConditionalCheckFailedException(failed) => failed.item,
                    _ => None,
                };
                let row = row.ok_or_else(|| StoreError::corrupt("the product is gone"))?;
                // Our own write, of which the answer was lost.
                Ok(if id.wrote(&row) { Saved::Done } else { Saved::Stale(Box::new(rows::product(&row)?)) })
            }
            Err(error) => Err(unavailable(error)),
        }
    }
}
