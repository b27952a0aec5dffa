//! Whole tables, for a lake that is filled in later. It may be done at any time, twice, and beside the streams.

use aws_sdk_dynamodb::Client;
use domain::Timestamp;
use lake::Record;

use super::found;
use crate::{
    item::{Item, unavailable},
    store::StoreError,
};

/// Records that are gathered before they are written.
#[cfg(feature = "s3")]
const RECORDS_AT_A_TIME: usize = 20_000;

/// One part of a table that is scanned in parallel, page by page.
#[derive(Debug)]
pub struct Scan {
    client: Client,
    table: String,
    segment: i32,
    segments: i32,
    from: Option<Item>,
    done: bool,
}

impl Scan {
    /// The part `segment` (from 0) of `segments`.
    pub fn new(client: Client, table: String, segment: i32, segments: i32) -> Self {
        Self { client, table, segment, segments, from: None, done: false }
    }

    /// The records of the next page of rows, up to a megabyte of them; `None` when there are no more.
    pub async fn next(&mut self, now: Timestamp) -> Result<Option<Vec<Record>>, StoreError> {
        if self.done {
            return Ok(None);
        }
        let answer = self
            .client
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .segment(self.segment)
            .total_segments(self.segments)
            .set_exclusive_start_key(self.from.take())
            .send()
            .await
            .map_err(unavailable)?;
        self.from = answer.last_evaluated_key.filter(|key| !key.is_empty());
        self.done = self.from.is_none();
        let mut records = Vec::new();
        for item in answer.items.unwrap_or_default() {
            records.extend(found(&item, now)?);
        }
        Ok(Some(records))
    }
}

#[cfg(feature = "s3")]
impl Scan {
    /// Writes all of this part into the lake; how many records that were. The same rows make the same files.
    pub async fn write(mut self, bucket: &crate::objects::Bucket, now: Timestamp) -> Result<usize, StoreError> {
        let (mut left, mut count) = (Vec::new(), 0);
        loop {
            let page = self.next(now).await?;
            let done = page.is_none();
            left.extend(page.into_iter().flatten());
            if done || left.len() >= RECORDS_AT_A_TIME {
                bucket.put_records("scan", &left, now).await?;
                count += left.len();
                left.clear();
            }
            if done {
                return Ok(count);
            }
        }
    }
}
