//! Any text is an amount that reads back exactly, or none; an amount is more than zero and has its currency's decimals.
#![no_main]

use domain::{Currency, Money};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for code in ["USD", "VND", "KWD", "PEN"] {
        let currency = Currency::parse(code).expect("a currency");
        let Ok(money) = Money::parse(text, currency) else { continue };
        let written = money.to_string();
        assert_eq!(Money::parse(&written, currency), Ok(money));
        assert_eq!(money.amount().scale(), currency.decimals());
        assert!(!money.is_zero() && !money.is_negative());
        assert!(text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
        let shares = money.split(7);
        let sum = shares.into_iter().try_fold(Money::zero(currency), Money::checked_add);
        assert_eq!(sum, Some(money));
    }
    // Whatever names a currency names exactly one.
    assert!(Currency::parse(text).is_none_or(|currency| currency.code() == text));
});
