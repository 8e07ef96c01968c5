//! VirtualService: where requests and connections for hosts go.

pub mod validation;

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::common::{Destination, Percent, is_default};
use crate::api::config::{Config, Spec};
use crate::api::duration::GoDuration;
use crate::api::enumeration::enumeration;
use crate::api::issue::Issues;
use crate::api::schema;
use crate::api::{Kind, Labels, Meta, Object, Str};

/// The spec of a VirtualService.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct VirtualService {
    /// The hosts that clients ask for; none for one that others delegate to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<Str>,
    /// `NAME` or `NAMESPACE/NAME` of gateways, and `mesh` for sidecars; empty for `mesh`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<Str>,
    /// Routes of HTTP; the first that matches counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<HttpRoute>,
    /// Routes of TLS that is not ended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tls: Vec<TlsRoute>,
    /// Routes of other connections.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tcp: Vec<TcpRoute>,
    /// The namespaces whose proxies see it; empty for what the mesh says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub export_to: Vec<Str>,
}

/// What happens to requests that one of `match` describes. One of route, redirect, direct response, delegate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(transform = schema::old_spelling("mirrorPercent", "mirror_percent"))]
pub struct HttpRoute {
    /// For statistics and logs.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub name: Str,
    /// Any of these; none matches every request.
    #[serde(rename = "match", skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<HttpMatch>,
    /// Where they go, by weight.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub route: Vec<HttpDestination>,
    /// They are answered with a redirect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect: Option<HttpRedirect>,
    /// They are answered with a fixed response.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direct_response: Option<DirectResponse>,
    /// Another VirtualService says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delegate: Option<Delegate>,
    /// How their path and host are rewritten.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rewrite: Option<HttpRewrite>,
    /// How long the answer may take; None for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<GoDuration>,
    /// What is retried; None for what the mesh says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<HttpRetry>,
    /// Delays and errors on purpose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<FaultInjection>,
    /// A copy of requests goes there too, and the answer is dropped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirror: Option<Destination>,
    /// Old spelling of `mirror_percentage`, in whole percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true))]
    pub mirror_percent: Option<u32>,
    /// The share that `mirror` gets; all when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mirror_percentage: Option<Percent>,
    /// Copies to several destinations.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mirrors: Vec<HttpMirror>,
    /// What browsers on pages of other origins may do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cors_policy: Option<CorsPolicy>,
    /// How headers are changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<Headers>,
}

/// Another VirtualService.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Delegate {
    /// Its name.
    pub name: Str,
    /// Its namespace; empty for that of the one that delegates.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub namespace: Str,
}

/// Describes requests: all that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpMatch {
    /// For the name of the route.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub name: Str,
    /// The path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri: Option<StringMatch>,
    /// `http` or `https`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<StringMatch>,
    /// The method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<StringMatch>,
    /// The host that the client asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority: Option<StringMatch>,
    /// Headers; an empty match asks for presence only.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<Str, StringMatch>,
    /// Headers that must not match; an empty match asks for absence.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub without_headers: BTreeMap<Str, StringMatch>,
    /// Query parameters; an empty match asks for presence only.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub query_params: BTreeMap<Str, StringMatch>,
    /// The port that the client connected to; 0 for any.
    #[serde(skip_serializing_if = "is_default")]
    pub port: u32,
    /// Labels of the client's workload.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub source_labels: Labels,
    /// Namespace of the client's workload; empty for any.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub source_namespace: Str,
    /// Gateways (or `mesh`) at which the request arrives; instead of those of the object.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<Str>,
    /// `uri` is compared without regard to case, unless it is a regular expression.
    #[serde(skip_serializing_if = "is_default")]
    pub ignore_uri_case: bool,
    /// For statistics of the route; empty for none.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub stat_prefix: Str,
}

/// How a text must look. One of the three; none asks for presence only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("oneOf" = schema::at_most_one(&["exact", "prefix", "regex"])))]
pub struct StringMatch {
    /// Exactly this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exact: Option<Str>,
    /// It begins with this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<Str>,
    /// This regular expression (RE2) describes it as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regex: Option<Str>,
}

/// One destination among others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["destination"]))]
pub struct HttpDestination {
    /// Where.
    pub destination: Destination,
    /// Its share of the sum of weights; a single destination gets all.
    #[serde(skip_serializing_if = "is_default")]
    pub weight: i32,
    /// How headers are changed, beside what the route says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<Headers>,
}

/// How headers of requests and responses are changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Headers {
    /// Of requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<HeaderOperations>,
    /// Of responses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<HeaderOperations>,
}

/// How headers are changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HeaderOperations {
    /// They have this value afterwards.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub set: Labels,
    /// They have this value too.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub add: Labels,
    /// They are gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<Str>,
}

/// A redirect.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("oneOf" = schema::at_most_one(&["port", "derivePort"])))]
pub struct HttpRedirect {
    /// The new path; `%PREFIX()%` stands for the matched prefix's place. Empty keeps the path.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub uri: Str,
    /// The new host; empty keeps it.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub authority: Str,
    /// The new port. One of `port` and `derive_port`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u32>,
    /// How the new port is found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub derive_port: Option<DerivePort>,
    /// The new scheme; empty keeps it.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub scheme: Str,
    /// The status; 0 for 301.
    #[serde(skip_serializing_if = "is_default")]
    pub redirect_code: u32,
}

enumeration! {
    /// How the port of a redirect is found.
    pub enum DerivePort {
        /// 80 or 443, by the scheme.
        #[default]
        FromProtocolDefault = 0 "FROM_PROTOCOL_DEFAULT",
        /// That of the request.
        FromRequestPort = 1 "FROM_REQUEST_PORT",
    }
}

/// A fixed response.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["status"]))]
pub struct DirectResponse {
    /// The status.
    pub status: u32,
    /// The body; None for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<HttpBody>,
}

/// A body. One of the two.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("oneOf" = schema::at_most_one(&["string", "bytes"])))]
pub struct HttpBody {
    /// As text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub string: Option<Str>,
    /// In base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "byte"))]
    pub bytes: Option<Str>,
}

/// How path and host are rewritten.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRewrite {
    /// Instead of the matched prefix or path; empty keeps it.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub uri: Str,
    /// The new host; empty keeps it.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub authority: Str,
    /// Instead of what a regular expression matches in the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uri_regex_rewrite: Option<RegexRewrite>,
}

/// A substitution.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct RegexRewrite {
    /// What is replaced.
    #[serde(rename = "match")]
    pub matches: Str,
    /// What replaces it; `\1` is its first group.
    pub rewrite: Str,
}

/// What is retried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRetry {
    /// How often; 0 never.
    #[serde(skip_serializing_if = "is_default")]
    pub attempts: i32,
    /// How long one try may take; None for the route's timeout.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_try_timeout: Option<GoDuration>,
    /// On what: Envoy's conditions and status codes, with commas; empty for the default.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub retry_on: Str,
    /// Also in other localities.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true))]
    pub retry_remote_localities: Option<bool>,
    /// Not on hosts that were tried; true when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true))]
    pub retry_ignore_previous_hosts: Option<bool>,
    /// The wait before the first retry; None for Envoy's 25 ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backoff: Option<GoDuration>,
}

/// Delays and errors on purpose.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct FaultInjection {
    /// Delays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay: Option<FaultDelay>,
    /// Errors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abort: Option<FaultAbort>,
}

/// A delay.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("oneOf" = schema::at_most_one(&["fixedDelay", "exponentialDelay"])))]
pub struct FaultDelay {
    /// How long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_delay: Option<GoDuration>,
    /// Never implemented by Istio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exponential_delay: Option<GoDuration>,
    /// Old spelling of `percentage`, in whole percent; 0 when unset.
    #[serde(skip_serializing_if = "is_default")]
    pub percent: i32,
    /// Of which share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percentage: Option<Percent>,
}

/// An error. One of the three.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("oneOf" = schema::at_most_one(&["httpStatus", "grpcStatus", "http2Error"])))]
pub struct FaultAbort {
    /// A status of HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_status: Option<i32>,
    /// A status of gRPC by its name, such as `UNAVAILABLE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grpc_status: Option<Str>,
    /// Never implemented by Istio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http2_error: Option<Str>,
    /// Of which share; all when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percentage: Option<Percent>,
}

/// A copy of requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["destination"]))]
pub struct HttpMirror {
    /// Where it goes.
    pub destination: Destination,
    /// Of which share; all when unset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percentage: Option<Percent>,
}

/// What browsers on pages of other origins may do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CorsPolicy {
    /// Old spelling of `allow_origins`: exact origins, `*` for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_origin: Vec<Str>,
    /// The origins.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_origins: Vec<StringMatch>,
    /// The methods.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_methods: Vec<Str>,
    /// The headers that requests may have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_headers: Vec<Str>,
    /// The headers of responses that pages may read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub expose_headers: Vec<Str>,
    /// How long a browser may keep the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<GoDuration>,
    /// Whether cookies may be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true))]
    pub allow_credentials: Option<bool>,
    /// What happens to a preflight of an origin that is not allowed.
    #[serde(skip_serializing_if = "is_default")]
    pub unmatched_preflights: UnmatchedPreflights,
}

enumeration! {
    /// What happens to a preflight of an origin that is not allowed.
    pub enum UnmatchedPreflights {
        /// It is forwarded.
        #[default]
        Unspecified = 0 "UNSPECIFIED",
        /// It is forwarded.
        Forward = 1 "FORWARD",
        /// It is answered by the proxy.
        Ignore = 2 "IGNORE",
    }
}

/// Where TLS connections go that one of `match` describes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["match"]))]
pub struct TlsRoute {
    /// Any of these.
    #[serde(rename = "match", skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<TlsMatch>,
    /// Where they go, by weight.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub route: Vec<RouteDestination>,
}

/// Describes TLS connections: all that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["sniHosts"]))]
pub struct TlsMatch {
    /// Any of these server names.
    pub sni_hosts: Vec<Str>,
    /// Any of these networks, in CIDR form, has the address.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub destination_subnets: Vec<Str>,
    /// The port; 0 for any.
    #[serde(skip_serializing_if = "is_default")]
    pub port: u32,
    /// Labels of the client's workload.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub source_labels: Labels,
    /// Namespace of the client's workload; empty for any.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub source_namespace: Str,
    /// Gateways (or `mesh`); instead of those of the object.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<Str>,
}

/// Where connections go that one of `match` describes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct TcpRoute {
    /// Any of these; none matches every connection.
    #[serde(rename = "match", skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<L4Match>,
    /// Where they go, by weight.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub route: Vec<RouteDestination>,
}

/// Describes connections: all that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct L4Match {
    /// Any of these networks, in CIDR form, has the address.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub destination_subnets: Vec<Str>,
    /// The port; 0 for any.
    #[serde(skip_serializing_if = "is_default")]
    pub port: u32,
    /// Never implemented by Istio.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub source_subnet: Str,
    /// Labels of the client's workload.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub source_labels: Labels,
    /// Gateways (or `mesh`); instead of those of the object.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gateways: Vec<Str>,
    /// Namespace of the client's workload; empty for any.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub source_namespace: Str,
}

/// One destination of connections among others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["destination"]))]
pub struct RouteDestination {
    /// Where.
    pub destination: Destination,
    /// Its share of the sum of weights; a single destination gets all.
    #[serde(skip_serializing_if = "is_default")]
    pub weight: i32,
}

impl Spec for VirtualService {
    const KIND: Kind = Kind::VirtualService;
    type Status = ();

    fn validate(&self, meta: &Meta, issues: &mut Issues) {
        validation::validate(self, meta, issues);
    }

    fn object(config: Arc<Config<Self>>) -> Object {
        Object::VirtualService(config)
    }

    fn of(object: &Object) -> Option<&Arc<Config<Self>>> {
        match object {
            Object::VirtualService(config) => Some(config),
            _ => None,
        }
    }
}
