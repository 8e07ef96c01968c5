//! Metrics of the process, with istiod's names, labels and buckets where the meaning is the same.
//!
//! A leaf: every band may count, nobody reads back. One value of [`Metrics`] is made at start and shared.
//! Metrics that istiod does not have begin with `istiod_`. Names are printed as they are declared here
//! (module `text`): dashboards look for `pilot_xds_pushes`, not for `pilot_xds_pushes_total`.

#[macro_use]
mod declare;
mod conflicts;
mod go;
mod primitives;
mod process;
mod queues;
mod served;
mod shape;
mod text;

#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime};

pub use self::conflicts::Conflicts;
pub use self::primitives::{Counter, Family, Gauge, Histogram};
use self::process::Process;
pub use self::queues::Queues;
pub use self::served::Served;
pub use self::shape::Shape;
use self::shape::Shapes;
use self::text::Text;

/// Buckets of pauses and of work on a push, in seconds.
const PUSH_SECONDS: &[f64] = &[0.01, 0.1, 1.0, 3.0, 5.0, 10.0, 20.0, 30.0];
/// Buckets of the work on a snapshot, in seconds.
const SNAPSHOT_SECONDS: &[f64] = &[0.01, 0.1, 0.5, 1.0, 3.0, 5.0];
/// Buckets of the time until a proxy has a change, in seconds.
const PROXY_SECONDS: &[f64] = &[0.1, 0.5, 1.0, 3.0, 5.0, 10.0, 20.0, 30.0];
/// Buckets of the size of what is sent, in bytes; xDS clients refuse messages of 4 MB by default.
const CONFIG_BYTES: &[f64] = &[1.0, 10e3, 1e6, 4e6, 10e6, 40e6];

/// Buckets of the time of an injection, in seconds: istiod's, and below them what is usual.
const INJECTION_SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 1.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0];

/// Buckets of the time that gRPC methods take, those of Go's client.
const GRPC_SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

metrics! {
    /// All metrics of the process. Label values are given in the order of the declaration, which is that of the
    /// labels' names.
    Metrics {
        /// Problems of users' objects that istiod counts.
        pub conflicts: Conflicts,
        /// Queues of the controllers.
        pub queues: Queues,
        /// What proxies are served.
        pub served: Served,
        process: Process
    }
    /// Proxies that are connected, by their Istio version.
    connections: Family<Gauge> = "pilot_xds", Family::gauges(&["version"]);
    /// Responses that were sent, by short type name; with `_senderr` or `_builderr` those that failed.
    pushes: Family<Counter> = "pilot_xds_pushes", Family::counters(&["type"]);
    /// Seconds from building a response to handing it to the stream, by short type name.
    push_time: Family<Histogram> = "pilot_xds_push_time", Family::histograms(&["type"], PUSH_SECONDS);
    /// Seconds that it took to write a response to a stream.
    send_time: Histogram = "pilot_xds_send_time", Histogram::new(PUSH_SECONDS);
    /// Bytes of responses, by type URL.
    config_size: Family<Histogram> = "pilot_xds_config_size_bytes",
        Family::histograms(&["type"], CONFIG_BYTES);
    /// Seconds that changes waited to be joined with others before they were sent.
    debounce_time: Histogram = "pilot_debounce_time", Histogram::new(PUSH_SECONDS);
    /// Seconds that it took to make a snapshot from a batch of changes.
    snapshot_time: Histogram = "pilot_pushcontext_init_seconds", Histogram::new(SNAPSHOT_SECONDS);
    /// Seconds that a change waited for its turn on one proxy.
    queue_time: Histogram = "pilot_proxy_queue_time", Histogram::new(PROXY_SECONDS);
    /// Seconds from a change to the moment at which a proxy was sent everything of it.
    convergence_time: Histogram = "pilot_proxy_convergence_time", Histogram::new(PROXY_SECONDS);
    /// What caused pushes: endpoint, service, config, global, proxyrequest and so on.
    push_triggers: Family<Counter> = "pilot_push_triggers", Family::counters(&["type"]);
    /// Changes that sources brought: config, eds, svc, svcdelete.
    inbound_updates: Family<Counter> = "pilot_inbound_updates", Family::counters(&["type"]);
    /// Responses that proxies refused, by short type name.
    rejects: Family<Counter> = "pilot_total_xds_rejects", Family::counters(&["type"]);
    /// Clusters that a proxy refuses, until it accepts others.
    cds_reject: Family<Gauge> = "pilot_xds_cds_reject", Family::gauges(&["err", "node"]);
    /// Endpoints that a proxy refuses, until it accepts others.
    eds_reject: Family<Gauge> = "pilot_xds_eds_reject", Family::gauges(&["err", "node"]);
    /// Listeners that a proxy refuses, until it accepts others.
    lds_reject: Family<Gauge> = "pilot_xds_lds_reject", Family::gauges(&["err", "node"]);
    /// Routes that a proxy refuses, until it accepts others.
    rds_reject: Family<Gauge> = "pilot_xds_rds_reject", Family::gauges(&["err", "node"]);
    /// Secrets that proxies asked for and did not get, or got though something was wrong with them.
    sds_errors: Counter = "pilot_sds_certificate_errors_total", Counter::default();
    /// Requests that answered an older response than the last one, by short type name.
    expired_nonces: Family<Counter> = "pilot_xds_expired_nonce", Family::counters(&["type"]);
    /// Failures of xDS that are no proxy's fault.
    internal_errors: Counter = "pilot_total_xds_internal_errors", Counter::default();
    /// Bytes of the largest request so far.
    recv_max: Gauge = "pilot_xds_recv_max", Gauge::default();
    /// Streams that were opened, by gRPC method, service and type.
    grpc_started: Family<Counter> = "grpc_server_started_total",
        Family::counters(&["grpc_method", "grpc_service", "grpc_type"]);
    /// Streams that ended, by gRPC status code, method, service and type.
    grpc_handled: Family<Counter> = "grpc_server_handled_total",
        Family::counters(&["grpc_code", "grpc_method", "grpc_service", "grpc_type"]);
    /// Messages that streams received, by gRPC method, service and type.
    grpc_received: Family<Counter> = "grpc_server_msg_received_total",
        Family::counters(&["grpc_method", "grpc_service", "grpc_type"]);
    /// Messages that streams sent, by gRPC method, service and type.
    grpc_sent: Family<Counter> = "grpc_server_msg_sent_total",
        Family::counters(&["grpc_method", "grpc_service", "grpc_type"]);
    /// Seconds that gRPC methods took, streams from their beginning to their end, by method, service and type.
    grpc_handling: Family<Histogram> = "grpc_server_handling_seconds",
        Family::histograms(&["grpc_method", "grpc_service", "grpc_type"], GRPC_SECONDS);
    /// Requests for certificates.
    ca_requests: Counter = "citadel_server_csr_count", Counter::default();
    /// Requests for certificates of callers that were not recognised.
    ca_unauthenticated: Counter = "citadel_server_authentication_failure_count", Counter::default();
    /// Requests for certificates that could not be read.
    ca_unparsable: Counter = "citadel_server_csr_parsing_err_count", Counter::default();
    /// Requests for certificates of whom the caller may not speak for.
    ca_unidentified: Counter = "citadel_server_id_extraction_err_count", Counter::default();
    /// Requests for certificates that were refused, by reason.
    ca_unsigned: Family<Counter> = "citadel_server_csr_sign_err_count", Family::counters(&["error"]);
    /// Certificates that were issued.
    ca_issued: Counter = "citadel_server_success_cert_issuance_count", Counter::default();
    /// When the first root ends, in seconds since 1970.
    root_end: Gauge = "citadel_server_root_cert_expiry_timestamp", Gauge::default();
    /// Seconds until the first root ends.
    root_left: Gauge = "citadel_server_root_cert_expiry_seconds", Gauge::default();
    /// When the first certificate of the CA's chain ends, in seconds since 1970.
    chain_end: Gauge = "citadel_server_cert_chain_expiry_timestamp", Gauge::default();
    /// Seconds until the first certificate of the CA's chain ends.
    chain_left: Gauge = "citadel_server_cert_chain_expiry_seconds", Gauge::default();
    /// When certificates end that the process uses, in seconds since 1970, by what they are for.
    certificate_end: Family<Gauge> = "istiod_certificate_expiry_timestamp",
        Family::gauges(&["certificate"]);
    /// WorkloadEntries that were made for proxies that connected.
    registrations: Counter = "auto_registration_success_total", Counter::default();
    /// WorkloadEntries that were told of a connection of their proxy.
    registration_updates: Counter = "auto_registration_updates_total", Counter::default();
    /// WorkloadEntries that were told of the end of their proxy's connection.
    unregistrations: Counter = "auto_registration_unregister_total", Counter::default();
    /// WorkloadEntries that were deleted because their proxy stayed away.
    registration_deletes: Counter = "auto_registration_deletes_total", Counter::default();
    /// Writes to WorkloadEntries of proxies that were given up.
    registration_errors: Counter = "auto_registration_errors_total", Counter::default();
    /// Requests for the injection of a pod.
    injection_requests: Counter = "sidecar_injection_requests_total", Counter::default();
    /// Requests for the injection of a pod that were answered without an error, pods that were left alone included.
    injection_successes: Counter = "sidecar_injection_success_total", Counter::default();
    /// Requests for the injection of a pod that ended with an error.
    injection_failures: Counter = "sidecar_injection_failure_total", Counter::default();
    /// Pods that were left alone.
    injection_skipped: Counter = "sidecar_injection_skip_total", Counter::default();
    /// Seconds that requests for the injection of a pod took.
    injection_time: Histogram = "sidecar_injection_time_seconds", Histogram::new(INJECTION_SECONDS);
    /// Configurations of the injector that could not be used, so that the one before stays.
    injection_rejected: Counter = "istiod_injection_config_rejected", Counter::default();
    /// Roots that the mesh trusts, by who vouches for them.
    trust_anchors: Family<Gauge> = "istiod_trust_anchors", Family::gauges(&["source"]);
    /// Attempts to fetch SPIFFE bundles, by result.
    bundle_fetches: Family<Counter> = "istiod_trust_bundle_fetches_total",
        Family::counters(&["result"]);
    /// Services that are known.
    services: Gauge = "pilot_services", Gauge::default();
    /// Virtual services that are known.
    virtual_services: Gauge = "pilot_virt_services", Gauge::default();
    /// Changes of Istio's objects, whatever source they come from.
    config_events: Family<Counter> = "pilot_k8s_cfg_events", Family::counters(&["event", "type"]);
    /// Changes of Kubernetes' own objects, whatever source they come from.
    registry_events: Family<Counter> = "pilot_k8s_reg_events", Family::counters(&["event", "type"]);
    /// Endpoints that stand for a pod that does not exist.
    endpoints_without_pod: Gauge = "endpoint_no_pod", Gauge::default();
    /// Endpoints that wait for the pod that they stand for.
    endpoints_pending: Gauge = "pilot_k8s_endpoints_pending_pod", Gauge::default();
    /// How often an endpoint came before the pod that it stands for.
    endpoints_before_pod: Counter = "pilot_k8s_endpoints_with_no_pods", Counter::default();
    /// Proxies that connected and that no service leads to, by why: no_matching_services of their pod,
    /// no_matching_metadata where no pod is known, incorrect_cluster where the cluster is not.
    without_targets: Family<Counter> = "pilot_k8s_proxies_with_no_service_targets",
        Family::counters(&["reason"]);
    /// Endpoints that are not ready.
    endpoints_not_ready: Gauge = "pilot_endpoint_not_ready", Gauge::default();
    /// Clusters that have no endpoint.
    clusters_without_endpoints: Gauge = "pilot_eds_no_instances", Gauge::default();
    /// The build of the component.
    build: Family<Gauge> = "istio_build", Family::gauges(&["component", "tag"]);
    /// The build of the process: version, revision and state of the source.
    info: Family<Gauge> = "pilot_info", Family::gauges(&["version"]);
    /// Seconds since the process began.
    uptime: Gauge = "istiod_uptime_seconds", Gauge::default();
    /// Seconds from the beginning of the process until it was ready.
    startup_duration: Gauge = "startup_duration_seconds", Gauge::default();
    /// 1 for the locks that this replica leads.
    leader: Family<Gauge> = "istiod_leader", Family::gauges(&["lock"]);
    /// Attempts to write an object's status, by what came of them: written, unchanged, retried, refused.
    writes: Family<Counter> = "istiod_writes", Family::counters(&["kind", "result"]);
    /// Attempts to give webhooks that inject the roots of the control plane.
    webhook_patches: Family<Counter> = "webhook_patch_attempts_total", Family::counters(&["name"]);
    /// Attempts that are to be repeated, by webhook configuration.
    webhook_retries: Family<Counter> = "webhook_patch_retries_total", Family::counters(&["name"]);
    /// Attempts that failed, by webhook configuration and reason.
    webhook_failures: Family<Counter> = "webhook_patch_failures_total",
        Family::counters(&["name", "reason"]);
    /// Webhook configurations that validate and were written.
    validation_updates: Counter = "galley_validation_config_updates", Counter::default();
    /// Webhook configurations that validate and could not be written, by reason.
    validation_update_errors: Family<Counter> = "galley_validation_config_update_error",
        Family::counters(&["reason"]);
    /// Items that wait in a queue.
    queue_depth: Family<Gauge> = "istiod_queue_depth", Family::gauges(&["queue"]);
    /// When following a resource of a cluster failed, in seconds since 1970; 0 while it is followed.
    stale_since: Family<Gauge> = "istiod_kubernetes_stale_since_seconds",
        Family::gauges(&["cluster", "resource"]);
    /// How often following a resource of a cluster failed.
    watch_failures: Family<Counter> = "istiod_kubernetes_watch_failures",
        Family::counters(&["cluster", "resource"]);
    /// How often following a cluster failed.
    sync_errors: Family<Counter> = "controller_sync_errors_total", Family::counters(&["cluster"]);
    /// Objects that were not as the API server has them, and were read again.
    drift: Family<Counter> = "istiod_kubernetes_drift", Family::counters(&["cluster", "resource"]);
    /// Clusters of the mesh: the own one, and those of which a secret tells.
    managed_clusters: Family<Gauge> = "istiod_managed_clusters", Family::gauges(&["cluster_type"]);
    /// 1 for how far reading a remote cluster is: synced, syncing, timeout, closed.
    remote_sync_status: Family<Gauge> = "istiod_remote_cluster_sync_status",
        Family::gauges(&["cluster", "cluster_type", "status"]);
    /// How often a remote cluster was not read in time.
    remote_timeouts: Family<Counter> = "remote_cluster_sync_timeouts_total",
        Family::counters(&["cluster"]);
    /// Changes of the secrets that tell of remote clusters: add, update, delete.
    remote_secret_events: Family<Counter> = "remote_cluster_secret_events_total",
        Family::counters(&["event"]);
    /// Documents that were fetched to learn the keys of issuers.
    jwks_fetched: Counter = "pilot_jwks_resolver_network_fetch_success_total", Counter::default();
    /// Documents that could not be fetched to learn the keys of issuers.
    jwks_failed: Counter = "pilot_jwks_resolver_network_fetch_fail_total", Counter::default();
    /// Objects that were written and found sound, by resource.
    validation_passed: Family<Counter> = "galley_validation_passed",
        Family::counters(&["group", "resource", "version"]);
    /// Objects that were refused, and requests that nothing is said to, by reason and resource.
    validation_failed: Family<Counter> = "galley_validation_failed",
        Family::counters(&["group", "reason", "resource", "version"]);
    /// Requests for validation that no review could be read from, by the status of the answer.
    validation_http_error: Family<Counter> = "galley_validation_http_error",
        Family::counters(&["status"]);
    /// Streams that were turned away, by reason.
    refused_streams: Family<Counter> = "istiod_refused_streams", Family::counters(&["reason"]);
    /// What users should know of their objects at the moment, by severity.
    diagnostics: Family<Gauge> = "istiod_diagnostics", Family::gauges(&["severity"]);
}

impl Metrics {
    /// For a process of this version that begins now: everything is zero, and [`Metrics::info`] is
    /// to be set by who knows the build.
    pub fn new(version: &str) -> Metrics {
        let metrics = Metrics::zero();
        metrics.build.with(&["pilot", version]).set(1.0);
        metrics
    }

    /// Everything in Prometheus' text format 0.0.4, sorted by name.
    pub fn render(&self) -> String {
        self.uptime.set(self.uptime().as_secs_f64());
        self.show_left();
        let mut text = Text::default();
        self.visit(&mut text);
        text.finish()
    }

    /// Every metric that there is, as it is declared, by name.
    pub fn shapes(&self) -> Vec<Shape> {
        let mut shapes = Shapes::default();
        self.visit(&mut shapes);
        shapes.0.sort_by_key(|shape| shape.name);
        shapes.0
    }

    /// How long what ends at a known time is still valid; 0 where no end is known.
    fn show_left(&self) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        for (end, left) in [(&self.root_end, &self.root_left), (&self.chain_end, &self.chain_left)]
        {
            let end = end.get();
            left.set(if end == 0.0 { 0.0 } else { end - now.as_secs_f64() });
        }
    }

    /// How long the process has been running.
    pub fn uptime(&self) -> Duration {
        self.process.started.elapsed()
    }
}
