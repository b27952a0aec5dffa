//! What a customer has paid for what he holds, by the average-cost method, per instrument.
//!
//! A buy adds its quantity and what was paid, fees included. A sell takes out its part of the cost; what it brought,
//! fees deducted, less that part is realised. Units that came without a trade here (grants, or bought for another
//! currency) have no cost: a sale takes the units with a cost first, and what it sells beyond them is no profit and no
//! loss. Parts are rounded half-even to the quote asset's decimals; the last unit takes what is left of the cost.
//!
//! A position stands on the wallet's row and moves with the settlement of its instrument alone, under the same
//! watermark: exactly once, at no extra write.

use rust_decimal::{Decimal, RoundingStrategy::MidpointNearestEven};

/// Units with a cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// How many, in the base asset.
    pub quantity: Decimal,
    /// What they have cost, in the quote asset.
    pub cost: Decimal,
    /// Profit (or loss) of everything sold so far, in the quote asset.
    pub realised: Decimal,
}

/// What a position is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Valuation {
    /// All that is held, with a cost or without.
    pub quantity: Decimal,
    /// Cost of one unit, of those that have one; `None` if none has.
    pub average_cost: Option<Decimal>,
    /// All that is held at the last price; `None` if there is no price.
    pub market_value: Option<Decimal>,
    /// What the units with a cost are worth more (or less) than they have cost.
    pub unrealised: Option<Decimal>,
    /// Profit (or loss) of everything sold so far.
    pub realised: Decimal,
}

impl Position {
    /// Whether there is nothing to remember.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes in a buy: `paid` with fees.
    pub fn buy(&mut self, quantity: Decimal, paid: Decimal) {
        self.quantity = self.quantity.saturating_add(quantity);
        self.cost = self.cost.saturating_add(paid);
    }

    /// Takes out a sale: `received` after fees. `decimals` are the quote asset's.
    pub fn sell(&mut self, quantity: Decimal, received: Decimal, decimals: u32) {
        let taken = quantity.min(self.quantity);
        let cost = part(self.cost, taken, self.quantity, decimals);
        let proceeds = part(received, taken, quantity, decimals);
        self.quantity -= taken;
        self.cost = self.cost.saturating_sub(cost);
        self.realised = self.realised.saturating_add(proceeds.saturating_sub(cost));
    }

    /// What `held` units are worth at `price`. Of a position that is larger than what is held (its units were sold for
    /// another currency) only the part that is still there counts.
    pub fn value(&self, held: Decimal, price: Option<Decimal>, decimals: u32) -> Valuation {
        let known = held.min(self.quantity);
        let cost = part(self.cost, known, self.quantity, decimals);
        let worth = |quantity: Decimal| {
            Some(quantity.checked_mul(price?)?.round_dp_with_strategy(decimals, MidpointNearestEven))
        };
        let average =
            cost.checked_div(known).map(|cost| cost.round_dp_with_strategy(decimals + 4, MidpointNearestEven));
        Valuation {
            quantity: held,
            average_cost: average,
            market_value: worth(held),
            unrealised: worth(known).filter(|_| !known.is_zero()).and_then(|worth| worth.checked_sub(cost)),
            realised: self.realised,
        }
    }
}

/// The part of an amount that `some` of `all` units have; all of it for all of them, nothing for none.
fn part(amount: Decimal, some: Decimal, all: Decimal, decimals: u32) -> Decimal {
    if some == all {
        return if all.is_zero() { Decimal::ZERO } else { amount };
    }
    let share = some.checked_div(all).unwrap_or_default();
    amount.saturating_mul(share).round_dp_with_strategy(decimals, MidpointNearestEven)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> Decimal {
        text.parse().expect("a number")
    }

    fn after(trades: &[(&str, &str, &str)]) -> Position {
        let mut position = Position::default();
        for (side, quantity, amount) in trades {
            match *side {
                "buy" => position.buy(number(quantity), number(amount)),
                _ => position.sell(number(quantity), number(amount), 2),
            }
        }
        position
    }

    #[test]
    fn costs_are_averaged_and_profits_realised_when_sold() {
        for (trades, quantity, cost, realised) in [
            (&[("buy", "1", "100.10")][..], "1", "100.10", "0"),
            (&[("buy", "1", "100"), ("buy", "1", "200")], "2", "300", "0"),
            (&[("buy", "1", "100"), ("buy", "1", "200"), ("sell", "1", "180")], "1", "150", "30"),
            (&[("buy", "3", "100"), ("sell", "1", "40"), ("sell", "1", "40"), ("sell", "1", "40")], "0", "0", "20"),
            (&[("buy", "2", "100"), ("sell", "2", "90")], "0", "0", "-10"),
            // A granted unit has no cost, so its sale is no profit.
            (&[("sell", "1", "500")], "0", "0", "0"),
            (&[("buy", "1", "100"), ("sell", "4", "480")], "0", "0", "20"),
        ] {
            let position = after(trades);
            assert_eq!(position.quantity, number(quantity), "{trades:?}");
            assert_eq!(position.cost, number(cost), "{trades:?}");
            assert_eq!(position.realised, number(realised), "{trades:?}");
        }
    }

    #[test]
    fn a_position_is_valued_as_far_as_its_units_are_held() {
        let position = after(&[("buy", "2", "300")]);
        for (held, price, average, market, unrealised) in [
            ("2", Some("200"), Some("150"), Some("400"), Some("100")),
            ("5", Some("200"), Some("150"), Some("1000"), Some("100")),
            ("1", Some("100"), Some("150"), Some("100"), Some("-50")),
            ("2", None, Some("150"), None, None),
            ("0", Some("100"), None, Some("0"), None),
        ] {
            let value = position.value(number(held), price.map(number), 2);
            assert_eq!(value.average_cost, average.map(number), "{held} at {price:?}");
            assert_eq!(value.market_value, market.map(number), "{held} at {price:?}");
            assert_eq!(value.unrealised, unrealised.map(number), "{held} at {price:?}");
        }
        let granted = Position::default().value(number("3"), Some(number("10")), 2);
        assert_eq!((granted.average_cost, granted.unrealised), (None, None));
        assert_eq!(granted.market_value, Some(number("30")));
    }

    proptest! {
        #[test]
        fn what_went_in_and_out_is_cost_and_profit(
            trades in proptest::collection::vec((any::<bool>(), 1u64..1000, 1u64..1_000_000), 1..60),
        ) {
            let (mut position, mut held, mut paid) = (Position::default(), Decimal::ZERO, Decimal::ZERO);
            for (buys, quantity, amount) in trades {
                let (quantity, amount) = (Decimal::new(quantity as i64, 3), Decimal::new(amount as i64, 2));
                if buys {
                    position.buy(quantity, amount);
                    (held, paid) = (held + quantity, paid + amount);
                } else if quantity <= held {
                    position.sell(quantity, amount, 2);
                    (held, paid) = (held - quantity, paid - amount);
                }
                prop_assert_eq!(position.quantity, held);
                prop_assert_eq!(position.cost - position.realised, paid);
                prop_assert!(!position.cost.is_sign_negative() || position.cost.is_zero());
            }
        }
    }
}
