//! Instruments: added once, halted and resumed. Nothing else about them ever changes: books and locks are counted in
//! their steps.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    Timestamp,
    instrument::{Instrument, InstrumentStatus, Symbol},
};

use super::{Exchange, PutOutcome, rows};
use crate::{
    item::{key, number, text},
    store::StoreError,
    write::{self, WriteError},
};

/// An instrument as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredInstrument {
    /// The instrument.
    pub instrument: Instrument,
    /// Counts every change; the `ETag`.
    pub version: u64,
    /// When it was added.
    pub created_at: Timestamp,
}

/// How adding an instrument ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstrumentAdded {
    /// Committed now.
    Done,
    /// There is one of this symbol.
    Before(StoredInstrument),
}

/// How halting or resuming an instrument ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstrumentChanged {
    /// Committed; as it is now.
    Done(StoredInstrument),
    /// It is no longer of the version demanded; nothing was written. As it is now.
    Moved(StoredInstrument),
    /// There is no such instrument.
    Unknown,
}

impl Exchange {
    /// Adds an instrument.
    pub async fn add_instrument(&self, instrument: &Instrument, at: Timestamp) -> Result<InstrumentAdded, StoreError> {
        let put = self.put(rows::instrument_item(instrument, at)).condition_expression("attribute_not_exists(pk)");
        match self.put_if(put).await? {
            PutOutcome::Done => Ok(InstrumentAdded::Done),
            PutOutcome::Denied(row) => {
                let row = row.ok_or_else(|| StoreError::corrupt("instrument row"))?;
                Ok(InstrumentAdded::Before(rows::instrument(&row)?))
            }
        }
    }

    /// An instrument as it stands, read consistently.
    pub async fn instrument(&self, symbol: &Symbol) -> Result<Option<StoredInstrument>, StoreError> {
        let item = self.get(key(rows::INSTRUMENTS, symbol.as_str())).await?;
        item.as_ref().map(rows::instrument).transpose()
    }

    /// All instruments by their symbols, read consistently.
    pub async fn instruments(&self) -> Result<Vec<StoredInstrument>, StoreError> {
        self.partition(rows::INSTRUMENTS).await?.iter().map(rows::instrument).collect()
    }

    /// Halts or resumes an instrument; one that stands so already stays of its version. `version`: only if it is still
    /// of this one.
    pub async fn set_instrument_status(
        &self,
        symbol: &Symbol,
        status: InstrumentStatus,
        version: Option<u64>,
    ) -> Result<InstrumentChanged, StoreError> {
        let mut condition = "attribute_exists(pk) AND #status <> :status".to_owned();
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(rows::INSTRUMENTS, symbol.as_str())))
            .update_expression("SET #status = :status, #version = #version + :one")
            .expression_attribute_names("#status", "status")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":status", text(status.as_str()))
            .expression_attribute_values(":one", AttributeValue::N("1".into()));
        if let Some(version) = version {
            condition.push_str(" AND #version = :version");
            update = update.expression_attribute_values(":version", number(version));
        }
        match write::update_alone(&self.meter, update.condition_expression(condition)).await {
            Ok(row) => Ok(InstrumentChanged::Done(rows::instrument(&row)?)),
            Err(WriteError::Cancelled(cancelled)) => {
                let Some(row) = cancelled.failed(0).flatten() else { return Ok(InstrumentChanged::Unknown) };
                let now = rows::instrument(row)?;
                let wanted = version.is_none_or(|version| version == now.version);
                // A lost answer of our own looks the same as somebody else's wish for the same: done either way.
                let same = now.instrument.status == status
                    && (wanted || version.map(|version| version + 1) == Some(now.version));
                Ok(if same { InstrumentChanged::Done(now) } else { InstrumentChanged::Moved(now) })
            }
            Err(error) => Err(error.into()),
        }
    }
}
