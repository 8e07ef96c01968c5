//! The fields of extension providers.

use super::super::schema::Fields;
use super::super::schema::Type::{
    Any, Bool, Duration, Enum, Int, List, Long, Map, Message, Optional, Text, Uint,
};

/// `MeshConfig.ExtensionProvider`.
pub(super) static EXTENSION_PROVIDER: Fields = &[
    ("name", Text),
    ("envoyExtAuthzHttp", Message(&EXT_AUTHZ_HTTP)),
    ("envoyExtAuthzGrpc", Message(&EXT_AUTHZ_GRPC)),
    ("zipkin", Message(&ZIPKIN)),
    ("lightstep", Message(&LIGHTSTEP)),
    ("datadog", Message(&DATADOG)),
    ("stackdriver", Message(&STACKDRIVER)),
    ("opencensus", Message(&OPEN_CENSUS_AGENT)),
    ("skywalking", Message(&SKY_WALKING)),
    ("opentelemetry", Message(&OPEN_TELEMETRY)),
    ("prometheus", Message(&PROMETHEUS)),
    ("envoyFileAccessLog", Message(&ENVOY_FILE_ACCESS_LOG)),
    ("envoyHttpAls", Message(&ENVOY_HTTP_GRPC_V3_LOG)),
    ("envoyTcpAls", Message(&ENVOY_TCP_GRPC_V3_LOG)),
    ("envoyOtelAls", Message(&ENVOY_OPEN_TELEMETRY_LOG)),
    ("sds", Message(&SDS_PROVIDER)),
];

/// `MeshConfig.ExtensionProvider.SDSProvider`.
static SDS_PROVIDER: Fields = &[("name", Text), ("service", Text), ("port", Uint)];

/// `MeshConfig.ExtensionProvider.EnvoyOpenTelemetryLogProvider`.
static ENVOY_OPEN_TELEMETRY_LOG: Fields =
    &[("service", Text), ("port", Uint), ("logName", Text), ("logFormat", Message(&LOG_FORMAT))];

/// `MeshConfig.ExtensionProvider.EnvoyTcpGrpcV3LogProvider`.
static ENVOY_TCP_GRPC_V3_LOG: Fields = &[
    ("service", Text),
    ("port", Uint),
    ("logName", Text),
    ("filterStateObjectsToLog", List(&Text)),
];

/// `MeshConfig.ExtensionProvider.EnvoyHttpGrpcV3LogProvider`.
static ENVOY_HTTP_GRPC_V3_LOG: Fields = &[
    ("service", Text),
    ("port", Uint),
    ("logName", Text),
    ("filterStateObjectsToLog", List(&Text)),
    ("additionalRequestHeadersToLog", List(&Text)),
    ("additionalResponseHeadersToLog", List(&Text)),
    ("additionalResponseTrailersToLog", List(&Text)),
];

/// `MeshConfig.ExtensionProvider.EnvoyFileAccessLogProvider`.
static ENVOY_FILE_ACCESS_LOG: Fields =
    &[("path", Text), ("logFormat", Message(&LOG_FORMAT)), ("omitEmptyValues", Bool)];

/// `MeshConfig.ExtensionProvider.EnvoyFileAccessLogProvider.LogFormat`.
static LOG_FORMAT: Fields = &[("text", Text), ("labels", Any)];

/// `MeshConfig.ExtensionProvider.PrometheusMetricsProvider`.
static PROMETHEUS: Fields = &[];

/// `MeshConfig.ExtensionProvider.OpenTelemetryTracingProvider`.
static OPEN_TELEMETRY: Fields = &[
    ("service", Text),
    ("port", Uint),
    ("maxTagLength", Uint),
    ("http", Message(&HTTP_SERVICE)),
    ("grpc", Message(&GRPC_SERVICE)),
    ("resourceDetectors", Message(&RESOURCE_DETECTORS)),
    ("serviceAttributeEnrichment", Enum(&["ISTIO_CANONICAL", "OTEL_SEMANTIC_CONVENTIONS"])),
    ("dynatraceSampler", Message(&DYNATRACE_SAMPLER)),
];

/// `MeshConfig.ExtensionProvider.OpenTelemetryTracingProvider.DynatraceSampler`.
static DYNATRACE_SAMPLER: Fields = &[
    ("tenant", Text),
    ("clusterId", Int),
    ("rootSpansPerMinute", Uint),
    ("httpService", Message(&DYNATRACE_API)),
];

/// `MeshConfig.ExtensionProvider.OpenTelemetryTracingProvider.DynatraceSampler.DynatraceApi`.
static DYNATRACE_API: Fields =
    &[("service", Text), ("port", Uint), ("http", Message(&HTTP_SERVICE))];

/// `MeshConfig.ExtensionProvider.ResourceDetectors`.
static RESOURCE_DETECTORS: Fields = &[
    ("environment", Message(&ENVIRONMENT_RESOURCE_DETECTOR)),
    ("dynatrace", Message(&DYNATRACE_RESOURCE_DETECTOR)),
];

/// `MeshConfig.ExtensionProvider.ResourceDetectors.DynatraceResourceDetector`.
static DYNATRACE_RESOURCE_DETECTOR: Fields = &[];

/// `MeshConfig.ExtensionProvider.ResourceDetectors.EnvironmentResourceDetector`.
static ENVIRONMENT_RESOURCE_DETECTOR: Fields = &[];

/// `MeshConfig.ExtensionProvider.GrpcService`.
static GRPC_SERVICE: Fields =
    &[("timeout", Duration), ("initialMetadata", List(&Message(&HTTP_HEADER)))];

/// `MeshConfig.ExtensionProvider.HttpService`.
static HTTP_SERVICE: Fields =
    &[("path", Text), ("timeout", Duration), ("headers", List(&Message(&HTTP_HEADER)))];

/// `MeshConfig.ExtensionProvider.SkyWalkingTracingProvider`.
static SKY_WALKING: Fields = &[("service", Text), ("port", Uint), ("accessToken", Text)];

/// `MeshConfig.ExtensionProvider.OpenCensusAgentTracingProvider`.
static OPEN_CENSUS_AGENT: Fields = &[
    ("service", Text),
    ("port", Uint),
    (
        "context",
        List(&Enum(&["UNSPECIFIED", "W3C_TRACE_CONTEXT", "GRPC_BIN", "CLOUD_TRACE_CONTEXT", "B3"])),
    ),
    ("maxTagLength", Uint),
];

/// `MeshConfig.ExtensionProvider.StackdriverProvider`.
static STACKDRIVER: Fields = &[
    ("debug", Bool),
    ("maxNumberOfAttributes", Optional(&Long)),
    ("maxNumberOfAnnotations", Optional(&Long)),
    ("maxNumberOfMessageEvents", Optional(&Long)),
    ("maxTagLength", Uint),
    ("logging", Message(&LOGGING)),
];

/// `MeshConfig.ExtensionProvider.StackdriverProvider.Logging`.
static LOGGING: Fields = &[("labels", Map(&Text))];

/// `MeshConfig.ExtensionProvider.DatadogTracingProvider`.
static DATADOG: Fields = &[("service", Text), ("port", Uint), ("maxTagLength", Uint)];

/// `MeshConfig.ExtensionProvider.LightstepTracingProvider`.
static LIGHTSTEP: Fields =
    &[("service", Text), ("port", Uint), ("accessToken", Text), ("maxTagLength", Uint)];

/// `MeshConfig.ExtensionProvider.ZipkinTracingProvider`.
static ZIPKIN: Fields = &[
    ("service", Text),
    ("port", Uint),
    ("maxTagLength", Uint),
    ("enable64bitTraceId", Bool),
    ("path", Text),
    ("traceContextOption", Enum(&["USE_B3", "USE_B3_WITH_W3C_PROPAGATION"])),
    ("timeout", Duration),
    ("headers", List(&Message(&HTTP_HEADER))),
];

/// `MeshConfig.ExtensionProvider.HttpHeader`.
static HTTP_HEADER: Fields = &[("name", Text), ("value", Text), ("envName", Text)];

/// `MeshConfig.ExtensionProvider.EnvoyExternalAuthorizationGrpcProvider`.
static EXT_AUTHZ_GRPC: Fields = &[
    ("service", Text),
    ("port", Uint),
    ("timeout", Duration),
    ("failOpen", Bool),
    ("clearRouteCache", Bool),
    ("statusOnError", Text),
    ("includeRequestBodyInCheck", Message(&EXT_AUTHZ_BODY)),
];

/// `MeshConfig.ExtensionProvider.EnvoyExternalAuthorizationHttpProvider`.
static EXT_AUTHZ_HTTP: Fields = &[
    ("service", Text),
    ("port", Uint),
    ("timeout", Duration),
    ("pathPrefix", Text),
    ("failOpen", Bool),
    ("clearRouteCache", Bool),
    ("statusOnError", Text),
    ("includeHeadersInCheck", List(&Text)),
    ("includeRequestHeadersInCheck", List(&Text)),
    ("includeAdditionalHeadersInCheck", Map(&Text)),
    ("includeRequestBodyInCheck", Message(&EXT_AUTHZ_BODY)),
    ("headersToUpstreamOnAllow", List(&Text)),
    ("headersToDownstreamOnDeny", List(&Text)),
    ("headersToDownstreamOnAllow", List(&Text)),
];

/// `MeshConfig.ExtensionProvider.EnvoyExternalAuthorizationRequestBody`.
static EXT_AUTHZ_BODY: Fields =
    &[("maxRequestBytes", Uint), ("allowPartialMessage", Bool), ("packAsBytes", Bool)];
