//! The reports: one file of SQL each, and what their parameters and columns mean.
//!
//! The SQL keeps to what Athena and the local engine share. Rows are limited by `row_number`, as Athena takes no parameter behind
//! `LIMIT`; quotients are cast to the scale of the lake, where both round alike; percentiles are by rank, not estimated.

use std::collections::BTreeSet;

use domain::Timestamp;
use lake::schema::{TABLES, Table};
use serde_json::{Value, json};

use crate::parameters::{Kind, Parameter};

/// A report.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    /// Its name in the path.
    pub name: &'static str,
    /// What it is called.
    pub title: &'static str,
    /// What counts in it and what does not.
    pub about: &'static str,
    /// With a `?` for each value of the parameters.
    pub sql: &'static str,
    /// In the order of the `?`.
    pub parameters: &'static [Parameter],
    /// In the order of the result.
    pub columns: &'static [Column],
}

/// A column of a report.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// Of an amount: the column that names its currency.
    pub currency: Option<&'static str>,
}

impl Report {
    /// The report of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        REPORTS.iter().find(|report| report.name == name)
    }

    /// The tables it reads: those that stand in its SQL.
    pub fn tables(&self) -> Vec<&'static Table> {
        let words: BTreeSet<&str> = self.sql.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
        TABLES.iter().filter(|table| words.contains(table.name) || words.contains(table.versions().as_str())).collect()
    }

    /// The column that names the currency of this one.
    pub fn currency_of(&self, column: &str) -> Option<&'static str> {
        self.columns.iter().find(|known| known.name == column)?.currency
    }

    /// Its entry in the catalogue.
    pub fn describe(&self, now: Timestamp) -> Value {
        let columns = self
            .columns
            .iter()
            .map(|column| json!({"name": column.name, "meaning": column.meaning, "currency": column.currency}));
        let parameters = self.parameters.iter().map(|parameter| parameter.describe(now));
        json!({
            "name": self.name,
            "title": self.title,
            "about": self.about,
            "parameters": parameters.collect::<Vec<_>>(),
            "columns": columns.collect::<Vec<_>>(),
        })
    }
}

const fn p(name: &'static str, kind: Kind, meaning: &'static str) -> Parameter {
    Parameter { name, kind, meaning }
}

const fn c(name: &'static str, meaning: &'static str) -> Column {
    Column { name, meaning, currency: None }
}

const fn m(name: &'static str, currency: &'static str, meaning: &'static str) -> Column {
    Column { name, meaning, currency: Some(currency) }
}

/// All of them, as the catalogue lists them.
pub const REPORTS: &[Report] = &[
    Report {
        name: "executive-dashboard",
        title: "The bank at a glance",
        about: "One row for each figure, of each currency where it is about money. Accounts are those not closed. Transfers are those that moved money, reversals among them.",
        sql: include_str!("../catalogue/executive-dashboard.sql"),
        parameters: &[p("month", Kind::Month, "the month of the figures that are about a month")],
        columns: &[
            c(
                "metric",
                "which figure: customers, active_customers, accounts (amount: their balance), mean_balance, accounts_by_type, transfers_of_month, reversals_of_month, transfers, mean_transfer, maintenance_income",
            ),
            c("currency", "the currency of the amounts beside it; currencies are never added up"),
            c("account_type", "of accounts_by_type"),
            c("number", "how many: customers, accounts or transfers"),
            m("amount", "currency", "how much"),
        ],
    },
    Report {
        name: "customers-summary",
        title: "Customers in numbers",
        about: "",
        sql: include_str!("../catalogue/customers-summary.sql"),
        parameters: &[],
        columns: &[
            c("customers", "all"),
            c("active", "may do everything"),
            c("inactive", "may read"),
            c("blocked", "may not sign in"),
        ],
    },
    Report {
        name: "customers-by-status",
        title: "Customers by status",
        about: "",
        sql: include_str!("../catalogue/customers-by-status.sql"),
        parameters: &[],
        columns: &[c("status", "active, inactive or blocked"), c("customers", "how many")],
    },
    Report {
        name: "customers-list",
        title: "The newest customers",
        about: "",
        sql: include_str!("../catalogue/customers-list.sql"),
        parameters: &[p("top", Kind::Top { default: 50, most: 500 }, "how many customers")],
        columns: &[
            c("customer_id", "who"),
            c("status", "active, inactive or blocked"),
            c("documents", "how many documents"),
            c("has_phone", "whether a phone number is known"),
            c("created_at", "when the customer came"),
        ],
    },
    Report {
        name: "active-customers",
        title: "Active customers, newest first",
        about: "",
        sql: include_str!("../catalogue/active-customers.sql"),
        parameters: &[p("top", Kind::Top { default: 50, most: 500 }, "how many customers")],
        columns: &[
            c("customer_id", "who"),
            c("accounts", "accounts not closed"),
            c("created_at", "when the customer came"),
        ],
    },
    Report {
        name: "customers-with-accounts",
        title: "Customers with accounts",
        about: "One row for each currency a customer has accounts in, the largest balances of each currency first. Closed accounts do not count.",
        sql: include_str!("../catalogue/customers-with-accounts.sql"),
        parameters: &[p("top", Kind::Top { default: 50, most: 500 }, "how many customers of each currency")],
        columns: &[
            c("customer_id", "who"),
            c("currency", "the currency of the amounts beside it; currencies are never added up"),
            c("accounts", "accounts not closed"),
            m("balance", "currency", "their balance"),
        ],
    },
    Report {
        name: "accounts-summary",
        title: "Accounts in numbers",
        about: "Balances are those of accounts not closed; null where there is none.",
        sql: include_str!("../catalogue/accounts-summary.sql"),
        parameters: &[],
        columns: &[
            c("currency", "the currency of the amounts beside it; currencies are never added up"),
            c("accounts", "accounts not closed"),
            c("active", "of these"),
            c("frozen", "of these"),
            c("closed", "closed, not counted anywhere else"),
            m("balance", "currency", "sum of balances"),
            m("mean_balance", "currency", "mean, rounded to 8 decimals"),
            m("least_balance", "currency", "the smallest"),
            m("largest_balance", "currency", "the largest"),
        ],
    },
    Report {
        name: "accounts-by-type",
        title: "Accounts by type",
        about: "Accounts not closed.",
        sql: include_str!("../catalogue/accounts-by-type.sql"),
        parameters: &[],
        columns: &[
            c("type", "the account type"),
            c("name", "its name"),
            c("currency", "the currency of the amounts beside it; currencies are never added up"),
            c("accounts", "how many"),
            m("balance", "currency", "sum of balances"),
            m("mean_balance", "currency", "mean, rounded to 8 decimals"),
            m("monthly_fee", "currency", "what such an account costs a month, in its own currency"),
        ],
    },
    Report {
        name: "top-balances",
        title: "The largest balances",
        about: "Of each currency; accounts not closed.",
        sql: include_str!("../catalogue/top-balances.sql"),
        parameters: &[p("top", Kind::Top { default: 20, most: 100 }, "how many accounts of each currency")],
        columns: &[
            c("currency", "the currency of the amounts beside it; currencies are never added up"),
            c("place", "1 for the largest"),
            c("account_id", "which account"),
            c("customer_id", "whose"),
            c("type", "the account type"),
            c("status", "active or frozen"),
            m("balance", "currency", "what it holds"),
            c("opened_at", "when it was opened"),
        ],
    },
    Report {
        name: "totals-by-currency",
        title: "Totals by currency",
        about: "What customers hold and what has moved, ever.",
        sql: include_str!("../catalogue/totals-by-currency.sql"),
        parameters: &[],
        columns: &[
            c("currency", "the currency of the amounts beside it; currencies are never added up"),
            c("accounts", "accounts not closed"),
            m("balance", "currency", "sum of their balances"),
            m("held", "currency", "of which reserved"),
            m("in_wallets", "currency", "in wallets at the exchange, free and locked"),
            c("transfers", "transfers that moved money, reversals among them"),
            m("volume", "currency", "what they moved"),
        ],
    },
    Report {
        name: "transfers-summary",
        title: "Transfers in numbers",
        about: "Transfers that moved money in the period, by when they did; a capture of a part counts with its part. Reversals are transfers too, and told apart.",
        sql: include_str!("../catalogue/transfers-summary.sql"),
        parameters: &[p("since", Kind::Since, "the first day"), p("before", Kind::Before, "the day after the last")],
        columns: &[
            c("currency", "the currency of the amounts beside it; currencies are never added up"),
            c("transfers", "how many, reversals among them"),
            m("volume", "currency", "what they moved"),
            m("mean", "currency", "mean, rounded to 8 decimals"),
            m("least", "currency", "the smallest"),
            m("largest", "currency", "the largest"),
            c("reversals", "of the transfers"),
            m("reversed", "currency", "of the volume"),
        ],
    },
    Report {
        name: "transfers-by-month",
        title: "Transfers by month",
        about: "Transfers that moved money, by the calendar month (UTC) in which they did.",
        sql: include_str!("../catalogue/transfers-by-month.sql"),
        parameters: &[p(
            "months",
            Kind::Months { default: 12, most: 120 },
            "how many months, the present one the last",
        )],
        columns: &[
            c("month", "YYYY-MM"),
            c("currency", "the currency of the amounts beside it; currencies are never added up"),
            c("transfers", "how many, reversals among them"),
            m("volume", "currency", "what they moved"),
            m("mean", "currency", "mean, rounded to 8 decimals"),
            c("reversals", "of the transfers"),
            m("reversed", "currency", "of the volume"),
        ],
    },
    Report {
        name: "transfers-by-type",
        title: "Transfers by type",
        about: "Transfers that moved money in the period.",
        sql: include_str!("../catalogue/transfers-by-type.sql"),
        parameters: &[p("since", Kind::Since, "the first day"), p("before", Kind::Before, "the day after the last")],
        columns: &[
            c("type", "deposit, withdrawal, transfer, payment, voucher, wallet or reversal"),
            c("currency", "the currency of the amounts beside it; currencies are never added up"),
            c("transfers", "how many"),
            m("volume", "currency", "what they moved"),
            m("mean", "currency", "mean, rounded to 8 decimals"),
        ],
    },
    Report {
        name: "transfers-by-status",
        title: "Transfers by status",
        about: "Transfers decided in the period, whether they moved money or not.",
        sql: include_str!("../catalogue/transfers-by-status.sql"),
        parameters: &[p("since", Kind::Since, "the first day"), p("before", Kind::Before, "the day after the last")],
        columns: &[
            c("status", "as the API says it"),
            c("currency", "the currency of the amounts beside it; currencies are never added up"),
            c("transfers", "how many"),
            m("asked_for", "currency", "sum of what was asked for"),
            m("mean", "currency", "its mean, rounded to 8 decimals"),
            m("moved", "currency", "sum of what has moved"),
        ],
    },
    Report {
        name: "recent-transfers",
        title: "The newest transfers",
        about: "",
        sql: include_str!("../catalogue/recent-transfers.sql"),
        parameters: &[p("top", Kind::Top { default: 50, most: 500 }, "how many transfers")],
        columns: &[
            c("transfer_id", "which"),
            c("type", "what for"),
            c("status", "as the API says it"),
            m("amount", "currency", "what was asked for"),
            m("posted_amount", "currency", "what has moved; null if nothing did"),
            c("currency", "the currency of the amounts beside it; currencies are never added up"),
            c("from_kind", "account, wallet or system"),
            c("from_id", "which"),
            c("from_customer_id", "whose"),
            c("to_kind", "account, wallet or system"),
            c("to_id", "which"),
            c("to_customer_id", "whose"),
            c("reason", "why it was refused"),
            c("created_at", "when it was decided"),
            c("posted_at", "when money moved"),
            c("reverses", "the transfer it takes back"),
            c("reversed_by", "the transfer that took it back"),
        ],
    },
    Report {
        name: "daily-activity",
        title: "Activity by day",
        about: "Transfers that moved money, by the day (UTC) on which they did.",
        sql: include_str!("../catalogue/daily-activity.sql"),
        parameters: &[p("days", Kind::Days { default: 30, most: 366 }, "how many days, today the last")],
        columns: &[
            c("day", "the day"),
            c("type", "what for"),
            c("currency", "the currency of the amounts beside it; currencies are never added up"),
            c("transfers", "how many"),
            m("volume", "currency", "what they moved"),
        ],
    },
    Report {
        name: "transfer-volume",
        title: "What has moved, by direction",
        about: "Transfers that moved money in the period.",
        sql: include_str!("../catalogue/transfer-volume.sql"),
        parameters: &[p("since", Kind::Since, "the first day"), p("before", Kind::Before, "the day after the last")],
        columns: &[
            c("currency", "the currency of the amounts beside it; currencies are never added up"),
            c("transfers", "how many, reversals among them"),
            m("volume", "currency", "what they moved: the sum of the amounts beside it"),
            m("deposited", "currency", "from outside"),
            m("withdrawn", "currency", "to outside"),
            m("transferred", "currency", "between accounts"),
            m("paid", "currency", "payments"),
            m("for_vouchers", "currency", "for vouchers"),
            m("with_wallets", "currency", "between accounts and wallets, both ways"),
            m("reversed", "currency", "taken back"),
        ],
    },
    Report {
        name: "vip-customers",
        title: "Customers of great fortune",
        about: "Customers whose accounts (not closed) of one currency hold more than the threshold together. Each balance counts once.",
        sql: include_str!("../catalogue/vip-customers.sql"),
        parameters: &[
            p("threshold", Kind::Threshold { default: 10_000 }, "more than so much, in each currency by itself"),
            p("top", Kind::Top { default: 20, most: 500 }, "how many customers of each currency"),
        ],
        columns: &[
            c("customer_id", "who"),
            c("currency", "the currency of the amounts beside it; currencies are never added up"),
            c("accounts", "accounts not closed"),
            m("balance", "currency", "their balance"),
            m("mean_balance", "currency", "by account, rounded to 8 decimals"),
            c("transfers", "transfers that moved money of this currency from or to any account of the customer"),
        ],
    },
    Report {
        name: "maintenance-income",
        title: "Maintenance fees by month",
        about: "What the fees of account types come to: of each account that was active at the end of a calendar month (UTC; of the present month: is active), the fee of its type, in its own currency. The bank does not book them yet. Of accounts whose past the lake does not know, the first state it knows counts.",
        sql: include_str!("../catalogue/maintenance-income.sql"),
        parameters: &[p("months", Kind::Months { default: 12, most: 60 }, "how many months, the present one the last")],
        columns: &[
            c("month", "YYYY-MM"),
            c("currency", "the currency of the amounts beside it; currencies are never added up"),
            c("type", "the account type"),
            c("accounts", "how many were active"),
            m("monthly_fee", "currency", "of each"),
            m("income", "currency", "of all"),
        ],
    },
    Report {
        name: "trading-volume",
        title: "Trading volume",
        about: "Trades of the period.",
        sql: include_str!("../catalogue/trading-volume.sql"),
        parameters: &[p("since", Kind::Since, "the first day"), p("before", Kind::Before, "the day after the last")],
        columns: &[
            c("symbol", "the market"),
            c("quote", "the asset of prices and volume"),
            c("trades", "how many"),
            c("quantity", "how much was traded, in the base asset"),
            m("volume", "quote", "what it was worth"),
            m("lowest", "quote", "lowest price"),
            m("highest", "quote", "highest price"),
        ],
    },
    Report {
        name: "trading-fees",
        title: "Trading fees",
        about: "What the house earned with trades of the period.",
        sql: include_str!("../catalogue/trading-fees.sql"),
        parameters: &[p("since", Kind::Since, "the first day"), p("before", Kind::Before, "the day after the last")],
        columns: &[
            c("symbol", "the market"),
            c("quote", "the asset of the fees"),
            c("trades", "how many"),
            m("maker_fees", "quote", "paid by makers"),
            m("taker_fees", "quote", "paid by takers"),
            m("fees", "quote", "both"),
        ],
    },
    Report {
        name: "open-interest",
        title: "What open orders bind",
        about: "Orders pending, untriggered, open or partially filled.",
        sql: include_str!("../catalogue/open-interest.sql"),
        parameters: &[],
        columns: &[
            c("symbol", "the market"),
            c("side", "buy or sell"),
            c("base", "its base asset"),
            c("quote", "its quote asset"),
            c("orders", "how many"),
            c("open_quantity", "not filled yet, in the base asset; without market buys by amount"),
            m(
                "open_notional",
                "quote",
                "the same at the orders' prices, or what is left of an amount; fees not included",
            ),
            c("bound", "what the orders bind: of buys the notional, of sells the quantity"),
            c("asset", "the asset of what they bind"),
        ],
    },
    Report {
        name: "recent-trades",
        title: "The newest trades",
        about: "",
        sql: include_str!("../catalogue/recent-trades.sql"),
        parameters: &[p("top", Kind::Top { default: 50, most: 500 }, "how many trades")],
        columns: &[
            c("trade_id", "which"),
            c("symbol", "the market"),
            m("price", "quote", "in the quote asset"),
            c("quantity", "in the base asset"),
            m("notional", "quote", "price by quantity"),
            c("quote", "the quote asset"),
            c("taker_side", "buy or sell"),
            c("maker_customer_id", "who had the resting order"),
            c("taker_customer_id", "who came"),
            c("maker_order_id", "the order"),
            c("taker_order_id", "the order"),
            m("maker_fee", "quote", "what the maker paid"),
            m("taker_fee", "quote", "what the taker paid"),
            c("executed_at", "when"),
        ],
    },
    Report {
        name: "recent-orders",
        title: "The newest orders",
        about: "",
        sql: include_str!("../catalogue/recent-orders.sql"),
        parameters: &[p("top", Kind::Top { default: 50, most: 500 }, "how many orders")],
        columns: &[
            c("order_id", "which"),
            c("customer_id", "whose"),
            c("symbol", "the market"),
            c("side", "buy or sell"),
            c("type", "market, limit or stop_limit"),
            c("time_in_force", "gtc, ioc or fok"),
            c("status", "as the API says it"),
            c("reason", "why it ended"),
            m("price", "quote", "worst price"),
            m("stop_price", "quote", "what wakes a stop"),
            c("quantity", "how much, in the base asset"),
            m("quote_quantity", "quote", "or for how much"),
            c("filled_quantity", "filled so far"),
            m("filled_notional", "quote", "what that was worth"),
            m("fees", "quote", "paid for it"),
            c("quote", "the quote asset"),
            c("created_at", "when it was placed"),
            c("updated_at", "when it changed last"),
        ],
    },
    Report {
        name: "voucher-sales",
        title: "Voucher sales",
        about: "Purchases of the period.",
        sql: include_str!("../catalogue/voucher-sales.sql"),
        parameters: &[p("since", Kind::Since, "the first day"), p("before", Kind::Before, "the day after the last")],
        columns: &[
            c("product_id", "what"),
            c("product_name", "its name"),
            c("paid_by", "account or partner"),
            c("currency", "the currency of the amounts beside it; currencies are never added up"),
            c("purchases", "how many"),
            c("delivered", "of these"),
            c("failed", "of these"),
            c("undecided", "of these: processing or unknown"),
            m("sales", "currency", "price of those delivered"),
        ],
    },
    Report {
        name: "voucher-delivery-times",
        title: "How long vouchers take",
        about: "Delivered purchases of the period, from purchase to outcome. Percentiles are by nearest rank: exact.",
        sql: include_str!("../catalogue/voucher-delivery-times.sql"),
        parameters: &[p("since", Kind::Since, "the first day"), p("before", Kind::Before, "the day after the last")],
        columns: &[
            c("product_id", "what"),
            c("delivered", "how many"),
            c("mean_ms", "mean, in whole milliseconds"),
            c("p50_ms", "half took no longer"),
            c("p95_ms", "95 of 100 took no longer"),
            c("longest_ms", "the longest"),
        ],
    },
    Report {
        name: "ledger-audit",
        title: "The ledger, recomputed from the lake",
        about: "The difference is zero when the books are right. It may differ for a moment while what belongs together arrives in the lake in parts.",
        sql: include_str!("../catalogue/ledger-audit.sql"),
        parameters: &[],
        columns: &[
            c(
                "books",
                "bank: accounts, wallets' and system accounts' sides of transfers; exchange: what wallets hold and fees, less what came from the bank and grants",
            ),
            c("currency", "the currency or asset"),
            m("accounts", "currency", "what accounts hold"),
            m("wallets", "currency", "bank: what went to wallets, less what came back; exchange: what wallets hold"),
            m("bank", "currency", "bank: sum of the system accounts; exchange: less what came from the bank"),
            m("fees", "currency", "fees of the house"),
            m("granted", "currency", "less what was granted"),
            m("difference", "currency", "the sum of these: zero"),
        ],
    },
    Report {
        name: "balance-changes",
        title: "The balances of an account, change by change",
        about: "Every state of the account that the lake has seen.",
        sql: include_str!("../catalogue/balance-changes.sql"),
        parameters: &[p("account", Kind::Account, "which account")],
        columns: &[
            c("account_id", "which"),
            c("customer_id", "whose"),
            c("version", "counts its changes"),
            c("changed_at", "when"),
            c("status", "active, frozen or closed"),
            c("currency", "the currency of the amounts beside it; currencies are never added up"),
            m("posted", "currency", "what it held"),
            m("held", "currency", "of which reserved"),
            m("available", "currency", "what could be spent"),
            m("change", "currency", "by how much posted differs from the version before"),
        ],
    },
    Report {
        name: "activity-log",
        title: "Everything that was done",
        about: "Customers, accounts, transfers, orders, trades, grants and vouchers that began in the period, newest first.",
        sql: include_str!("../catalogue/activity-log.sql"),
        parameters: &[
            p("since", Kind::Since, "the first day"),
            p("before", Kind::Before, "the day after the last"),
            p("top", Kind::Top { default: 200, most: 10000 }, "how many rows"),
        ],
        columns: &[
            c("started_at", "when it began"),
            c("ended_at", "when it ended; null while it has not"),
            c("activity", "what it was"),
            c("id", "its id"),
            c("customer_id", "whose; of a trade the taker, of a transfer who paid"),
            c("status", "where it stands"),
            m("amount", "currency", "about how much"),
            c("currency", "the currency or asset of the amount"),
        ],
    },
];
