//! A made-up cursor never opens, a real one leads back to its place, and only in its own list.
#![no_main]

use edge::http::{Page, PageRequest};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(page) = PageRequest::parse(Some(text), None, "transfers") {
        assert!((1..=200).contains(&page.limit));
    }
    assert!(PageRequest::parse(None, Some(text), "transfers").is_err(), "a made-up cursor opened");
    let page = Page::<()>::new(Vec::new(), Some(text), "transfers");
    let cursor = page.next_cursor.expect("a cursor");
    let opened = PageRequest::parse(None, Some(&cursor), "transfers").expect("its own cursor");
    assert_eq!(opened.after.as_deref(), Some(text));
    assert!(PageRequest::parse(None, Some(&cursor), "entries").is_err(), "a cursor of another list opened");
});
