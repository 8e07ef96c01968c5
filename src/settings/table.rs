//! The table of environment variables: names, types, defaults, meanings, and whether they have an effect.
//!
//! Everything said of a variable anywhere (the typed [`Settings`], what is logged at start, the table in
//! COMPATIBILITY.md) derives from here. A variable that gets an effect moves from [`OTHERS`] into the
//! `settings!` block, where it becomes a typed field.

use std::time::Duration;

use super::fields::settings;
use crate::api::features::{Compliance, JwksFetcher, NativeSidecars, Percent, SessionLabels};
use crate::api::{Block, Features};

/// Whether a variable has an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It does what istiod does with it.
    Effective,
    /// The part of the project that reads it does not exist yet.
    Pending,
    /// It has no effect, and why none is needed.
    Different(&'static str),
}

/// What is known of one variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// Its default, as it would be written.
    pub default: String,
    /// What it is for.
    pub meaning: &'static str,
    /// Whether it has an effect.
    pub state: State,
}

settings! {
    Settings, "The variables that have an effect, read.";
    "POD_NAME" pod_name: String = String::new(),
        "the name of this replica, in answers and in what it writes";
    "POD_NAMESPACE" pod_namespace: String = "istio-system".to_owned(),
        "the default of --namespace";
    "REVISION" revision: String = String::new(),
        "the revision of the control plane; names the ConfigMap of the mesh configuration";
    "SHARED_MESH_CONFIG" shared_mesh_config: String = String::new(),
        "a ConfigMap that the mesh configuration is laid over; none if empty";
    "ISTIO_WATCH_NAMESPACE" watch_namespace: String = String::new(),
        "the only namespace of the cluster that is read; all if empty";
    "PILOT_IGNORE_RESOURCES" ignore_resources: String = String::new(),
        "Istio's kinds that are not read from a cluster, such as *.istio.io or sidecars.networking.istio.io";
    "PILOT_INCLUDE_RESOURCES" include_resources: String = String::new(),
        "kinds that are read although they are ignored";
    "PILOT_REMOTE_CLUSTER_TIMEOUT" remote_cluster_timeout: Duration = Duration::from_secs(30),
        "how long the start waits for each remote cluster; 0 waits for ever";
    "PILOT_INSECURE_MULTICLUSTER_KUBECONFIG_OPTIONS" insecure_kubeconfig: String = String::new(),
        "what kubeconfigs of remote clusters may ask for although it runs commands or reads files: clientKey, clientCertificate, tokenFile, exec, and names of auth providers";
    "PILOT_MULTICLUSTER_KUBECONFIG_PATH" kubeconfig_folder: String = String::new(),
        "a directory of kubeconfigs of remote clusters, which takes the place of secrets";
    "LOCAL_CLUSTER_SECRET_WATCHER" secrets_of_own_pod: bool = false,
        "with EXTERNAL_ISTIOD: the secrets of remote clusters are those of the cluster that the process runs in, whatever --kubeconfig names";
    "CLUSTER_ID" cluster_id: String = "Kubernetes".to_owned(),
        "the default of --clusterID";
    "PILOT_DEBOUNCE_AFTER" debounce_after: Duration = Duration::from_millis(100),
        "how long changes must pause before a push while they keep coming; a change after quiet goes out at once";
    "PILOT_DEBOUNCE_MAX" debounce_max: Duration = Duration::from_secs(10),
        "how long a change waits at most while others keep coming";
    "PILOT_PUSH_THROTTLE" push_throttle: u32 = 0,
        "how many proxies are pushed to at once; 0 decides by the number of CPUs";
    "PILOT_MAX_REQUESTS_PER_SECOND" max_requests_per_second: f64 = 0.0,
        "how many new streams are admitted a second; 0 stands for 2,000";
    "ISTIO_GPRC_MAXSTREAMS" max_streams: u32 = 100_000,
        "concurrent streams of one connection";
    "ISTIO_GPRC_MAXRECVMSGSIZE" max_receive_message_bytes: u32 = 4 * 1024 * 1024,
        "the longest request, in bytes";
    "GRPC_KEEPALIVE_INTERVAL" keepalive_interval: Duration = Duration::from_secs(30),
        "the default of --keepaliveInterval";
    "GRPC_KEEPALIVE_TIMEOUT" keepalive_timeout: Duration = Duration::from_secs(10),
        "the default of --keepaliveTimeout";
    "ENABLE_DEBUG_ON_HTTP" debug_on_http: bool = true,
        "serves /debug";
    "ENABLE_DEBUG_ENDPOINT_AUTH" debug_by_namespace: bool = true,
        "callers of debug endpoints may ask for what their namespace lets them";
    "DEBUG_ENDPOINT_AUTH_ALLOWED_NAMESPACES" debug_namespaces: String = String::new(),
        "namespaces that may ask for everything beside the system namespace, with commas between them";
    "METRICS_LOCALHOST_ACCESS_ONLY" metrics_localhost_only: bool = false,
        "answers /metrics to loopback addresses only";
    "ISTIO_ENABLE_CONTROLLER_QUEUE_METRICS" queue_metrics: bool = false,
        "counts the queues of controllers as pilot_worker_queue_*";
    "PILOT_ENABLE_METADATA_EXCHANGE" metadata_exchange: bool = true,
        "gives proxies the filters that tell each other about their workloads";
    "PILOT_DISABLE_MX_ALPN" no_peer_alpn: bool = false,
        "leaves the peer exchange protocol out of ALPN";
    "PILOT_ENABLE_ABSOLUTE_FQDN_VHOST_DOMAIN" absolute_domains: bool = true,
        "routes also answer to host names with a dot at the end";
    "PILOT_HTTP10" http10: bool = false,
        "proxies accept HTTP/1.0";
    "PILOT_ENABLE_ALPN_FILTER" alpn_filter: bool = true,
        "gives outbound connection managers Istio's ALPN filter";
    "MAX_CONNECTIONS_PER_SOCKET_EVENT_LOOP" accept_per_event: u32 = 1,
        "connections that a listener accepts in one turn of its event loop; 0 leaves it to Envoy";
    "PILOT_GATEWAY_TRANSPORT_SOCKET_CONNECT_TIMEOUT" handshake_timeout: Duration = Duration::from_secs(15),
        "how long a handshake behind an outbound listener may take";
    "ENABLE_100_CONTINUE_HEADERS" continue_100: bool = true,
        "proxies pass 100 Continue on";
    "PILOT_SKIP_VALIDATE_TRUST_DOMAIN" any_trust_domain: bool = false,
        "inbound mTLS accepts peers of any trust domain";
    "PILOT_TRACE_SAMPLING" trace_sampling: Percent = Percent::ONE,
        "percentage of requests that are traced when nobody asked for it";
    "PILOT_ENABLE_MONGO_FILTER" mongo_filter: bool = true,
        "reads the MongoDB protocol";
    "PILOT_SIDECAR_USE_REMOTE_ADDRESS" sidecar_remote_address: bool = false,
        "sidecars append to X-Forwarded-For of what their workload sends";
    "PILOT_SEND_UNHEALTHY_ENDPOINTS" send_unhealthy: bool = false,
        "unready endpoints are sent, marked unhealthy";
    "PILOT_ENABLE_TELEMETRY_LABEL" telemetry: bool = true,
        "clusters and endpoints carry labels for telemetry";
    "PILOT_ENDPOINT_TELEMETRY_LABEL" endpoint_telemetry: bool = true,
        "endpoints carry labels for telemetry";
    "DISABLE_TRACK_REMAINING_CB_METRICS" no_track_remaining: bool = true,
        "leaves gauges of remaining capacity out";
    "PILOT_SCOPE_GATEWAY_TO_NAMESPACE" gateways_in_own_namespace: bool = false,
        "Gateways are served by proxies of their own namespace only";
    "PILOT_FILTER_GATEWAY_CLUSTER_CONFIG" filter_gateway_clusters: bool = false,
        "gateways get only the clusters that they route to";
    "PILOT_SIDECAR_PICK_BEST_SERVICE_NAMESPACE" best_service_namespace: bool = true,
        "which of several services of one name a Sidecar means";
    "PILOT_ALLOW_SIDECAR_SERVICE_INBOUND_LISTENER_MERGE" sidecar_ingress_merge: bool = false,
        "Sidecar ingress listeners add to those of services";
    "ENABLE_TLS_ON_SIDECAR_INGRESS" sidecar_ingress_tls: bool = false,
        "TLS settings of Sidecar ingress listeners";
    "PILOT_ENABLE_ROUTE_COLLAPSE_OPTIMIZATION" collapse_routes: bool = true,
        "hosts of gateways that have the same routes share a virtual host";
    "PILOT_ENABLE_EDS_FOR_HEADLESS_SERVICES" headless_eds: bool = false,
        "sidecars balance over the endpoints of headless services, instead of going where the application connects";
    "ENABLE_ENHANCED_DESTINATIONRULE_MERGE" merge_rules_by_visibility: bool = true,
        "of several DestinationRules for a host, those with the same exportTo are merged; all of a namespace otherwise";
    "ENABLE_LOCALITY_WEIGHTED_LB_CONFIG" weigh_localities: bool = false,
        "clusters weigh localities even where nothing asks for it";
    "PREFER_DESTINATIONRULE_TLS_FOR_EXTERNAL_SERVICES" external_tls_by_rule: bool = true,
        "for external services, TLS of DestinationRules wins over the certificates in a proxy's metadata";
    "PILOT_ENABLE_SERVICEENTRY_SELECT_PODS" select_pods: bool = true,
        "selectors of ServiceEntries select pods too, not only WorkloadEntries";
    "PILOT_ENABLE_K8S_SELECT_WORKLOAD_ENTRIES" select_workload_entries: bool = true,
        "selectors of Kubernetes Services select WorkloadEntries too";
    "PILOT_ENABLE_CROSS_CLUSTER_WORKLOAD_ENTRY" remote_workload_entries: bool = true,
        "WorkloadEntries of remote clusters are used";
    "ENABLE_MULTICLUSTER_HEADLESS" remote_headless: bool = true,
        "name tables list the endpoints that headless services have in other clusters";
    "PILOT_ENABLE_WORKLOAD_ENTRY_HEALTHCHECKS" workload_health: bool = true,
        "WorkloadEntries whose health is checked count only while they are healthy";
    "PILOT_ENABLE_WORKLOAD_ENTRY_AUTOREGISTRATION" register_workloads: bool = true,
        "registers workloads that connect and name their WorkloadGroup";
    "PILOT_ENABLE_IP_AUTOALLOCATE" allocate_addresses: bool = true,
        "gives addresses to ServiceEntries without one, for proxies that capture DNS";
    "PILOT_IP_AUTOALLOCATE_IPV4_PREFIX" allocate_v4: Block = Features::ALLOCATE_V4,
        "where IPv4 addresses are given from";
    "PILOT_IP_AUTOALLOCATE_IPV6_PREFIX" allocate_v6: Block = Features::ALLOCATE_V6,
        "where IPv6 addresses are given from";
    "ENABLE_LEADER_ELECTION" leader_election: bool = true,
        "of several replicas one writes; without, this one does";
    "PILOT_STATUS_MAX_WORKERS" status_workers: u32 = 100,
        "concurrent status writes";
    "ISTIO_WORKLOAD_ENTRY_VALIDATE_IDENTITY" validate_workload_identity: bool = true,
        "WorkloadEntries are registered by, and their health is taken from, proxies only that prove who they are, which on plaintext ports nobody can";
    "PILOT_WORKLOAD_ENTRY_GRACE_PERIOD" workload_grace: Duration = Duration::from_secs(10),
        "how long a registered WorkloadEntry, and what a workload told of its health, outlives its connection";
    "PILOT_DNS_JITTER_DURATION" dns_jitter: Duration = Duration::from_millis(100),
        "how far apart in time proxies resolve one name again";
    "PILOT_DNS_CARES_UDP_MAX_QUERIES" dns_udp_queries: u32 = 100,
        "queries on one UDP socket of a proxy's resolver";
    "PILOT_ENABLE_QUIC_LISTENERS" quic: bool = false,
        "gateways end TLS for HTTP over QUIC too (HTTP/3), where their service has the port in UDP";
    "ENABLE_HCM_INTERNAL_NETWORKS" internal_networks: bool = false,
        "sidecars, as gateways do anyway, take the address ranges of the mesh networks for internal";
    "PILOT_ENABLE_MULTIPLE_CUSTOM_AUTHZ_PROVIDERS" several_ext_authz: bool = false,
        "several providers may decide over the requests of one workload; without, such a workload refuses them";
    "DISABLE_SHADOW_HOST_SUFFIX" mirror_as_is: bool = true,
        "mirrored requests keep their host; otherwise it ends in -shadow";
    "PILOT_MX_ADDITIONAL_LABELS" exchanged_labels: String = String::new(),
        "labels that workloads tell each other beside those that all do, with commas between them";
    "LABEL_CANONICAL_SERVICES_FOR_MESH_EXTERNAL_SERVICE_ENTRIES" external_canonical: bool = false,
        "endpoints of external services tell the canonical names that the labels of their service say";
    "PILOT_ENABLE_MYSQL_FILTER" mysql_filter: bool = false,
        "reads the MySQL protocol";
    "PILOT_ENABLE_REDIS_FILTER" redis_filter: bool = false,
        "speaks the Redis protocol, so that keys are spread over the endpoints";
    "PILOT_ENABLE_PERSISTENT_SESSION_FILTER" session_filter: bool = false,
        "proxies keep the sessions of clients with an endpoint, where services ask for it by label";
    "PILOT_PERSISTENT_SESSION_LABEL" session_cookie_label: String = SessionLabels::default().cookie.to_owned(),
        "the label of services that names the cookie of a session; none if empty";
    "PILOT_PERSISTENT_SESSION_HEADER_LABEL" session_header_label: String = SessionLabels::default().header.to_owned(),
        "the label of services that names the header of a session; none if empty";
    "PILOT_DRAINING_LABEL" draining_label: String = SessionLabels::default().draining.to_owned(),
        "the label of endpoints that take no new sessions; none if empty";
    "COMPLIANCE_POLICY" compliance: Compliance = Compliance::None,
        "restricts TLS of proxies (fips-140-2, pqc)";
    "PILOT_JWT_ENABLE_REMOTE_JWKS" jwks_fetcher: JwksFetcher = JwksFetcher::Istiod,
        "who fetches JSON web keys that are named by URL: the control plane (false), proxies where a service has the host (true), or proxies (envoy)";
    "PILOT_JWT_PUB_KEY_REFRESH_INTERVAL" jwks_refresh: Duration = Duration::from_secs(20 * 60),
        "how often JSON web keys are fetched again";
    "JWKS_RESOLVER_INSECURE_SKIP_VERIFY" jwks_insecure: bool = false,
        "does not verify servers of JSON web keys";
    "BLOCKED_CIDRS_IN_JWKS_URIS" jwks_blocked: String = String::new(),
        "blocks of addresses that JSON web keys are not fetched from, with commas between them, beside those that never are: loopback, link-local and metadata of clouds";
    "ISTIOD_SECRETS_ON_LOOPBACK" secrets_on_loopback: bool = false,
        "in plaintext from loopback addresses, proxies are served secrets as the account that their node names; only where no API server knows rights";
    "ISTIOD_ALLOWED_CIDRS_IN_JWKS_URIS" jwks_allowed: String = String::new(),
        "blocks of addresses that JSON web keys are fetched from although they are of those that never are";
    "ENABLE_SELECTOR_BASED_K8S_GATEWAY_POLICY" select_gateways: bool = true,
        "policies select Gateway API gateways by label too";
    "ISTIOD_CUSTOM_HOST" custom_hosts: String = String::new(),
        "further host names in the certificate of the control plane, with commas between them";
    "INJECTION_WEBHOOK_CONFIG_NAME" injection_configuration: String = "istio-sidecar-injector".to_owned(),
        "empty: others keep the webhook configurations by which the revision injects; any name: they are kept, by their label";
    "VALIDATION_WEBHOOK_CONFIG_NAME" validation_configuration: String = "istio-istio-system".to_owned(),
        "empty: others keep the webhook configurations by which the revision validates; any name: they are kept, by their label";
    "ENABLE_CA_SERVER" ca_server: bool = true,
        "signs certificates of workloads";
    "TRUSTED_GATEWAY_CIDR" trusted_gateways: String = String::new(),
        "addresses whose forwarded client certificates are believed, with commas between them";
    "TOKEN_ISSUER" token_issuer: String = String::new(),
        "the issuer of service account tokens, for a control plane outside of the cluster; that of its own token if empty";
    "AUDIENCE" token_audience: String = String::new(),
        "the audience of these tokens; that of its own token if empty, and TOKEN_AUDIENCES without one";
    "KUBERNETES_SERVICE_HOST" kubernetes_service_host: String = String::new(),
        "tells that the process runs in a pod, where the API server verifies tokens";
    "PILOT_CERT_PROVIDER" cert_provider: String = "istiod".to_owned(),
        "who signs the certificate of the control plane: istiod, a signer of Kubernetes as k8s.io/SIGNER, or none";
    "EXTERNAL_CA" external_ca: String = String::new(),
        "who signs workload certificates instead: ISTIOD_RA_KUBERNETES_API for signers of Kubernetes";
    "K8S_SIGNER" k8s_signer: String = String::new(),
        "the Kubernetes signer of workload certificates";
    "CERT_SIGNER_DOMAIN" cert_signer_domain: String = String::new(),
        "the domain of the Kubernetes signers that clients name (ISTIO_META_CERT_SIGNER)";
    "CA_TRUSTED_NODE_ACCOUNTS" node_accounts: String = String::new(),
        "accounts that may ask for certificates of the pods of their node, such as istio-system/ztunnel, with commas between them";
    "USE_CACERTS_FOR_SELF_SIGNED_CA" self_signed_in_cacerts: bool = false,
        "keeps the self-signed CA in the secret cacerts";
    "ROOT_CA_DIR" root_ca_dir: String = "./etc/cacerts".to_owned(),
        "where the CA's key and certificates are plugged in";
    "ISTIO_MULTIROOT_MESH" multi_root: bool = false,
        "the roots of the mesh are those of the CA and those of caCertificates of the mesh configuration; agents are told of all of them";
    "ENABLE_CLUSTER_TRUST_BUNDLE_API" cluster_trust_bundle: bool = false,
        "the roots go into a ClusterTrustBundle instead of ConfigMaps";
    "PILOT_ENABLE_CA_CRL" revocation: bool = true,
        "the revocation lists of a plugged-in CA (ca-crl.pem) are distributed, and count on the secure port";
    "PILOT_CRL_CONFIGMAP" revoked_config_map: String = "istio-ca-crl".to_owned(),
        "the ConfigMap of the revocation lists, in every namespace";
    "EXTERNAL_ISTIOD" external: bool = false,
        "distributes the roots in those remote clusters too that name this one's cluster by topology.istio.io/controlPlaneClusters";
    "USE_REMOTE_CERTS" plugged_in_secret: bool = false,
        "takes the CA that is plugged in from the secret cacerts, where no directory has it";
    "DEFAULT_WORKLOAD_CERT_TTL" workload_lifetime: Duration = Duration::from_secs(24 * 3600),
        "lifetime of workload certificates";
    "MAX_WORKLOAD_CERT_TTL" workload_max_lifetime: Duration = Duration::from_secs(2160 * 3600),
        "the longest that may be asked for";
    "CITADEL_SELF_SIGNED_CA_CERT_TTL" root_lifetime: Duration = Duration::from_secs(87_600 * 3600),
        "lifetime of the self-signed root";
    "CITADEL_SELF_SIGNED_ROOT_CERT_CHECK_INTERVAL" root_check: Duration = Duration::from_secs(3600),
        "how often its renewal is considered; 0 for never";
    "CITADEL_SELF_SIGNED_ROOT_CERT_GRACE_PERIOD_PERCENTILE" root_grace_percent: u32 = 20,
        "the last part of its life, in percent, in which it is renewed";
    "CITADEL_ENABLE_JITTER_FOR_ROOT_CERT_ROTATOR" root_jitter: bool = true,
        "spreads renewal over replicas";
    "CITADEL_SELF_SIGNED_CA_RSA_KEY_SIZE" root_bits: u32 = 2048,
        "bits of the self-signed root's key: 2048, 3072 or 4096";
    "PILOT_CA_CERT_CONFIGMAP" root_config_map: String = "istio-ca-root-cert".to_owned(),
        "the ConfigMap of the roots, in every namespace";
    "TOKEN_AUDIENCES" token_audiences: String = "istio-ca".to_owned(),
        "the audiences of service account tokens, with commas between them";
    "JWT_RULE" jwt_rule: String = String::new(),
        "an OIDC issuer whose tokens of service accounts are taken, in JSON: issuer, audiences, and jwks_uri or jwks";
    "XDS_AUTH" xds_auth: bool = true,
        "xDS clients must prove who they are, over TLS";
    "XDS_AUTH_PLAINTEXT" xds_auth_plaintext: bool = false,
        "xDS clients must prove who they are in plaintext too";
    "PILOT_ENABLE_XDS_IDENTITY_CHECK" xds_identity_check: bool = true,
        "a proxy must be of the namespace and service account that its client proved; without, it has no identity";
    "INJECT_ENABLED" inject: bool = true,
        "serves the injection webhook, once there is a configuration for it";
    "ENABLE_NATIVE_SIDECARS" native_sidecars: NativeSidecars = NativeSidecars::Auto,
        "injects sidecars as init containers that keep running; auto decides by the nodes of the cluster";
    "PLATFORM" platform: String = String::new(),
        "the platform of the cluster; on openshift proxies run as users that their namespace says";
}

/// The variables that have no effect: name, default, meaning, and why.
#[rustfmt::skip]
const OTHERS: &[(&str, &str, &str, State)] = {
    use State::{Different, Pending};
    const AGENT: State = Different("read by the agent beside the proxy, not by the control plane");
    const NO_CACHE: State = Different("builders are memoised on what they read and memory follows what is served; there is no cache to size or to switch off");
    const ALWAYS_LAZY: State = Different("scopes are built when a proxy first needs them, and only once");
    const GO_ONLY: State = Different("a knob of the Go implementation");
    const TEST_ONLY: State = Different("a test aid of the Go implementation");
    &[
        ("UNSAFE_ENABLE_ADMIN_ENDPOINTS", "false", "serves /debug/force_disconnect", Pending),
        ("ISTIO_AGENT_ENABLE_WASM_REMOTE_LOAD_CONVERSION", "true", "the agent fetches Wasm modules", AGENT),
        ("PILOT_ENABLE_NODE_UNTAINT_CONTROLLERS", "false", "removes the taint of nodes whose CNI is ready", Pending),
        ("PILOT_NODE_UNTAINT_CONTROLLERS_TAINT_NAME", "cni.istio.io/not-ready", "the taint to remove", Pending),
        ("UNSAFE_PILOT_ENABLE_RUNTIME_ASSERTIONS", "false", "assertions at run time", TEST_ONLY),
        ("UNSAFE_PILOT_ENABLE_DELTA_TEST", "false", "compares delta and full pushes", TEST_ONLY),
        ("PILOT_ENVOY_FILTER_STATS", "false", "metrics of EnvoyFilter patches", Pending),
        ("RESOLVE_HOSTNAME_GATEWAYS", "true", "resolves host names of network gateways", Pending),
        ("PILOT_MULTI_NETWORK_DISCOVER_GATEWAY_API", "true", "finds network gateways among Gateway API Gateways", Pending),
        ("ISTIO_KUBE_CLIENT_CONTENT_TYPE", "protobuf", "encoding of API server traffic", Pending),
        ("ISTIO_ENABLE_IPV4_OUTBOUND_LISTENER_FOR_IPV6_CLUSTERS", "false", "IPv4 listeners for IPv6 proxies", Pending),
        ("ENABLE_VTPROTOBUF", "true", "faster encoding", GO_ONLY),
        ("PILOT_GATEWAY_API_DEFAULT_GATEWAYCLASS_NAME", "istio", "the GatewayClass of the control plane", Pending),
        ("PILOT_GATEWAY_API_CONTROLLER_NAME", "istio.io/gateway-controller", "its controller name", Pending),
        ("ENABLE_GATEWAY_API_MANUAL_DEPLOYMENT", "true", "Gateways may name a Service of their own", Pending),
        ("ENABLE_PROXY_FIND_POD_BY_IP", "false", "finds the pod of a proxy by address", Pending),
        ("ENABLE_LAZY_SIDECAR_EVALUATION", "true", "builds sidecar scopes late", ALWAYS_LAZY),
        ("ISTIO_WASM_MAX_BINARY_SIZE_BYTES", "268435456", "the largest Wasm module", AGENT),

        ("PILOT_ENABLE_AMBIENT", "false", "ambient mode", Pending),
        ("PILOT_ENABLE_AMBIENT_WAYPOINTS", "true", "waypoints, in ambient mode", Pending),
        ("PILOT_ENABLE_SENDING_HBONE", "true", "sidecars and gateways send HBONE, in ambient mode", Pending),
        ("PILOT_ENABLE_SIDECAR_LISTENING_HBONE", "true", "sidecars accept HBONE, in ambient mode", Pending),
        ("AMBIENT_ENABLE_STATUS", "true", "writes the status of ambient objects, in ambient mode", Pending),
        ("PILOT_PREFER_SENDING_HBONE", "false", "HBONE before mTLS", Pending),
        ("PILOT_AUTO_ALLOW_WAYPOINT_POLICY", "false", "lets waypoints through policies", Pending),
        ("ENABLE_INGRESS_WAYPOINT_ROUTING", "true", "gateways go through waypoints, in ambient mode", Pending),
        ("AMBIENT_ENABLE_MULTI_NETWORK", "false", "several networks in ambient mode", Pending),
        ("AMBIENT_ENABLE_BAGGAGE", "false", "peer metadata in baggage headers", Pending),
        ("AMBIENT_ENABLE_MULTI_NETWORK_WAYPOINT", "true", "waypoints across networks, in ambient mode", Pending),
        ("AMBIENT_ENABLE_MULTI_NETWORK_INGRESS", "false", "gateways across networks in ambient mode", Pending),
        ("ENABLE_LAYERED_WAYPOINT_AUTHORIZATION_POLICIES", "false", "policies of workloads also apply at waypoints", Pending),
        ("AMBIENT_SCOPED_ADDRESS_PUSHES", "true", "address changes reach only the waypoints that they concern", Pending),
        ("AMBIENT_ENABLE_DRY_RUN_AUTHORIZATION_POLICY", "false", "dry-run policies in ambient mode", Pending),
        ("PILOT_HBONE_INITIAL_STREAM_WINDOW_SIZE", "0", "HTTP/2 window of HBONE streams; 0 leaves it unset", Pending),
        ("PILOT_HBONE_INITIAL_CONNECTION_WINDOW_SIZE", "0", "HTTP/2 window of HBONE connections; 0 leaves it unset", Pending),

        ("PILOT_ENABLE_AGENTGATEWAY", "false", "serves agentgateway proxies", Pending),
        ("MCS_API_GROUP", "multicluster.x-k8s.io", "the group of the multi-cluster services API", Pending),
        ("MCS_API_VERSION", "v1alpha1", "its version", Pending),
        ("ENABLE_MCS_AUTO_EXPORT", "false", "exports every service", Pending),
        ("ENABLE_MCS_SERVICE_DISCOVERY", "false", "only exported services are visible to other clusters", Pending),
        ("ENABLE_MCS_HOST", "false", "services also answer to clusterset.local", Pending),
        ("ENABLE_MCS_CLUSTER_LOCAL", "false", "cluster.local means the local cluster only", Pending),
        ("PILOT_ENABLE_ANALYSIS", "false", "analyses objects and writes what it finds to their status", Pending),
        ("PILOT_ANALYSIS_INTERVAL", "10s", "how often", Pending),
        ("PILOT_ENABLE_GATEWAY_API", "true", "reads the Gateway API", Pending),
        ("PILOT_ENABLE_GATEWAY_API_COPY_LABELS_ANNOTATIONS", "true", "generated objects take labels of their Gateway", Pending),
        ("PILOT_ENABLE_ALPHA_GATEWAY_API", "false", "reads its alpha kinds", Pending),
        ("PILOT_ENABLE_GATEWAY_API_STATUS", "true", "writes their status", Pending),
        ("PILOT_ENABLE_GATEWAY_API_DEPLOYMENT_CONTROLLER", "true", "deploys Gateways", Pending),
        ("PILOT_ENABLE_GATEWAY_API_GATEWAYCLASS_CONTROLLER", "true", "creates the GatewayClasses", Pending),
        ("ISTIO_DELTA_XDS", "true", "the agent uses delta xDS; the control plane always serves both", AGENT),
        ("ISTIO_DUAL_STACK", "false", "IPv4 and IPv6 together", Different("a proxy that has addresses of both families is served both")),
        ("PILOT_UNIFIED_SIDECAR_SCOPE", "true", "one way to build sidecar scopes", ALWAYS_LAZY),
        ("ENVOY_STATUS_PORT_ENABLE_PROXY_PROTOCOL", "false", "the proxy protocol at the status port", AGENT),
        ("ENABLE_GATEWAY_API_INFERENCE_EXTENSION", "false", "reads InferencePools", Pending),
        ("ENABLE_WILDCARD_HOST_SERVICE_ENTRIES_FOR_TLS", "false", "wildcard hosts with dynamic DNS over TLS", Pending),
        ("PILOT_SPAWN_UPSTREAM_SPAN_FOR_GATEWAY", "true", "gateways open a span for the upstream", Pending),
        ("PILOT_AGENT_MERGE_ENVOY_STATS", "true", "the agent merges Envoy's metrics", AGENT),

        ("PILOT_ENABLE_EDS_DEBOUNCE", "true", "endpoint changes wait for others", Different("endpoint changes have a lane of their own, paced by what they cost")),
        ("PILOT_CONVERT_SIDECAR_SCOPE_CONCURRENCY", "1", "threads that build sidecar scopes", GO_ONLY),
        ("MUTEX_PROFILE_FRACTION", "1000", "sampling of lock contention", GO_ONLY),
        ("PILOT_XDS_CACHE_SIZE", "60000", "entries of the response cache", NO_CACHE),
        ("PILOT_XDS_CACHE_INDEX_CLEAR_INTERVAL", "5s", "how often its index is cleaned", NO_CACHE),

        ("PILOT_ENABLE_XDS_CACHE", "true", "the response cache", NO_CACHE),
        ("PILOT_ENABLE_CDS_CACHE", "true", "the response cache of clusters", NO_CACHE),
        ("PILOT_ENABLE_RDS_CACHE", "true", "the response cache of routes", NO_CACHE),
        ("PILOT_XDS_CACHE_STATS", "false", "metrics of the response cache", NO_CACHE),
        ("K8S_INGRESS_NS", "istio-system", "the namespace of the ingress gateway", Pending),
        ("K_REVISION", "", "the Knative revision that the process runs as", Pending),
    ]
};

/// The whole table, those with an effect first.
pub fn variables() -> Vec<Variable> {
    let effective = Settings::default().effective().into_iter().zip(MEANINGS).map(
        |((name, default), meaning)| Variable { name, default, meaning, state: State::Effective },
    );
    let others = OTHERS.iter().map(|&(name, default, meaning, state)| Variable {
        name,
        default: default.to_owned(),
        meaning,
        state,
    });
    effective.chain(others).collect()
}

/// The state of a variable; None for one that is not in the table.
pub(super) fn state(name: &str) -> Option<State> {
    let other = OTHERS.iter().find(|(other, ..)| *other == name).map(|&(.., state)| state);
    other.or_else(|| {
        let effective = Settings::default().effective();
        effective.iter().any(|(effective, _)| *effective == name).then_some(State::Effective)
    })
}
