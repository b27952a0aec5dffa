//! How the simulated supplier behaves: for everybody, and for the orders of single phones.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A way to treat an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Delivers in less than half a second.
    #[default]
    Fast,
    /// Delivers after 35 s.
    Slow,
    /// Delivers after 3 to 120 s, mostly sooner than later.
    Normal,
    /// Refuses, in less than half a second.
    Error,
    /// Takes the request, does nothing and never answers.
    Hang,
    /// Delivers, and closes the connection without an answer.
    Lost,
    /// Delivers, and answers a second time with a code that nobody delivered.
    Twice,
    /// Refuses connections.
    Down,
}

/// A mode, and perhaps other times than its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Behaviour {
    /// What happens.
    pub mode: Mode,
    /// Between how many seconds it takes, instead of the mode's own time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<[f64; 2]>,
}

/// All behaviours in force.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// For orders of any phone without a behaviour of its own.
    #[serde(flatten)]
    pub general: Behaviour,
    /// Multiplies all times.
    pub scale: f64,
    /// Seed of the times.
    pub seed: u64,
    /// Behaviours by phone.
    pub phones: BTreeMap<String, Behaviour>,
}

impl Default for Plan {
    fn default() -> Self {
        Self { general: Behaviour::default(), scale: 1.0, seed: 0, phones: BTreeMap::new() }
    }
}

/// What `PUT /_local/supplier` asks for. What it leaves out stays.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Change {
    /// The mode; together with `phone`, that phone's own, and without one the phone is treated like any other again.
    pub mode: Option<Mode>,
    /// Between how many seconds orders take; only together with a mode.
    pub seconds: Option<[f64; 2]>,
    /// Multiplies all times, of every phone.
    pub scale: Option<f64>,
    /// Starts the generator of times anew.
    pub seed: Option<u64>,
    /// Whose orders the mode is for.
    pub phone: Option<String>,
}

/// Slowest scale and longest own time; beyond them nobody waits.
const MOST: f64 = 3600.0;

impl Change {
    /// Another mode for everybody.
    pub fn mode(mode: Mode) -> Self {
        Self { mode: Some(mode), ..Self::default() }
    }

    /// Reads the JSON of `PUT /_local/supplier`.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        // By way of a map: serde would take a list for a struct as well.
        let fields: serde_json::Map<String, Value> = serde_json::from_slice(json).map_err(|error| error.to_string())?;
        let change = Self::deserialize(Value::Object(fields)).map_err(|error| error.to_string())?;
        change.check().map(|()| change)
    }

    fn check(&self) -> Result<(), String> {
        let within = |value: f64| (0.0..=MOST).contains(&value);
        if !self.scale.is_none_or(within) {
            return Err(format!("scale must be between 0 and {MOST}"));
        }
        if !self.seconds.is_none_or(|[least, most]| within(least) && within(most) && least <= most) {
            return Err(format!("seconds must be the least and the most, between 0 and {MOST}"));
        }
        if self.seconds.is_some() && self.mode.is_none() {
            return Err("seconds belong to a mode".to_owned());
        }
        if self.phone.is_some() && self.mode == Some(Mode::Down) {
            return Err("nobody is down for one phone only".to_owned());
        }
        let international = |phone: &String| phone.strip_prefix('+').is_some_and(|rest| !rest.is_empty());
        if !self.phone.as_ref().is_none_or(international) {
            return Err("phone must begin with +".to_owned());
        }
        Ok(())
    }
}

impl Plan {
    /// Applies a change.
    pub fn change(&mut self, change: Change) -> Result<(), String> {
        change.check()?;
        let behaviour = change.mode.map(|mode| Behaviour { mode, seconds: change.seconds });
        match (change.phone, behaviour) {
            (Some(phone), Some(behaviour)) => drop(self.phones.insert(phone, behaviour)),
            (Some(phone), None) => drop(self.phones.remove(&phone)),
            (None, Some(behaviour)) => self.general = behaviour,
            (None, None) => {}
        }
        self.scale = change.scale.unwrap_or(self.scale);
        self.seed = change.seed.unwrap_or(self.seed);
        Ok(())
    }

    /// How orders of this phone are treated.
    pub fn behaviour(&self, phone: &str) -> Behaviour {
        self.phones.get(phone).copied().unwrap_or(self.general)
    }

    /// How long one order takes.
    pub fn time(&self, behaviour: Behaviour, generator: &mut fastrand::Rng) -> Duration {
        let share = generator.f64();
        let seconds = match (behaviour.seconds, behaviour.mode) {
            (Some([least, most]), _) => least + (most - least) * share,
            (None, Mode::Slow) => 35.0,
            // Half of them take less than 8 s, one in ten more than a minute.
            (None, Mode::Normal) => 3.0 * 40.0_f64.powf(share * share),
            (None, _) => 0.1 + 0.3 * share,
        };
        Duration::from_secs_f64(seconds * self.scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Change, String> {
        Change::parse(json.as_bytes())
    }

    #[test]
    fn a_change_is_read_strictly() {
        let change = parse(r#"{"mode":"normal","seconds":[3,10],"scale":0.1,"seed":7,"phone":"+511"}"#).expect("read");
        assert_eq!((change.mode, change.seconds), (Some(Mode::Normal), Some([3.0, 10.0])));
        assert_eq!(parse("{}"), Ok(Change::default()));
        for wrong in [
            "",
            "[]",
            "[\"fast\"]",
            r#"{"mode":"quick"}"#,
            r#"{"mood":"fast"}"#,
            r#"{"scale":-1}"#,
            r#"{"scale":1e300}"#,
            r#"{"mode":"fast","seconds":[2,1]}"#,
            r#"{"mode":"fast","seconds":[1]}"#,
            r#"{"seconds":[1,2]}"#,
            r#"{"mode":"down","phone":"+511"}"#,
            r#"{"mode":"fast","phone":"511"}"#,
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_phone_has_its_own_mode_until_it_is_given_back() {
        let mut plan = Plan::default();
        let change = |plan: &mut Plan, json: &str| plan.change(parse(json).expect("read")).expect("applied");
        change(&mut plan, r#"{"mode":"lost","phone":"+511"}"#);
        change(&mut plan, r#"{"mode":"slow","scale":0.5}"#);
        assert_eq!(
            (plan.behaviour("+511").mode, plan.behaviour("+512").mode, plan.scale),
            (Mode::Lost, Mode::Slow, 0.5)
        );
        change(&mut plan, r#"{"phone":"+511"}"#);
        assert_eq!((plan.behaviour("+511").mode, plan.scale), (Mode::Slow, 0.5));
    }

    #[test]
    fn times_are_those_of_the_mode_and_the_same_for_the_same_seed() {
        let plan = Plan { scale: 0.5, ..Plan::default() };
        let times = |mode, seconds| {
            let mut generator = fastrand::Rng::with_seed(3);
            let behaviour = Behaviour { mode, seconds };
            let mut times: Vec<f64> =
                (0..1000).map(|_| plan.time(behaviour, &mut generator).as_secs_f64() * 2.0).collect();
            assert_eq!(plan.time(behaviour, &mut fastrand::Rng::with_seed(3)).as_secs_f64() * 2.0, times[0]);
            times.sort_by(f64::total_cmp);
            times
        };
        for (mode, seconds, least, most) in [
            (Mode::Fast, None, 0.1, 0.4),
            (Mode::Error, None, 0.1, 0.4),
            (Mode::Slow, None, 35.0, 35.0),
            (Mode::Normal, None, 3.0, 120.0),
            (Mode::Normal, Some([3.0, 10.0]), 3.0, 10.0),
        ] {
            let times = times(mode, seconds);
            assert!(times[0] >= least && times[999] <= most, "{mode:?}: {} to {}", times[0], times[999]);
        }
        let normal = times(Mode::Normal, None);
        assert!(normal[500] < 10.0 && normal[990] > 90.0, "a long tail: {} and {}", normal[500], normal[990]);
    }
}
