//! The tables, column by column. The catalogue in `infra/stacks/lake.yaml` is held to them by a test.

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A whole number of 64 bits.
    Whole,
    /// Money, quantities, prices, rates: [`PRECISION`] digits, [`SCALE`] of them behind the point. Never a float.
    Decimal,
    /// A moment in UTC, to the millisecond.
    Moment,
    /// Yes or no.
    Flag,
}

/// Digits of every decimal column.
pub const PRECISION: u32 = 38;
/// Those behind the point; no asset or currency has more.
pub const SCALE: u32 = 8;

impl Kind {
    /// The type in the catalogue (Glue, Hive's names).
    pub fn catalogue_type(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Whole => "bigint",
            Self::Decimal => "decimal(38,8)",
            Self::Moment => "timestamp",
            Self::Flag => "boolean",
        }
    }

    /// The type in a view (Athena, Trino's names).
    pub fn view_type(self) -> &'static str {
        match self {
            Self::Text => "varchar",
            Self::Moment => "timestamp(3)",
            Self::Whole | Self::Decimal | Self::Flag => self.catalogue_type(),
        }
    }
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
}

/// A table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name: that of its view and of its folder.
    pub name: &'static str,
    /// The columns whose values make a row the same row.
    pub key: &'static [&'static str],
    /// Its own columns, in the order of its files. Any but those of the key may be null.
    pub columns: &'static [Column],
}

/// Behind the columns of each table, in every file.
pub const VERSIONING: [Column; 3] = [
    // Grows with each change of a row; two versions with one number are the same.
    Column { name: "version", kind: Kind::Whole },
    // Whether the row ceased to be with this version; the other columns are as they were last.
    Column { name: "deleted", kind: Kind::Flag },
    // When the change was made, as well as the source knows it. Its day is the partition.
    Column { name: "changed_at", kind: Kind::Moment },
];

/// The partition column: a day, as text `YYYY-MM-DD`.
pub const PARTITION: &str = "dt";

impl Table {
    /// The name of the table of all versions in the catalogue.
    pub fn versions(&self) -> String {
        format!("{}_versions", self.name)
    }

    /// All columns of its files.
    pub fn file_columns(&self) -> impl Iterator<Item = Column> {
        self.columns.iter().copied().chain(VERSIONING)
    }

    /// The columns of its view.
    pub fn view_columns(&self) -> impl Iterator<Item = Column> {
        let changed = VERSIONING.into_iter().find(|column| column.name == "changed_at");
        self.columns.iter().copied().chain(changed)
    }

    /// The SELECT of its view: the present rows. Plain enough for Athena and for other engines.
    pub fn view(&self) -> String {
        let columns: Vec<_> = self.view_columns().map(|column| column.name).collect();
        let (columns, key, versions) = (columns.join(", "), self.key.join(", "), self.versions());
        format!(
            "SELECT {columns} FROM (SELECT {columns}, deleted, row_number() OVER (PARTITION BY {key} ORDER BY version DESC) AS nth \
             FROM {versions}) AS ranked WHERE nth = 1 AND NOT deleted"
        )
    }

    /// The table of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        TABLES.iter().find(|table| table.name == name)
    }
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind }
}

/// Every table of the lake.
pub const TABLES: &[Table] = &[
    Table {
        name: "account_types",
        key: &["type"],
        columns: &[
            column("type", Kind::Text),
            column("name", Kind::Text),
            column("monthly_fee", Kind::Decimal),   // in the account's currency
            column("interest_rate", Kind::Decimal), // percent a year
            column("active", Kind::Flag),
        ],
    },
    Table {
        name: "customers",
        key: &["customer_id"],
        columns: &[
            column("customer_id", Kind::Text),
            column("status", Kind::Text), // active, inactive, blocked
            column("documents", Kind::Whole),
            column("has_phone", Kind::Flag),
            column("created_at", Kind::Moment),
        ],
    },
    Table {
        name: "accounts",
        key: &["account_id"],
        columns: &[
            column("account_id", Kind::Text),
            column("customer_id", Kind::Text),
            column("type", Kind::Text),
            column("currency", Kind::Text),
            column("status", Kind::Text), // active, frozen, closed
            column("posted", Kind::Decimal),
            column("held", Kind::Decimal),
            column("available", Kind::Decimal),
            column("overdraft", Kind::Decimal),
            column("opened_at", Kind::Moment),
        ],
    },
    Table {
        name: "transfers",
        key: &["transfer_id"],
        columns: &[
            column("transfer_id", Kind::Text),
            column("type", Kind::Text), // deposit, withdrawal, transfer, payment, reversal, wallet, voucher, …
            column("status", Kind::Text), // as the API says it
            column("hold", Kind::Flag), // whether it was reserved first
            column("amount", Kind::Decimal),
            column("posted_amount", Kind::Decimal), // what has moved: less than the amount after a capture of a part; null if nothing did
            column("currency", Kind::Text),
            column("from_kind", Kind::Text), // account, wallet, system
            column("from_id", Kind::Text),   // account, customer or the system account's name
            column("to_kind", Kind::Text),
            column("to_id", Kind::Text),
            column("reason", Kind::Text), // why it was refused
            column("created_at", Kind::Moment),
            column("posted_at", Kind::Moment),
            column("reverses", Kind::Text),
            column("reversed_by", Kind::Text),
        ],
    },
    Table {
        name: "wallets", // what a customer holds of an asset at the exchange
        key: &["customer_id", "asset"],
        columns: &[
            column("customer_id", Kind::Text),
            column("asset", Kind::Text),
            column("free", Kind::Decimal),
            column("locked", Kind::Decimal),
        ],
    },
    Table {
        name: "grants", // assets given for simulation
        key: &["grant_id"],
        columns: &[
            column("grant_id", Kind::Text),
            column("customer_id", Kind::Text),
            column("asset", Kind::Text),
            column("quantity", Kind::Decimal),
            column("created_at", Kind::Moment),
        ],
    },
    Table {
        name: "instruments",
        key: &["symbol"],
        columns: &[
            column("symbol", Kind::Text),
            column("kind", Kind::Text), // crypto, stock
            column("base", Kind::Text),
            column("quote", Kind::Text),
            column("price_tick", Kind::Decimal),
            column("quantity_lot", Kind::Decimal),
            column("min_notional", Kind::Decimal),
            column("maker_fee_bps", Kind::Whole),
            column("taker_fee_bps", Kind::Whole),
            column("status", Kind::Text), // trading, halted
        ],
    },
    Table {
        name: "orders",
        key: &["order_id"],
        columns: &[
            column("order_id", Kind::Text),
            column("customer_id", Kind::Text),
            column("symbol", Kind::Text),
            column("side", Kind::Text),
            column("type", Kind::Text),
            column("time_in_force", Kind::Text),
            column("status", Kind::Text),
            column("reason", Kind::Text),
            column("price", Kind::Decimal),
            column("stop_price", Kind::Decimal),
            column("quantity", Kind::Decimal),
            column("quote_quantity", Kind::Decimal),
            column("filled_quantity", Kind::Decimal),
            column("filled_notional", Kind::Decimal), // paid or got before fees, in the quote asset
            column("fees", Kind::Decimal),            // in the quote asset
            column("created_at", Kind::Moment),
            column("updated_at", Kind::Moment),
        ],
    },
    Table {
        name: "trades", // one row a trade, both sides in it
        key: &["trade_id"],
        columns: &[
            column("trade_id", Kind::Text),
            column("symbol", Kind::Text),
            column("number", Kind::Whole), // within its book
            column("price", Kind::Decimal),
            column("quantity", Kind::Decimal),
            column("notional", Kind::Decimal),
            column("quote", Kind::Text), // the asset of price, notional and fees
            column("taker_side", Kind::Text),
            column("maker_id", Kind::Text), // customers
            column("taker_id", Kind::Text),
            column("maker_order_id", Kind::Text),
            column("taker_order_id", Kind::Text),
            column("maker_fee", Kind::Decimal),
            column("taker_fee", Kind::Decimal),
            column("executed_at", Kind::Moment),
        ],
    },
    Table {
        name: "vouchers",
        key: &["voucher_id"],
        columns: &[
            column("voucher_id", Kind::Text),
            column("product_id", Kind::Text),
            column("product_name", Kind::Text),
            column("customer_id", Kind::Text), // null for a partner's
            column("paid_by", Kind::Text),     // account, partner
            column("price", Kind::Decimal),
            column("currency", Kind::Text),
            column("status", Kind::Text), // processing, delivered, failed, unknown
            column("reason", Kind::Text),
            column("late", Kind::Flag), // delivered after it had been refused
            column("created_at", Kind::Moment),
            column("ended_at", Kind::Moment),
            column("took_ms", Kind::Whole), // from purchase to outcome
        ],
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_there_once_and_keys_are_columns() {
        let mut tables = BTreeSet::new();
        for table in TABLES {
            assert!(tables.insert(table.name), "{} twice", table.name);
            let columns: Vec<_> = table.file_columns().map(|column| column.name).collect();
            assert_eq!(columns.iter().collect::<BTreeSet<_>>().len(), columns.len(), "{}", table.name);
            assert!(table.key.iter().all(|key| columns.contains(key)), "{}", table.name);
            assert!(!columns.contains(&PARTITION), "{}", table.name);
        }
    }

    #[test]
    fn a_view_tells_the_newest_version_of_what_still_is() {
        let grants = Table::named("grants").expect("a table");
        assert_eq!(
            grants.view(),
            "SELECT grant_id, customer_id, asset, quantity, created_at, changed_at FROM (SELECT grant_id, customer_id, asset, quantity, \
             created_at, changed_at, deleted, row_number() OVER (PARTITION BY grant_id ORDER BY version DESC) AS nth FROM grants_versions) \
             AS ranked WHERE nth = 1 AND NOT deleted"
        );
    }
}
