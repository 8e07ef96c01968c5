//! Draining: Envoy finishes what it has begun, and takes nothing new.

use std::time::Duration;

use http::Method;
use tracing::{info, warn};

use super::admin::Local;

/// How long Envoy may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Between two looks at the connections that are left.
const LOOK: Duration = Duration::from_secs(1);

/// After so many looks that failed, nobody knows how many connections are left.
const MAX_FAILURES: usize = 5;

/// How Envoy is drained.
#[derive(Clone, Debug)]
pub struct Drain {
    /// Its admin interface.
    pub admin: Local,
    /// Only what comes in is drained: a sidecar's application may still have to ask others.
    pub inbound_only: bool,
    /// How long it lasts.
    pub duration: Duration,
    /// Instead, it may end when no connection is left, but not before this.
    pub until_idle: Option<Duration>,
    /// Ports of listeners whose connections do not count.
    pub own_ports: Vec<u16>,
}

impl Drain {
    /// Tells Envoy to begin; it may be told to stay when it has drained.
    pub async fn begin(&self, stay: bool) {
        let mut path = String::from("/drain_listeners?");
        if self.inbound_only {
            path += "inboundonly&";
        }
        path += "graceful";
        if stay {
            path += "&skip_exit";
        }
        match self.admin.ask(Method::POST, &path, PATIENCE).await {
            Ok(answer) if answer.status.is_success() => info!("Envoy drains"),
            Ok(answer) => warn!("Envoy does not drain: {}", answer.status),
            Err(error) => warn!("Envoy does not drain: {error:#}"),
        }
    }

    /// Waits until it has drained for long enough.
    pub async fn done(&self) {
        match self.until_idle {
            None => tokio::time::sleep(self.duration).await,
            Some(least) => {
                tokio::time::sleep(least).await;
                self.idle().await;
            }
        }
    }

    /// Waits until no connection is left, or nobody can say.
    async fn idle(&self) {
        let mut failures = 0;
        loop {
            tokio::time::sleep(LOOK).await;
            let path = "/stats?usedonly&filter=downstream_cx_active$";
            match self.admin.get(path, PATIENCE).await {
                Ok(stats) => match active(&stats, &self.own_ports) {
                    0 => return,
                    left => {
                        info!("{left} connections are left");
                        failures = 0;
                    }
                },
                Err(error) => {
                    warn!("Envoy does not tell its connections: {error:#}");
                    failures += 1;
                    if failures == MAX_FAILURES {
                        return;
                    }
                }
            }
        }
    }
}

/// The connections of listeners. Those of workers are in their sum; internal listeners have no clients.
fn active(stats: &str, own_ports: &[u16]) -> u64 {
    let counts = stats.lines().filter_map(|line| {
        let (name, count) = line.split_once(": ")?;
        let listener = name.strip_prefix("listener.")?.strip_suffix(".downstream_cx_active")?;
        let own = listener.starts_with("admin")
            || own_ports.iter().any(|port| listener == format!("0.0.0.0_{port}"));
        let part = listener.contains("worker_") || listener.starts_with("envoy_internal_");
        if own || part { None } else { count.trim().parse::<u64>().ok() }
    });
    counts.sum()
}

#[cfg(test)]
mod tests {
    use super::active;

    #[test]
    fn connections_of_clients_count_once() {
        let stats = "http.inbound_0.0.0.0_80;.downstream_cx_active: 4\n\
                     listener.0.0.0.0_15006.downstream_cx_active: 2\n\
                     listener.0.0.0.0_15006.worker_0.downstream_cx_active: 2\n\
                     listener.0.0.0.0_15021.downstream_cx_active: 1\n\
                     listener.10.0.0.1_80.downstream_cx_active: 3\n\
                     listener.admin.downstream_cx_active: 1\n\
                     listener.admin.main_thread.downstream_cx_active: 1\n\
                     listener.envoy_internal_main_internal.downstream_cx_active: 7\n";
        assert_eq!(active(stats, &[15021, 15090]), 5);
        assert_eq!(active(stats, &[]), 6);
        assert_eq!(active("", &[]), 0);
    }
}
