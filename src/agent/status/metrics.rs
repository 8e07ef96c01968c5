//! Metrics of the whole pod in one text: Envoy's, the application's, and the agent's own.
//!
//! What cannot be read is left out, because the others are still true; the agent's own metrics count it.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use anyhow::{Context, ensure};
use serde::Deserialize;
use tracing::warn;

use crate::agent::admin::Local;
use crate::agent::renewal::State;

/// How long a target may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whose metrics are told besides the agent's.
#[derive(Debug, Default)]
pub struct Targets {
    envoy: bool,
    applications: Vec<(Local, String)>,
    failures: AtomicU64,
}

/// What the injector says of the application's metrics.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Annotations {
    scrape: String,
    port: String,
    path: String,
    targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Target {
    port: String,
    path: String,
}

impl Targets {
    /// Envoy if that is wanted, and what ISTIO_PROMETHEUS_ANNOTATIONS says of the application. The agent's own port is
    /// none: it would ask itself.
    pub fn read(envoy: bool, annotations: &str, own_port: u16) -> anyhow::Result<Targets> {
        let mut applications = Vec::new();
        if !annotations.is_empty() {
            let what = || format!("ISTIO_PROMETHEUS_ANNOTATIONS={annotations:?}");
            let mut read: Annotations = serde_json::from_str(annotations).with_context(what)?;
            if read.targets.is_empty() {
                read.targets.push(Target { port: or(read.port, "80"), path: read.path });
            }
            let wanted = if read.scrape == "false" { Vec::new() } else { read.targets };
            for Target { port, path } in wanted {
                let port: u16 = port.parse().with_context(what)?;
                ensure!(port != own_port, "{}: {port} is the agent's own port", what());
                applications.push((Local { port }, or(path, "/metrics")));
            }
        }
        Ok(Targets { envoy, applications, failures: AtomicU64::new(0) })
    }

    /// Their metrics. A query goes to Envoy.
    pub(super) async fn text(&self, envoy: Option<Local>, query: Option<&str>) -> String {
        let mut text = String::new();
        let path = match query {
            Some(query) => format!("/stats/prometheus?{query}"),
            None => "/stats/prometheus".to_owned(),
        };
        let envoy = envoy.filter(|_| self.envoy).map(|envoy| (envoy, path));
        for (target, path) in envoy.iter().chain(&self.applications) {
            match target.get(path, PATIENCE).await {
                Ok(metrics) => push(&mut text, &metrics),
                Err(error) => {
                    self.failures.fetch_add(1, Ordering::Relaxed);
                    warn!("metrics are left out: {error:#}");
                }
            }
        }
        let failures = self.failures.load(Ordering::Relaxed);
        let _ = writeln!(
            text,
            "# TYPE istio_agent_scrape_failures_total counter\nistio_agent_scrape_failures_total {failures}"
        );
        text
    }
}

fn or(text: String, default: &str) -> String {
    if text.is_empty() { default.to_owned() } else { text }
}

/// Adds a text. Only the last of all could end with the mark of an end.
fn push(all: &mut String, text: &str) {
    let text = text.trim_end();
    all.push_str(text.strip_suffix("# EOF").unwrap_or(text).trim_end());
    all.push('\n');
}

/// What the agent knows of the certificate, by istio-agent's names.
pub(super) fn own(state: Option<&State>, now: SystemTime) -> String {
    let mut text = String::new();
    let Some(state) = state else { return text };
    let counters = [
        ("istio_agent_num_outgoing_requests", state.requests),
        ("istio_agent_num_failed_outgoing_requests", state.failures),
    ];
    for (name, count) in counters {
        let _ = writeln!(text, "# TYPE {name} counter\n{name}{{request_type=\"csr\"}} {count}");
    }
    if let Some(issued) = &state.issued {
        let end = issued.identity.not_after;
        let left = match end.duration_since(now) {
            Ok(left) => left.as_secs_f64(),
            Err(over) => -over.duration().as_secs_f64(),
        };
        let name = "istio_agent_cert_expiry_seconds";
        let _ = writeln!(text, "# TYPE {name} gauge\n{name}{{resource_name=\"default\"}} {left}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Targets, push};
    use crate::agent::admin::Local;

    #[test]
    fn the_injector_says_where_the_application_is() {
        let read =
            |text: &str| Targets::read(true, text, 15020).map(|targets| targets.applications);
        let at = |port, path: &str| vec![(Local { port }, path.to_owned())];
        assert_eq!(read("").unwrap(), []);
        assert_eq!(read("{}").unwrap(), at(80, "/metrics"));
        assert_eq!(read(r#"{"scrape":"true","port":"9","path":"/m"}"#).unwrap(), at(9, "/m"));
        assert_eq!(read(r#"{"scrape":"false","port":"9"}"#).unwrap(), []);
        let several = r#"{"targets":[{"port":"1"},{"port":"2","path":"/b"}]}"#;
        assert_eq!(read(several).unwrap(), [at(1, "/metrics"), at(2, "/b")].concat());
        assert!(read(r#"{"port":"15020"}"#).is_err());
        assert!(read(r#"{"port":"x"}"#).is_err());
    }

    #[test]
    fn texts_are_joined_without_their_ends() {
        let mut all = String::new();
        push(&mut all, "a 1\n# EOF\n");
        push(&mut all, "b 2\n");
        assert_eq!(all, "a 1\nb 2\n");
    }
}
