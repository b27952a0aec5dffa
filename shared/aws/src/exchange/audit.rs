//! What the exchange adds to the audit: fees, grants, and whether anything moves.

use std::collections::BTreeMap;

use domain::instrument::{Asset, Symbol};
use rust_decimal::Decimal;

use super::Exchange;
use crate::store::StoreError;

/// The exchange's side of the books.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExchangeBooks {
    /// Newest version of each journal, and how far it has been settled.
    pub journals: BTreeMap<Symbol, (u64, u64)>,
    /// Fees of the house.
    pub fees: BTreeMap<Asset, Decimal>,
    /// What was granted.
    pub granted: BTreeMap<Asset, Decimal>,
}

impl ExchangeBooks {
    /// Whether a journal that trades this asset has versions that are not settled.
    pub fn lags(&self, asset: &Asset) -> bool {
        let trades = |symbol: &Symbol| symbol.base() == *asset || symbol.quote() == *asset;
        self.journals.iter().any(|(symbol, (head, cursor))| trades(symbol) && head != cursor)
    }

    /// Whether nothing of this asset has been traded or granted from one look to the other.
    pub fn agrees(&self, other: &Self, asset: &Asset) -> bool {
        let journals = |books: &Self| {
            let trades = |symbol: &Symbol| symbol.base() == *asset || symbol.quote() == *asset;
            books.journals.iter().filter(|(symbol, _)| trades(symbol)).map(|(_, at)| *at).collect::<Vec<_>>()
        };
        journals(self) == journals(other) && self.granted.get(asset) == other.granted.get(asset)
    }
}

impl Exchange {
    /// The exchange's side of the books as it stands.
    pub async fn books(&self) -> Result<ExchangeBooks, StoreError> {
        let mut books = ExchangeBooks { granted: self.granted().await?, ..ExchangeBooks::default() };
        for stored in self.instruments().await? {
            let symbol = stored.instrument.symbol().clone();
            books.journals.insert(symbol.clone(), (self.head(&symbol).await?, 0));
        }
        for (symbol, cursor) in self.cursors().await? {
            books.journals.entry(symbol.clone()).or_default().1 = cursor.version;
            let sum = books.fees.entry(symbol.quote()).or_default();
            *sum = sum.checked_add(cursor.fees).ok_or_else(|| StoreError::corrupt("sum of fees"))?;
        }
        Ok(books)
    }
}
