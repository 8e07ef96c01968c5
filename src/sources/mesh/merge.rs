//! What a configuration does to the defaults of MeshConfig.
//!
//! A field that is given replaces the default as a whole, except: `defaultConfig` replaces field by field
//! (`proxyMetadata` and `runtimeValues` key by key), `defaultProviders` field by field, `extensionProviders` by
//! name, and `trustDomainAliases` are united.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// Fields of `defaultConfig` that are maps and are merged by key.
const MERGED_MAPS: &[&str] = &["proxyMetadata", "runtimeValues"];

/// The two ways to name the cluster of a proxy, of which one replaces the other.
const CLUSTER_NAMES: [&str; 2] = ["serviceCluster", "tracingServiceName"];

/// Lays `over` over `base`. Both are canonical.
pub(super) fn merge(base: &mut Map<String, Value>, over: Map<String, Value>) {
    for (name, value) in over {
        match (name.as_str(), base.get_mut(&name), value) {
            ("defaultConfig", Some(Value::Object(base)), Value::Object(over)) => {
                merge_proxy_config(base, over);
            }
            ("defaultProviders", Some(Value::Object(base)), Value::Object(over)) => {
                base.extend(over);
            }
            ("extensionProviders", Some(Value::Array(base)), Value::Array(over)) => {
                merge_providers(base, over);
            }
            ("trustDomainAliases", base_aliases, Value::Array(over)) => {
                let aliases = match base_aliases {
                    Some(Value::Array(base)) => std::mem::take(base),
                    _ => Vec::new(),
                };
                base.insert(name, unite(aliases, over));
            }
            (_, _, value) => {
                base.insert(name, value);
            }
        }
    }
}

fn merge_proxy_config(base: &mut Map<String, Value>, over: Map<String, Value>) {
    if CLUSTER_NAMES.iter().any(|name| over.contains_key(*name)) {
        CLUSTER_NAMES.iter().for_each(|name| drop(base.remove(*name)));
    }
    for (name, value) in over {
        match (base.get_mut(&name), value) {
            (Some(Value::Object(base)), Value::Object(over))
                if MERGED_MAPS.contains(&name.as_str()) =>
            {
                base.extend(over);
            }
            (_, value) => {
                base.insert(name, value);
            }
        }
    }
}

/// A provider replaces the one of its name where that stands; others follow.
fn merge_providers(base: &mut Vec<Value>, over: Vec<Value>) {
    for provider in over {
        match base.iter_mut().find(|known| known.get("name") == provider.get("name")) {
            Some(known) => *known = provider,
            None => base.push(provider),
        }
    }
}

/// The strings of both, sorted, each once.
fn unite(a: Vec<Value>, b: Vec<Value>) -> Value {
    let all: BTreeSet<String> =
        a.iter().chain(&b).filter_map(Value::as_str).map(str::to_owned).collect();
    all.into_iter().map(Value::String).collect()
}
