//! Where the keys of an issuer come from.

use std::time::Duration;

use crate::api::Str;
use crate::api::duration::GoDuration;
use crate::api::features::JwksFetcher;
use crate::api::jwks::{HttpUri, JwksSource, Wanted, document};
use crate::api::security::RequestAuthentication;
use crate::api::security::request_authentication::JwtRule;
use crate::model::references::HostIndex;

/// How long fetching keys may take, where a rule does not say.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where the keys of an issuer come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeysFrom {
    /// The user wrote them.
    Inline(Str),
    /// The control plane fetches them.
    Fetched(JwksSource),
    /// Proxies fetch them through a cluster of theirs.
    Cluster {
        /// What they fetch.
        uri: Str,
        /// Its host.
        host: Str,
        /// Its port.
        port: u16,
        /// How long that may take.
        timeout: Duration,
        /// A service has the host. Without one there is no such cluster, and no token is accepted.
        exists: bool,
    },
    /// From nowhere, for this reason: no token is accepted.
    Nowhere(Str),
}

impl KeysFrom {
    /// Those of a rule.
    pub(super) fn of(rule: &JwtRule, fetcher: JwksFetcher, hosts: &HostIndex) -> KeysFrom {
        if fetcher != JwksFetcher::Istiod && !rule.jwks_uri.is_empty() {
            return match HttpUri::parse(&rule.jwks_uri) {
                Ok(uri) => by_proxies(rule, &uri, fetcher, hosts),
                Err(why) => KeysFrom::Nowhere(why.into()),
            };
        }
        if !rule.jwks.is_empty() {
            return match document::is_usable(&rule.jwks) {
                true => KeysFrom::Inline(rule.jwks.clone()),
                false => {
                    KeysFrom::Nowhere("jwks is no key set, or has no key that could be used".into())
                }
            };
        }
        by_us(rule)
    }
}

fn by_us(rule: &JwtRule) -> KeysFrom {
    let source = JwksSource { issuer: rule.issuer.clone(), uri: rule.jwks_uri.clone() };
    match HttpUri::parse(&source.first_uri()) {
        Ok(_) => KeysFrom::Fetched(source),
        Err(_) if source.is_discovered() => KeysFrom::Nowhere(
            format!(
                "the issuer {:?} is no http or https URL that could be asked for its keys: give \
                 jwksUri or jwks",
                rule.issuer
            )
            .into(),
        ),
        Err(why) => KeysFrom::Nowhere(why.into()),
    }
}

/// A host of several namespaces means none of them.
fn by_proxies(rule: &JwtRule, uri: &HttpUri, fetcher: JwksFetcher, hosts: &HostIndex) -> KeysFrom {
    let services = hosts.of(&uri.host);
    let exists = services.first().is_some_and(|first| {
        services.iter().all(|other| other.key.namespace == first.key.namespace)
    });
    if !exists && fetcher == JwksFetcher::Hybrid {
        return by_us(rule);
    }
    KeysFrom::Cluster {
        uri: rule.jwks_uri.clone(),
        host: uri.host.as_str().into(),
        port: uri.port,
        timeout: timeout(rule),
        exists,
    }
}

/// Adds what of these keys is to be fetched. Who gives a source most time decides.
pub(super) fn want(rules: &[JwtRule], keys: &[KeysFrom], wanted: &mut Wanted) {
    for (rule, keys) in rules.iter().zip(keys) {
        if let KeysFrom::Fetched(source) = keys {
            let longest = wanted.entry(source.clone()).or_default();
            *longest = timeout(rule).max(*longest);
        }
    }
}

/// What would be fetched for an object that the control plane did not take in yet.
pub fn wanted_by(spec: &RequestAuthentication, fetcher: JwksFetcher, hosts: &HostIndex) -> Wanted {
    let rules = &spec.jwt_rules;
    let keys: Vec<KeysFrom> = rules.iter().map(|r| KeysFrom::of(r, fetcher, hosts)).collect();
    let mut wanted = Wanted::new();
    want(rules, &keys, &mut wanted);
    wanted
}

fn timeout(rule: &JwtRule) -> Duration {
    rule.timeout.map_or(TIMEOUT, |GoDuration(timeout)| timeout)
}
