//! The fields of ProxyConfig.

use super::super::schema::Fields;
use super::super::schema::Type::{
    Bool, Double, Duration, Enum, Int, List, Long, Map, Message, Optional, Text, Uint,
};
use super::common::{CLIENT_TLS, TCP_KEEPALIVE};

/// `ProxyConfig`.
pub(in super::super) static PROXY_CONFIG: Fields = &[
    ("configPath", Text),
    ("binaryPath", Text),
    ("serviceCluster", Text),
    (
        "tracingServiceName",
        Enum(&["APP_LABEL_AND_NAMESPACE", "CANONICAL_NAME_ONLY", "CANONICAL_NAME_AND_NAMESPACE"]),
    ),
    ("drainDuration", Duration),
    ("discoveryAddress", Text),
    ("discoveryRefreshDelay", Duration),
    ("zipkinAddress", Text),
    ("statsdUdpAddress", Text),
    ("envoyMetricsServiceAddress", Text),
    ("proxyAdminPort", Int),
    ("availabilityZone", Text),
    ("controlPlaneAuthPolicy", Enum(&["NONE", "MUTUAL_TLS", "INHERIT"])),
    ("customConfigFile", Text),
    ("statNameLength", Int),
    ("concurrency", Optional(&Int)),
    ("proxyBootstrapTemplatePath", Text),
    ("interceptionMode", Enum(&["REDIRECT", "TPROXY", "NONE"])),
    ("tracing", Message(&TRACING)),
    ("sds", Message(&SDS)),
    ("envoyAccessLogService", Message(&REMOTE_SERVICE)),
    ("envoyMetricsService", Message(&REMOTE_SERVICE)),
    ("proxyMetadata", Map(&Text)),
    ("runtimeValues", Map(&Text)),
    ("statusPort", Int),
    ("extraStatTags", List(&Text)),
    ("gatewayTopology", Message(&TOPOLOGY)),
    ("terminationDrainDuration", Duration),
    ("meshId", Text),
    ("readinessProbe", Message(&READINESS_PROBE)),
    ("proxyStatsMatcher", Message(&PROXY_STATS_MATCHER)),
    ("holdApplicationUntilProxyStarts", Optional(&Bool)),
    ("caCertificatesPem", List(&Text)),
    ("image", Message(&PROXY_IMAGE)),
    ("privateKeyProvider", Message(&PRIVATE_KEY_PROVIDER)),
    ("proxyHeaders", Message(&PROXY_HEADERS)),
    ("fileFlushInterval", Duration),
    ("fileFlushMinSizeKb", Uint),
    ("statsCompression", Optional(&Bool)),
];

/// `ProxyConfig.ProxyHeaders`.
static PROXY_HEADERS: Fields = &[
    (
        "forwardedClientCert",
        Enum(&[
            "UNDEFINED",
            "SANITIZE",
            "FORWARD_ONLY",
            "APPEND_FORWARD",
            "SANITIZE_SET",
            "ALWAYS_FORWARD_ONLY",
        ]),
    ),
    ("setCurrentClientCertDetails", Message(&SET_CURRENT_CLIENT_CERT_DETAILS)),
    ("requestId", Message(&REQUEST_ID)),
    ("server", Message(&SERVER)),
    ("attemptCount", Message(&ATTEMPT_COUNT)),
    ("envoyDebugHeaders", Message(&ENVOY_DEBUG_HEADERS)),
    ("metadataExchangeHeaders", Message(&METADATA_EXCHANGE_HEADERS)),
    ("preserveHttp1HeaderCase", Optional(&Bool)),
    ("xForwardedHost", Message(&X_FORWARDED_HOST)),
    ("xForwardedPort", Message(&X_FORWARDED_PORT)),
];

/// `ProxyConfig.ProxyHeaders.XForwardedPort`.
static X_FORWARDED_PORT: Fields = &[("enabled", Optional(&Bool))];

/// `ProxyConfig.ProxyHeaders.XForwardedHost`.
static X_FORWARDED_HOST: Fields = &[("enabled", Optional(&Bool))];

/// `ProxyConfig.ProxyHeaders.MetadataExchangeHeaders`.
static METADATA_EXCHANGE_HEADERS: Fields = &[("mode", Enum(&["UNDEFINED", "IN_MESH"]))];

/// `ProxyConfig.ProxyHeaders.EnvoyDebugHeaders`.
static ENVOY_DEBUG_HEADERS: Fields = &[("disabled", Optional(&Bool))];

/// `ProxyConfig.ProxyHeaders.AttemptCount`.
static ATTEMPT_COUNT: Fields = &[("disabled", Optional(&Bool))];

/// `ProxyConfig.ProxyHeaders.Server`.
static SERVER: Fields = &[("disabled", Optional(&Bool)), ("value", Text)];

/// `ProxyConfig.ProxyHeaders.RequestId`.
static REQUEST_ID: Fields = &[("disabled", Optional(&Bool))];

/// `ProxyConfig.ProxyHeaders.SetCurrentClientCertDetails`.
static SET_CURRENT_CLIENT_CERT_DETAILS: Fields = &[
    ("subject", Optional(&Bool)),
    ("cert", Optional(&Bool)),
    ("chain", Optional(&Bool)),
    ("dns", Optional(&Bool)),
    ("uri", Optional(&Bool)),
];

/// `PrivateKeyProvider`.
static PRIVATE_KEY_PROVIDER: Fields = &[("cryptomb", Message(&CRYPTO_MB)), ("qat", Message(&QAT))];

/// `PrivateKeyProvider.QAT`.
static QAT: Fields = &[("pollDelay", Duration), ("fallback", Optional(&Bool))];

/// `PrivateKeyProvider.CryptoMb`.
static CRYPTO_MB: Fields = &[("pollDelay", Duration), ("fallback", Optional(&Bool))];

/// `ProxyImage`.
static PROXY_IMAGE: Fields = &[("imageType", Text)];

/// `ProxyConfig.ProxyStatsMatcher`.
static PROXY_STATS_MATCHER: Fields = &[
    ("inclusionPrefixes", List(&Text)),
    ("inclusionSuffixes", List(&Text)),
    ("inclusionRegexps", List(&Text)),
];

/// `ReadinessProbe`.
static READINESS_PROBE: Fields = &[
    ("initialDelaySeconds", Int),
    ("timeoutSeconds", Int),
    ("periodSeconds", Int),
    ("successThreshold", Int),
    ("failureThreshold", Int),
    ("httpGet", Message(&HTTP_PROBE)),
    ("tcpSocket", Message(&TCP_PROBE)),
    ("exec", Message(&EXEC_PROBE)),
    ("grpc", Message(&GRPC_PROBE)),
];

/// `GrpcHealthCheckConfig`.
static GRPC_PROBE: Fields = &[("port", Uint), ("service", Text)];

/// `ExecHealthCheckConfig`.
static EXEC_PROBE: Fields = &[("command", List(&Text))];

/// `TCPHealthCheckConfig`.
static TCP_PROBE: Fields = &[("host", Text), ("port", Uint)];

/// `HTTPHealthCheckConfig`.
static HTTP_PROBE: Fields = &[
    ("path", Text),
    ("port", Uint),
    ("host", Text),
    ("scheme", Text),
    ("httpHeaders", List(&Message(&PROBE_HEADER))),
];

/// `HTTPHeader`.
static PROBE_HEADER: Fields = &[("name", Text), ("value", Text)];

/// `Topology`.
static TOPOLOGY: Fields = &[
    ("numTrustedProxies", Uint),
    (
        "forwardClientCertDetails",
        Enum(&[
            "UNDEFINED",
            "SANITIZE",
            "FORWARD_ONLY",
            "APPEND_FORWARD",
            "SANITIZE_SET",
            "ALWAYS_FORWARD_ONLY",
        ]),
    ),
    ("proxyProtocol", Message(&PROXY_PROTOCOL_CONFIGURATION)),
];

/// `Topology.ProxyProtocolConfiguration`.
static PROXY_PROTOCOL_CONFIGURATION: Fields = &[];

/// `RemoteService`.
static REMOTE_SERVICE: Fields = &[
    ("address", Text),
    ("tlsSettings", Message(&CLIENT_TLS)),
    ("tcpKeepalive", Message(&TCP_KEEPALIVE)),
];

/// `SDS`.
static SDS: Fields = &[("enabled", Bool), ("k8sSaJwtPath", Text)];

/// `Tracing`.
static TRACING: Fields = &[
    ("zipkin", Message(&TRACING_ZIPKIN)),
    ("lightstep", Message(&TRACING_LIGHTSTEP)),
    ("datadog", Message(&TRACING_DATADOG)),
    ("stackdriver", Message(&TRACING_STACKDRIVER)),
    ("openCensusAgent", Message(&TRACING_OPEN_CENSUS_AGENT)),
    ("customTags", Map(&Message(&CUSTOM_TAG))),
    ("maxPathTagLength", Uint),
    ("sampling", Double),
    ("tlsSettings", Message(&CLIENT_TLS)),
    ("enableIstioTags", Optional(&Bool)),
];

/// `Tracing.CustomTag`.
static CUSTOM_TAG: Fields = &[
    ("literal", Message(&TRACING_LITERAL)),
    ("environment", Message(&TRACING_ENVIRONMENT)),
    ("header", Message(&TRACING_REQUEST_HEADER)),
];

/// `Tracing.RequestHeader`.
static TRACING_REQUEST_HEADER: Fields = &[("name", Text), ("defaultValue", Text)];

/// `Tracing.Environment`.
static TRACING_ENVIRONMENT: Fields = &[("name", Text), ("defaultValue", Text)];

/// `Tracing.Literal`.
static TRACING_LITERAL: Fields = &[("value", Text)];

/// `Tracing.OpenCensusAgent`.
static TRACING_OPEN_CENSUS_AGENT: Fields = &[
    ("address", Text),
    (
        "context",
        List(&Enum(&["UNSPECIFIED", "W3C_TRACE_CONTEXT", "GRPC_BIN", "CLOUD_TRACE_CONTEXT", "B3"])),
    ),
];

/// `Tracing.Stackdriver`.
static TRACING_STACKDRIVER: Fields = &[
    ("debug", Bool),
    ("maxNumberOfAttributes", Optional(&Long)),
    ("maxNumberOfAnnotations", Optional(&Long)),
    ("maxNumberOfMessageEvents", Optional(&Long)),
];

/// `Tracing.Datadog`.
static TRACING_DATADOG: Fields = &[("address", Text)];

/// `Tracing.Lightstep`.
static TRACING_LIGHTSTEP: Fields = &[("address", Text), ("accessToken", Text)];

/// `Tracing.Zipkin`.
static TRACING_ZIPKIN: Fields = &[("address", Text)];
