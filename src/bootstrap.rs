//! The composition root: builds everything, wires it, waits, and ends it.
//!
//! Order matters in two places. At start, 8080 listens at once and says what is not ready yet, but xDS listens
//! only once there is a complete snapshot: a proxy that is refused a connection tries another replica, one that
//! is served half a mesh drops the other half. At the end, streams and locks go first, and what feeds them last.

pub mod agent;
mod authority;
pub mod bundle;
mod callers;
mod clusters;
mod controllers;
mod inputs;
pub mod listen;
mod provider;
mod registration;
mod secrets;
mod secure;
mod servers;
mod trust;
mod validation;
mod webhooks;

pub use self::trust::bundle_config;

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Instant;

use anyhow::Context;
use axum::Router;
use futures_util::future;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::{info, warn};

use self::clusters::Clusters;
use self::inputs::Inputs;
use self::servers::Servers;
use self::trust::Trust;
use self::webhooks::Answering;
use crate::api::Str;
use crate::api::list::items;
use crate::authn::Authenticator;
use crate::cli::discovery::{ControlZ, Options};
use crate::controllers::remote_roots::Remotes;
use crate::debug::{self, Probe};
use crate::logging::LogScopes;
use crate::metrics::Metrics;
use crate::serve::access::Access;
use crate::serve::ads::{self, Ads};
use crate::serve::push::Pusher;
use crate::serve::registration::Registration;
use crate::serve::server::{Secure, Security};
use crate::serve::services;
use crate::settings::{Settings, automatic_limit};
use crate::translate::Translator;
use crate::version;

/// Runs the control plane until it is told to stop (SIGINT or SIGTERM). An error is one of starting: after
/// that, what goes wrong is logged and survived.
pub fn run(options: Options, settings: Settings, scopes: LogScopes) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cpus())
        .enable_all()
        .build()
        .context("the runtime could not be started")?;
    let result = runtime.block_on(serve(&options, &settings, scopes));
    // Blocking work that is left, such as a look at the file system, must not hold up the end.
    runtime.shutdown_background();
    result
}

fn cpus() -> usize {
    available_parallelism().map_or(1, usize::from)
}

async fn serve(options: &Options, settings: &Settings, scopes: LogScopes) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let (stop, stopped) = watch::channel(false);
    let (ready, is_ready) = watch::channel(false);

    let metrics = Arc::new(Metrics::new(version::VERSION));
    metrics.info.with(&[&version::tag()]).set(1.0);
    let mut inputs = Inputs::start(options, settings, &metrics).await?;
    let mut snapshots = inputs.snapshots.clone();
    let (mut controllers, reports) = match inputs.written.take() {
        Some(client) => {
            let (controllers, reports) =
                controllers::start(options, settings, client, &snapshots, &metrics);
            (Some(controllers), reports)
        }
        None => (None, None),
    };
    let reports = match inputs.registered.take() {
        Some(batches) => Some(controllers::in_memory(options, settings, &snapshots, batches)),
        None => reports,
    };
    let registration = reports.map(|reports| Registration {
        registers: settings.register_workloads,
        health: settings.workload_health,
        proved: settings.validate_workload_identity,
        snapshots: snapshots.clone(),
        reports,
    });
    let (pusher, _) = Pusher::start(snapshots.clone(), Translator::default(), metrics.clone())?;
    let mut trust = Trust::start(options, settings, &mut inputs, &metrics).await?;
    let certificates = trust.certificates(settings, &snapshots, &metrics);
    let secrets = secrets::start(&mut inputs, &metrics);
    if let (Some(controllers), Some(distributed)) = (&mut controllers, trust.distributed(settings))
    {
        if settings.external {
            controllers.distribute_remotely(Remotes {
                clients: inputs.remote_clients.clone(),
                own: options.identity.cluster_id.as_str().into(),
                distributed: distributed.clone(),
                snapshots: snapshots.clone(),
            });
        }
        controllers.distribute(distributed, snapshots.clone());
    }
    if let Some(controllers) = &mut controllers {
        controllers::register(controllers, options, settings, trust.bundle());
    }
    let ads = Ads::new(
        ads::Config {
            secrets_on_loopback: settings.secrets_on_loopback && inputs.own.is_none(),
            ..ads_config(options, settings, trust.authenticator.clone())
        },
        pusher,
        metrics.clone(),
        registration,
        secrets,
        is_ready.clone(),
        stopped.clone(),
    );
    let validate = validation::webhook(snapshots.clone(), &metrics);
    let Answering { router: reviews, injection } =
        Answering::start(options, settings, &mut inputs, validate, &metrics)?;
    let state = debug::State {
        snapshots: snapshots.clone(),
        connections: ads.connections(),
        diagnostics: inputs.diagnostics.clone(),
        clusters: debug::Clusters::new({
            let clusters = inputs.clusters.clone();
            move || clusters.list()
        }),
        injection,
        metrics: metrics.clone(),
        probes: vec![discovery_probe(is_ready, inputs.clusters.clone(), trust.waiting())],
        version: version::tag().into(),
        access: debug_access(options, settings, trust.authenticator.clone()),
        profile: options.profile,
        metrics_loopback_only: settings.metrics_localhost_only,
    };
    ads.answer(debug::inquiries(state.clone(), &settings.pod_name));
    let mut servers = Servers::new(options, settings, stopped);
    // Certificates are for the port that nobody listens in on, unless there is none.
    let (plain, secure) = match options.listen.secure_grpc_addr {
        Some(_) => (services::router(&ads, None), services::router(&ads, certificates.as_ref())),
        None => (services::router(&ads, certificates.as_ref()), Router::new()),
    };
    let ready_routes = debug::ready_routes(state.clone());
    let shared = match options.listen.https_addr {
        Some(_) => Router::new(),
        None => reviews.clone(),
    };
    open_http(&mut servers, options, settings, shared, &plain, state).await?;
    open_controlz(&mut servers, options, scopes).await;

    let until_ready = async {
        if !snapshots.ready().await {
            return std::future::pending().await;
        }
        if let Some(address) = options.listen.grpc_addr {
            servers.open("--grpcAddr", address, plain).await?;
        }
        if let Some((address, configs)) = trust.secured(options).await {
            let security = Security::Tls(Secure::new(configs));
            servers.serve("--secureGRPCAddr", address, secure, security).await?;
        }
        match trust.webhooks(options).await? {
            Some((address, tls)) => {
                let router = reviews.merge(ready_routes);
                servers.webhooks("--httpsAddr", address, router, tls).await?;
            }
            None if options.listen.https_addr.is_some() => {
                info!(
                    "--httpsAddr: not listening, because there is neither a CA nor a certificate"
                );
            }
            None => {}
        }
        metrics.served.measure_memory(0);
        ready.send_replace(true);
        let took = started.elapsed();
        metrics.startup_duration.set(took.as_secs_f64());
        info!(took_ms = took.as_millis() as u64, "ready");
        std::future::pending::<anyhow::Result<()>>().await
    };
    let signalled = tokio::select! {
        result = until_ready => return result,
        error = inputs.failed() => return Err(error),
        _ = terminated.recv() => "SIGTERM",
        _ = interrupted.recv() => "SIGINT",
    };
    info!("{signalled}: stopping");
    ready.send_replace(false);
    stop.send_replace(true);
    let given_up = async {
        if let Some(controllers) = controllers {
            controllers.stop().await;
        }
    };
    tokio::select! {
        _ = future::join(servers.ended(), given_up) => info!("stopped"),
        _ = terminated.recv() => info!("a second signal: stopped at once"),
        _ = interrupted.recv() => info!("a second signal: stopped at once"),
    }
    Ok(())
}

/// Ready once xDS is served. Before that it says what of the clusters is missing.
fn discovery_probe(
    ready: watch::Receiver<bool>,
    clusters: Clusters,
    certificate: impl Fn() -> Option<String> + Send + Sync + 'static,
) -> Probe {
    let missing = move || match clusters.waiting().join(", ") {
        waiting if waiting.is_empty() => certificate().unwrap_or_default(),
        waiting => format!("waiting for {waiting}"),
    };
    let check = move || if *ready.borrow() { Ok(()) } else { Err(missing()) };
    Probe { name: "discovery", check: Arc::new(check) }
}

/// Opens the HTTP ports. What has no port of its own is served on that of `--httpAddr`.
async fn open_http(
    servers: &mut Servers,
    options: &Options,
    settings: &Settings,
    webhooks: Router,
    xds: &Router,
    state: debug::State,
) -> anyhow::Result<()> {
    let listen = &options.listen;
    let debug =
        if settings.debug_on_http { debug::debug_routes(state.clone()) } else { Router::new() };
    let metrics = debug::metrics_routes(state.clone());
    let mut http = debug::ready_routes(state).merge(debug.clone()).merge(webhooks);
    match listen.monitoring_addr {
        Some(address) => {
            servers.open("--monitoringAddr", address, metrics.merge(debug)).await?;
        }
        None => http = http.merge(metrics),
    }
    if listen.grpc_addr.is_none() {
        http = http.merge(xds.clone());
    }
    match listen.http_addr {
        Some(address) => servers.open("--httpAddr", address, http).await,
        None => Ok(()),
    }
}

/// Opens ControlZ. Nothing depends on it: where it cannot listen, the control plane works without it.
async fn open_controlz(servers: &mut Servers, options: &Options, scopes: LogScopes) {
    let ControlZ { ctrlz_address, ctrlz_port } = options.control_z;
    let address = SocketAddr::new(ctrlz_address, ctrlz_port);
    if let Err(error) = servers.open("--ctrlz_port", address, debug::controlz_routes(scopes)).await
    {
        warn!("{error:#}: log levels cannot be changed while running");
    }
}

/// Who may ask for debug endpoints: those whom 15012 recognises, too.
fn debug_access(
    options: &Options,
    settings: &Settings,
    authenticator: Authenticator,
) -> debug::Access {
    let named = items(&settings.debug_namespaces).chain([&*options.identity.namespace]);
    let namespaces = named.map(Str::from).collect();
    debug::Access { authenticator, by_namespace: settings.debug_by_namespace, namespaces }
}

fn ads_config(options: &Options, settings: &Settings, authenticator: Authenticator) -> ads::Config {
    ads::Config {
        secrets_on_loopback: false,
        cluster_aliases: trust::aliases(options),
        access: Access {
            authenticator,
            tls: settings.xds_auth,
            plaintext: settings.xds_auth_plaintext,
            identity: settings.xds_identity_check,
        },
        max_message: settings.max_receive_message_bytes as usize,
        streams_per_second: settings.max_requests_per_second.ceil() as u32,
        push_throttle: match settings.push_throttle {
            0 => automatic_limit(cpus()) as usize,
            throttle => throttle as usize,
        },
    }
}
