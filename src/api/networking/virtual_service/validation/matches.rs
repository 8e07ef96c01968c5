//! What the description of requests must satisfy.

use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::networking::virtual_service::HttpMatch;
use crate::api::rules::labels::labels;
use crate::api::rules::{gateways, headers, hosts, ports, texts};

/// What presence of a header is written as among those that must not be there; no regular expression.
const ANY: &str = "*";

/// A description of requests, of a route that may be for gateways only.
pub(super) fn validate(
    request: &HttpMatch,
    for_gateways: bool,
    at: &Place<'_>,
    issues: &mut Issues,
) {
    if let Some(path) = &request.uri {
        texts::path(path, &at.key("uri"), issues);
    }
    for (name, field) in [
        ("scheme", &request.scheme),
        ("method", &request.method),
        ("authority", &request.authority),
    ] {
        if let Some(field) = field {
            texts::text(field, &at.key(name), issues);
        }
    }
    for (field, wanted) in
        [("headers", &request.headers), ("withoutHeaders", &request.without_headers)]
    {
        let at = at.key(field);
        for (name, value) in wanted {
            let at = at.key(name);
            headers::matched(name, &at, issues);
            if headers::is_claim(name) && !for_gateways {
                issues.error(
                    at,
                    format!(
                        "{name} asks for a claim, which only gateways can: name gateways, not mesh"
                    ),
                );
            }
            if field == "headers" || value.regex.as_deref() != Some(ANY) {
                texts::text(value, &at, issues);
            }
        }
    }
    let parameters = at.key("queryParams");
    for (name, value) in &request.query_params {
        texts::text(value, &parameters.key(name), issues);
    }
    ports::optional(request.port, &at.key("port"), issues);
    labels(&request.source_labels, &at.key("sourceLabels"), issues);
    gateways::names(&request.gateways, &at.key("gateways"), issues);
    if !request.source_namespace.is_empty() && !hosts::is_label(&request.source_namespace) {
        issues.error(
            at.key("sourceNamespace"),
            format!("{:?} is no namespace: name one", request.source_namespace),
        );
    }
}
