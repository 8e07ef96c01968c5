//! What the kernel tells of the process, under the names that all Prometheus clients use.
//!
//! Read from /proc when somebody asks; where there is none (not Linux), these metrics are absent.

use std::fs;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::go;
use super::primitives::Gauge;
use super::text::{Metric, Visit};

/// The unit of times in /proc, in 1/s: fixed at 100 on every architecture that Linux still supports.
const TICKS_PER_SECOND: f64 = 100.0;

/// What an unlimited resource is limited to, to Go's and C's clients.
const UNLIMITED: f64 = u64::MAX as f64;

/// The process, since it began.
#[derive(Debug)]
pub(super) struct Process {
    /// In seconds since 1970.
    since: f64,
    pub(super) started: Instant,
}

/// A value that was read just now, and only grows.
struct Reading(Gauge);

impl Metric for Reading {
    const TYPE: &'static str = "counter";

    fn write(&self, out: &mut String, name: &str, labels: &str) {
        self.0.write(out, name, labels);
    }
}

impl Process {
    /// It begins now.
    pub(super) fn zero() -> Process {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Process { since: since.as_secs_f64(), started: Instant::now() }
    }

    /// Shows what can be read.
    pub(super) fn visit(&self, visitor: &mut impl Visit) {
        let read =
            |name: &str| fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
        let (status, limits) = (read("status"), read("limits"));
        let mut gauge = |name, help, value: Option<f64>| {
            if let Some(value) = value {
                let gauge = Gauge::default();
                gauge.set(value);
                visitor.metric(name, help, &gauge);
            }
        };
        let start = Some(self.since);
        gauge("process_start_time_seconds", "When the process began, in Unix time.", start);
        gauge("process_resident_memory_bytes", "Resident memory.", resident(&status));
        gauge("process_virtual_memory_bytes", "Address space.", kilobytes(&status, "VmSize:"));
        let most = limit(&limits, "Max address space");
        gauge("process_virtual_memory_max_bytes", "Allowed address space.", most);
        let open = fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count() as f64);
        gauge("process_open_fds", "Open file descriptors.", open);
        let most = limit(&limits, "Max open files");
        gauge("process_max_fds", "Allowed file descriptors.", most);
        let mut counter = |name, help, value: Option<f64>| {
            if let Some(value) = value {
                let reading = Reading(Gauge::default());
                reading.0.set(value);
                visitor.metric(name, help, &reading);
            }
        };
        let seconds = cpu_seconds(&read("stat"));
        counter("process_cpu_seconds_total", "CPU time, user and system.", seconds);
        let (received, sent) = octets(&read("net/netstat")).unzip();
        let help = "Bytes that came over the network, of the whole network namespace.";
        counter("process_network_receive_bytes_total", help, received);
        let help = "Bytes that were sent over the network, of the whole network namespace.";
        counter("process_network_transmit_bytes_total", help, sent);
        go::visit(&status, visitor);
    }
}

/// Bytes of memory that the process has, as far as that can be read.
pub(super) fn resident_now() -> Option<f64> {
    resident(&fs::read_to_string("/proc/self/status").ok()?)
}

fn resident(status: &str) -> Option<f64> {
    kilobytes(status, "VmRSS:")
}

/// `VmRSS:     4096 kB` in bytes.
pub(super) fn kilobytes(status: &str, key: &str) -> Option<f64> {
    number(status, key).map(|value| value * 1024.0)
}

/// The number of `Threads:  7`.
pub(super) fn number(status: &str, key: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Bytes received and sent: the columns of the `IpExt:` lines, of which the first has the names.
fn octets(netstat: &str) -> Option<(f64, f64)> {
    let mut lines = netstat.lines().filter_map(|line| line.strip_prefix("IpExt:"));
    let (names, values) = (lines.next()?, lines.next()?);
    let value = |wanted| {
        let mut pairs = names.split_whitespace().zip(values.split_whitespace());
        pairs.find(|(name, _)| *name == wanted)?.1.parse().ok()
    };
    Some((value("InOctets")?, value("OutOctets")?))
}

/// The soft limit of `Max open files            1024                 4096                 files`.
fn limit(limits: &str, key: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix(key))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(UNLIMITED),
        limit => limit.parse().ok(),
    }
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
        assert_eq!(limit(limits, "Max open files"), Some(1024.0));
        let limits = "Max address space         unlimited            unlimited            bytes\n";
        assert_eq!(limit(limits, "Max address space"), Some(UNLIMITED));
        let netstat =
            "TcpExt: A\nTcpExt: 1\nIpExt: InNoRoutes InOctets OutOctets\nIpExt: 0 12 34\n";
        assert_eq!(octets(netstat), Some((12.0, 34.0)));
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 1 0 5 6 7";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(cpu_seconds(""), None);
    }
}
