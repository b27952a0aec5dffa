//! What requests to DynamoDB cost, as DynamoDB itself tells it (`ReturnConsumedCapacity`).

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_dynamodb::types::{Capacity, ConsumedCapacity};

/// Requests and capacity units used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Calls answered.
    pub requests: u64,
    /// Read units.
    pub read_units: f64,
    /// Write units of tables. A transactional write of up to 1 KB counts two.
    pub table_write_units: f64,
    /// Write units of indexes.
    pub index_write_units: f64,
}

impl Usage {
    /// What was used since an earlier look.
    pub fn since(self, before: Self) -> Self {
        Self {
            requests: self.requests - before.requests,
            read_units: self.read_units - before.read_units,
            table_write_units: self.table_write_units - before.table_write_units,
            index_write_units: self.index_write_units - before.index_write_units,
        }
    }
}

/// Adds up; clones share the sum.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<Mutex<Usage>>);

impl Meter {
    /// The sum so far.
    pub fn usage(&self) -> Usage {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one read.
    pub(crate) fn read<'a>(&self, capacity: impl IntoIterator<Item = &'a ConsumedCapacity>) {
        let units: f64 = capacity.into_iter().filter_map(ConsumedCapacity::capacity_units).sum();
        let mut sum = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sum.requests += 1;
        sum.read_units += units;
    }

    /// Counts one write.
    pub(crate) fn write<'a>(&self, capacity: impl IntoIterator<Item = &'a ConsumedCapacity>) {
        let (mut table, mut index) = (0.0, 0.0);
        for used in capacity {
            let indexes = used.global_secondary_indexes().into_iter().flatten();
            let of_indexes: f64 = indexes.filter_map(|(_, capacity)| Capacity::capacity_units(capacity)).sum();
            index += of_indexes;
            table += used.capacity_units().unwrap_or_default() - of_indexes;
        }
        let mut sum = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sum.requests += 1;
        sum.table_write_units += table;
        sum.index_write_units += index;
    }
}
