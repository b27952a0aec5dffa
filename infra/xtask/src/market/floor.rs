//! What the simulated traders trade: instruments, who stands where, and what everybody starts with.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::{
    client::Client,
    people::{self, Customer},
};

use super::random::{Random, Walk};

/// What everybody brings: of dollars, and of each base.
const MONEY: &str = "1000000000.00";
const STOCK: &str = "1000000";
/// Ticks (cents) at which the first instrument starts, if it has no price yet.
const START: i64 = 10_000;

/// What is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// Base assets are called so, with a number behind.
    pub name: &'a str,
    /// How many instruments.
    pub symbols: usize,
    /// How many traders.
    pub traders: usize,
    /// Of all chance.
    pub seed: u64,
    /// Prices stand still.
    pub still: bool,
}

/// An instrument and the price everybody believes in.
#[derive(Debug)]
pub struct Market {
    /// `SIM1-USD`
    pub symbol: String,
    walk: Mutex<Walk>,
    still: Option<i64>,
}

impl Market {
    /// The price in ticks around which quotes are made.
    pub fn mid(&self, now: Instant) -> i64 {
        self.still.unwrap_or_else(|| self.walk.lock().unwrap_or_else(PoisonError::into_inner).price(now))
    }
}

/// A trader's place at a market. Neighbours are on different sides, so that nobody needs to trade with himself.
#[derive(Clone, Debug)]
pub struct Place {
    /// Which.
    pub market: Arc<Market>,
    /// Whether it sells, where sides are fixed.
    pub sells: bool,
}

/// A trader, and where.
#[derive(Clone, Debug)]
pub struct Seat {
    /// Its number.
    pub index: usize,
    /// Signs in by this.
    pub email: String,
    /// Who it is.
    pub customer: Customer,
    /// One at least.
    pub places: Vec<Place>,
}

/// Everything arranged.
#[derive(Clone, Debug)]
pub struct Floor {
    /// Where the API is.
    pub api: String,
    /// Of all chance.
    pub seed: u64,
    /// The instruments.
    pub markets: Vec<Arc<Market>>,
    /// The traders.
    pub seats: Vec<Seat>,
}

impl Floor {
    /// Lists what is missing, signs up who is missing and endows everybody, once. `admin` is a token of the admins.
    pub async fn open(api: &str, admin: &str, plan: Plan<'_>) -> Result<Self> {
        ensure!(plan.symbols > 0 && plan.traders > 1, "a market takes one symbol and two traders at least");
        let mut admin = Client::connect(api, Some(admin)).await?;
        let mut markets = Vec::new();
        for number in 1..=plan.symbols {
            markets.push(Arc::new(market(&mut admin, number, plan).await?));
        }
        let mut seats = Vec::new();
        for index in 0..plan.traders {
            let email = format!("{}-trader-{index}@example.com", plan.name.to_lowercase());
            let customer = people::sign_up(api, &email).await.with_context(|| format!("the trader {email}"))?;
            let places = places(index, plan.traders, plan.symbols);
            let places = places.map(|(market, sells)| Place { market: markets[market].clone(), sells });
            let seat = Seat { index, email, customer, places: places.collect() };
            endow(api, &mut admin, &seat).await.with_context(|| format!("what {} starts with", seat.email))?;
            seats.push(seat);
        }
        Ok(Self { api: api.to_owned(), seed: plan.seed, markets, seats })
    }
}

/// Markets of a trader by their number, and whether it sells there. Each trader has so many that each market has two
/// traders at least; on each market buyers and sellers take turns.
fn places(trader: usize, traders: usize, symbols: usize) -> impl Iterator<Item = (usize, bool)> {
    let each = (2 * symbols).div_ceil(traders).min(symbols);
    (trader * each..(trader + 1) * each).map(move |slot| (slot % symbols, (slot / symbols).is_multiple_of(2)))
}

/// The instrument of this number, listed now or before; it goes on where its last trade was.
async fn market(admin: &mut Client, number: usize, plan: Plan<'_>) -> Result<Market> {
    let base = format!("{}{number}", plan.name);
    let symbol = format!("{base}-USD");
    let instrument = json!({
        "symbol": symbol, "kind": "crypto", "base": base, "quote": "USD", "price_tick": "0.01", "quantity_lot": "0.001",
        "min_notional": "1.00", "maker_fee_bps": 10, "taker_fee_bps": 20,
    });
    let listed = admin.post("/instruments", None, &instrument).await?;
    let mut price = START + 1_000 * (number as i64 - 1);
    if listed.code() == "instrument_taken" {
        let ticker = admin.get(&format!("/markets/{symbol}/ticker")).await?.expect(200)?;
        let last = ticker["last_price"].as_str().and_then(|price| price.parse::<f64>().ok());
        price = last.map_or(price, |last| (last * 100.0).round() as i64);
    } else {
        listed.expect(201).with_context(|| symbol.clone())?;
    }
    let walk = Mutex::new(Walk::new(Random::new(plan.seed, u64::MAX - number as u64), price, Instant::now()));
    Ok(Market { symbol, walk, still: plan.still.then_some(price) })
}

/// Dollars and stock. Every step has its key, so that nobody gets anything twice.
async fn endow(api: &str, admin: &mut Client, seat: &Seat) -> Result<()> {
    let mut own = Client::connect(api, Some(&seat.customer.token)).await?;
    let key = |what: &str| format!("{what} of {}", seat.email);
    let opening = json!({"type": "checking", "currency": "USD"});
    let account = own.post("/accounts", Some(&key("account")), &opening).await?.expect(201)?;
    let deposit = json!({"type": "deposit", "amount": MONEY, "currency": "USD", "to_account": account["account_id"]});
    admin.post("/transfers", Some(&key("deposit")), &deposit).await?.expect(201)?;
    let account: &Value = &account["account_id"];
    let transfer = json!({"direction": "in", "account_id": account, "amount": MONEY, "currency": "USD"});
    own.post("/wallet/transfers", Some(&key("wallet")), &transfer).await?.expect(201)?;
    for place in &seat.places {
        let grant = json!({"customer_id": seat.customer.id, "quantity": STOCK});
        let path = format!("/instruments/{}/grants", place.market.symbol);
        admin.post(&path, Some(&key("grant")), &grant).await?.expect(201)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_market_has_somebody_on_either_side_and_nobody_on_both() {
        for (traders, symbols) in [(2, 1), (40, 1), (40, 20), (2, 5), (3, 20), (7, 4)] {
            let mut sides = vec![[0, 0]; symbols];
            for trader in 0..traders {
                let places: Vec<_> = places(trader, traders, symbols).collect();
                let markets: std::collections::HashSet<_> = places.iter().map(|(market, _)| market).collect();
                assert_eq!(markets.len(), places.len(), "{traders} at {symbols}");
                places.iter().for_each(|(market, sells)| sides[*market][usize::from(*sells)] += 1);
            }
            assert!(sides.iter().all(|[buy, sell]| *buy > 0 && *sell > 0), "{traders} at {symbols}: {sides:?}");
        }
    }
}
