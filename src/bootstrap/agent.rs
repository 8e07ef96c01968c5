//! The composition root of `istiod agent`: the certificate, the secret server, the status port, Envoy.
//!
//! One thread: there is little to do, and Envoy, which dies with the thread that started it, must not die with a worker
//! of a pool. The secret server listens before Envoy starts; at the end Envoy goes first.

use std::ffi::OsString;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

use super::listen;
use crate::agent::app_probes::AppProbes;
use crate::agent::bootstrap::bootstrap;
use crate::agent::envoy::{self, Ended, Order, Program};
use crate::agent::health::Health;
use crate::agent::material::Material;
use crate::agent::output;
use crate::agent::plan::{Plan, SOCKET};
use crate::agent::renewal::{self, Issued, State, SystemClock};
use crate::agent::reports;
use crate::agent::revocation;
use crate::agent::sds::{self, Sds};
use crate::agent::secrets::{Feed, Files, LOOK, Secrets, together};
use crate::agent::status::{Status, Targets};
use crate::proto::json::from_json;
use crate::serve::server::{self, Security};

/// What the agent is to do.
#[derive(Debug)]
pub struct Agent {
    /// What the settings come to.
    pub plan: Plan,
    /// The node that Envoy presents.
    pub node: Value,
    /// Envoy, without its bootstrap; None if only secrets are served.
    pub envoy: Option<Program>,
    /// Where the bootstrap is written.
    pub config_path: PathBuf,
    /// A bootstrap to use instead.
    pub custom_config: Option<PathBuf>,
    /// The probes that are answered in the application's place.
    pub probes: AppProbes,
    /// How the health of the workload is found out, if it is to be told.
    pub health: Option<Health>,
    /// Whose metrics are told.
    pub targets: Targets,
    /// Whether metrics go to loopback only.
    pub metrics_loopback_only: bool,
    /// Whether all users of the pod may read what is written for others.
    pub shared_output: bool,
}

/// What the bootstrap is called, as in istio-agent.
const BOOTSTRAP: &str = "envoy-rev.json";

/// Orders that wait; more than anybody gives before Envoy's end.
const ORDERS: usize = 8;

/// Runs the agent to its end and returns the exit code: Envoy's if it ended by itself.
pub fn run(agent: Agent) -> anyhow::Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime could not be started")?;
    let result = runtime.block_on(serve(agent));
    runtime.shutdown_background();
    result
}

async fn serve(agent: Agent) -> anyhow::Result<u8> {
    let (orders, received) = mpsc::channel(ORDERS);
    let (stopping, is_stopping) = watch::channel(false);
    tokio::spawn(signals(orders.clone(), stopping)?);
    let certificate = certificate(&agent);
    tell_health(&agent, certificate.clone())?;
    let sds = Sds::new(Arc::new(secrets(&agent.plan, certificate.as_ref())));
    let listener = sds::listen(Path::new(SOCKET)).await?;
    info!("secrets are served on {SOCKET}");
    let status = Status {
        envoy: agent.envoy.as_ref().map(|_| agent.plan.drain.admin),
        certificate,
        targets: agent.targets,
        loopback_only: agent.metrics_loopback_only,
        orders,
        stopping: is_stopping,
        ready_once: AtomicBool::new(false),
        probes: agent.probes,
    };
    // Orders and metrics are taken to the last moment: the end of the process is that of the port.
    let (_open, until_the_end) = watch::channel(false);
    open_status(agent.plan.bootstrap.agent_port, status, until_the_end).await?;
    let envoy = async {
        let Some(mut program) = agent.envoy else { return stopped(received).await };
        let written = match agent.custom_config {
            Some(file) => {
                program.arguments.extend(["-c".into(), file.into()]);
                None
            }
            None => {
                let file = write_bootstrap(&agent.config_path, &agent.node, &agent.plan)?;
                program.arguments.extend(["-c".into(), file.clone().into()]);
                Some(file)
            }
        };
        let ended = envoy::run(&program, &agent.plan.drain, received).await;
        // Nobody reads it any more, and the next start writes it anew.
        written.map(std::fs::remove_file);
        ended
    };
    let ended = tokio::select! {
        ended = envoy => ended?,
        served = sds.serve(listener) => {
            served?;
            anyhow::bail!("the secret server ended");
        }
    };
    Ok(match ended {
        Ended::Asked => 0,
        Ended::ByItself(code) => code,
    })
}

/// SIGTERM and SIGINT are an order to stop; the second one is impatient.
fn signals(
    orders: mpsc::Sender<Order>,
    stopping: watch::Sender<bool>,
) -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    Ok(async move {
        loop {
            let name = tokio::select! {
                _ = terminated.recv() => "SIGTERM",
                _ = interrupted.recv() => "SIGINT",
            };
            info!("{name}: stopping");
            stopping.send_replace(true);
            if orders.send(Order::Stop).await.is_err() {
                return;
            }
        }
    })
}

/// Without an Envoy there is nothing to drain.
async fn stopped(mut orders: mpsc::Receiver<Order>) -> anyhow::Result<Ended> {
    while orders.recv().await == Some(Order::Drain) {}
    Ok(Ended::Asked)
}

/// Starts getting certificates from the CA, if they are not in files, and writing them for others.
fn certificate(agent: &Agent) -> Option<watch::Receiver<State>> {
    let ca = agent.plan.ca.clone()?;
    info!("certificates of {} come from {}", agent.plan.policy.spiffe, ca.address);
    let (sender, state) = watch::channel(State::default());
    tokio::spawn(renewal::run(ca, agent.plan.policy.clone(), sender, SystemClock));
    if let Some(folder) = agent.plan.output.clone() {
        tokio::spawn(write_certificates(folder, state.clone(), agent.shared_output));
    }
    Some(state)
}

/// Starts to look at the workload and to tell the control plane how it is.
fn tell_health(agent: &Agent, certificate: Option<watch::Receiver<State>>) -> anyhow::Result<()> {
    let Some(health) = agent.health.clone() else { return Ok(()) };
    let node = from_json("envoy.config.core.v3.Node", &agent.node).context("the node")?;
    let (told, known) = watch::channel(None);
    let envoy = agent.envoy.as_ref().map(|_| agent.plan.drain.admin);
    tokio::spawn(health.run(envoy, told));
    tokio::spawn(reports::run(agent.plan.control_plane.clone(), node, certificate, known));
    Ok(())
}

async fn write_certificates(folder: PathBuf, mut state: watch::Receiver<State>, shared: bool) {
    while state.changed().await.is_ok() {
        let issued = state.borrow_and_update().issued.clone();
        if let Some(issued) = issued
            && let Err(error) = output::write(&folder, &issued, shared)
        {
            warn!("OUTPUT_CERTS: {error:#}");
        }
    }
}

fn secrets(plan: &Plan, certificate: Option<&watch::Receiver<State>>) -> Secrets {
    let feed = |files: &Option<Files>, pick: fn(&Issued) -> Material| match (files, certificate) {
        (Some(files), _) => {
            info!("{files} is followed");
            files.clone().follow(LOOK)
        }
        (None, Some(state)) => issued_feed(state.clone(), pick),
        (None, None) => watch::channel(None).1,
    };
    let issued_roots = |issued: &Issued| Material::Roots(issued.roots.clone());
    let control_plane = feed(&plan.control_plane_roots, issued_roots);
    let mut roots = feed(&plan.mounted_roots, issued_roots);
    if let Some(asking) = plan.asking.clone() {
        info!("the roots of the mesh are told by {}", asking.control_plane.address);
        let (sender, told) = watch::channel(None);
        tokio::spawn(asking.run(certificate.cloned(), sender));
        roots = together(roots, told);
    }
    if let Some(file) = plan.revoked.clone() {
        roots = revocation::beside(roots, file, LOOK);
    }
    Secrets::new(
        feed(&plan.mounted, |issued| Material::Identity(issued.identity.clone())),
        roots,
        together(control_plane, feed(&None, issued_roots)),
        LOOK,
    )
}

/// A part of what was issued, told when it changes.
fn issued_feed(mut state: watch::Receiver<State>, pick: fn(&Issued) -> Material) -> Feed {
    let (sender, feed) = watch::channel(None);
    tokio::spawn(async move {
        loop {
            let picked = state.borrow_and_update().issued.as_deref().map(pick);
            if let Some(picked) = picked {
                sender.send_if_modified(|held: &mut Option<Arc<Material>>| {
                    let changed = held.as_deref() != Some(&picked);
                    if changed {
                        *held = Some(Arc::new(picked));
                    }
                    changed
                });
            }
            if state.changed().await.is_err() {
                return;
            }
        }
    });
    feed
}

fn write_bootstrap(folder: &Path, node: &Value, plan: &Plan) -> anyhow::Result<PathBuf> {
    let file = folder.join(BOOTSTRAP);
    let what = || format!("the bootstrap {}", file.display());
    std::fs::create_dir_all(folder).with_context(what)?;
    let text = serde_json::to_vec_pretty(&bootstrap(node, &plan.bootstrap))?;
    output::replace(&file, &text, 0o600).with_context(what)?;
    Ok(file)
}

/// Opens the status port.
async fn open_status(port: u16, status: Status, stop: watch::Receiver<bool>) -> anyhow::Result<()> {
    if port == 0 {
        return Ok(());
    }
    let address = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    let listener = listen::bind("statusPort", address).await?;
    let config = server::Config {
        keepalive_interval: Duration::from_secs(30),
        keepalive_timeout: Duration::from_secs(10),
        max_age: None,
        max_streams: 100,
        drain: Duration::from_secs(1),
    };
    tokio::spawn(server::run(listener, status.router(), config, Security::Plaintext, stop));
    Ok(())
}

/// The command that ties a child to this process: it runs what follows.
pub fn launcher() -> Vec<OsString> {
    let own = std::process::id().to_string();
    // The running program, also where its file was replaced meanwhile.
    ["/proc/self/exe", "with-parent", &own, "--"].map(OsString::from).into()
}
