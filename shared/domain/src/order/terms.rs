//! What trading an instrument costs: prices in ticks and quantities in lots (whole numbers) become notionals and fees
//! in the minor units of the quote asset.
//!
//! **Rounding.** A trade's notional is rounded half-even to the quote's decimals, once; it is the same figure for the
//! buyer and the seller. A fee is `notional × basis points`, rounded half-even too, per trade and side. An order never
//! costs its buyer more than was reserved for it: where the roundings of many fills would add up beyond that, the last
//! fill's fee, and then its notional, is what is left of the reservation.

use serde::{Deserialize, Serialize};

use super::{Kind, PlaceOrder, Side, Size};

/// Largest notional of one order in minor units of the quote asset: ten million billion dollars in cents.
pub const MAX_NOTIONAL: u64 = 1_000_000_000_000_000_000;
/// Largest reservation of a buyer in minor units: the largest notional and a fee as large as itself.
pub const MAX_RESERVATION: u64 = 2 * MAX_NOTIONAL;
/// Largest fee: a tenth of the notional.
pub const MAX_FEE_BPS: u16 = 1_000;
/// Basis points of one.
pub const BPS: u64 = 10_000;
/// Largest power of ten a notional is divided by: ticks and lots of eight decimals each.
const MAX_EXPONENT: u32 = 16;

/// The figures of an instrument that the book computes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "(u64, u32, u16, u16)", try_from = "(u64, u32, u16, u16)")]
pub struct Terms {
    /// Minor units of the quote asset for one lot at one tick: `factor / 10^exponent`.
    factor: u64,
    exponent: u32,
    divisor: u64,
    /// Basis points of the notional a maker pays.
    maker_fee_bps: u16,
    /// Basis points of the notional a taker pays.
    taker_fee_bps: u16,
}

impl From<Terms> for (u64, u32, u16, u16) {
    fn from(terms: Terms) -> Self {
        (terms.factor, terms.exponent, terms.maker_fee_bps, terms.taker_fee_bps)
    }
}

impl TryFrom<(u64, u32, u16, u16)> for Terms {
    type Error = &'static str;

    fn try_from((factor, exponent, maker, taker): (u64, u32, u16, u16)) -> Result<Self, Self::Error> {
        Self::new(factor, exponent, maker, taker).ok_or("no terms of an instrument")
    }
}

impl Terms {
    /// One lot at one tick is `factor / 10^exponent` minor units. `None` beyond the limits: a factor of 0 or above
    /// [`MAX_NOTIONAL`], an exponent above 16, fees above [`MAX_FEE_BPS`].
    pub fn new(factor: u64, exponent: u32, maker_fee_bps: u16, taker_fee_bps: u16) -> Option<Self> {
        let fits = (1..=MAX_NOTIONAL).contains(&factor)
            && exponent <= MAX_EXPONENT
            && maker_fee_bps <= MAX_FEE_BPS
            && taker_fee_bps <= MAX_FEE_BPS;
        let (mut factor, mut exponent) = (factor, exponent);
        while fits && exponent > 0 && factor.is_multiple_of(10) {
            (factor, exponent) = (factor / 10, exponent - 1);
        }
        fits.then(|| Self { factor, exponent, divisor: 10u64.pow(exponent), maker_fee_bps, taker_fee_bps })
    }

    /// Basis points of the notional a maker pays.
    pub fn maker_fee_bps(&self) -> u16 {
        self.maker_fee_bps
    }

    /// Basis points of the notional a taker pays.
    pub fn taker_fee_bps(&self) -> u16 {
        self.taker_fee_bps
    }

    /// Whether so many lots at this price (ticks) are worth more than nothing and no more than [`MAX_NOTIONAL`].
    pub fn admits(&self, price: u64, lots: u64) -> bool {
        price > 0
            && lots > 0
            && match price.checked_mul(lots).and_then(|product| product.checked_mul(self.factor)) {
                Some(product) => u128::from(product) <= u128::from(MAX_NOTIONAL) * u128::from(self.divisor),
                None => (u128::from(price) * u128::from(lots))
                    .checked_mul(u128::from(self.factor))
                    .is_some_and(|product| product <= u128::from(MAX_NOTIONAL) * u128::from(self.divisor)),
            }
    }

    /// What so many lots are worth at this price (ticks), half-even. Saturates for what [`Terms::admits`] refuses.
    #[inline]
    pub fn notional(&self, price: u64, lots: u64) -> u64 {
        match price.checked_mul(lots).and_then(|product| product.checked_mul(self.factor)) {
            Some(product) => half_even_power(product, self.exponent),
            None => {
                let product = (u128::from(price) * u128::from(lots)).saturating_mul(u128::from(self.factor));
                half_even_wide(product, u128::from(self.divisor))
            }
        }
    }

    /// The fee on a notional, half-even.
    #[inline]
    pub fn fee(&self, notional: u64, bps: u16) -> u64 {
        match notional.checked_mul(u64::from(bps)) {
            Some(product) => half_even(product, BPS),
            None => half_even_wide(u128::from(notional) * u128::from(bps), u128::from(BPS)),
        }
    }

    /// What a buyer must lock for so many lots at no more than this price: the notional and the higher of the fees.
    /// `maker_only` for an order that never takes.
    pub fn buyer_reservation(&self, price: u64, lots: u64, maker_only: bool) -> u64 {
        let bps = if maker_only { self.maker_fee_bps } else { self.maker_fee_bps.max(self.taker_fee_bps) };
        let notional = self.notional(price, lots);
        notional.saturating_add(self.fee(notional, bps))
    }

    /// How many lots at this price (ticks) `budget` minor units pay for, taker fee included, by the exact cost: what
    /// rounding gives a buyer buys him nothing more. `budget` up to [`MAX_RESERVATION`], a price some lot is admitted at.
    pub fn affordable(&self, price: u64, budget: u64) -> u64 {
        let means = u128::from(budget).saturating_mul(u128::from(self.divisor)).saturating_mul(u128::from(BPS));
        means.checked_div(self.lot_cost(price)).map_or(0, |lots| u64::try_from(lots).unwrap_or(u64::MAX))
    }

    /// Whether `budget` pays for so many lots: `lots <= affordable(price, budget)` without a division.
    #[inline]
    pub fn affords(&self, price: u64, lots: u64, budget: u64) -> bool {
        let means = u128::from(budget).saturating_mul(u128::from(self.divisor)).saturating_mul(u128::from(BPS));
        self.lot_cost(price).checked_mul(u128::from(lots)).is_some_and(|cost| cost <= means)
    }

    /// The exact cost of one lot with the taker fee, times `divisor × 10,000`.
    #[inline]
    fn lot_cost(&self, price: u64) -> u128 {
        (u128::from(price) * u128::from(self.factor)).saturating_mul(u128::from(BPS + u64::from(self.taker_fee_bps)))
    }

    /// What must be locked before this order may be placed: lots of the base asset for a seller; minor units of the
    /// quote asset for a buyer, fees included. `None` for market buys: their lock is whatever they carry.
    pub fn required(&self, order: &PlaceOrder) -> Option<u64> {
        match (order.side, order.kind) {
            (Side::Buy, Kind::Market { .. }) => None,
            (Side::Buy, Kind::Limit(limit) | Kind::StopLimit { limit, .. }) => {
                Some(self.buyer_reservation(limit.price, limit.quantity, limit.post_only))
            }
            (Side::Sell, Kind::Market { size: Size::Budget, .. }) => None,
            (Side::Sell, Kind::Market { size: Size::Lots(lots), .. }) => Some(lots),
            (Side::Sell, Kind::Limit(limit) | Kind::StopLimit { limit, .. }) => Some(limit.quantity),
        }
    }

    /// What to lock for a market buy by quantity: the present cost of that many lots from these asks (best first, ticks
    /// and lots), fees included, and `collar_bps` on top. Beyond the depth that is given the last price counts on.
    /// Zero when nobody sells. Never above [`MAX_RESERVATION`].
    pub fn market_buy_reservation(
        &self,
        asks: impl IntoIterator<Item = (u64, u64)>,
        quantity: u64,
        collar_bps: u16,
    ) -> u64 {
        let (mut left, mut last, mut cost) = (quantity, 0, 0u128);
        for (price, lots) in asks {
            if left == 0 {
                break;
            }
            let taken = lots.min(left);
            (left, last) = (left - taken, price);
            cost = cost.saturating_add(self.exact_cost(price, taken));
        }
        cost = cost.saturating_add(self.exact_cost(last, left));
        let collared = cost.saturating_mul(u128::from(BPS + u64::from(collar_bps)));
        let unit = u128::from(self.divisor) * u128::from(BPS) * u128::from(BPS);
        u64::try_from(collared.div_ceil(unit)).unwrap_or(u64::MAX).min(MAX_RESERVATION)
    }

    fn exact_cost(&self, price: u64, lots: u64) -> u128 {
        self.lot_cost(price).saturating_mul(u128::from(lots))
    }
}

/// Market buys by quantity lock this much more than the book's present cost: 5 %.
pub const MARKET_BUY_COLLAR_BPS: u16 = 500;

/// Division by a power of ten. Spelled out, each is a multiplication; a division costs ten times as much.
#[inline]
fn half_even_power(value: u64, exponent: u32) -> u64 {
    match exponent {
        0 => value,
        1 => half_even(value, 10),
        2 => half_even(value, 100),
        3 => half_even(value, 1_000),
        4 => half_even(value, 10_000),
        5 => half_even(value, 100_000),
        6 => half_even(value, 1_000_000),
        7 => half_even(value, 10_000_000),
        8 => half_even(value, 100_000_000),
        9 => half_even(value, 1_000_000_000),
        10 => half_even(value, 10_000_000_000),
        _ => half_even(value, 10u64.saturating_pow(exponent)),
    }
}

#[inline(always)]
fn half_even(value: u64, divisor: u64) -> u64 {
    let (quotient, rest) = (value / divisor, value % divisor);
    let up = rest > divisor - rest || (rest == divisor - rest && quotient % 2 == 1);
    quotient + u64::from(up && rest > 0)
}

#[cold]
fn half_even_wide(value: u128, divisor: u128) -> u64 {
    let (quotient, rest) = (value / divisor, value % divisor);
    let up = rest > divisor - rest || (rest == divisor - rest && quotient % 2 == 1);
    u64::try_from(quotient + u128::from(up && rest > 0)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn halves_go_to_the_even_neighbour() {
        for (value, divisor, expected) in [
            (5, 10, 0),
            (15, 10, 2),
            (25, 10, 2),
            (26, 10, 3),
            (24, 10, 2),
            (0, 10, 0),
            (7, 1, 7),
            (3, 2, 2),
            (1, 2, 0),
        ] {
            assert_eq!(half_even(value, divisor), expected, "{value}/{divisor}");
            assert_eq!(half_even_wide(value.into(), divisor.into()), expected, "{value}/{divisor}");
        }
    }

    #[test]
    fn every_share_of_a_large_company_has_an_exact_price() {
        // 15,509,763,000 shares at 140.00, a tick of a cent and a lot of one share.
        let terms = Terms::new(1, 0, 10, 20).unwrap();
        assert!(terms.admits(14_000, 15_509_763_000));
        assert_eq!(terms.notional(14_000, 15_509_763_000), 217_136_682_000_000);
        assert_eq!(terms.fee(217_136_682_000_000, 20), 434_273_364_000);
    }

    #[test]
    fn all_bitcoin_there_will_ever_be_is_no_overflow() {
        // Cents and satoshis: a lot at a tick is 10^-8 cents.
        let terms = Terms::new(1, 8, 10, 20).unwrap();
        let (price, lots) = (10_000_000, 2_100_000_000_000_000);
        assert!(terms.admits(price, lots));
        assert_eq!(terms.notional(price, lots), 210_000_000_000_000);
        assert!(!terms.admits(u64::MAX, u64::MAX));
        assert_eq!(terms.notional(u64::MAX, u64::MAX), u64::MAX);
    }

    #[test]
    fn a_market_buy_reserves_the_cost_of_the_book_and_a_collar() {
        let terms = Terms::new(1, 0, 0, 100).unwrap();
        let asks = [(100, 5), (110, 5)];
        assert_eq!(terms.market_buy_reservation(asks, 5, 0), 505);
        assert_eq!(terms.market_buy_reservation(asks, 5, 500), 531); // 530.25
        assert_eq!(terms.market_buy_reservation(asks, 20, 0), 2172); // (500 + 15 × 110) × 1.01
        assert_eq!(terms.market_buy_reservation([], 20, 500), 0);
        assert_eq!(terms.market_buy_reservation([(u64::MAX, 1)], u64::MAX, 500), MAX_RESERVATION);
    }

    proptest! {
        #[test]
        fn what_is_affordable_is_affordable_and_one_more_is_not(
            factor in 1u64..1000, exponent in 0u32..=8, price in 1u64..1_000_000_000, budget in 0u64..1_000_000_000_000,
            bps in 0u16..=1000,
        ) {
            let terms = Terms::new(factor, exponent, 0, bps).unwrap();
            let lots = terms.affordable(price, budget);
            prop_assert!(terms.affords(price, lots, budget));
            prop_assert!(!terms.affords(price, lots + 1, budget));
            let notional = terms.notional(price, lots);
            prop_assert!(notional + terms.fee(notional, bps) <= budget + 1);
        }

        #[test]
        fn the_wide_path_agrees_with_the_narrow_one(price in 1u64..1_000_000, lots in 1u64..1_000_000, exponent in 0u32..=8) {
            let terms = Terms::new(7, exponent, 0, 0).unwrap();
            let product = u128::from(price) * u128::from(lots) * 7;
            prop_assert_eq!(terms.notional(price, lots), half_even_wide(product, 10u128.pow(exponent)));
        }
    }
}
