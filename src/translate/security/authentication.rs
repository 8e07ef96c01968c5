//! Which tokens of requests are believed: the filter jwt_authn.
//!
//! A request without a token passes, and one with a token that no issuer vouches for does not: whether a token is needed
//! is what authorization says. Where issuers' keys are not known, a key stands for them that nobody can sign with.
//!
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/http/jwt_authn/v3/config.proto>

mod provider;
mod requirement;

use crate::api::jwks::KeySets;
use crate::api::security::request_authentication::JwtRule;
use crate::api::ObjectKey;
use crate::model::ProxyKind;
use crate::model::policy::request::{KeysFrom, RequestPolicy};
use crate::proto::encode::any;
use crate::proto::envoy::envoy::extensions::filters::http::jwt_authn::v3::JwtAuthentication;
use crate::proto::envoy::envoy::extensions::filters::network::http_connection_manager::v3::HttpFilter;
use crate::proto::envoy::envoy::extensions::filters::network::http_connection_manager::v3::http_filter::ConfigType;
use crate::translate::memo::Same;

/// The name of the filter, by which others find what it left of a token.
pub const FILTER: &str = "envoy.filters.http.jwt_authn";

/// Where the filter leaves the payload of a token.
pub const PAYLOAD: &str = "payload";

/// The policies in force at a workload, those of its own namespace first.
pub type Policies = Vec<Same<RequestPolicy>>;

/// All that the filter depends on.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Key {
    policies: Policies,
    /// For each of their rules the key set that is not written in it, if proxies do not fetch it themselves.
    fetched: Vec<Option<Same<str>>>,
    /// Routes of gateways may match claims, which the filter brings.
    reroute: bool,
}

impl Key {
    /// Of these policies; None where no rule says anything.
    pub fn of(policies: &Policies, keys: &KeySets, kind: ProxyKind) -> Option<Key> {
        let text = |from: &KeysFrom| match from {
            KeysFrom::Fetched(source) => Some(Same(keys.text(source).clone())),
            KeysFrom::Nowhere(_) => Some(Same(keys.unknown.clone())),
            KeysFrom::Inline(_) | KeysFrom::Cluster { .. } => None,
        };
        let fetched: Vec<_> = policies.iter().flat_map(|Same(p)| &p.keys).map(text).collect();
        (!fetched.is_empty()).then(|| Key {
            policies: policies.clone(),
            fetched,
            reroute: kind != ProxyKind::Sidecar,
        })
    }

    /// The rules with where their keys come from and what was fetched, by issuer and then in order of the policies.
    fn rules(&self) -> Vec<(&JwtRule, &KeysFrom, Option<&str>)> {
        let policies = self.policies.iter();
        let rules = policies.flat_map(|Same(p)| p.config.spec.jwt_rules.iter().zip(&p.keys));
        let fetched = self.fetched.iter().map(|text| text.as_ref().map(|Same(text)| &**text));
        let mut rules: Vec<_> =
            rules.zip(fetched).map(|((rule, from), text)| (rule, from, text)).collect();
        rules.sort_by(|(a, ..), (b, ..)| a.issuer.cmp(&b.issuer));
        rules
    }
}

/// The filter, and whose it is.
#[derive(Debug)]
pub struct Authentication {
    /// The filter.
    pub filter: HttpFilter,
    /// The policies.
    pub origins: Vec<ObjectKey>,
}

impl Authentication {
    /// See [`Key`].
    pub fn new(key: &Key) -> Authentication {
        let rules = key.rules();
        let names: Vec<String> = (0..rules.len()).map(|index| format!("origins-{index}")).collect();
        let providers = rules
            .iter()
            .map(|(rule, from, text)| provider::of(rule, provider::keys(from, *text), key.reroute));
        let config = JwtAuthentication {
            rules: vec![requirement::of_all_paths(&names)],
            providers: names.into_iter().zip(providers).collect(),
            bypass_cors_preflight: true,
            ..JwtAuthentication::default()
        };
        Authentication {
            filter: HttpFilter {
                name: FILTER.to_owned(),
                config_type: Some(ConfigType::TypedConfig(any(&config))),
                ..HttpFilter::default()
            },
            origins: key.policies.iter().map(|Same(policy)| policy.config.key()).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
