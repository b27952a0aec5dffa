//! The books behind one interface. Each does all it always does; nothing is switched off.

use domain::{
    order::{Kind, Limit, OrderKey, Owner, PlaceOrder, SelfTrade, Side, Size, Terms, TimeInForce},
    order_book::{Book, Command, Event},
};

use crate::workload::Operation;

/// A book that can be measured.
pub trait Engine {
    /// An operation as this book takes it.
    type Operation;
    fn new() -> Self;
    fn operation(operation: &Operation) -> Self::Operation;
    fn apply(&mut self, operation: &Self::Operation);
    /// Forgets what was traded before the clock started.
    fn forget_traded(&mut self);
    /// Trades and lots since then.
    fn traded(&self) -> (u64, u64);
}

/// Ours: fees on both sides, notionals in cents, 128-bit order keys that tell nothing, 1,000 owners a side.
pub struct Florin {
    book: Book,
    events: Vec<Event>,
    trades: u64,
    volume: u64,
}

/// Spreads a number over 128 bits, as the keys of real orders are.
fn key(id: u64) -> OrderKey {
    let low = id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    OrderKey(u128::from(low ^ low >> 29) << 64 | u128::from(low.wrapping_mul(0xbf58_476d_1ce4_e5b9)))
}

/// Buyers and sellers are different people, so that nobody meets himself.
fn owner(id: u64, buy: bool) -> Owner {
    Owner(u128::from(id % 1_000) << 64 | u128::from(buy))
}

impl Engine for Florin {
    type Operation = Command;

    fn new() -> Self {
        // Ticks of a cent and lots of a ten-thousandth, 10 and 20 basis points.
        let terms = Terms::new(1, 4, 10, 20).expect("terms");
        Self { book: Book::new(terms), events: Vec::with_capacity(4096), trades: 0, volume: 0 }
    }

    fn operation(operation: &Operation) -> Command {
        let terms = Terms::new(1, 4, 10, 20).expect("terms");
        let place = |id, buy, kind, reserved| {
            let side = if buy { Side::Buy } else { Side::Sell };
            let self_trade = SelfTrade::ExpireTaker;
            let (id, owner) = (key(id), owner(id, buy));
            Command::Place(PlaceOrder { id, owner, side, kind, self_trade, reserved, expires_at: None })
        };
        match *operation {
            Operation::Add { id, buy, price, quantity } => {
                let limit = Limit { price, quantity, time_in_force: TimeInForce::Gtc, post_only: false };
                let reserved = if buy { terms.buyer_reservation(price, quantity, false) } else { quantity };
                place(id, buy, Kind::Limit(limit), reserved)
            }
            Operation::Take { id, buy, quantity } => {
                let kind = Kind::Market { size: Size::Lots(quantity), all_or_nothing: false };
                let reserved = if buy { terms.buyer_reservation(200_000, quantity, false) } else { quantity };
                place(id, buy, kind, reserved)
            }
            Operation::Cancel { id, buy } => Command::Cancel { order: key(id), owner: owner(id, buy) },
        }
    }

    #[inline]
    fn apply(&mut self, command: &Command) {
        self.events.clear();
        self.book.apply(command, &mut self.events);
        for event in &self.events {
            if let Event::Traded(trade) = event {
                self.trades += 1;
                self.volume += trade.quantity;
            }
        }
    }

    fn forget_traded(&mut self) {
        (self.trades, self.volume) = (0, 0);
    }

    fn traded(&self) -> (u64, u64) {
        (self.trades, self.volume)
    }
}

/// The other one, as its own benchmarks use it; no owners, no fees, no self-trade prevention.
pub struct OrderbookRs {
    book: orderbook_rs::OrderBook<()>,
    trades: u64,
    volume: u64,
}

impl OrderbookRs {
    fn count(&mut self, result: &pricelevel::MatchResult) {
        for trade in result.trades().as_vec() {
            self.trades += 1;
            self.volume += trade.quantity().as_u64();
        }
    }
}

impl Engine for OrderbookRs {
    type Operation = Operation;

    fn new() -> Self {
        Self { book: orderbook_rs::OrderBook::new("BENCH"), trades: 0, volume: 0 }
    }

    fn operation(operation: &Operation) -> Operation {
        *operation
    }

    #[inline]
    fn apply(&mut self, operation: &Operation) {
        use orderbook_rs::{Id, Side, TimeInForce};
        let side = |buy| if buy { Side::Buy } else { Side::Sell };
        match *operation {
            Operation::Add { id, buy, price, quantity } => {
                let (id, price) = (Id::from_u64(id), u128::from(price));
                let added =
                    self.book.add_limit_order_with_result(id, price, quantity, side(buy), TimeInForce::Gtc, None);
                if let Ok((_, Some(result))) = added {
                    self.count(&result.match_result);
                }
            }
            // An order that is gone is refused by both books.
            Operation::Cancel { id, .. } => drop(self.book.cancel_order(Id::from_u64(id))),
            Operation::Take { id, buy, quantity } => {
                if let Ok(result) = self.book.submit_market_order(Id::from_u64(id), quantity, side(buy)) {
                    self.count(&result);
                }
            }
        }
    }

    fn forget_traded(&mut self) {
        (self.trades, self.volume) = (0, 0);
    }

    fn traded(&self) -> (u64, u64) {
        (self.trades, self.volume)
    }
}
