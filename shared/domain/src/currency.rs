//! Currencies: the ISO 4217 table. An unknown code cannot become a [`Currency`].

use std::fmt;

/// A currency of ISO 4217 with a known number of minor units.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// Reads an upper-case ISO 4217 code such as `USD`. `None` for anything else, and for codes without
    /// minor units (metals, testing codes), in which nobody holds an account.
    pub fn parse(code: &str) -> Option<Self> {
        let currency = iso_currency::Currency::from_code(code)?;
        (currency.exponent().is_some() && currency.code() == code).then_some(Self(currency))
    }

    /// The three-letter code.
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// Number of decimals: 2 for USD, PEN, EUR; 0 for VND; 3 for KWD (ISO 4217, minor units).
    pub fn decimals(self) -> u32 {
        u32::from(self.0.exponent().unwrap_or(0))
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl PartialOrd for Currency {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Currency {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.code().cmp(other.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_knows_the_minor_units() {
        for (code, decimals) in [("USD", 2), ("PEN", 2), ("EUR", 2), ("VND", 0), ("JPY", 0), ("KWD", 3), ("CLF", 4)] {
            assert_eq!(Currency::parse(code).map(Currency::decimals), Some(decimals), "{code}");
        }
    }

    #[test]
    fn what_is_not_a_currency_of_accounts_is_refused() {
        for code in ["", "usd", "US", "USDX", "XAU", "XXX", "BTC", "ＵＳＤ", "U$D"] {
            assert_eq!(Currency::parse(code), None, "{code}");
        }
    }
}
