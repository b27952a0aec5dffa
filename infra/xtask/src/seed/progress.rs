//! How far it is: a bar on a terminal, a line now and then anywhere else.

use std::{
    io::IsTerminal,
    sync::Mutex,
    time::{Duration, Instant},
};

use ::seed::write::{Counts, Phase, Progress};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Between two lines where there is no terminal.
const PAUSE: Duration = Duration::from_secs(5);

/// What is seen.
pub struct Shown {
    is_terminal: bool,
    state: Mutex<Shows>,
}

struct Shows {
    bar: ProgressBar,
    phase: Option<Phase>,
    began: Instant,
    told: Instant,
    done: u64,
    total: u64,
    written: u64,
}

impl Shown {
    /// On standard error, if that is a terminal; lines on standard output otherwise.
    pub fn new() -> Self {
        let now = Instant::now();
        let (bar, phase) = (ProgressBar::hidden(), None);
        let state = Shows { bar, phase, began: now, told: now, done: 0, total: 0, written: 0 };
        Self { is_terminal: std::io::stderr().is_terminal(), state: Mutex::new(state) }
    }

    /// Whether everything was there before.
    pub fn nothing_written(&self) -> bool {
        self.with(|shows| shows.written == 0)
    }

    fn with<T>(&self, show: impl FnOnce(&mut Shows) -> T) -> T {
        // Nothing in here leaves it half changed.
        let mut shows = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        show(&mut shows)
    }
}

fn rate(done: u64, began: Instant) -> f64 {
    done as f64 / began.elapsed().as_secs_f64().max(0.001)
}

impl Progress for Shown {
    fn begin(&self, phase: Phase, total: u64) {
        let target = if self.is_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let template = "{msg:>9} {wide_bar} {pos}/{len} · {per_sec} · {eta} left";
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        self.with(|shows| {
            let now = Instant::now();
            (shows.phase, shows.began, shows.told, shows.done, shows.total) = (Some(phase), now, now, 0, total);
            shows.bar = ProgressBar::with_draw_target(Some(total), target).with_style(style).with_message(phase.name());
        });
    }

    fn advance(&self, more: u64) {
        self.with(|shows| {
            shows.done += more;
            shows.bar.inc(more);
            if !self.is_terminal && shows.told.elapsed() >= PAUSE {
                shows.told = Instant::now();
                let name = shows.phase.map_or("", Phase::name);
                println!("{name:>9} {}/{} · {:.0}/s", shows.done, shows.total, rate(shows.done, shows.began));
            }
        });
    }

    fn end(&self, phase: Phase, counts: Counts) {
        self.with(|shows| {
            shows.bar.finish_and_clear();
            shows.written += counts.written;
            let Counts { written, present, refused } = counts;
            let mut line = format!("{:>9} {written} written", phase.name());
            if present > 0 {
                line += &format!(", {present} already there");
            }
            if refused > 0 {
                line += &format!(", {refused} refused by the bank as it stands");
            }
            let took = shows.began.elapsed().as_secs_f64();
            println!("{line} · {took:.1} s, {:.0}/s", rate(shows.done, shows.began));
        });
    }
}
