//! Money: an exact decimal with its currency. Checked arithmetic only, and no way in from a float.

use std::fmt;

use rust_decimal::Decimal;

use crate::Currency;

/// The largest amount one request may name: fifteen digits before the point. Balances may grow far beyond it
/// before a [`Decimal`] (28 digits) or a DynamoDB number (38 digits) runs out.
pub const MAX_INTEGER_DIGITS: usize = 15;

/// An amount in a currency, always at the currency's own scale. May be negative (a balance in overdraft).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Money {
    amount: Decimal,
    currency: Currency,
}

/// Why a text is no amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmountError {
    /// Not plain digits with an optional decimal point: a sign, an exponent, blanks, leading zeros, other scripts.
    Malformed,
    /// More decimals than the currency has.
    TooManyDecimals,
    /// More than [`MAX_INTEGER_DIGITS`] digits before the point.
    TooLarge,
    /// Zero where money must move.
    Zero,
}

impl fmt::Display for AmountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "must be a plain decimal string such as \"12.50\"",
            Self::TooManyDecimals => "has more decimals than the currency",
            Self::TooLarge => "is too large",
            Self::Zero => "must be greater than zero",
        })
    }
}

impl Money {
    /// No money.
    pub fn zero(currency: Currency) -> Self {
        Self { amount: Decimal::new(0, currency.decimals()), currency }
    }

    /// Reads an amount that is to move: plain digits, at most the currency's decimals, more than zero.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, AmountError> {
        let money = Self::parse_or_zero(text, currency)?;
        if money.amount.is_zero() { Err(AmountError::Zero) } else { Ok(money) }
    }

    /// As [`Money::parse`], zero allowed (a limit, a fee).
    pub fn parse_or_zero(text: &str, currency: Currency) -> Result<Self, AmountError> {
        let (whole, fraction) = match text.split_once('.') {
            Some((_, "")) => return Err(AmountError::Malformed),
            Some((whole, fraction)) => (whole, fraction),
            None => (text, ""),
        };
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) || (whole.len() > 1 && whole.starts_with('0')) {
            return Err(AmountError::Malformed);
        }
        if whole.len() > MAX_INTEGER_DIGITS {
            return Err(AmountError::TooLarge);
        }
        if fraction.len() > currency.decimals() as usize {
            return Err(AmountError::TooManyDecimals);
        }
        let amount = text.parse::<Decimal>().map_err(|_| AmountError::Malformed)?;
        Self::new(amount, currency).ok_or(AmountError::TooLarge)
    }

    /// An amount from storage or arithmetic, brought to the currency's scale. `None` if it would have to be rounded.
    pub fn new(amount: Decimal, currency: Currency) -> Option<Self> {
        let mut scaled = amount.normalize();
        if scaled.scale() > currency.decimals() {
            return None;
        }
        scaled.rescale(currency.decimals());
        (scaled.scale() == currency.decimals()).then_some(Self { amount: scaled, currency })
    }

    /// The exact amount.
    pub fn amount(self) -> Decimal {
        self.amount
    }

    /// The currency.
    pub fn currency(self) -> Currency {
        self.currency
    }

    /// The sum; `None` for different currencies or beyond the range.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.combine(other, Decimal::checked_add)
    }

    /// The difference; `None` for different currencies or beyond the range.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.combine(other, Decimal::checked_sub)
    }

    /// The same amount with the other sign.
    pub fn negated(self) -> Self {
        Self { amount: -self.amount, currency: self.currency }
    }

    /// Whether this is exactly nothing.
    pub fn is_zero(self) -> bool {
        self.amount.is_zero()
    }

    /// Whether this is less than nothing.
    pub fn is_negative(self) -> bool {
        self.amount < Decimal::ZERO
    }

    /// Whether `self >= other`; never across currencies.
    pub fn covers(self, other: Self) -> bool {
        self.currency == other.currency && self.amount >= other.amount
    }

    /// Splits into `parts` shares that differ by at most one minor unit and add up exactly; the first shares get
    /// the rest, one unit each. Empty for zero parts.
    pub fn split(self, parts: u32) -> Vec<Self> {
        if parts == 0 {
            return Vec::new();
        }
        let minor = self.amount.mantissa();
        let (share, rest) = (minor / i128::from(parts), minor % i128::from(parts));
        (0..i128::from(parts))
            .map(|index| {
                let unit = if index < rest.abs() { rest.signum() } else { 0 };
                let amount = Decimal::from_i128_with_scale(share + unit, self.currency.decimals());
                Self { amount, currency: self.currency }
            })
            .collect()
    }

    fn combine(self, other: Self, operation: fn(Decimal, Decimal) -> Option<Decimal>) -> Option<Self> {
        if self.currency != other.currency {
            return None;
        }
        Self::new(operation(self.amount, other.amount)?, self.currency)
    }
}

impl fmt::Display for Money {
    /// The amount alone, as the API writes it: `12.50`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.amount, f)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount, self.currency)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::parse(code).expect("a currency")
    }

    #[test]
    fn amounts_are_plain_decimal_strings() {
        use AmountError::*;
        for (text, code, expected) in [
            ("12.50", "USD", Ok("12.50")),
            ("12.5", "USD", Ok("12.50")),
            ("12", "USD", Ok("12.00")),
            ("0.01", "USD", Ok("0.01")),
            ("1000", "VND", Ok("1000")),
            ("999999999999999.99", "USD", Ok("999999999999999.99")),
            ("1000.0", "VND", Err(TooManyDecimals)),
            ("0.001", "USD", Err(TooManyDecimals)),
            ("1.000", "USD", Err(TooManyDecimals)),
            ("0", "USD", Err(Zero)),
            ("0.00", "USD", Err(Zero)),
            ("1000000000000000", "USD", Err(TooLarge)),
            ("123456789012345678901234567890", "USD", Err(TooLarge)),
            ("-1", "USD", Err(Malformed)),
            ("+1", "USD", Err(Malformed)),
            ("1e3", "USD", Err(Malformed)),
            ("NaN", "USD", Err(Malformed)),
            ("Infinity", "USD", Err(Malformed)),
            ("", "USD", Err(Malformed)),
            (".5", "USD", Err(Malformed)),
            ("5.", "USD", Err(Malformed)),
            ("1.2.3", "USD", Err(Malformed)),
            ("01", "USD", Err(Malformed)),
            (" 1", "USD", Err(Malformed)),
            ("1_000", "USD", Err(Malformed)),
            ("1,5", "USD", Err(Malformed)),
            ("١٢", "USD", Err(Malformed)),
        ] {
            let got = Money::parse(text, currency(code)).map(|money| money.to_string());
            assert_eq!(got, expected.map(String::from), "{text:?} {code}");
        }
    }

    #[test]
    fn currencies_never_mix() {
        let (dollars, soles) = (Money::parse("1", currency("USD")), Money::parse("1", currency("PEN")));
        let (dollars, soles) = (dollars.expect("money"), soles.expect("money"));
        assert_eq!(dollars.checked_add(soles), None);
        assert_eq!(dollars.checked_sub(soles), None);
        assert!(!dollars.covers(soles));
    }

    proptest! {
        #[test]
        fn any_text_parses_or_is_refused_without_a_panic(text in "\\PC*") {
            if let Ok(money) = Money::parse(&text, currency("USD")) {
                prop_assert_eq!(Money::parse(&money.to_string(), currency("USD")), Ok(money));
            }
        }

        #[test]
        fn adding_and_taking_away_is_exact(a in 0i64..1_000_000_000_000, b in 0i64..1_000_000_000_000) {
            let usd = currency("USD");
            let (a, b) = (Money::new(Decimal::new(a, 2), usd).unwrap(), Money::new(Decimal::new(b, 2), usd).unwrap());
            prop_assert_eq!(a.checked_add(b).unwrap().checked_sub(b).unwrap(), a);
        }

        #[test]
        fn shares_add_up_and_differ_by_one_unit_at_most(minor in -1_000_000i64..1_000_000, parts in 1u32..50) {
            let usd = currency("USD");
            let whole = Money::new(Decimal::new(minor, 2), usd).unwrap();
            let shares = whole.split(parts);
            let sum = shares.iter().fold(Money::zero(usd), |sum, share| sum.checked_add(*share).unwrap());
            prop_assert_eq!(sum, whole);
            let amounts: Vec<_> = shares.iter().map(|share| share.amount()).collect();
            let spread = amounts.iter().max().unwrap() - amounts.iter().min().unwrap();
            prop_assert!(spread <= Decimal::new(1, 2));
        }
    }
}
