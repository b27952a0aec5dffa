//! What an order locks before it may be queued.

use rust_decimal::Decimal;

use super::Wallet;
use crate::{
    instrument::{Asset, Instrument},
    order::{Side, ValidOrder},
};

/// What is to be locked for an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// The base asset for a sell, the quote asset for a buy.
    pub asset: Asset,
    /// How much of it. Zero only for a market buy that nobody sells to.
    pub amount: Decimal,
    /// The same as the book counts it: lots for a sell, minor units for a buy.
    pub reserved: u64,
}

/// Why an order may not be placed. The first that applies is the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockRefusal {
    /// The customer has as many orders as one may have.
    TooManyOpenOrders,
    /// Less is free than must be locked.
    InsufficientFunds,
}

/// Decides what an order locks. `market_buy` is what a market buy by quantity would cost at present with a collar on top
/// ([`Terms::market_buy_reservation`](crate::order::Terms::market_buy_reservation)); of that it locks what is free if
/// that is less. Commit it on the condition that as much is free and fewer than `max_open_orders` are open.
pub fn lock(
    wallet: &Wallet,
    order: &ValidOrder,
    instrument: &Instrument,
    market_buy: u64,
    max_open_orders: u64,
) -> Result<Lock, LockRefusal> {
    if wallet.open_orders >= max_open_orders {
        return Err(LockRefusal::TooManyOpenOrders);
    }
    let asset = match order.side {
        Side::Buy => instrument.quote(),
        Side::Sell => instrument.base(),
    };
    let free = wallet.holding(asset).free;
    let reserved = match order.reservation(instrument.terms()) {
        Some(reserved) => reserved,
        None => {
            let all = whole_units(free, asset.decimals());
            if all == 0 && market_buy > 0 {
                return Err(LockRefusal::InsufficientFunds);
            }
            market_buy.min(all)
        }
    };
    let amount = match order.side {
        Side::Buy => instrument.quote_amount(i128::from(reserved)),
        Side::Sell => instrument.quantity(i128::from(reserved)),
    };
    if amount > free {
        return Err(LockRefusal::InsufficientFunds);
    }
    Ok(Lock { asset: asset.clone(), amount, reserved })
}

/// How many whole minor units an amount is, rounded down; as many as a `u64` holds of more.
fn whole_units(amount: Decimal, decimals: u32) -> u64 {
    let units = amount.checked_mul(Decimal::from(10u64.saturating_pow(decimals))).map(|units| units.trunc());
    match units {
        Some(units) if units.is_sign_negative() => 0,
        Some(units) => u64::try_from(units).unwrap_or(u64::MAX),
        None => u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Timestamp, id::CustomerId, instrument::InstrumentFields, order::OrderFields, wallet::Holding};

    fn instrument() -> Instrument {
        Instrument::new(&InstrumentFields {
            symbol: "BTC-USD",
            kind: "crypto",
            base: "BTC",
            quote: "USD",
            price_tick: "0.01",
            quantity_lot: "0.0001",
            min_notional: "1",
            maker_fee_bps: 10,
            taker_fee_bps: 20,
        })
        .expect("an instrument")
    }

    fn wallet(usd: &str, btc: &str) -> Wallet {
        let mut wallet = Wallet::empty(CustomerId::from_bytes([1; 16]));
        for (asset, amount) in [("USD", usd), ("BTC", btc)] {
            let holding = Holding { free: amount.parse().expect("a number"), locked: Decimal::ONE };
            wallet.holdings.insert(Asset::parse(asset).expect("an asset"), holding);
        }
        wallet
    }

    fn decide(wallet: &Wallet, side: &str, price: Option<&str>, quantity: Option<&str>, quote: Option<&str>) -> String {
        let fields = OrderFields {
            side,
            order_type: if price.is_some() { "limit" } else { "market" },
            price,
            quantity,
            quote_quantity: quote,
            ..OrderFields::default()
        };
        let order = fields.validate(&instrument(), Timestamp::from_millis(0)).expect("a valid order");
        match lock(wallet, &order, &instrument(), 20_000, 2) {
            Ok(lock) => format!("{} {} {}", lock.amount, lock.asset, lock.reserved),
            Err(refusal) => format!("{refusal:?}"),
        }
    }

    #[test]
    fn a_buyer_locks_money_with_fees_and_a_seller_what_is_sold() {
        for (usd, btc, side, price, quantity, quote, expected) in [
            ("100.20", "0", "buy", Some("100"), Some("1"), None, "100.20 USD 10020"),
            ("100.19", "0", "buy", Some("100"), Some("1"), None, "InsufficientFunds"),
            ("0", "1", "sell", Some("100"), Some("1"), None, "1.0000 BTC 10000"),
            ("0", "0.9999", "sell", Some("100"), Some("1"), None, "InsufficientFunds"),
            ("0", "1.5", "sell", None, Some("1.5"), None, "1.5000 BTC 15000"),
            ("50", "0", "buy", None, None, Some("50"), "50.00 USD 5000"),
            ("49.99", "0", "buy", None, None, Some("50"), "InsufficientFunds"),
            ("300", "0", "buy", None, Some("1"), None, "200.00 USD 20000"),
            ("150.55", "0", "buy", None, Some("1"), None, "150.55 USD 15055"),
            ("0", "5", "buy", None, Some("1"), None, "InsufficientFunds"),
        ] {
            assert_eq!(decide(&wallet(usd, btc), side, price, quantity, quote), expected, "{side} {usd} {btc}");
        }
    }

    #[test]
    fn too_many_open_orders_come_before_funds() {
        let wallet = Wallet { open_orders: 2, ..wallet("0", "0") };
        assert_eq!(decide(&wallet, "sell", Some("100"), Some("1"), None), "TooManyOpenOrders");
    }
}
