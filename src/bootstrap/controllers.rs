//! What is written to the cluster that configures the mesh.

use std::fs;
use std::sync::Arc;

use kube::Client;
use tokio::sync::{mpsc, watch};

use crate::api::{Batch, Str};
use crate::cli::discovery::Options;
use crate::controllers::webhooks::{Registration, Sort};
use crate::controllers::workloads::{self, memory};
use crate::controllers::{Config, Controllers};
use crate::metrics::Metrics;
use crate::model::report::Report;
use crate::settings::Settings;
use crate::snapshot::Snapshots;

/// How many reports of proxies may wait. They are taken as they come, and proxies report twice in a connection.
const REPORTS: usize = 1024;

/// The controllers of a cluster, and where proxies report to, if that is listened to.
pub fn start(
    options: &Options,
    settings: &Settings,
    client: Client,
    snapshots: &Snapshots,
    metrics: &Arc<Metrics>,
) -> (Controllers, Option<mpsc::Sender<Report>>) {
    let config = Config {
        namespace: options.identity.namespace.as_str().into(),
        replica: replica(&settings.pod_name).into(),
        revision: settings.revision.as_str().into(),
        elect: settings.leader_election,
        addresses: settings.allocate_addresses,
        workers: settings.status_workers as usize,
        queue_metrics: settings.queue_metrics,
    };
    let workloads = entries(options, settings, &config.replica);
    let mut controllers = Controllers::start(config, client, snapshots.clone(), metrics.clone());
    let reports = (settings.workload_health || settings.register_workloads).then(|| {
        let (reports, inlet) = mpsc::channel(REPORTS);
        controllers.keep_workloads(workloads, inlet, snapshots.clone());
        reports
    });
    (controllers, reports)
}

/// Keeps the webhook configurations of the revision, with the roots of the control plane's certificate.
pub fn register(
    controllers: &mut Controllers,
    options: &Options,
    settings: &Settings,
    bundle: watch::Receiver<Option<Str>>,
) {
    let registration = Registration {
        namespace: options.identity.namespace.as_str().into(),
        revision: settings.revision.as_str().into(),
        bundle,
    };
    for (sort, name) in [
        (Sort::Mutating, &settings.injection_configuration),
        (Sort::Validating, &settings.validation_configuration),
    ] {
        if !name.is_empty() {
            controllers.register(sort, registration.clone());
        }
    }
}

/// Registers workloads in memory, where there is no API server; the store takes their entries from `batches`.
pub fn in_memory(
    options: &Options,
    settings: &Settings,
    snapshots: &Snapshots,
    batches: mpsc::Sender<Batch>,
) -> mpsc::Sender<Report> {
    let (reports, inlet) = mpsc::channel(REPORTS);
    let config = entries(options, settings, &replica(&settings.pod_name));
    tokio::spawn(memory::run(config, inlet, snapshots.clone(), batches));
    reports
}

fn entries(options: &Options, settings: &Settings, replica: &str) -> workloads::Config {
    workloads::Config {
        replica: replica.into(),
        grace: settings.workload_grace,
        // Clients may be late, and a connection ends some time after it is asked to.
        max_age: options.keepalive.keepalive_max_server_connection_age.map(|age| age + age / 2),
    }
}

/// The name of this process, unlike that of all others: that of its pod, which only one has at a time.
fn replica(pod: &str) -> String {
    if !pod.is_empty() {
        return pod.to_owned();
    }
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("unknown-{}-{:08x}", host.trim(), fastrand::u32(..))
}
