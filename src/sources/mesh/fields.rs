//! The fields of MeshConfig: names in proto JSON and types, as Istio 1.30 documents them (Global Mesh Options).
//!
//! Names that are not here are unknown to the user's Istio too, and are reported as such.

mod common;
mod providers;
mod proxy;

use common::{CLIENT_TLS, TCP_KEEPALIVE};
use providers::EXTENSION_PROVIDER;
pub(super) use proxy::PROXY_CONFIG;

use super::schema::Fields;
use super::schema::Type::{Bool, Duration, Enum, Int, List, Map, Message, Optional, Text, Uint};

/// `MeshConfig`.
pub(super) static MESH_CONFIG: Fields = &[
    ("proxyListenPort", Int),
    ("proxyInboundListenPort", Int),
    ("proxyHttpPort", Int),
    ("connectTimeout", Duration),
    ("hboneIdleTimeout", Duration),
    ("protocolDetectionTimeout", Duration),
    ("tcpKeepalive", Message(&TCP_KEEPALIVE)),
    ("ingressClass", Text),
    ("ingressService", Text),
    ("ingressControllerMode", Enum(&["UNSPECIFIED", "OFF", "DEFAULT", "STRICT"])),
    ("ingressSelector", Text),
    ("enableTracing", Bool),
    ("accessLogFile", Text),
    ("accessLogFormat", Text),
    ("accessLogEncoding", Enum(&["TEXT", "JSON"])),
    ("enableEnvoyAccessLogService", Bool),
    ("disableEnvoyListenerLog", Bool),
    ("defaultConfig", Message(&PROXY_CONFIG)),
    ("outboundTrafficPolicy", Message(&OUTBOUND_TRAFFIC_POLICY)),
    ("inboundTrafficPolicy", Message(&INBOUND_TRAFFIC_POLICY)),
    ("configSources", List(&Message(&CONFIG_SOURCE))),
    ("enableAutoMtls", Optional(&Bool)),
    ("trustDomain", Text),
    ("trustDomainAliases", List(&Text)),
    ("caCertificates", List(&Message(&CERTIFICATE_DATA))),
    ("defaultServiceExportTo", List(&Text)),
    ("defaultVirtualServiceExportTo", List(&Text)),
    ("defaultDestinationRuleExportTo", List(&Text)),
    ("rootNamespace", Text),
    ("localityLbSetting", Message(&LOCALITY_LB)),
    ("dnsRefreshRate", Duration),
    ("h2UpgradePolicy", Enum(&["DO_NOT_UPGRADE", "UPGRADE"])),
    ("inboundClusterStatName", Text),
    ("outboundClusterStatName", Text),
    ("certificates", List(&Message(&CERTIFICATE))),
    ("serviceSettings", List(&Message(&SERVICE_SETTINGS))),
    ("serviceScopeConfigs", List(&Message(&SERVICE_SCOPE))),
    ("enablePrometheusMerge", Optional(&Bool)),
    ("verifyCertificateAtClient", Optional(&Bool)),
    ("ca", Message(&CA)),
    ("extensionProviders", List(&Message(&EXTENSION_PROVIDER))),
    ("defaultProviders", Message(&DEFAULT_PROVIDERS)),
    ("discoverySelectors", List(&Message(&LABEL_SELECTOR))),
    ("pathNormalization", Message(&PATH_NORMALIZATION)),
    ("defaultHttpRetryPolicy", Message(&RETRY)),
    ("meshMTLS", Message(&TLS)),
    ("tlsDefaults", Message(&TLS)),
];

/// `MeshConfig.TLSConfig`.
static TLS: Fields = &[
    ("minProtocolVersion", Enum(&["TLS_AUTO", "TLSV1_2", "TLSV1_3"])),
    ("ecdhCurves", List(&Text)),
    ("cipherSuites", List(&Text)),
];

/// `HTTPRetry`.
static RETRY: Fields = &[
    ("attempts", Int),
    ("perTryTimeout", Duration),
    ("retryOn", Text),
    ("retryRemoteLocalities", Optional(&Bool)),
    ("retryIgnorePreviousHosts", Optional(&Bool)),
    ("backoff", Duration),
];

/// `MeshConfig.ProxyPathNormalization`.
static PATH_NORMALIZATION: Fields = &[(
    "normalization",
    Enum(&["DEFAULT", "NONE", "BASE", "MERGE_SLASHES", "DECODE_AND_MERGE_SLASHES"]),
)];

/// `MeshConfig.DefaultProviders`.
static DEFAULT_PROVIDERS: Fields =
    &[("tracing", List(&Text)), ("metrics", List(&Text)), ("accessLogging", List(&Text))];

/// `MeshConfig.CA`.
static CA: Fields = &[
    ("address", Text),
    ("tlsSettings", Message(&CLIENT_TLS)),
    ("requestTimeout", Duration),
    ("istiodSide", Bool),
];

/// `MeshConfig.ServiceScopeConfigs`.
static SERVICE_SCOPE: Fields = &[
    ("namespaceSelector", Message(&LABEL_SELECTOR)),
    ("servicesSelector", Message(&LABEL_SELECTOR)),
    ("scope", Enum(&["LOCAL", "GLOBAL"])),
];

/// `LabelSelector`.
static LABEL_SELECTOR: Fields =
    &[("matchLabels", Map(&Text)), ("matchExpressions", List(&Message(&LABEL_REQUIREMENT)))];

/// `LabelSelectorRequirement`.
static LABEL_REQUIREMENT: Fields = &[("key", Text), ("operator", Text), ("values", List(&Text))];

/// `MeshConfig.ServiceSettings`.
static SERVICE_SETTINGS: Fields = &[("settings", Message(&SETTINGS)), ("hosts", List(&Text))];

/// `MeshConfig.ServiceSettings.Settings`.
static SETTINGS: Fields = &[("clusterLocal", Bool)];

/// `Certificate`.
static CERTIFICATE: Fields = &[("secretName", Text), ("dnsNames", List(&Text))];

/// `LocalityLoadBalancerSetting`.
static LOCALITY_LB: Fields = &[
    ("distribute", List(&Message(&DISTRIBUTE))),
    ("failover", List(&Message(&FAILOVER))),
    ("failoverPriority", List(&Text)),
    ("enabled", Optional(&Bool)),
];

/// `LocalityLoadBalancerSetting.Failover`.
static FAILOVER: Fields = &[("from", Text), ("to", Text)];

/// `LocalityLoadBalancerSetting.Distribute`.
static DISTRIBUTE: Fields = &[("from", Text), ("to", Map(&Uint))];

/// `MeshConfig.CertificateData`.
static CERTIFICATE_DATA: Fields = &[
    ("pem", Text),
    ("spiffeBundleUrl", Text),
    ("certSigners", List(&Text)),
    ("trustDomains", List(&Text)),
];

/// `ConfigSource`.
static CONFIG_SOURCE: Fields = &[
    ("address", Text),
    ("tlsSettings", Message(&CLIENT_TLS)),
    ("subscribedResources", List(&Enum(&["SERVICE_REGISTRY"]))),
];

/// `MeshConfig.InboundTrafficPolicy`.
static INBOUND_TRAFFIC_POLICY: Fields = &[("mode", Enum(&["PASSTHROUGH", "LOCALHOST"]))];

/// `MeshConfig.OutboundTrafficPolicy`.
static OUTBOUND_TRAFFIC_POLICY: Fields = &[
    ("mode", Enum(&["REGISTRY_ONLY", "ALLOW_ANY", "ALLOW_ANY_DYNAMIC_DNS"])),
    ("tls", Message(&CLIENT_TLS)),
];
