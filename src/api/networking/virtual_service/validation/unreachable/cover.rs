//! Whether one description of requests takes all that another takes.

use std::collections::BTreeMap;

use crate::api::Str;
use crate::api::meta::selects;
use crate::api::networking::virtual_service::{HttpMatch, StringMatch};

/// The regular expression that Envoy, too, takes for any text.
const ANY: &str = ".*";

/// Whether every request that `wanted` describes is one that `taker` describes, as far as that is certain.
pub(super) fn covers(taker: &HttpMatch, wanted: &HttpMatch) -> bool {
    covers_path(taker, wanted)
        && (taker.port == 0 || taker.port == wanted.port)
        && is_implied(taker.scheme.as_ref(), wanted.scheme.as_ref())
        && is_implied(taker.method.as_ref(), wanted.method.as_ref())
        && is_implied(taker.authority.as_ref(), wanted.authority.as_ref())
        && are_implied(&taker.headers, &wanted.headers)
        && are_implied(&taker.query_params, &wanted.query_params)
        && taker.without_headers.iter().all(|(name, value)| {
            wanted.without_headers.get(name).is_some_and(|also| also == value || is_presence(also))
        })
        && covers_sources(taker, wanted)
}

/// Whether it takes any path.
pub(super) fn is_any_path(uri: &StringMatch) -> bool {
    matches!(uri.prefix.as_deref(), Some("" | "/")) || uri.regex.as_deref() == Some(ANY)
}

fn covers_path(taker: &HttpMatch, wanted: &HttpMatch) -> bool {
    let Some(uri) = taker.uri.as_ref().filter(|uri| !is_any_path(uri)) else { return true };
    let Some(other) = &wanted.uri else { return false };
    if uri == other && (uri.regex.is_some() || taker.ignore_uri_case == wanted.ignore_uri_case) {
        return true;
    }
    match (taker.ignore_uri_case, wanted.ignore_uri_case) {
        (false, true) => false,
        (false, false) => is_implied(Some(uri), Some(other)),
        (true, _) => is_implied(Some(&lower_case(uri)), Some(&lower_case(other))),
    }
}

/// The same without regard to case; a regular expression stays, as it always has regard to it.
fn lower_case(text: &StringMatch) -> StringMatch {
    let lower = |text: &Option<Str>| text.as_ref().map(|text| text.to_ascii_lowercase().into());
    let StringMatch { exact, prefix, regex } = text;
    StringMatch { exact: lower(exact), prefix: lower(prefix), regex: regex.clone() }
}

/// Whether it asks for nothing but that there is a value.
fn is_presence(text: &StringMatch) -> bool {
    matches!(text.regex.as_deref(), Some("*")) || *text == StringMatch::default()
}

/// Whether every text that `wanted` takes is one that `asked` takes.
fn is_implied(asked: Option<&StringMatch>, wanted: Option<&StringMatch>) -> bool {
    let Some(asked) = asked else { return true };
    let Some(wanted) = wanted else { return false };
    let begins = |with: &str| {
        let text = wanted.exact.as_ref().or(wanted.prefix.as_ref());
        text.is_some_and(|text| text.starts_with(with))
    };
    asked == wanted
        || *asked == StringMatch::default()
        || asked.regex.as_deref() == Some(ANY)
        || asked.prefix.as_deref().is_some_and(begins)
}

fn are_implied(asked: &BTreeMap<Str, StringMatch>, wanted: &BTreeMap<Str, StringMatch>) -> bool {
    asked.iter().all(|(name, value)| is_implied(Some(value), wanted.get(name)))
}

fn covers_sources(taker: &HttpMatch, wanted: &HttpMatch) -> bool {
    let labels = selects(&taker.source_labels, &wanted.source_labels);
    let namespace =
        taker.source_namespace.is_empty() || taker.source_namespace == wanted.source_namespace;
    let gateways = taker.gateways.is_empty()
        || (!wanted.gateways.is_empty()
            && wanted.gateways.iter().all(|name| taker.gateways.contains(name)));
    labels && namespace && gateways
}
