//! Account numbers: twenty digits, the last two of them check digits (ISO 7064 mod 97-10), so that a slip of the
//! finger never names another account.

use std::fmt;

/// The number of an account, its check digits proven.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct AccountNumber(String);

/// Digits without the check digits.
const BODY: usize = 18;

impl AccountNumber {
    /// Reads a number; blanks between groups are ignored. `None` if it is no number or a check digit is wrong.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: String = text.chars().filter(|c| *c != ' ').collect();
        let fits = digits.len() == BODY + 2 && digits.bytes().all(|b| b.is_ascii_digit()) && mod97(&digits) == 1;
        fits.then_some(Self(digits))
    }

    /// A number from random bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let body = u128::from_be_bytes(bytes) % 10u128.pow(BODY as u32);
        let body = format!("{body:0width$}", width = BODY);
        let check = 98 - mod97(&format!("{body}00"));
        Self(format!("{body}{check:02}"))
    }

    /// The twenty digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// All but the last four digits hidden, for whoever may know that it exists but not what it is.
    pub fn masked(&self) -> String {
        format!("{}{}", "*".repeat(BODY - 2), &self.0[BODY - 2..])
    }
}

impl fmt::Display for AccountNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AccountNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

/// The remainder of a string of digits by 97, whatever its length.
fn mod97(digits: &str) -> u64 {
    digits.bytes().fold(0, |rest, digit| (rest * 10 + u64::from(digit - b'0')) % 97)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_number_reads_back_and_every_single_slip_is_noticed() {
        let number = AccountNumber::from_bytes([0x5a; 16]);
        assert_eq!(AccountNumber::parse(number.as_str()), Some(number.clone()));
        for place in 0..20 {
            for digit in '0'..='9' {
                let mut slip: Vec<char> = number.as_str().chars().collect();
                if slip[place] == digit {
                    continue;
                }
                slip[place] = digit;
                assert_eq!(AccountNumber::parse(&slip.iter().collect::<String>()), None);
            }
        }
    }

    #[test]
    fn swapped_neighbours_are_noticed() {
        let number = AccountNumber::from_bytes(*b"0123456789abcdef");
        for place in 0..19 {
            let mut slip: Vec<char> = number.as_str().chars().collect();
            if slip[place] != slip[place + 1] {
                slip.swap(place, place + 1);
                assert_eq!(AccountNumber::parse(&slip.iter().collect::<String>()), None);
            }
        }
    }

    #[test]
    fn a_masked_number_shows_four_digits() {
        let number = AccountNumber::from_bytes([1; 16]);
        assert_eq!(number.masked().len(), 20);
        assert!(number.masked().starts_with("****************"));
    }
}
