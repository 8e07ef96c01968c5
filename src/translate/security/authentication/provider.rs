//! Providers: whose tokens are verified, with which keys, where they are found and what becomes of them.

use std::collections::BTreeSet;

use super::PAYLOAD;
use crate::api::Str;
use crate::api::security::request_authentication::JwtRule;
use crate::model::policy::request::KeysFrom;
use crate::proto::envoy::envoy::config::core::v3::data_source::Specifier;
use crate::proto::envoy::envoy::config::core::v3::http_uri::HttpUpstreamType;
use crate::proto::envoy::envoy::config::core::v3::{DataSource, HttpUri};
use crate::proto::envoy::envoy::extensions::filters::http::jwt_authn::v3::jwt_provider::{
    JwksSourceSpecifier, NormalizePayload,
};
use crate::proto::envoy::envoy::extensions::filters::http::jwt_authn::v3::{
    JwtClaimToHeader, JwtHeader, JwtProvider, RemoteJwks,
};
use crate::translate::common::name::outbound_cluster;
use crate::translate::common::value::{duration, seconds};

/// Claims that are lists in one text, whatever a rule says (RFC 8693).
const SPACE_DELIMITED: [&str; 2] = ["permission", "scope"];

/// How long a proxy keeps keys that it fetched, in seconds.
const KEPT_SECONDS: i64 = 300;

/// The provider of a rule. `reroute` lets the route be chosen anew with what the token says.
pub(super) fn of(rule: &JwtRule, keys: JwksSourceSpecifier, reroute: bool) -> JwtProvider {
    let headers = rule.from_headers.iter().map(|header| JwtHeader {
        name: header.name.to_string(),
        value_prefix: header.prefix.to_string(),
    });
    let claims = rule.output_claim_to_headers.iter().map(|claim| JwtClaimToHeader {
        header_name: claim.header.to_string(),
        claim_name: claim.claim.to_string(),
        ..JwtClaimToHeader::default()
    });
    let own = rule.space_delimited_claims.iter().map(|claim| &**claim);
    let lists: BTreeSet<&str> = SPACE_DELIMITED.into_iter().chain(own).collect();
    JwtProvider {
        issuer: rule.issuer.to_string(),
        audiences: texts(&rule.audiences),
        forward: rule.forward_original_token,
        from_headers: headers.collect(),
        from_params: texts(&rule.from_params),
        from_cookies: texts(&rule.from_cookies),
        forward_payload_header: rule.output_payload_to_header.to_string(),
        payload_in_metadata: PAYLOAD.to_owned(),
        normalize_payload_in_metadata: Some(NormalizePayload {
            space_delimited_claims: lists.into_iter().map(str::to_owned).collect(),
        }),
        claim_to_headers: claims.collect(),
        clear_route_cache: reroute,
        jwks_source_specifier: Some(keys),
        ..JwtProvider::default()
    }
}

/// The keys of a provider. `fetched` is the set of those that are not written in the rule.
pub(super) fn keys(from: &KeysFrom, fetched: Option<&str>) -> JwksSourceSpecifier {
    let local = |text: &str| {
        JwksSourceSpecifier::LocalJwks(DataSource {
            specifier: Some(Specifier::InlineString(text.to_owned())),
            ..DataSource::default()
        })
    };
    match from {
        KeysFrom::Inline(text) => local(text),
        KeysFrom::Fetched(_) | KeysFrom::Nowhere(_) => local(fetched.unwrap_or_default()),
        KeysFrom::Cluster { uri, host, port, timeout, .. } => {
            let cluster = outbound_cluster(*port, "", host);
            JwksSourceSpecifier::RemoteJwks(RemoteJwks {
                http_uri: Some(HttpUri {
                    uri: uri.to_string(),
                    timeout: Some(duration(*timeout)),
                    http_upstream_type: Some(HttpUpstreamType::Cluster(cluster)),
                }),
                cache_duration: Some(seconds(KEPT_SECONDS)),
                ..RemoteJwks::default()
            })
        }
    }
}

fn texts(list: &[Str]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}
