//! Whom requests are counted for.

use std::net::{IpAddr, Ipv6Addr};

/// The address under which a caller is counted. With IPv6 a household or a rented machine has a whole /64 of
/// addresses, so that is what counts. What is no address counts as one caller.
pub(super) fn key(address: Option<&str>) -> String {
    match address.and_then(|address| address.parse::<IpAddr>().ok()).map(|address| address.to_canonical()) {
        None => "unknown".into(),
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_caller_is_one_key() {
        for (address, expected) in [
            (Some("203.0.113.7"), "203.0.113.7"),
            (Some("::ffff:203.0.113.7"), "203.0.113.7"),
            (Some("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64"),
            (Some("2001:DB8:1:2::ffff"), "2001:db8:1:2::/64"),
            (Some("2001:db8:1:3::1"), "2001:db8:1:3::/64"),
            (Some(""), "unknown"),
            (Some("203.0.113.7, 10.0.0.1"), "unknown"),
            (None, "unknown"),
        ] {
            assert_eq!(key(address), expected, "{address:?}");
        }
    }
}
