//! What a process has used so far, from `/proc`. Linux only, like Lambda.

use std::{fs, time::Duration};

use anyhow::{Context, Result};

/// A reading of a process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// CPU time of all its threads since it was started, from the scheduler (nanosecond clock, not ticks).
    pub cpu: Duration,
    /// The most memory it ever had resident, in bytes.
    pub peak_memory: u64,
}

/// Reads a living process.
pub fn usage(pid: u32) -> Result<Usage> {
    let mut cpu = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let text = fs::read_to_string(task?.path().join("schedstat"))?;
        let nanos = text.split_ascii_whitespace().next().and_then(|field| field.parse::<u64>().ok());
        cpu += nanos.context("schedstat does not read")?;
    }
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.split_ascii_whitespace().next());
    let peak = peak.and_then(|field| field.parse::<u64>().ok()).context("VmHWM does not read")?;
    Ok(Usage { cpu: Duration::from_nanos(cpu), peak_memory: peak * 1024 })
}
