//! Changes of headers. `set` comes before `add`, each sorted by name. The host cannot be changed as a header: setting
//! it is a rewrite.

use crate::api::Labels;
use crate::api::field_path::FieldPath;
use crate::api::issue::Issue;
use crate::api::networking::virtual_service::{HeaderOperations, Headers};
use crate::proto::envoy::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use crate::proto::envoy::envoy::config::core::v3::{HeaderValue, HeaderValueOption};
use crate::proto::envoy::envoy::config::route::v3::Route;

use super::text;

/// What shall be changed.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub request_add: Vec<HeaderValueOption>,
    pub request_remove: Vec<String>,
    pub response_add: Vec<HeaderValueOption>,
    pub response_remove: Vec<String>,
    /// The host that requests shall be for.
    pub authority: Option<String>,
}

impl Changes {
    /// Adds the changes to those of a route.
    pub(super) fn put(&mut self, route: &mut Route) {
        route.request_headers_to_add.append(&mut self.request_add);
        route.request_headers_to_remove.append(&mut self.request_remove);
        route.response_headers_to_add.append(&mut self.response_add);
        route.response_headers_to_remove.append(&mut self.response_remove);
    }
}

/// The changes that `headers` at the place `at` says.
pub(super) fn convert(headers: &Headers, at: FieldPath, issues: &mut Vec<Issue>) -> Changes {
    let mut changes = Changes::default();
    if let Some(request) = &headers.request {
        let at = at.clone().key("request");
        changes.request_add = additions(request, &at, issues);
        changes.request_remove = removals(request);
        let host =
            |map: &Labels| map.iter().rev().find(|(key, _)| is_host(key)).map(|(_, v)| v.clone());
        let host = host(&request.set).or_else(|| host(&request.add));
        changes.authority = host.filter(|h| !h.is_empty()).map(|h| h.to_string());
    }
    if let Some(response) = &headers.response {
        changes.response_add = additions(response, &at.key("response"), issues);
        changes.response_remove = removals(response);
    }
    changes
}

/// Tells clients that the port speaks HTTP/3 too. They may remember it for a day, as Istio says.
pub(super) fn of_http3(port: u16) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue {
            key: "alt-svc".into(),
            value: format!("h3=\":{port}\"; ma=86400"),
            ..HeaderValue::default()
        }),
        append_action: HeaderAppendAction::AppendIfExistsOrAdd.into(),
        ..HeaderValueOption::default()
    }
}

/// Where the changes for one of the destinations are written.
pub(super) fn of_destination(index: usize) -> FieldPath {
    FieldPath::of("route").index(index).key("headers")
}

fn additions(
    operations: &HeaderOperations,
    at: &FieldPath,
    issues: &mut Vec<Issue>,
) -> Vec<HeaderValueOption> {
    let set = (HeaderAppendAction::OverwriteIfExistsOrAdd, "set", &operations.set);
    let add = (HeaderAppendAction::AppendIfExistsOrAdd, "add", &operations.add);
    let mut out = Vec::new();
    for (action, field, map) in [set, add] {
        for (key, value) in map.iter().filter(|(key, _)| !is_internal(key)) {
            if !text::is_header_name(key) || !text::is_header_value(value) {
                let path = at.clone().key(field).key(key);
                let why = "left out: names of headers cannot be empty, and neither names nor values can have line \
                           breaks or NUL";
                issues.push(Issue::error(path, why));
                continue;
            }
            out.push(HeaderValueOption {
                header: Some(HeaderValue {
                    key: key.to_string(),
                    value: value.to_string(),
                    ..HeaderValue::default()
                }),
                append_action: action.into(),
                ..HeaderValueOption::default()
            });
        }
    }
    out
}

fn removals(operations: &HeaderOperations) -> Vec<String> {
    let names = operations.remove.iter();
    let names = names.filter(|name| !is_internal(name) && text::is_header_name(name));
    names.map(|name| name.to_string()).collect()
}

/// Envoy does not let these be changed as headers.
fn is_internal(name: &str) -> bool {
    name.starts_with(':') || name.eq_ignore_ascii_case("host")
}

fn is_host(name: &str) -> bool {
    name.eq_ignore_ascii_case(":authority") || name.eq_ignore_ascii_case("host")
}
