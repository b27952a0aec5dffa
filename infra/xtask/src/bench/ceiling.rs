//! The ceiling: what the same machine's DynamoDB takes when nothing of ours is in between. Bare three-item
//! transactions with the expressions, the row and the indexes of a transfer, sent by the SDK.

use std::collections::HashMap;

use anyhow::{Context, Result};
use aws_sdk_dynamodb::{
    Client,
    types::{
        AttributeValue, Put, ReturnConsumedCapacity, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
    },
};

use super::load::Work;

type Item = HashMap<String, AttributeValue>;

/// One client of the ceiling: moves cents between two rows of its own, to and fro.
pub struct Bare {
    client: Client,
    table: String,
    sides: [String; 2],
    sent: u64,
    run: String,
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn number(value: &str) -> AttributeValue {
    AttributeValue::N(value.to_owned())
}

fn key(pk: &str, sk: &str) -> Item {
    HashMap::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
}

/// A table with the keys and indexes of the ledger's, so that the ledger itself holds nothing but transfers.
pub async fn table(client: &Client, like: &str) -> Result<String> {
    let name = format!("{like}-ceiling");
    let description = client.describe_table().table_name(like).send().await?.table.context("no table description")?;
    let mut request = client
        .create_table()
        .table_name(&name)
        .set_attribute_definitions(description.attribute_definitions)
        .set_key_schema(description.key_schema)
        .billing_mode(aws_sdk_dynamodb::types::BillingMode::PayPerRequest)
        .set_stream_specification(description.stream_specification);
    for index in description.global_secondary_indexes.unwrap_or_default() {
        request = request.global_secondary_indexes(
            aws_sdk_dynamodb::types::GlobalSecondaryIndex::builder()
                .set_index_name(index.index_name)
                .set_key_schema(index.key_schema)
                .set_projection(index.projection)
                .build()?,
        );
    }
    request.send().await?;
    Ok(name)
}

impl Bare {
    /// A client with two fresh rows.
    pub async fn new(client: Client, table: &str, run: &str, index: usize) -> Result<Self> {
        let sides = ["a", "b"].map(|side| format!("acc_{run}x{index:03}{side}00000000000000000"));
        for side in &sides {
            let mut row = key(side, "account");
            for (name, value) in [
                ("number", text("40291883774512096354")),
                ("owner", text("cus_0f1e2d3c4b5a69788796a5b4c3d2e1f0")),
                ("type", text("checking")),
                ("currency", text("USD")),
                ("status", text("active")),
                ("posted", number("1000000")),
                ("held", number("0")),
                ("available", number("1000000")),
                ("overdraft", number("0")),
                ("opened_at", text("2026-11-21T10:15:30.123Z")),
                ("version", number("1")),
                ("opened_key", text(format!("2026-11-21T10:15:30.123Z#{side}"))),
                ("list_key", text("accounts")),
                ("list_sort", text(format!("2026-11-21T10:15:30.123Z#{side}"))),
            ] {
                row.insert(name.to_owned(), value);
            }
            client.put_item().table_name(table).set_item(Some(row)).send().await?;
        }
        Ok(Self { client, table: table.to_owned(), sides, sent: 0, run: format!("{run}{index:03}") })
    }

    fn update(&self, account: &str, transfer: &str, sign: char) -> Result<TransactWriteItem> {
        let condition = if sign == '-' { "#status = :active AND available >= :amount" } else { "#status = :active" };
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key(account, "account")))
            .update_expression(format!(
                "SET posted = posted {sign} :amount, available = available {sign} :amount, \
                 #version = #version + :one, last_entry = :transfer"
            ))
            .condition_expression(condition)
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#status", "status")
            .expression_attribute_values(":one", number("1"))
            .expression_attribute_values(":active", text("active"))
            .expression_attribute_values(":transfer", text(transfer))
            .expression_attribute_values(":amount", number("0.01"))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()?;
        Ok(TransactWriteItem::builder().update(update).build())
    }

    fn row(&self, transfer: &str, debit: &str, credit: &str) -> Result<TransactWriteItem> {
        let at = "2026-11-21T10:15:30.123Z";
        let mut row = key(transfer, "transfer");
        for (name, value) in [
            ("type", text("transfer")),
            ("amount", number("0.01")),
            ("currency", text("USD")),
            ("initiator", text("cus_0f1e2d3c4b5a69788796a5b4c3d2e1f0")),
            ("created_at", text(at)),
            ("debit", text(debit)),
            ("debit_number", text("40291883774512096354")),
            ("credit", text(credit)),
            ("credit_number", text("40291883774512096354")),
            ("status", text("completed")),
            ("posted_at", text(at)),
            ("debit_key", text(format!("{debit}#posted"))),
            ("credit_key", text(format!("{credit}#posted"))),
            ("entry_key", text(format!("{at}#{transfer}"))),
        ] {
            row.insert(name.to_owned(), value);
        }
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(row))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

impl Work for Bare {
    async fn once(&mut self) -> Result<()> {
        self.sent += 1;
        let transfer = format!("trf_{}{:019}", self.run, self.sent);
        let (from, to) = if self.sent.is_multiple_of(2) { (0, 1) } else { (1, 0) };
        let (debit, credit) = (self.sides[from].clone(), self.sides[to].clone());
        self.client
            .transact_write_items()
            .transact_items(self.update(&debit, &transfer, '-')?)
            .transact_items(self.update(&credit, &transfer, '+')?)
            .transact_items(self.row(&transfer, &debit, &credit)?)
            .return_consumed_capacity(ReturnConsumedCapacity::Indexes)
            .send()
            .await
            .context("TransactWriteItems")?;
        Ok(())
    }
}
