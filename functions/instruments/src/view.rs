//! Instruments and grants as clients see them.

use aws::exchange::StoredInstrument;
use domain::{
    Timestamp,
    id::{CustomerId, GrantId},
    instrument::{Asset, Symbol},
    wallet::Grant,
};
use edge::http::{InstrumentView, at_decimals};
use serde::Serialize;

/// An instrument as it is stored.
#[derive(Serialize)]
pub(crate) struct StoredView<'a> {
    #[serde(flatten)]
    instrument: InstrumentView<'a>,
    created_at: Timestamp,
    version: u64,
}

impl<'a> From<&'a StoredInstrument> for StoredView<'a> {
    fn from(stored: &'a StoredInstrument) -> Self {
        let instrument = InstrumentView::from(&stored.instrument);
        Self { instrument, created_at: stored.created_at, version: stored.version }
    }
}

/// A grant.
#[derive(Serialize)]
pub(crate) struct GrantView<'a> {
    grant_id: &'a GrantId,
    symbol: &'a Symbol,
    asset: &'a Asset,
    customer_id: &'a CustomerId,
    quantity: String,
    created_at: Timestamp,
}

impl<'a> GrantView<'a> {
    /// A grant of this instrument's base asset.
    pub(crate) fn new(grant: &'a Grant, symbol: &'a Symbol) -> Self {
        Self {
            grant_id: &grant.id,
            symbol,
            asset: &grant.asset,
            customer_id: &grant.customer,
            quantity: at_decimals(grant.quantity, grant.asset.decimals()),
            created_at: grant.at,
        }
    }
}
