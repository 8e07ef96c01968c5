//! What browsers on pages of other origins may do, as configuration of Envoy's CORS filter for one route.

use super::percent::{fixed, whole};
use super::text::{self, Refused};
use crate::api::Str;
use crate::api::field_path::FieldPath;
use crate::api::issue::Issue;
use crate::api::networking::virtual_service::{CorsPolicy, UnmatchedPreflights};
use crate::proto::encode::any;
use crate::proto::envoy::envoy::config::route::v3::Route;
use crate::proto::envoy::envoy::extensions::filters::http::cors::v3::CorsPolicy as Message;
use crate::proto::envoy::envoy::r#type::matcher::v3::StringMatcher;
use crate::translate::capability::{Capabilities, Capability};
use crate::translate::common::value::{boolean, exact};

/// The name of the filter in connection managers.
const FILTER: &str = "envoy.filters.http.cors";

/// Puts a policy into a route. An origin that Envoy would not take is left out, and an issue says so.
pub(super) fn put(
    policy: Option<&CorsPolicy>,
    capabilities: Capabilities,
    refused: &Refused,
    route: &mut Route,
    issues: &mut Vec<Issue>,
) {
    let Some(policy) = policy.filter(|_| capabilities.has(Capability::Cors)) else { return };
    let list = |items: &[Str]| items.join(",");
    let message = Message {
        allow_origin_string_match: origins(policy, refused, issues),
        allow_methods: list(&policy.allow_methods),
        allow_headers: list(&policy.allow_headers),
        expose_headers: list(&policy.expose_headers),
        max_age: policy.max_age.map_or_else(String::new, |age| age.0.as_secs().to_string()),
        allow_credentials: policy.allow_credentials.map(boolean),
        filter_enabled: Some(fixed(whole(100))),
        forward_not_matching_preflights: Some(boolean(
            policy.unmatched_preflights != UnmatchedPreflights::Ignore,
        )),
        ..Message::default()
    };
    route.typed_per_filter_config.insert(FILTER.into(), any(&message));
}

/// The origins that are allowed, in their new spelling or the old one.
fn origins(policy: &CorsPolicy, refused: &Refused, issues: &mut Vec<Issue>) -> Vec<StringMatcher> {
    if policy.allow_origins.is_empty() {
        return policy.allow_origin.iter().map(|origin| exact(&**origin)).collect();
    }
    let mut matchers = Vec::new();
    for (index, origin) in policy.allow_origins.iter().enumerate() {
        match text::matcher(origin, refused) {
            Ok(matcher) => matchers.push(matcher),
            Err(why) => {
                let path = FieldPath::of("corsPolicy").key("allowOrigins").index(index);
                issues.push(Issue::error(path, format!("the origin is left out: {why}")));
            }
        }
    }
    matchers
}
