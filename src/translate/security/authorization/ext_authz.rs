//! Filters that ask a provider about the requests which the rules before them describe.
//!
//! A filter of RBAC only notes which policy describes a request (its shadow rules have no effect); the filter behind it
//! asks the provider if the name that was noted is one of its policies'.

use std::time::Duration;

use super::metadata;
use super::provider::Provider;
use crate::api::Str;
use crate::api::mesh::ext_authz::{HttpCheck, Protocol};
use crate::proto::envoy::envoy::config::core::v3::grpc_service::{EnvoyGrpc, TargetSpecifier};
use crate::proto::envoy::envoy::config::core::v3::http_uri::HttpUpstreamType;
use crate::proto::envoy::envoy::config::core::v3::{ApiVersion, GrpcService, HeaderValue, HttpUri};
use crate::proto::envoy::envoy::extensions::filters::http::ext_authz::v3::ext_authz::Services;
use crate::proto::envoy::envoy::extensions::filters::http::ext_authz::v3::{
    AuthorizationRequest, AuthorizationResponse, BufferSettings, ExtAuthz, HttpService,
};
use crate::proto::envoy::envoy::extensions::filters::network::ext_authz::v3::ExtAuthz as TcpExtAuthz;
use crate::proto::envoy::envoy::r#type::matcher::v3::string_matcher::MatchPattern;
use crate::proto::envoy::envoy::r#type::matcher::v3::{
    ListStringMatcher, MetadataMatcher, StringMatcher,
};
use crate::proto::envoy::envoy::r#type::v3::HttpStatus;
use crate::translate::common::name::outbound_cluster;
use crate::translate::common::value::{duration, prefix};

/// Before what RBAC notes in the dynamic metadata.
pub const NOTES: &str = "istio_ext_authz_";

/// How long a provider may take that says nothing of it.
const TIMEOUT: Duration = Duration::from_secs(600);

/// What the names of a provider's policies begin with.
pub fn policy_prefix(provider: &str) -> String {
    match provider {
        "" => "istio-ext-authz-".to_owned(),
        name => format!("istio-ext-authz-{name}-"),
    }
}

/// For HTTP requests. `rbac` is the name of the filter that notes.
pub fn http(provider: &Provider, rbac: &str) -> ExtAuthz {
    let settings = &provider.settings;
    let mut filter = ExtAuthz {
        transport_api_version: ApiVersion::V3.into(),
        failure_mode_allow: settings.fail_open,
        status_on_error: settings.status().map(|code| HttpStatus { code: code.into() }),
        with_request_body: settings.body.map(|body| BufferSettings {
            max_request_bytes: body.max_bytes,
            allow_partial_message: body.allow_partial,
            pack_as_bytes: body.pack_as_bytes,
        }),
        filter_enabled_metadata: Some(noted(provider, rbac)),
        ..ExtAuthz::default()
    };
    match &settings.protocol {
        Protocol::Grpc => filter.services = Some(Services::GrpcService(grpc_service(provider))),
        Protocol::Http(check) => {
            let names = headers(&check.request_headers);
            filter.allowed_headers = names.or_else(|| headers(&check.headers));
            filter.services = Some(Services::HttpService(http_service(provider, check)));
        }
    }
    filter
}

/// For byte streams, which only gRPC can be asked about. `rbac` is the name of the filter that notes.
pub fn tcp(provider: &Provider, rbac: &str) -> Option<TcpExtAuthz> {
    (provider.settings.protocol == Protocol::Grpc).then(|| TcpExtAuthz {
        stat_prefix: "tcp.".into(),
        grpc_service: Some(grpc_service(provider)),
        failure_mode_allow: provider.settings.fail_open,
        transport_api_version: ApiVersion::V3.into(),
        filter_enabled_metadata: Some(noted(provider, rbac)),
        ..TcpExtAuthz::default()
    })
}

/// One of the provider's policies was noted.
fn noted(provider: &Provider, rbac: &str) -> MetadataMatcher {
    let key = format!("{NOTES}shadow_effective_policy_id");
    let name = prefix(format!("istio-ext-authz-{}", provider.settings.name));
    metadata::matcher(rbac, [key.as_str()], metadata::text(name))
}

fn cluster(provider: &Provider) -> String {
    let port = u16::try_from(provider.settings.port).unwrap_or_default();
    outbound_cluster(port, "", &provider.host)
}

fn timeout(provider: &Provider) -> Duration {
    provider.settings.timeout.unwrap_or(TIMEOUT)
}

fn grpc_service(provider: &Provider) -> GrpcService {
    GrpcService {
        target_specifier: Some(TargetSpecifier::EnvoyGrpc(EnvoyGrpc {
            cluster_name: cluster(provider),
            authority: provider.host.to_string(),
            ..EnvoyGrpc::default()
        })),
        timeout: Some(duration(timeout(provider))),
        ..GrpcService::default()
    }
}

fn http_service(provider: &Provider, check: &HttpCheck) -> HttpService {
    let added = check.additional_headers.iter().map(|(key, value)| HeaderValue {
        key: key.to_string(),
        value: value.to_string(),
        ..HeaderValue::default()
    });
    let request =
        AuthorizationRequest { headers_to_add: added.collect(), ..AuthorizationRequest::default() };
    let response = AuthorizationResponse {
        allowed_upstream_headers: headers(&check.upstream_on_allow),
        allowed_client_headers: headers(&check.downstream_on_deny),
        allowed_client_headers_on_success: headers(&check.downstream_on_allow),
        ..AuthorizationResponse::default()
    };
    HttpService {
        server_uri: Some(HttpUri {
            uri: format!("http://{}", provider.host),
            timeout: Some(duration(timeout(provider))),
            http_upstream_type: Some(HttpUpstreamType::Cluster(cluster(provider))),
        }),
        path_prefix: check.path_prefix.to_string(),
        authorization_request: (request != AuthorizationRequest::default()).then_some(request),
        authorization_response: (response != AuthorizationResponse::default()).then_some(response),
        ..HttpService::default()
    }
}

/// Names of headers; None if there are none.
fn headers(names: &[Str]) -> Option<ListStringMatcher> {
    let matcher = |name: &Str| {
        let pattern = match (name.strip_prefix('*'), name.strip_suffix('*')) {
            (Some(suffix), _) => MatchPattern::Suffix(suffix.into()),
            (None, Some(prefix)) => MatchPattern::Prefix(prefix.into()),
            (None, None) => MatchPattern::Exact(name.to_string()),
        };
        StringMatcher { ignore_case: true, match_pattern: Some(pattern) }
    };
    let patterns: Vec<StringMatcher> = names.iter().map(matcher).collect();
    (!patterns.is_empty()).then_some(ListStringMatcher { patterns })
}
