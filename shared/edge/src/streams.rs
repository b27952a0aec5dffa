//! Stream workers: the keys of rows that were written, and where a shard is to be read again from.
//!
//! Only keys are read: a stream says that something has happened, the table says what is.

use std::{collections::HashMap, fmt, future::Future};

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Deserialize;

use crate::sqs::{BatchResponse, ItemFailure};

/// What Lambda hands to the function of a DynamoDB stream, as far as it is read.
#[derive(Debug, Deserialize)]
pub struct Event {
    /// Between one record and the batch size of the event source, in the order of their shard.
    #[serde(rename = "Records")]
    pub records: Vec<Record>,
}

/// One row that was written.
#[derive(Deserialize)]
pub struct Record {
    dynamodb: Written,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Written {
    keys: HashMap<String, Key>,
    sequence_number: String,
}

#[derive(Deserialize)]
struct Key {
    #[serde(rename = "S")]
    text: String,
}

impl Record {
    /// The row's partition key; empty if it has none that is a text.
    pub fn partition_key(&self) -> &str {
        self.key("pk")
    }

    /// The row's sort key; empty if it has none that is a text.
    pub fn sort_key(&self) -> &str {
        self.key("sk")
    }

    fn key(&self, name: &str) -> &str {
        self.dynamodb.keys.get(name).map(|key| key.text.as_str()).unwrap_or_default()
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Record").field(&self.dynamodb.sequence_number).finish()
    }
}

impl Event {
    /// The answer when these records are not done: the stream hands out the first of them, and all behind it, again.
    pub fn failed(&self, is_failed: impl Fn(&Record) -> bool) -> BatchResponse {
        let first = self.records.iter().find(|record| is_failed(record));
        let failure = first.map(|record| ItemFailure { item_identifier: record.dynamodb.sequence_number.clone() });
        BatchResponse { batch_item_failures: failure.into_iter().collect() }
    }
}

/// Serves the batches of one stream until the environment ends.
pub async fn run<H, F>(handler: H) -> Result<(), Error>
where
    H: Fn(Event) -> F,
    F: Future<Output = BatchResponse>,
{
    let handler = &handler;
    let serve = move |event: LambdaEvent<Event>| async move { Ok::<_, Error>(Box::pin(handler(event.payload)).await) };
    lambda_runtime::run(service_fn(serve)).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(keys: &[(&str, &str)]) -> Event {
        let records: Vec<_> = keys
            .iter()
            .enumerate()
            .map(|(index, (pk, sk))| {
                json!({"eventName": "INSERT", "eventSource": "aws:dynamodb", "dynamodb": {
                    "Keys": {"pk": {"S": pk}, "sk": {"S": sk}}, "NewImage": {"pk": {"S": pk}},
                    "SequenceNumber": format!("s{index}"), "StreamViewType": "NEW_IMAGE"}})
            })
            .collect();
        serde_json::from_value(json!({"Records": records})).expect("an event")
    }

    #[test]
    fn a_record_names_its_row() {
        let event = event(&[("journal#BTC-USD", "000000000001")]);
        let record = &event.records[0];
        assert_eq!((record.partition_key(), record.sort_key()), ("journal#BTC-USD", "000000000001"));
        assert_eq!(format!("{record:?}"), r#"Record("s0")"#);
    }

    #[test]
    fn a_shard_is_read_again_from_its_first_failure() {
        let event = event(&[("a", "1"), ("b", "1"), ("a", "2"), ("b", "2")]);
        let failed = |pk: &str| event.failed(|record| record.partition_key() == pk).batch_item_failures;
        assert_eq!(failed("b"), [ItemFailure { item_identifier: "s1".into() }]);
        assert_eq!(failed("c"), []);
    }
}
