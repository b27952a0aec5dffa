//! Any text is an account number whose check digits are right, or none. Any bytes make a number that reads back.
#![no_main]

use domain::number::AccountNumber;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Some(number) = std::str::from_utf8(data).ok().and_then(AccountNumber::parse) {
        assert_eq!(number.as_str().len(), 20);
        assert_eq!(AccountNumber::parse(number.as_str()), Some(number.clone()));
        assert!(!format!("{number:?}").contains(&number.as_str()[..16]), "a log line shows the number");
    }
    if let Some(bytes) = data.first_chunk::<16>() {
        let number = AccountNumber::from_bytes(*bytes);
        assert_eq!(AccountNumber::parse(number.as_str()), Some(number));
    }
});
