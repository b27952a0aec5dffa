//! Any text is an identifier of one kind at most, and what is one can stand in a key or a path as it is.
#![no_main]

use domain::id::{AccountId, CustomerId, TransferId};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let read = [
        AccountId::parse(text).map(|id| id.to_string()),
        CustomerId::parse(text).map(|id| id.to_string()),
        TransferId::parse(text).map(|id| id.to_string()),
    ];
    assert!(read.iter().flatten().count() <= 1);
    for id in read.iter().flatten() {
        assert_eq!(id, text);
        assert!(id.len() <= 44 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
    }
    if let Some(id) = CustomerId::from_subject(text) {
        assert_eq!(CustomerId::parse(id.as_str()), Some(id));
    }
});
