//! What keeps the way to phones from being used against their owners, or against the one who pays for the SMS.

use std::time::Duration;

use crate::{Timestamp, customer::PhoneNumber};

/// How far back sends are counted.
const WINDOW_MILLIS: i64 = 3_600_000;
const DAY_MILLIS: i64 = 86_400_000;

/// The moments of the sends within the last hour, oldest first. What lies exactly an hour back no longer counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SendLog(Vec<Timestamp>);

impl SendLog {
    /// From moments in any order.
    pub fn new(mut moments: Vec<Timestamp>) -> Self {
        moments.sort_unstable();
        Self(moments)
    }

    /// The log with one more send, forgetting what is over, or how long until one more fits.
    pub fn admit(&self, most: usize, now: Timestamp) -> Result<Self, Duration> {
        let mut recent: Vec<_> = self.0.iter().copied().filter(|at| at.plus_millis(WINDOW_MILLIS) > now).collect();
        if recent.len() < most {
            recent.push(now);
            return Ok(Self::new(recent));
        }
        // So many must leave that one more fits; a limit of none never opens.
        let leaving = recent.len().checked_sub(most).and_then(|index| recent.get(index));
        let opens = leaving.map_or(WINDOW_MILLIS, |at| at.plus_millis(WINDOW_MILLIS).millis() - now.millis());
        Err(Duration::from_millis(u64::try_from(opens).unwrap_or_default()))
    }

    /// The moments, oldest first.
    pub fn moments(&self) -> &[Timestamp] {
        &self.0
    }

    /// From when on nothing in it counts any more.
    pub fn over_at(&self) -> Option<Timestamp> {
        self.0.last().map(|last| last.plus_millis(WINDOW_MILLIS))
    }
}

/// Country codes of two digits. The others have three, but for 1 (North America) and 7 (Russia, Kazakhstan).
/// Source: ITU-T E.164, list of assigned country codes.
const TWO_DIGITS: [&str; 44] = [
    "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48", "49", "51",
    "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81", "82", "84", "86", "90",
    "91", "92", "93", "94", "95", "98",
];

/// The country code of a number, without `+`: what its SMS are budgeted under.
pub fn calling_code(phone: &PhoneNumber) -> &str {
    let digits = &phone.as_str()[1..];
    let length = match digits.as_bytes()[0] {
        b'1' | b'7' => 1,
        _ if TWO_DIGITS.contains(&&digits[..2]) => 2,
        _ => 3,
    };
    &digits[..length]
}

/// The UTC day of a moment, as `2026-11-21`: what a daily budget is counted under.
pub fn day(now: Timestamp) -> String {
    now.to_string().chars().take(10).collect()
}

/// How long until the next UTC day begins.
pub fn until_next_day(now: Timestamp) -> Duration {
    let left = DAY_MILLIS - now.millis().rem_euclid(DAY_MILLIS);
    Duration::from_millis(u64::try_from(left).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn log(millis: &[i64]) -> SendLog {
        SendLog::new(millis.iter().copied().map(Timestamp::from_millis).collect())
    }

    #[test]
    fn one_more_fits_exactly_when_the_oldest_is_an_hour_old() {
        const H: i64 = 3_600_000;
        for (sent, most, now, expected) in [
            (vec![], 1, 5, Ok(vec![5])),
            (vec![0], 1, 5, Err(H - 5)),
            (vec![0], 1, H - 1, Err(1)),
            (vec![0], 1, H, Ok(vec![H])),
            (vec![0, 10, 20], 3, 30, Err(H - 30)),
            (vec![0, 10, 20], 3, H + 5, Ok(vec![10, 20, H + 5])),
            // The limit was lowered: two must leave.
            (vec![0, 10, 20], 2, 30, Err(H + 10 - 30)),
            // Another machine's clock is ahead: what it counted counts.
            (vec![100], 1, 50, Err(H + 50)),
            (vec![100], 2, 50, Ok(vec![50, 100])),
            (vec![], 0, 5, Err(H)),
        ] {
            let admitted = log(&sent).admit(most, Timestamp::from_millis(now));
            let expected = expected
                .map(|millis| log(&millis))
                .map_err(|millis| Duration::from_millis(u64::try_from(millis).expect("not negative")));
            assert_eq!(admitted, expected, "{sent:?}, at most {most}, at {now}");
        }
    }

    #[test]
    fn numbers_belong_to_their_country_code() {
        for (number, code) in [
            ("+12025550123", "1"),
            ("+18765550123", "1"),
            ("+79161234567", "7"),
            ("+51987654321", "51"),
            ("+4915112345678", "49"),
            ("+442071234567", "44"),
            ("+351912345678", "351"),
            ("+2348012345678", "234"),
            ("+380501234567", "380"),
            ("+420601123456", "420"),
            ("+593991234567", "593"),
            ("+85251234567", "852"),
            ("+881612345678", "881"),
            ("+971501234567", "971"),
            ("+998901234567", "998"),
        ] {
            assert_eq!(calling_code(&PhoneNumber::parse(number).expect("a phone")), code, "{number}");
        }
    }

    #[test]
    fn a_day_ends_at_midnight_utc() {
        for (moment, name, left) in [
            ("2026-11-21T00:00:00Z", "2026-11-21", 86_400_000),
            ("2026-11-21T23:59:59.999Z", "2026-11-21", 1),
            ("2026-11-21T23:30:00-05:00", "2026-11-22", 70_200_000),
        ] {
            let moment: Timestamp = moment.parse().expect("a moment");
            assert_eq!((day(moment).as_str(), until_next_day(moment)), (name, Duration::from_millis(left)));
        }
    }

    proptest! {
        #[test]
        fn never_more_than_the_limit_within_any_hour(most in 1usize..6, steps in proptest::collection::vec(0i64..2_000_000, 1..60)) {
            let (mut log, mut now, mut sent) = (SendLog::default(), 0, Vec::new());
            for step in steps {
                now += step;
                match log.admit(most, Timestamp::from_millis(now)) {
                    Ok(admitted) => { log = admitted; sent.push(now); }
                    // What is told is right: a millisecond before it does not fit, then it does.
                    Err(wait) => {
                        let opens = now + i64::try_from(wait.as_millis()).expect("small");
                        prop_assert!(log.admit(most, Timestamp::from_millis(opens - 1)).is_err());
                        prop_assert!(log.admit(most, Timestamp::from_millis(opens)).is_ok());
                    }
                }
            }
            for window in sent.windows(most + 1) {
                prop_assert!(window[most] - window[0] >= 3_600_000, "{:?}", window);
            }
        }

        #[test]
        fn every_number_has_a_country_code(digits in "[1-9][0-9]{6,14}") {
            let phone = PhoneNumber::parse(&format!("+{digits}")).expect("a phone");
            prop_assert!((1..=3).contains(&calling_code(&phone).len()));
        }
    }
}
