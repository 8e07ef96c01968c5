//! What the kernel tells of the process, under the names that all Prometheus clients use.
//!
//! Read from /proc when somebody asks; where there is none (not Linux), these metrics are absent.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use super::primitives::Gauge;
use super::text::{Metric, Text};

/// The unit of times in /proc, in 1/s: fixed at 100 on every architecture that Linux still supports.
const TICKS_PER_SECOND: f64 = 100.0;

/// When the process began.
#[derive(Debug)]
pub(super) struct Start(f64);

impl Start {
    /// Now.
    pub(super) fn now() -> Start {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Start(since.as_secs_f64())
    }
}

/// A value that was read just now, and only grows.
struct Reading(Gauge);

impl Metric for Reading {
    const TYPE: &'static str = "counter";

    fn write(&self, out: &mut String, name: &str, labels: &str) {
        self.0.write(out, name, labels);
    }
}

/// Adds what can be read.
pub(super) fn write(start: &Start, text: &mut Text) {
    let mut gauge = |name, help, value: Option<f64>| {
        if let Some(value) = value {
            let gauge = Gauge::default();
            gauge.set(value);
            text.metric(name, help, &gauge);
        }
    };
    let read = |name: &str| fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
    let status = read("status");
    gauge("process_start_time_seconds", "When the process began, in Unix time.", Some(start.0));
    gauge("process_resident_memory_bytes", "Resident memory.", kilobytes(&status, "VmRSS:"));
    gauge("process_virtual_memory_bytes", "Address space.", kilobytes(&status, "VmSize:"));
    let open = fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count() as f64);
    gauge("process_open_fds", "Open file descriptors.", open);
    gauge("process_max_fds", "Allowed file descriptors.", max_files(&read("limits")));
    if let Some(seconds) = cpu_seconds(&read("stat")) {
        let reading = Reading(Gauge::default());
        reading.0.set(seconds);
        text.metric("process_cpu_seconds_total", "CPU time, user and system.", &reading);
    }
}

/// `VmRSS:     4096 kB` in bytes.
fn kilobytes(status: &str, key: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    let value: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(value * 1024.0)
}

/// The soft limit of `Max open files            1024                 4096                 files`.
fn max_files(limits: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Fields 14 and 15 of the file; the second one is a name in brackets that may hold anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_files_are_understood() {
        assert_eq!(kilobytes("Name:\tx\nVmRSS:\t    4096 kB\n", "VmRSS:"), Some(4096.0 * 1024.0));
        let limits =
            "Limit Soft Hard Units\nMax open files            1024        4096      files\n";
        assert_eq!(max_files(limits), Some(1024.0));
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 1 0 5 6 7";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(cpu_seconds(""), None);
    }
}
