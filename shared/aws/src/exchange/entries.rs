//! What a wallet went through, newest first: fills, transfers from and to the bank, grants. Trades are its fills.

use domain::{
    Currency, Timestamp,
    id::{AccountId, CustomerId, GrantId, TransferId},
    instrument::{Asset, Symbol},
    transfer::Transfer,
    wallet::{Direction, Fill, Grant},
};
use rust_decimal::Decimal;

use super::{Exchange, rows};
use crate::{
    item::{Item, Read, decimal, key, text},
    store::StoreError,
};

/// Rows read at a time.
const STEP: usize = 50;
/// Entries looked at for one page. A filter that lets few of them through answers a short page, even an empty one, and
/// the place to go on from.
const LONGEST_WALK: usize = 2_000;
/// Longest sort key of a row behind `entry#`.
const MAX_PLACE: usize = 80;
/// Sorts behind every place.
const END: &str = "~";

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A side of a trade, in ticks, lots and minor units of the instrument.
    Fill {
        /// Of which instrument.
        symbol: Symbol,
        /// In which version of its journal.
        version: u64,
        /// The side.
        fill: Fill,
    },
    /// Money from or to the bank.
    Transfer {
        /// The transfer behind it.
        id: TransferId,
        /// Which way.
        direction: Direction,
        /// The account on the other side.
        account: AccountId,
        /// Of what.
        currency: Currency,
        /// How much.
        amount: Decimal,
    },
    /// A grant.
    Grant {
        /// The grant behind it.
        id: GrantId,
        /// Of what.
        asset: Asset,
        /// How much.
        quantity: Decimal,
    },
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When it took effect.
    pub at: Timestamp,
    /// What happened.
    pub what: What,
}

/// A page of entries, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntriesPage {
    /// The entries.
    pub entries: Vec<Entry>,
    /// The place to go on from; `None` on the last page. A page with a next place may be short, even empty: the filter
    /// had looked far enough for one request.
    pub next: Option<String>,
}

/// Whether a text can be a place that [`Exchange::entries`] answered. Ask this of whatever comes from outside.
pub fn is_place(text: &str) -> bool {
    place(text).is_some()
}

/// The row behind `entry#` and how many of its entries, counted from its oldest, are still to come.
fn place(text: &str) -> Option<(&str, usize)> {
    let (row, index) = text.split_once('|')?;
    let (at, rest) = row.split_once('#')?;
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_#".contains(&byte));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = row.len() <= MAX_PLACE
        && at.len() == 13
        && digits(at)
        && plain(rest)
        && (rest.starts_with("t#") || rest.starts_with("m#"))
        && index.len() <= 6
        && digits(index);
    fits.then(|| Some((row, index.parse().ok()?)))?
}

impl Exchange {
    /// What a wallet went through, newest first, as far as `keep` says yes, from `after` (a page's `next`) on. Read
    /// consistently: whoever sees an order filled sees its fills here.
    pub async fn entries(
        &self,
        customer: &CustomerId,
        after: Option<&str>,
        limit: usize,
        keep: impl Fn(&Entry) -> bool,
    ) -> Result<EntriesPage, StoreError> {
        let after = after.map(|after| place(after).ok_or_else(|| StoreError::corrupt("cursor"))).transpose()?;
        let (mut page, mut walked) = (EntriesPage::default(), 0);
        let mut highest = after.map_or(END, |(row, _)| row).to_owned();
        let mut inside = after;
        let mut passed = None;
        loop {
            let query = self.between(customer.as_str(), "entry#", &format!("entry#{highest}"));
            let (items, more) = self.rows(query.scan_index_forward(false).consistent_read(true), STEP).await?;
            for item in &items {
                let row = item.text("sk")?.strip_prefix("entry#").ok_or_else(|| StoreError::corrupt("sk"))?.to_owned();
                let mut entries = entries_of(item, &row)?;
                if let Some((_, left)) = inside.take().filter(|(inside, _)| *inside == row) {
                    entries.truncate(left);
                }
                while let Some(entry) = entries.pop() {
                    let kept = keep(&entry);
                    if (kept && page.entries.len() == limit) || walked == LONGEST_WALK {
                        page.next = passed;
                        return Ok(page);
                    }
                    page.entries.extend(kept.then_some(entry));
                    walked += 1;
                    passed = Some(format!("{row}|{}", entries.len()));
                }
                highest = just_below(&row);
            }
            if !more {
                return Ok(page);
            }
        }
    }
}

/// The largest text below a sort key that any other one can have: the last byte one less, and behind it what is larger
/// than all that is ever written there.
fn just_below(row: &str) -> String {
    let mut bytes = row.as_bytes().to_vec();
    if let Some(last) = bytes.pop() {
        bytes.extend([last - 1, b'~']);
    }
    String::from_utf8(bytes).unwrap_or_default()
}

/// The entry of a bank transfer that is completed.
pub(super) fn transfer_item(
    transfer: &Transfer,
    customer: &CustomerId,
    direction: Direction,
    account: &AccountId,
) -> Item {
    let sort = format!("entry#{}#m#{}", rows::moment(transfer.created_at), transfer.id);
    let mut item = key(customer.as_str(), sort);
    for (name, value) in [
        ("direction", text(direction.as_str())),
        ("account", text(account.as_str())),
        ("currency", text(transfer.currency().code())),
        ("amount", decimal(transfer.money.amount())),
    ] {
        item.insert(name.to_owned(), value);
    }
    item
}

/// The entry of a grant.
pub(super) fn grant_item(grant: &Grant) -> Item {
    let mut item = key(grant.customer.as_str(), format!("entry#{}#m#{}", rows::moment(grant.at), grant.id));
    item.insert("asset".to_owned(), text(grant.asset.as_str()));
    item.insert("quantity".to_owned(), decimal(grant.quantity));
    item
}

/// The entries of a row, oldest first.
fn entries_of(item: &Item, row: &str) -> Result<Vec<Entry>, StoreError> {
    let corrupt = || StoreError::corrupt("sk");
    let (at, rest) = row.split_once('#').ok_or_else(corrupt)?;
    let at = Timestamp::from_millis(at.parse().map_err(|_| corrupt())?);
    let (kind, rest) = rest.split_once('#').ok_or_else(corrupt)?;
    if kind == "t" {
        let (symbol, version) = rest.split_once('#').ok_or_else(corrupt)?;
        let symbol = Symbol::parse(symbol).ok_or_else(corrupt)?;
        let version = version.parse().map_err(|_| corrupt())?;
        let fills: Vec<Fill> = rows::from_bytes(rows::blob_of(item, "fills")?, "fills")?;
        let entry = |fill| Entry { at, what: What::Fill { symbol: symbol.clone(), version, fill } };
        return Ok(fills.into_iter().map(entry).collect());
    }
    let what = if let Some(id) = GrantId::parse(rest) {
        What::Grant { id, asset: item.parsed("asset", Asset::parse)?, quantity: item.decimal("quantity")? }
    } else {
        What::Transfer {
            id: TransferId::parse(rest).ok_or_else(corrupt)?,
            direction: item.parsed("direction", Direction::parse)?,
            account: item.parsed("account", AccountId::parse)?,
            currency: item.currency("currency")?,
            amount: item.decimal("amount")?,
        }
    };
    Ok(vec![Entry { at, what }])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_page_has_answered_is_a_place() {
        for text in ["1795255200000#t#BTC-USD#000000000007|3", "1795255200000#m#trf_0b|0"] {
            assert!(is_place(text), "{text}");
        }
        for text in [
            "",
            "|",
            "1795255200000#t#BTC-USD#000000000007",
            "1795255200000#x#trf_0b|0",
            "179525520000#m#trf_0b|0",
            "1795255200000#m#trf_0b|",
            "1795255200000#m#trf_0b|1234567",
            "1795255200000#m#trf~0b|1",
            &format!("1795255200000#m#trf_{}|1", "0".repeat(90)),
        ] {
            assert!(!is_place(text), "{text}");
        }
    }
}
