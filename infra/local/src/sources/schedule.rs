//! Clock to function: EventBridge Scheduler. Rates, cron expressions and single moments, each an asynchronous event.
//!
//! A rate counts from the first start of the runner and fires then, too. What fell due while the runner was off fires
//! once at its next start.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use local_lambda::request_id;
use local_template::{Function, ScheduleExpression, ScheduleSource};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::asynchronous::{Asynchronous, Target};
use super::board::Source;
use super::cron::Cron;
use super::state::State;
use super::stopping;

/// Longest sleep before the clock is looked at again: it may be set, or the machine may have slept.
const LOOK: Duration = Duration::from_secs(20);

/// One schedule and the function it invokes.
#[derive(Debug)]
pub struct Schedule {
    name: String,
    arn: String,
    account: String,
    region: String,
    due: Due,
    input: Option<String>,
    target: Target,
}

/// When it is due; times in whole seconds.
#[derive(Debug, Clone)]
enum Due {
    Every(i64),
    Cron(Cron),
    Once(OffsetDateTime),
}

impl Schedule {
    /// Reads a schedule; what cannot be served is said.
    pub fn new(source: &ScheduleSource, function: &Function) -> Result<Schedule, String> {
        if let Some(zone) = source.timezone.as_deref().filter(|zone| !["UTC", "Etc/UTC"].contains(zone)) {
            return Err(format!("time zone {zone} is not served locally; UTC is"));
        }
        let due = match &source.expression {
            ScheduleExpression::Rate(every) => Due::Every(i64::try_from(every.as_secs()).unwrap_or(i64::MAX).max(1)),
            ScheduleExpression::Cron(fields) => Due::Cron(Cron::parse(fields).map_err(|error| error.to_string())?),
            ScheduleExpression::At(at) => {
                let at = OffsetDateTime::parse(&format!("{at}Z"), &Rfc3339);
                Due::Once(at.map_err(|error| format!("at({error})"))?)
            }
        };
        // arn:aws:lambda:region:account:function:name
        let part = |at| function.arn.split(':').nth(at).unwrap_or_default().to_owned();
        let (region, account) = (part(3), part(4));
        Ok(Schedule {
            arn: format!("arn:aws:scheduler:{region}:{account}:schedule/default/{}", source.name),
            name: source.name.clone(),
            account,
            region,
            due,
            input: source.input.clone(),
            target: Target::from(function),
        })
    }

    /// Fires until told to stop. What falls due while it is paused does not fire.
    pub async fn run(
        self,
        asynchronous: Arc<Asynchronous>,
        state: Arc<State>,
        shown: Arc<Source>,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut events = JoinSet::new();
        let started = now();
        let mut last = state.fired(&self.name).and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
        while let Some(due) = self.due.next(last, started) {
            tokio::select! {
                () = stopping(&mut stop) => break,
                () = sleep_until(due) => {}
            }
            // Noted before it fires: after an end at the wrong moment one is missed rather than fired twice.
            let fired = self.due.latest(due, now());
            if let Err(error) = state.set_fired(&self.name, fired.unix_timestamp()) {
                asynchronous.say(format!("that {} fired could not be noted: {error}", self.name));
            }
            last = Some(fired);
            if shown.is_paused() {
                continue;
            }
            let (asynchronous, target, event) = (asynchronous.clone(), self.target.clone(), self.event(due));
            let running = shown.begin();
            events.spawn(async move {
                asynchronous.deliver(&target, &event).await;
                drop(running);
            });
            while events.try_join_next().is_some() {}
        }
        // Further tries may be minutes away; what is being tried ends with the functions.
        events.shutdown().await;
    }

    /// The input with its placeholders filled in, or the event Scheduler sends without one.
    fn event(&self, due: OffsetDateTime) -> Value {
        let time = due.format(&Rfc3339).unwrap_or_default();
        let Some(input) = &self.input else {
            return json!({
                "version": "0",
                "id": request_id(),
                "detail-type": "Scheduled Event",
                "source": "aws.scheduler",
                "account": self.account,
                "time": time,
                "region": self.region,
                "resources": [self.arn],
                "detail": "{}",
            });
        };
        let input = input
            .replace("<aws.scheduler.scheduled-time>", &time)
            .replace("<aws.scheduler.schedule-arn>", &self.arn)
            .replace("<aws.scheduler.execution-id>", &request_id())
            .replace("<aws.scheduler.attempt-number>", "1");
        serde_json::from_str(&input).unwrap_or(Value::String(input))
    }
}

impl Due {
    /// The next time it fires after the last one; without one, after the start.
    fn next(&self, last: Option<OffsetDateTime>, started: OffsetDateTime) -> Option<OffsetDateTime> {
        match self {
            Due::Every(seconds) => match last {
                Some(last) => last.checked_add(time::Duration::seconds(*seconds)),
                None => Some(started),
            },
            Due::Cron(cron) => cron.next_after(last.unwrap_or(started)),
            Due::Once(at) => last.is_none().then_some(*at),
        }
    }

    /// The last time up to `now` that counts as fired with `due`: whatever was missed is one event, and a rate keeps
    /// its rhythm.
    fn latest(&self, due: OffsetDateTime, now: OffsetDateTime) -> OffsetDateTime {
        match self {
            Due::Every(seconds) => {
                let missed = (now - due).whole_seconds().max(0) / seconds;
                due + time::Duration::seconds(missed * seconds)
            }
            Due::Cron(_) | Due::Once(_) => now.max(due),
        }
    }
}

fn now() -> OffsetDateTime {
    let now = OffsetDateTime::from(SystemTime::now());
    now.replace_nanosecond(0).unwrap_or(now)
}

async fn sleep_until(due: OffsetDateTime) {
    while let Ok(left) = Duration::try_from(due - OffsetDateTime::now_utc())
        && !left.is_zero()
    {
        tokio::time::sleep(left.min(LOOK)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::board::{Board, Kind};
    use crate::sources::testing::{Scripted, function, queues, services, until};

    fn source(expression: ScheduleExpression, input: Option<&str>) -> ScheduleSource {
        ScheduleSource {
            name: "florin-ledger-audit".into(),
            expression,
            input: input.map(str::to_owned),
            timezone: None,
            dead_letter: None,
            max_retry_attempts: None,
            enabled: true,
        }
    }

    fn shown() -> Arc<Source> {
        Arc::new(Source::new(&function(), "Audit", Kind::Schedule, "florin-ledger-audit", None))
    }

    fn at(text: &str) -> OffsetDateTime {
        OffsetDateTime::parse(text, &Rfc3339).unwrap()
    }

    #[test]
    fn the_scheduled_time_stands_in_the_input() {
        let input = r#"{"at": "<aws.scheduler.scheduled-time>", "by": "<aws.scheduler.schedule-arn>"}"#;
        let rate = ScheduleExpression::Rate(Duration::from_secs(3600));
        let schedule = Schedule::new(&source(rate, Some(input)), &function()).unwrap();
        let event = schedule.event(at("2026-11-20T18:59:43Z"));
        assert_eq!(event["at"], "2026-11-20T18:59:43Z");
        assert_eq!(event["by"], "arn:aws:scheduler:eu-west-1:000000000000:schedule/default/florin-ledger-audit");
    }

    #[test]
    fn without_an_input_the_event_is_schedulers_own() {
        let cron = ScheduleExpression::Cron("0 6 * * ? *".into());
        let event = Schedule::new(&source(cron, None), &function()).unwrap().event(at("2026-11-20T06:00:00Z"));
        assert_eq!(event["source"], "aws.scheduler");
        assert_eq!(event["time"], "2026-11-20T06:00:00Z");
    }

    #[test]
    fn a_rate_fires_at_the_first_start_and_then_by_its_rhythm() {
        let due = Due::Every(60);
        let start = at("2026-11-20T10:00:30Z");
        assert_eq!(due.next(None, start), Some(start));
        assert_eq!(due.next(Some(start), start), Some(at("2026-11-20T10:01:30Z")));
        // Off for an hour: due since long, so it fires at once.
        let missed = due.next(Some(at("2026-11-20T09:00:10Z")), start).unwrap();
        assert_eq!(missed, at("2026-11-20T09:01:10Z"));
        assert_eq!(due.latest(missed, start), at("2026-11-20T10:00:10Z"));
    }

    #[test]
    fn a_single_moment_fires_once() {
        let moment = ScheduleExpression::At("2026-11-20T06:00:00".into());
        let schedule = Schedule::new(&source(moment, None), &function()).unwrap();
        let start = at("2026-11-19T00:00:00Z");
        assert_eq!(schedule.due.next(None, start), Some(at("2026-11-20T06:00:00Z")));
        assert_eq!(schedule.due.next(Some(start), start), None);
    }

    #[test]
    fn what_cannot_be_served_is_refused_at_the_start() {
        let mut zoned = source(ScheduleExpression::Cron("0 6 * * ? *".into()), None);
        zoned.timezone = Some("Europe/Berlin".into());
        assert!(Schedule::new(&zoned, &function()).unwrap_err().contains("Europe/Berlin"));
        let wrong = source(ScheduleExpression::Cron("0 6 * * * *".into()), None);
        assert!(Schedule::new(&wrong, &function()).unwrap_err().contains("day"));
    }

    #[tokio::test]
    async fn a_due_schedule_invokes_its_function_and_remembers_it() {
        let (folder, sqs) = queues(&[]);
        let file = folder.path().join("sources.json");
        let function_called = Scripted::new(|_| Ok("null".into()));
        let asynchronous = Arc::new(Asynchronous::new(services(function_called.clone(), &sqs)));
        let state = Arc::new(State::open(&file).unwrap());
        let rate = ScheduleExpression::Rate(Duration::from_secs(3600));
        let schedule = Schedule::new(&source(rate, Some(r#"{"at":"<aws.scheduler.scheduled-time>"}"#)), &function());
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(schedule.unwrap().run(asynchronous, state, shown(), stopped));
        until("it fired", || !function_called.events().is_empty()).await;
        stop.send(true).unwrap();
        running.await.unwrap();
        let time = function_called.events()[0]["at"].as_str().unwrap().to_owned();
        assert!(time.ends_with('Z') && OffsetDateTime::parse(&time, &Rfc3339).is_ok(), "{time}");
        assert!(State::open(&file).unwrap().fired("florin-ledger-audit").is_some());
    }

    #[tokio::test]
    async fn what_falls_due_while_paused_does_not_fire_and_is_not_made_up_for() {
        let (folder, sqs) = queues(&[]);
        let called = Scripted::new(|_| Ok("null".into()));
        let asynchronous = Arc::new(Asynchronous::new(services(called.clone(), &sqs)));
        let state = Arc::new(State::open(&folder.path().join("sources.json")).unwrap());
        let schedule = Schedule::new(&source(ScheduleExpression::Rate(Duration::from_secs(1)), None), &function());
        let board = Board::default();
        let shown = board.add(Source::new(&function(), "Audit", Kind::Schedule, "florin-ledger-audit", None));
        board.pause_function("settle", true);
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(schedule.unwrap().run(asynchronous, state.clone(), shown, stopped));
        until("it was due", || state.fired("florin-ledger-audit").is_some()).await;
        assert!(called.events().is_empty());
        board.pause_function("settle", false);
        until("it fires again", || called.events().len() == 1).await;
        stop.send(true).unwrap();
        running.await.unwrap();
    }
}
