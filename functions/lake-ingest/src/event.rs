//! A batch of a stream with the images of its rows.

use aws::lake::Image;
use domain::Timestamp;
use lambda_runtime::Error;
use serde::Deserialize;
use serde_json::Value;

/// What Lambda hands over, as far as it is read.
#[derive(Debug, Deserialize)]
pub struct Event {
    /// In the order of their shard.
    #[serde(rename = "Records")]
    pub records: Vec<Change>,
}

/// A row that was written or deleted.
#[derive(Debug, Deserialize)]
pub struct Change {
    dynamodb: Images,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Images {
    /// Seconds since 1970.
    approximate_creation_date_time: f64,
    sequence_number: String,
    old_image: Option<Image>,
    new_image: Option<Image>,
}

impl Event {
    /// Reads what Lambda hands over.
    pub fn parse(event: Value) -> Result<Self, Error> {
        // What serde says may quote the row; which field it was is all that the log needs.
        serde_json::from_value(event).map_err(|_| Error::from("not a batch of a stream with images"))
    }

    /// Where in its shard the batch begins.
    pub fn first_sequence_number(&self) -> &str {
        self.records.first().map_or("", |first| first.sequence_number())
    }
}

impl Change {
    /// The row before; `None` if it is new.
    pub fn before(&self) -> Option<&Image> {
        self.dynamodb.old_image.as_ref()
    }

    /// The row now; `None` if it is no more.
    pub fn now(&self) -> Option<&Image> {
        self.dynamodb.new_image.as_ref()
    }

    /// About when, to the second.
    pub fn at(&self) -> Timestamp {
        Timestamp::from_millis((self.dynamodb.approximate_creation_date_time * 1000.0) as i64)
    }

    /// Its place in the stream.
    pub fn sequence_number(&self) -> &str {
        &self.dynamodb.sequence_number
    }
}
