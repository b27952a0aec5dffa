//! Wallets: what is free and locked of each asset, on one row a customer.
//!
//! | attribute | what |
//! |---|---|
//! | `f#<ASSET>`, `l#<ASSET>` | free, locked |
//! | `w#<SYMBOL>` | the last version of that journal that has been settled into the wallet |
//! | `q#<SYMBOL>`, `c#<SYMBOL>`, `r#<SYMBOL>` | the position: quantity with a cost, its cost, what is realised |
//! | `open_orders`, `version` | counters |
//!
//! What is missing counts as zero, so a wallet needs no making. Free amounts fall by conditions only (`f >= amount`).
//! What a journal does is added under the condition that its watermark is still the one that was read: once, whoever
//! settles, and however often. Names are short because a row beyond 1 kB costs every write twice.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{TransactWriteItem, Update, builders::UpdateBuilder};
use domain::{
    Money,
    id::CustomerId,
    instrument::{Asset, Instrument, Symbol},
    wallet::{Change, Holding, Lock, LockRefusal, Position, Wallet},
};
use rust_decimal::Decimal;

use super::{Ledger, rows};
use crate::{
    item::{Item, Read, decimal, key, number, parse_decimal},
    store::StoreError,
    write::{self, WriteError},
};

/// Rows of one batch read.
const BATCH: usize = 100;

/// How settling a journal into a wallet ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WalletSettled {
    /// Committed; the wallet as it is now.
    Done(Wallet),
    /// Somebody has settled further meanwhile; nothing was written. The wallet as it is now: go on from its watermark.
    Moved(Wallet),
}

impl Ledger {
    /// A wallet as it stands, read consistently; empty if nobody has touched it.
    pub async fn wallet(&self, customer: &CustomerId) -> Result<Wallet, StoreError> {
        match self.get(wallet_key(customer)).await? {
            Some(item) => wallet(&item),
            None => Ok(Wallet::empty(customer.clone())),
        }
    }

    /// Wallets as they stand, read consistently, in this order.
    pub async fn wallets(&self, customers: &[CustomerId]) -> Result<Vec<Wallet>, StoreError> {
        let mut found = HashMap::new();
        for some in customers.chunks(BATCH) {
            for item in self.batch_get(some.iter().map(wallet_key).collect()).await? {
                let wallet = wallet(&item)?;
                found.insert(wallet.customer.clone(), wallet);
            }
        }
        let take =
            |customer: &CustomerId| found.get(customer).cloned().unwrap_or_else(|| Wallet::empty(customer.clone()));
        Ok(customers.iter().map(take).collect())
    }

    /// Adds what the versions of a journal after `before`'s watermark, up to `to`, do to a wallet: funds, ended orders
    /// and the position. `before` is the wallet as it was read, and only its watermark and position of this instrument
    /// must still hold; locks and transfers that came in between do not matter.
    pub async fn settle_wallet(
        &self,
        before: &Wallet,
        instrument: &Instrument,
        to: u64,
        change: &Change,
    ) -> Result<WalletSettled, StoreError> {
        let (symbol, funds) = (instrument.symbol(), &change.funds);
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(wallet_key(&before.customer)))
            .expression_attribute_names("#version", "version")
            .expression_attribute_names("#applied", format!("w#{symbol}"))
            .expression_attribute_values(":one", number(1))
            .expression_attribute_values(":to", number(to));
        update = match before.applied.get(symbol) {
            Some(applied) => update
                .condition_expression("#applied = :applied")
                .expression_attribute_values(":applied", number(applied)),
            None => update.condition_expression("attribute_not_exists(#applied)"),
        };
        let (mut add, mut set) = (vec!["#version :one".to_owned()], vec!["#applied = :to".to_owned()]);
        let (base, quote) = (instrument.base(), instrument.quote());
        for (place, name, amount) in [
            ("bf", format!("f#{base}"), instrument.quantity(funds.base_free)),
            ("bl", format!("l#{base}"), instrument.quantity(funds.base_locked)),
            ("qf", format!("f#{quote}"), instrument.quote_amount(funds.quote_free)),
            ("ql", format!("l#{quote}"), instrument.quote_amount(funds.quote_locked)),
        ] {
            if !amount.is_zero() {
                add.push(format!("#{place} :{place}"));
                update = update
                    .expression_attribute_names(format!("#{place}"), name)
                    .expression_attribute_values(format!(":{place}"), decimal(amount));
            }
        }
        if change.closed > 0 {
            add.push("open_orders :closed".to_owned());
            update = update.expression_attribute_values(":closed", number(-i128::from(change.closed)));
        }
        let old = before.position(symbol);
        let new = change.position(old, instrument);
        for (place, name, was, is) in [
            ("pq", "q", old.quantity, new.quantity),
            ("pc", "c", old.cost, new.cost),
            ("pr", "r", old.realised, new.realised),
        ] {
            if was != is {
                set.push(format!("#{place} = :{place}"));
                update = update
                    .expression_attribute_names(format!("#{place}"), format!("{name}#{symbol}"))
                    .expression_attribute_values(format!(":{place}"), decimal(is));
            }
        }
        let update = update.update_expression(format!("SET {} ADD {}", set.join(", "), add.join(", ")));
        match write::update_alone(&self.meter, update).await {
            Ok(row) => Ok(WalletSettled::Done(wallet(&row)?)),
            Err(WriteError::Cancelled(cancelled)) => Ok(WalletSettled::Moved(match cancelled.failed(0).flatten() {
                Some(row) => wallet(row)?,
                None => Wallet::empty(before.customer.clone()),
            })),
            Err(error) => Err(error.into()),
        }
    }

    /// Locks an amount for an order, if as much is free and the customer has fewer than `max_open_orders`.
    pub(crate) fn lock(
        &self,
        customer: &CustomerId,
        lock: &Lock,
        max_open_orders: u64,
    ) -> Result<TransactWriteItem, StoreError> {
        let mut update = self.wallet_update(customer).expression_attribute_values(":max", number(max_open_orders));
        let mut condition = "(attribute_not_exists(open_orders) OR open_orders < :max)".to_owned();
        let mut add = "open_orders :one, #version :one".to_owned();
        if !lock.amount.is_zero() {
            condition.push_str(" AND #free >= :amount");
            add.push_str(", #free :taken, #locked :amount");
            update = update
                .expression_attribute_names("#free", free(&lock.asset))
                .expression_attribute_names("#locked", format!("l#{}", lock.asset))
                .expression_attribute_values(":amount", decimal(lock.amount))
                .expression_attribute_values(":taken", decimal(-lock.amount));
        }
        Ok(write::update(update.update_expression(format!("ADD {add}")).condition_expression(condition))?)
    }

    /// Gives an amount into a wallet.
    pub(crate) fn give(
        &self,
        customer: &CustomerId,
        asset: &Asset,
        amount: Decimal,
    ) -> Result<TransactWriteItem, StoreError> {
        let update = self
            .wallet_update(customer)
            .update_expression("ADD #free :amount, #version :one")
            .expression_attribute_names("#free", free(asset))
            .expression_attribute_values(":amount", decimal(amount));
        Ok(write::update(update)?)
    }

    /// Gives money into a wallet.
    pub(super) fn give_money(&self, customer: &CustomerId, money: Money) -> Result<TransactWriteItem, StoreError> {
        self.give(customer, &asset_of(money)?, money.amount())
    }

    /// Takes money out of a wallet, if as much is free.
    pub(super) fn take(&self, customer: &CustomerId, money: Money) -> Result<TransactWriteItem, StoreError> {
        let update = self
            .wallet_update(customer)
            .update_expression("ADD #free :taken, #version :one")
            .condition_expression("#free >= :amount")
            .expression_attribute_names("#free", free(&asset_of(money)?))
            .expression_attribute_values(":amount", decimal(money.amount()))
            .expression_attribute_values(":taken", decimal(-money.amount()));
        Ok(write::update(update)?)
    }

    fn wallet_update(&self, customer: &CustomerId) -> UpdateBuilder {
        Update::builder()
            .table_name(&self.table)
            .set_key(Some(wallet_key(customer)))
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":one", number(1))
    }

    /// Commits items of this table and others, all or nothing; counted with this ledger's writes.
    pub(crate) async fn transact(&self, items: Vec<TransactWriteItem>) -> Result<(), WriteError> {
        write::transact(&self.client, &self.meter, items).await
    }
}

/// Why a lock was refused, from the row as it is: the open orders first.
pub(crate) fn lock_refusal(row: Option<&Item>, max_open_orders: u64) -> Result<LockRefusal, StoreError> {
    let open = row.map_or(Ok(0), |row| row.count_or_zero("open_orders"))?;
    Ok(if open >= max_open_orders { LockRefusal::TooManyOpenOrders } else { LockRefusal::InsufficientFunds })
}

fn wallet_key(customer: &CustomerId) -> Item {
    key(customer.as_str(), rows::WALLET)
}

fn free(asset: &Asset) -> String {
    format!("f#{asset}")
}

fn asset_of(money: Money) -> Result<Asset, StoreError> {
    Asset::parse(money.currency().code()).ok_or_else(|| StoreError::corrupt("currency"))
}

/// Reads a wallet row.
pub(super) fn wallet(item: &Item) -> Result<Wallet, StoreError> {
    let mut wallet = Wallet::empty(item.parsed("pk", CustomerId::parse)?);
    wallet.open_orders = item.count_or_zero("open_orders")?;
    wallet.version = item.count("version")?;
    for (name, value) in item {
        let Some((kind, of)) = name.split_once('#') else { continue };
        let corrupt = || StoreError::corrupt(name);
        let digits = value.as_n().map_err(|_| corrupt())?;
        let amount = || parse_decimal(digits).ok_or_else(corrupt);
        match kind {
            "f" | "l" => {
                let holding: &mut Holding = wallet.holdings.entry(Asset::parse(of).ok_or_else(corrupt)?).or_default();
                *(if kind == "f" { &mut holding.free } else { &mut holding.locked }) = amount()?;
            }
            "w" => {
                let version = digits.parse().map_err(|_| corrupt())?;
                wallet.applied.insert(Symbol::parse(of).ok_or_else(corrupt)?, version);
            }
            "q" | "c" | "r" => {
                let symbol = Symbol::parse(of).ok_or_else(corrupt)?;
                let position: &mut Position = wallet.positions.entry(symbol).or_default();
                *(match kind {
                    "q" => &mut position.quantity,
                    "c" => &mut position.cost,
                    _ => &mut position.realised,
                }) = amount()?;
            }
            _ => {}
        }
    }
    Ok(wallet)
}
