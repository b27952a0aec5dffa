//! Token buckets per method, as a stage's `MethodSettings` ask for: a burst that fills up again at a rate.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use local_template::MethodSetting;

/// One bucket. No limit at all is the absence of a bucket.
#[derive(Debug)]
pub struct Bucket {
    /// Requests per second in the long run.
    rate: f64,
    /// Requests at once.
    burst: f64,
    level: Mutex<(f64, Instant)>,
}

impl Bucket {
    /// A full bucket.
    pub fn new(rate: f64, burst: f64, now: Instant) -> Self {
        Self { rate, burst, level: Mutex::new((burst, now)) }
    }

    /// Whether one more request may pass now; takes its token if so.
    pub fn admits(&self, now: Instant) -> bool {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let since = now.saturating_duration_since(level.1).as_secs_f64();
        let tokens = (level.0 + since * self.rate).min(self.burst);
        let admitted = tokens >= 1.0;
        *level = (if admitted { tokens - 1.0 } else { tokens }, now.max(level.1));
        admitted
    }
}

/// The bucket of one method: its own entry before the stage's `/*` `*`, setting by setting.
pub fn bucket(settings: &[MethodSetting], method: &str, path: &str, now: Instant) -> Option<Bucket> {
    let own = settings.iter().find(|setting| setting.resource_path == path && setting.http_method == method);
    let stage = settings.iter().find(|setting| setting.resource_path == "/*" && setting.http_method == "*");
    let pick = |of: fn(&MethodSetting) -> Option<f64>| own.and_then(of).or_else(|| stage.and_then(of));
    let rate = pick(|setting| setting.rate_limit)?;
    let burst = pick(|setting| setting.burst_limit).unwrap_or(rate);
    Some(Bucket::new(rate, burst, now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_bucket_admits_its_burst_and_then_its_rate() {
        let start = Instant::now();
        let bucket = Bucket::new(2.0, 3.0, start);
        let admitted = |ms| bucket.admits(start + Duration::from_millis(ms));
        let seen = [0, 0, 0, 0, 400, 500, 501, 1_000, 10_000, 10_000, 10_000, 10_000].map(admitted);
        assert_eq!(seen, [true, true, true, false, false, true, false, true, true, true, true, false]);
    }

    #[test]
    fn the_entry_of_a_method_wins_over_the_one_of_the_stage() {
        let setting = |path: &str, method: &str, rate_limit, burst_limit| MethodSetting {
            resource_path: path.into(),
            http_method: method.into(),
            burst_limit,
            rate_limit,
        };
        let settings = [
            setting("/*", "*", Some(100.0), Some(200.0)),
            setting("/auth/sign-in", "POST", Some(1.0), Some(3.0)),
            setting("/transfers/{id}", "GET", None, Some(7.0)),
        ];
        let now = Instant::now();
        for (method, path, rate, burst) in [
            ("GET", "/accounts", 100.0, 200.0),
            ("POST", "/auth/sign-in", 1.0, 3.0),
            ("GET", "/auth/sign-in", 100.0, 200.0),
            ("GET", "/transfers/{id}", 100.0, 7.0),
        ] {
            let bucket = bucket(&settings, method, path, now).expect("a bucket");
            assert_eq!((bucket.rate, bucket.burst), (rate, burst), "{method} {path}");
        }
        assert!(bucket(&[], "GET", "/accounts", now).is_none());
    }
}
