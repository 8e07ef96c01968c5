//! What values of policies become, each sort for itself; and what policies become together.

mod attributes;
mod filters;
mod hostile;

use serde_json::Value;

use super::*;
use crate::api::fixture::object;
use crate::api::{MeshConfig, Meta};
use crate::proto::json::{Names, to_json};

/// A policy such as `web.shop`.
pub fn policy(name: &str, spec: &str) -> Same<Config<AuthorizationPolicy>> {
    let (name, namespace) = name.split_once('.').unwrap();
    let meta = Meta { name: name.into(), namespace: namespace.into(), ..Meta::default() };
    Same(Arc::new(Config { meta, ..object::<AuthorizationPolicy>(spec) }))
}

/// The same as a dry run.
fn observed(policy: Same<Config<AuthorizationPolicy>>) -> Same<Config<AuthorizationPolicy>> {
    let mut config = (*policy.0).clone();
    config.meta.annotations.insert("istio.io/dry-run".into(), "true".into());
    Same(Arc::new(config))
}

fn key(policies: &[Same<Config<AuthorizationPolicy>>], trust_domains: &[&str]) -> Key {
    Key {
        policies: policies.to_vec(),
        trust_domains: trust_domains.iter().map(|domain| Str::from(*domain)).collect(),
        providers: None,
    }
}

/// A filter as JSON: its name and its configuration.
fn json(name: &str, config: &Any) -> Value {
    let mut json = to_json(&config.type_url, &config.value, Names::Proto).unwrap();
    json["name"] = name.into();
    json
}

fn http_json(filters: &[HttpFilter]) -> Vec<Value> {
    let of = |filter: &HttpFilter| match &filter.config_type {
        Some(http_filter::ConfigType::TypedConfig(config)) => json(&filter.name, config),
        other => panic!("{other:?}"),
    };
    filters.iter().map(of).collect()
}

fn tcp_json(filters: &[Filter]) -> Vec<Value> {
    let of = |filter: &Filter| match &filter.config_type {
        Some(filter::ConfigType::TypedConfig(config)) => json(&filter.name, config),
        other => panic!("{other:?}"),
    };
    filters.iter().map(of).collect()
}

/// The only rule of a policy with ALLOW, for HTTP.
fn rule_json(rule: &str, trust_domains: &[&str]) -> Value {
    let policy = policy("it.shop", &format!("rules: [{rule}]"));
    let filters = key(&[policy], trust_domains).build(&Features::default());
    http_json(&filters.after_tokens)[0]["rules"]["policies"]["ns[shop]-policy[it]-rule[0]"].clone()
}
