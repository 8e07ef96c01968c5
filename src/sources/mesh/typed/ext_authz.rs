//! Extension providers that decide over requests.

use serde_json::{Map, Value};

use super::{duration_of, strings};
use crate::api::Str;
use crate::api::mesh::ExtAuthz;
use crate::api::mesh::ext_authz::{HttpCheck, Protocol, RequestBody};

/// Those among `extensionProviders`, of which the schema already assured the types.
pub(super) fn read(providers: Option<&Value>) -> Vec<ExtAuthz> {
    let providers = providers.and_then(Value::as_array).into_iter().flatten();
    providers.filter_map(Value::as_object).filter_map(provider).collect()
}

fn provider(provider: &Map<String, Value>) -> Option<ExtAuthz> {
    let fields = |name: &str| provider.get(name).and_then(Value::as_object);
    let name = text(provider, "name");
    match (fields("envoyExtAuthzHttp"), fields("envoyExtAuthzGrpc")) {
        (Some(http), _) => {
            Some(ExtAuthz { name, protocol: Protocol::Http(http_check(http)), ..common(http) })
        }
        (None, Some(grpc)) => Some(ExtAuthz { name, ..common(grpc) }),
        (None, None) => None,
    }
}

fn common(fields: &Map<String, Value>) -> ExtAuthz {
    ExtAuthz {
        service: text(fields, "service"),
        port: number(fields, "port"),
        timeout: duration_of(fields.get("timeout")),
        fail_open: flag(fields, "failOpen"),
        status_on_error: text(fields, "statusOnError"),
        body: fields.get("includeRequestBodyInCheck").and_then(Value::as_object).map(|body| {
            RequestBody {
                max_bytes: number(body, "maxRequestBytes"),
                allow_partial: flag(body, "allowPartialMessage"),
                pack_as_bytes: flag(body, "packAsBytes"),
            }
        }),
        ..ExtAuthz::default()
    }
}

fn http_check(fields: &Map<String, Value>) -> HttpCheck {
    let list = |name: &str| strings(fields.get(name));
    let added = fields.get("includeAdditionalHeadersInCheck").and_then(Value::as_object);
    let added = added.into_iter().flatten();
    let mut additional_headers: Vec<(Str, Str)> = added
        .map(|(name, value)| (name.as_str().into(), value.as_str().unwrap_or_default().into()))
        .collect();
    additional_headers.sort();
    HttpCheck {
        path_prefix: text(fields, "pathPrefix"),
        request_headers: list("includeRequestHeadersInCheck"),
        headers: list("includeHeadersInCheck"),
        additional_headers,
        upstream_on_allow: list("headersToUpstreamOnAllow"),
        downstream_on_deny: list("headersToDownstreamOnDeny"),
        downstream_on_allow: list("headersToDownstreamOnAllow"),
    }
}

fn text(fields: &Map<String, Value>, name: &str) -> Str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default().into()
}

fn number(fields: &Map<String, Value>, name: &str) -> u32 {
    let number = fields.get(name).and_then(Value::as_u64).unwrap_or_default();
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn flag(fields: &Map<String, Value>, name: &str) -> bool {
    fields.get(name).and_then(Value::as_bool).unwrap_or_default()
}
