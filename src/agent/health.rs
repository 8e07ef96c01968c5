//! The health of a machine's workload, by the probe of its proxy's configuration (`readinessProbe`).
//!
//! Told when it changes, not with each look: after so many successes in a row it is good, after so many failures it is
//! bad. Nothing works without Envoy, and so it has to be ready first.

use std::time::Duration;

use anyhow::Context;
use serde_json::Value;
use tokio::sync::watch;
use tracing::info;

use super::admin::Local;
use super::probe::Check;
use super::status::envoy_obstacle;
use crate::api::networking::workload_group::ReadinessProbe;

/// How health is found out.
#[derive(Clone, Debug, PartialEq)]
pub struct Health {
    check: Check,
    delay: Duration,
    within: Duration,
    every: Duration,
    successes: u32,
    failures: u32,
}

/// What is known: None for nothing yet, else why it is bad, if it is.
pub type Verdict = Option<Result<(), String>>;

/// What was seen in a row.
#[derive(Debug, Default)]
struct Row {
    successes: u32,
    failures: u32,
    told: Option<bool>,
}

impl Health {
    /// Of a proxy's configuration; None without a probe. The workload is at `host`.
    pub fn read(probe: Option<&Value>, host: &str) -> anyhow::Result<Option<Health>> {
        let Some(probe) = probe.filter(|probe| !probe.is_null()) else { return Ok(None) };
        let probe: ReadinessProbe =
            serde_json::from_value(probe.clone()).context("readinessProbe")?;
        let check = Check::read(&probe, host);
        let check = check.context(
            "readinessProbe: one of httpGet, tcpSocket, exec and grpc is needed, with a port",
        )?;
        let or = |value: i32, default: u32| match u32::try_from(value) {
            Ok(0) | Err(_) => default,
            Ok(value) => value,
        };
        let seconds = |value, default| Duration::from_secs(or(value, default).into());
        Ok(Some(Health {
            check,
            delay: seconds(probe.initial_delay_seconds, 0),
            within: seconds(probe.timeout_seconds, 1),
            every: seconds(probe.period_seconds, 10),
            successes: or(probe.success_threshold, 1),
            failures: or(probe.failure_threshold, 1),
        }))
    }

    /// Looks, for ever, and tells what changes.
    pub async fn run(self, envoy: Option<Local>, told: watch::Sender<Verdict>) {
        tokio::time::sleep(self.delay).await;
        let mut looks = tokio::time::interval(self.every);
        let mut row = Row::default();
        loop {
            looks.tick().await;
            let obstacle = match envoy {
                Some(envoy) => envoy_obstacle(envoy).await,
                None => None,
            };
            let seen = match obstacle {
                Some(obstacle) => Err(obstacle),
                None => self.check.look(self.within).await,
            };
            if row.saw(seen.is_ok(), self.successes, self.failures) {
                match &seen {
                    Ok(()) => info!("the workload is healthy"),
                    Err(why) => info!("the workload is not healthy: {why}"),
                }
                told.send_replace(Some(seen));
            }
        }
    }
}

impl Row {
    /// Whether what was seen makes a difference.
    fn saw(&mut self, good: bool, successes: u32, failures: u32) -> bool {
        let (count, enough) = match good {
            true => (&mut self.successes, successes),
            false => (&mut self.failures, failures),
        };
        *count = count.saturating_add(1);
        let different = *count >= enough && self.told != Some(good);
        if good {
            self.failures = 0;
        } else {
            self.successes = 0;
        }
        if different {
            self.told = Some(good);
        }
        different
    }
}

#[cfg(test)]
mod tests;
