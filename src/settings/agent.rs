//! The environment of `istiod agent`: istio-agent's variables, their defaults, and whether they have an effect.
//!
//! As with the control plane's ([`super::Settings`]), reading is pure and a bad value leaves the default in force. Besides
//! the variables of the table there are families of them, told apart by a prefix: they are kept as pairs.

use std::time::Duration;

use super::fields::settings;
use super::table::{State, Variable};

settings! {
    AgentVariables, "The variables of istio-agent that have an effect, read.";
    "POD_NAME" pod_name: String = String::new(),
        "the name of the proxy; that of the machine if empty";
    "POD_NAMESPACE" pod_namespace: String = String::new(),
        "the namespace of the proxy";
    "SERVICE_ACCOUNT" service_account: String = String::new(),
        "the service account of the proxy";
    "INSTANCE_IP" instance_ip: String = String::new(),
        "the first address of the proxy; the others, or all if empty, are those of the machine";
    "TRUST_DOMAIN" trust_domain: String = "cluster.local".to_owned(),
        "the trust domain that requests for certificates name";
    "PROXY_CONFIG" proxy_config: String = String::new(),
        "a ProxyConfig in JSON or YAML, laid over defaultConfig of the mesh configuration";
    "CA_ADDR" ca_address: String = String::new(),
        "the address of the CA; discoveryAddress if empty";
    "CA_ROOT_CA" ca_root: String = String::new(),
        "a file with the roots that the CA is verified by; SYSTEM for those of the system";
    "XDS_ROOT_CA" xds_root: String = String::new(),
        "a file with the roots that the control plane is verified by; SYSTEM for those of the system";
    "ISTIOD_SAN" istiod_san: String = String::new(),
        "the name that the control plane's certificate must have; the host of discoveryAddress if empty";
    "PILOT_CERT_PROVIDER" cert_provider: String = "istiod".to_owned(),
        "custom: the CA is verified by ./etc/certs/root-cert.pem";
    "PROV_CERT" provided: String = String::new(),
        "a directory with a certificate (cert-chain.pem, key.pem, root-cert.pem) to present to the CA";
    "OUTPUT_CERTS" output: String = String::new(),
        "a directory that certificates are written to";
    "FILE_MOUNTED_CERTS" file_mounted: bool = false,
        "the certificate is in files of ./etc/certs, and nobody is asked for one";
    "SECRET_TTL" ttl: Duration = Duration::from_secs(24 * 3600),
        "how long certificates shall live";
    "SECRET_GRACE_PERIOD_RATIO" grace: f64 = 0.5,
        "the part of a certificate's life that is left when it is renewed";
    "SECRET_GRACE_PERIOD_RATIO_JITTER" grace_jitter: f64 = 0.01,
        "how much that part varies";
    "ECC_SIGNATURE_ALGORITHM" signature_algorithm: String = String::new(),
        "ECDSA; so are keys without it, unless WORKLOAD_RSA_KEY_SIZE is set (istio-agent: RSA)";
    "ECC_CURVE" curve: String = "P256".to_owned(),
        "the curve of ECDSA keys: P256 or P384";
    "WORKLOAD_RSA_KEY_SIZE" rsa_bits: u32 = 0,
        "bits of RSA keys: 2048, 3072 or 4096; ECDSA keys are made without it";
    "KUBERNETES_SERVICE_HOST" kubernetes: String = String::new(),
        "set in pods: what OUTPUT_CERTS gets is readable by all of the pod";
    "ISTIO_DELTA_XDS" delta: bool = true,
        "Envoy asks for incremental updates";
    "ENVOY_STATUS_PORT" status_port: u32 = 15021,
        "the port of Envoy that tells whether it is ready";
    "ENVOY_PROMETHEUS_PORT" stats_port: u32 = 15090,
        "the port of Envoy that serves its statistics";
    "ENVOY_SKIP_DEPRECATED_LOGS" skip_deprecated_logs: bool = true,
        "told to the control plane in the node";
    "DISABLE_ENVOY" no_envoy: bool = false,
        "no Envoy is started: secrets only";
    "MINIMUM_DRAIN_DURATION" minimum_drain: Duration = Duration::from_secs(5),
        "with EXIT_ON_ZERO_ACTIVE_CONNECTIONS: how long to drain at least";
    "EXIT_ON_ZERO_ACTIVE_CONNECTIONS" exit_when_idle: bool = false,
        "draining ends when no connection is left";
    "ISTIO_CPU_LIMIT" cpu_limit: u32 = 0,
        "worker threads of Envoy unless concurrency is set; one for each CPU if 0";
    "ISTIO_PROMETHEUS_ANNOTATIONS" prometheus: String = String::new(),
        "where the application has its metrics, in JSON: scrape, port, path";
    "PILOT_AGENT_MERGE_ENVOY_STATS" merge_envoy: bool = true,
        "Envoy's statistics are among the metrics";
    "PROXY_CONFIG_XDS_AGENT" told_roots: bool = false,
        "asks the control plane for the roots of the mesh, beside those that come with certificates";
    "PILOT_ENABLE_CA_CRL" revocation: bool = true,
        "Envoy gets the revocation lists in ./var/run/secrets/istio/crl/ca-crl.pem with the roots of the mesh";
    "METRICS_LOCALHOST_ACCESS_ONLY" metrics_loopback_only: bool = false,
        "answers for metrics go to loopback only";
    "ISTIO_KUBE_APP_PROBERS" app_probes: String = String::new(),
        "probes of the application that the agent answers, in JSON: path, httpGet, tcpSocket or grpc";
    "REWRITE_PROBE_LEGACY_LOCALHOST_DESTINATION" probe_localhost: bool = false,
        "probes look at localhost instead of the address of the pod or machine";
}

/// Variables that have no effect: name, default, meaning, and why.
const OTHERS: &[(&str, &str, &str, State)] = {
    use State::{Different, Pending};
    const CHILD: State =
        Different("Envoy is the only program that is served, on the default socket");
    const DIRECT: State = Different("Envoy asks the control plane itself");
    &[
        ("CA_PROVIDER", "Citadel", "which protocol the CA speaks", Different("Istio's")),
        ("CREDENTIAL_FETCHER_TYPE", "JWT", "where the token comes from", Different("the file")),
        (
            "CREDENTIAL_IDENTITY_PROVIDER",
            "GoogleComputeEngine",
            "who issued a platform's token",
            Different("no platform is asked for tokens"),
        ),
        (
            "JWT_POLICY",
            "third-party-jwt",
            "which token is used",
            Different("that of third-party-jwt, as in istio-agent"),
        ),
        ("PKCS8_KEY", "false", "the form of keys", Different("always PKCS #8, which Envoy takes")),
        (
            "FILE_DEBOUNCE_DURATION",
            "100ms",
            "how long a changed file rests before it is read",
            Different("a pair of files counts once it belongs together"),
        ),
        (
            "XDS_AUTH_PROVIDER",
            "",
            "which token xDS is asked with",
            Different("the certificate says who Envoy is"),
        ),
        ("WORKLOAD_IDENTITY_SOCKET_FILE", "socket", "the socket of another secret server", CHILD),
        (
            "GRPC_XDS_BOOTSTRAP",
            "./etc/istio/proxy/grpc-bootstrap.json",
            "a bootstrap for gRPC without a proxy",
            CHILD,
        ),
        ("PEER_METADATA_DISCOVERY", "false", "an extension of Istio's Envoy", DIRECT),
        ("DNS_PROXY_ADDR", "localhost:15053", "where names of the mesh are answered", Pending),
        ("DNS_FORWARD_PARALLEL", "false", "asks all name servers at once", Pending),
        ("DNS_FORWARD_TIMEOUT", "5s", "how long a name server may take", Pending),
        ("WASM_INSECURE_REGISTRIES", "", "registries of modules without TLS", DIRECT),
        ("WASM_MODULE_EXPIRY", "24h", "how long modules are kept", DIRECT),
        ("WASM_PURGE_INTERVAL", "1h", "how often old modules are removed", DIRECT),
        ("WASM_HTTP_REQUEST_TIMEOUT", "15s", "how long a module may take", DIRECT),
        ("WASM_HTTP_REQUEST_MAX_RETRIES", "5", "how often a module is asked for", DIRECT),
        (
            "ISTIO_ENABLE_HTTP2_PROBING",
            "true",
            "probes over TLS speak HTTP/2",
            Different("they do where the application does"),
        ),
        (
            "ENABLE_PROBE_KEEPALIVE_CONNECTIONS",
            "false",
            "probes keep their connections",
            Different("each has its own, as the kubelet's"),
        ),
        ("ENVOY_SECURE_METRICS_PORT", "0", "a port with mTLS for Envoy's statistics", Pending),
        ("ENVOY_SECURE_MERGED_METRICS_PORT", "0", "a port with mTLS for all metrics", Pending),
        ("ISTIO_BOOTSTRAP_OVERRIDE", "", "a file that is laid over the bootstrap", Pending),
        ("ISTIO_ENVOY_ENABLE_CORE_DUMP", "false", "Envoy writes core files", Pending),
    ]
};

/// What the agent takes from the environment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentSettings {
    /// Single variables.
    pub variables: AgentVariables,
    /// `ISTIO_META_NAME=value`: metadata of the node.
    pub meta: Vec<(String, String)>,
    /// `ISTIO_METAJSON_…={…}`: more of them, as JSON objects. With the variable's whole name.
    pub meta_json: Vec<(String, String)>,
    /// `CA_HEADER_NAME=value`: what is said to the CA.
    pub ca_headers: Vec<(String, String)>,
    /// `XDS_HEADER_NAME=value`: what Envoy says to the control plane.
    pub xds_headers: Vec<(String, String)>,
}

impl AgentSettings {
    /// Reads an environment. The notes are for the log.
    pub fn read<I>(environment: I) -> (AgentSettings, Vec<String>)
    where
        I: IntoIterator<Item = (String, String)>,
    {
        let mut environment: Vec<_> = environment.into_iter().collect();
        environment.sort();
        let mut settings = AgentSettings::default();
        let mut notes = Vec::new();
        for (name, text) in environment {
            match settings.variables.set(&name, &text) {
                Ok(true) => {}
                Err(_) if text.is_empty() => {}
                Err(rejected) => notes.push(format!(
                    "{name}={text:?} is ignored and the default holds: {} is needed",
                    rejected.allowed
                )),
                Ok(false) => settings.set_family(name, text, &mut notes),
            }
        }
        (settings, notes)
    }

    fn set_family(&mut self, name: String, text: String, notes: &mut Vec<String>) {
        let families = [
            ("ISTIO_META_", &mut self.meta),
            ("CA_HEADER_", &mut self.ca_headers),
            ("XDS_HEADER_", &mut self.xds_headers),
        ];
        for (prefix, family) in families {
            if let Some(rest) = name.strip_prefix(prefix) {
                family.push((rest.to_owned(), text));
                return;
            }
        }
        if name.starts_with("ISTIO_METAJSON_") {
            self.meta_json.push((name, text));
        } else if OTHERS.iter().any(|(other, ..)| *other == name) && !text.is_empty() {
            notes.push(format!("{name} has no effect"));
        }
    }

    /// A value of the family `ISTIO_META_`; empty if there is none.
    pub fn meta(&self, name: &str) -> &str {
        let found = self.meta.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }
}

/// The whole table.
pub fn variables() -> Vec<Variable> {
    let effective = AgentVariables::default().effective().into_iter().zip(MEANINGS).map(
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

#[cfg(test)]
mod tests {
    use super::{AgentSettings, variables};

    fn read(environment: &[(&str, &str)]) -> (AgentSettings, Vec<String>) {
        let owned = environment.iter().map(|(name, text)| (name.to_string(), text.to_string()));
        AgentSettings::read(owned)
    }

    #[test]
    fn families_are_told_apart() {
        let (settings, notes) = read(&[
            ("ISTIO_META_CLUSTER_ID", "east"),
            ("ISTIO_METAJSON_LABELS", "{}"),
            ("CA_HEADER_TENANT", "a"),
            ("XDS_HEADER_TENANT", "b"),
            ("SERVICE_ACCOUNT", "web"),
            ("PATH", "/bin"),
        ]);
        assert!(notes.is_empty(), "{notes:?}");
        assert_eq!(settings.meta("CLUSTER_ID"), "east");
        assert_eq!(settings.meta("OTHER"), "");
        assert_eq!(settings.meta_json, [("ISTIO_METAJSON_LABELS".into(), "{}".into())]);
        assert_eq!(settings.ca_headers, [("TENANT".into(), "a".into())]);
        assert_eq!(settings.xds_headers, [("TENANT".into(), "b".into())]);
        assert_eq!(settings.variables.service_account, "web");
    }

    #[test]
    fn what_has_no_effect_is_said() {
        let (settings, notes) = read(&[("SECRET_TTL", "1 day"), ("WASM_MODULE_EXPIRY", "1h")]);
        assert_eq!(settings, AgentSettings::default());
        assert_eq!(notes.len(), 2, "{notes:?}");
        assert!(notes[0].starts_with("SECRET_TTL=\"1 day\" is ignored"), "{notes:?}");
        assert_eq!(notes[1], "WASM_MODULE_EXPIRY has no effect");
    }

    #[test]
    fn each_variable_is_in_the_table_once() {
        let mut names: Vec<_> = variables().into_iter().map(|variable| variable.name).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
