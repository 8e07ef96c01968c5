//! From the merged mesh configuration to the fields that the project acts on, and what they must satisfy.

mod ext_authz;

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::super::project::Issue;
use crate::api::field_path::FieldPath;
use crate::api::mesh::{
    CaCertificates, InboundPolicy, MeshMtls, OutboundPolicy, PathNormalization, RootsFrom,
    TcpKeepalive, TlsDefaults,
};
use crate::api::proto_json::ProtoJson;
use crate::api::{LabelSelector, MeshConfig, MeshNetworks, Str, duration};

/// Below this no connection can be made (MeshConfig.connectTimeout).
const MIN_CONNECT_TIMEOUT: Duration = Duration::from_millis(1);

/// What serves all namespaces, in `exportTo`.
const EVERYBODY: &str = "*";

/// Reads a canonical configuration that was laid over the defaults. `raw` stays empty.
pub(super) fn typed(mesh: &Map<String, Value>) -> Result<MeshConfig, Issue> {
    let fields = Reader(mesh);
    let config = MeshConfig {
        proxy_listen_port: fields.port("proxyListenPort", 1)?,
        proxy_inbound_listen_port: fields.port("proxyInboundListenPort", 1)?,
        proxy_http_port: fields.port("proxyHttpPort", 0)?,
        connect_timeout: fields.duration("connectTimeout"),
        protocol_detection_timeout: fields.duration("protocolDetectionTimeout"),
        dns_refresh_rate: fields.duration("dnsRefreshRate"),
        enable_auto_mtls: fields.boolean("enableAutoMtls"),
        enable_tracing: fields.boolean("enableTracing"),
        outbound_traffic_policy: match fields.mode("outboundTrafficPolicy", "mode") {
            // Hosts resolved at run time need a wildcard entry to apply to: without one it is the same.
            Some("ALLOW_ANY" | "ALLOW_ANY_DYNAMIC_DNS") => OutboundPolicy::AllowAny,
            _ => OutboundPolicy::RegistryOnly,
        },
        inbound_traffic_policy: match fields.mode("inboundTrafficPolicy", "mode") {
            Some("LOCALHOST") => InboundPolicy::Localhost,
            _ => InboundPolicy::Passthrough,
        },
        path_normalization: match fields.mode("pathNormalization", "normalization") {
            Some("NONE") => PathNormalization::None,
            Some("MERGE_SLASHES") => PathNormalization::MergeSlashes,
            Some("DECODE_AND_MERGE_SLASHES") => PathNormalization::DecodeAndMergeSlashes,
            _ => PathNormalization::Base,
        },
        root_namespace: fields.text("rootNamespace"),
        trust_domain: fields.text("trustDomain"),
        trust_domain_aliases: strings(mesh.get("trustDomainAliases")),
        ca_certificates: ca_certificates(mesh.get("caCertificates")),
        metrics_providers: strings(fields.inner("defaultProviders", "metrics")),
        ext_authz: ext_authz::read(mesh.get("extensionProviders")),
        default_service_export_to: export_to(strings(mesh.get("defaultServiceExportTo"))),
        default_virtual_service_export_to: export_to(strings(
            mesh.get("defaultVirtualServiceExportTo"),
        )),
        default_destination_rule_export_to: export_to(strings(
            mesh.get("defaultDestinationRuleExportTo"),
        )),
        locality_lb_setting: fields.message("localityLbSetting").unwrap_or_default(),
        default_http_retry_policy: fields.message("defaultHttpRetryPolicy"),
        outbound_cluster_stat_name: fields.text("outboundClusterStatName"),
        inbound_cluster_stat_name: fields.text("inboundClusterStatName"),
        tls_defaults: TlsDefaults {
            ecdh_curves: strings(fields.inner("tlsDefaults", "ecdhCurves")),
            cipher_suites: strings(fields.inner("tlsDefaults", "cipherSuites")),
        },
        mesh_mtls: MeshMtls {
            only_tls13: fields.mode("meshMTLS", "minProtocolVersion") == Some("TLSV1_3"),
            cipher_suites: strings(fields.inner("meshMTLS", "cipherSuites")),
        },
        tcp_keepalive: mesh.get("tcpKeepalive").and_then(Value::as_object).map(tcp_keepalive),
        h2_upgrade: mesh.get("h2UpgradePolicy").and_then(Value::as_str) == Some("UPGRADE"),
        discovery_selectors: discovery_selectors(mesh.get("discoverySelectors"))?,
        cluster_local: cluster_local(mesh.get("serviceSettings")),
        discovery_host: discovery_host(mesh.get("defaultConfig")),
        // In a document of its own; see `Layers`.
        networks: MeshNetworks::default(),
        raw: Value::Null,
    };
    check(&config)?;
    Ok(config)
}

/// What a value of the right type must satisfy to be used.
fn check(config: &MeshConfig) -> Result<(), Issue> {
    let wrong = |field: &str, message: &str| Err(Issue::error(FieldPath::of(field), message));
    if config.proxy_listen_port == config.proxy_inbound_listen_port {
        return wrong("proxyInboundListenPort", "must differ from proxyListenPort");
    }
    if config.connect_timeout < MIN_CONNECT_TIMEOUT {
        return wrong("connectTimeout", "must be at least 1ms");
    }
    if config.trust_domain.is_empty() {
        return wrong("trustDomain", "must not be empty: the default is cluster.local");
    }
    if config.root_namespace.is_empty() {
        return wrong("rootNamespace", "must not be empty: the default is istio-system");
    }
    Ok(())
}

/// Reads fields of which the schema already assured the types.
struct Reader<'a>(&'a Map<String, Value>);

impl<'a> Reader<'a> {
    fn port(&self, name: &str, min: u16) -> Result<u16, Issue> {
        let number = self.0.get(name).and_then(Value::as_i64).unwrap_or_default();
        u16::try_from(number).ok().filter(|port| *port >= min).ok_or_else(|| {
            let message = format!("{number} is no port: give one from {min} to 65535");
            Issue::error(FieldPath::of(name), message)
        })
    }

    fn duration(&self, name: &str) -> Duration {
        duration_of(self.0.get(name)).unwrap_or_default()
    }

    fn boolean(&self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or_default()
    }

    fn text(&self, name: &str) -> Str {
        self.0.get(name).and_then(Value::as_str).unwrap_or_default().into()
    }

    fn inner(&self, message: &str, field: &str) -> Option<&'a Value> {
        self.0.get(message)?.get(field)
    }

    /// A message that Istio's kinds have too.
    fn message<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        T::deserialize(ProtoJson(self.0.get(name)?.clone())).ok()
    }

    fn mode(&self, message: &str, field: &str) -> Option<&'a str> {
        self.inner(message, field).and_then(Value::as_str)
    }
}

fn duration_of(value: Option<&Value>) -> Option<Duration> {
    duration::parse(value?.as_str()?).ok()
}

fn strings(value: Option<&Value>) -> Vec<Str> {
    let values = value.and_then(Value::as_array).into_iter().flatten();
    values.filter_map(Value::as_str).map(Str::from).collect()
}

fn export_to(scopes: Vec<Str>) -> Vec<Str> {
    match scopes.is_empty() {
        true => vec![EVERYBODY.into()],
        false => scopes,
    }
}

fn tcp_keepalive(fields: &Map<String, Value>) -> TcpKeepalive {
    let probes = fields.get("probes").and_then(Value::as_u64);
    TcpKeepalive {
        probes: probes.and_then(|probes| u32::try_from(probes).ok()).filter(|probes| *probes > 0),
        time: duration_of(fields.get("time")),
        interval: duration_of(fields.get("interval")),
    }
}

fn cluster_local(settings: Option<&Value>) -> Vec<(Str, bool)> {
    let settings = settings.and_then(Value::as_array).into_iter().flatten();
    let hosts = settings.flat_map(|setting| {
        let local = setting.pointer("/settings/clusterLocal") == Some(&Value::Bool(true));
        strings(setting.get("hosts")).into_iter().map(move |host| (host, local))
    });
    hosts.collect()
}

/// Entries that name no roots are for their trust domains alone.
fn ca_certificates(entries: Option<&Value>) -> Vec<CaCertificates> {
    let entries = entries.and_then(Value::as_array).into_iter().flatten();
    let read = |entry: &Value| {
        let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        let from = match (text("pem"), text("spiffeBundleUrl")) {
            ("", url) if !url.is_empty() => RootsFrom::SpiffeBundle(url.into()),
            (pem, _) => RootsFrom::Pem(pem.into()),
        };
        CaCertificates {
            from,
            cert_signers: strings(entry.get("certSigners")),
            trust_domains: strings(entry.get("trustDomains")),
        }
    };
    entries.map(read).collect()
}

fn discovery_host(config: Option<&Value>) -> Str {
    let address = config.and_then(|config| config.get("discoveryAddress")).and_then(Value::as_str);
    let host = address.and_then(|address| address.rsplit_once(':')).map_or("", |(host, _)| host);
    host.into()
}

fn discovery_selectors(selectors: Option<&Value>) -> Result<Vec<LabelSelector>, Issue> {
    let selectors = selectors.and_then(Value::as_array).into_iter().flatten();
    let read = |(i, selector): (usize, &Value)| {
        LabelSelector::deserialize(selector).map_err(|error| {
            let operators = "operators are In, NotIn, Exists and DoesNotExist";
            let message = format!("is no label selector: {error}; {operators}");
            Issue::error(FieldPath::of("discoverySelectors").index(i), message)
        })
    };
    selectors.enumerate().map(read).collect()
}
