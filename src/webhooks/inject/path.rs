//! What the path of the webhook sets in proxies: `/inject/cluster/c1/net/n1`.

use std::collections::BTreeMap;

/// How a slash in a value is written.
const SLASH: &str = "--slash--";
/// What begins each variable of the other form: `/inject/:ENV:cluster=c1:ENV:net=n1`.
const VARIABLE: &str = ":ENV:";

/// The variables that a path sets. A key without a value is left out.
pub fn environment(path: &str) -> BTreeMap<String, String> {
    let path = path.trim_end_matches('/');
    let Some(rest) = path.trim_start_matches('/').split_once('/').map(|(_, rest)| rest) else {
        return BTreeMap::new();
    };
    if rest.starts_with(VARIABLE) {
        let pairs = rest.split(VARIABLE).filter_map(|pair| pair.split_once('='));
        let set = pairs.filter(|(key, _)| !key.is_empty());
        return set.map(|(key, value)| (variable(key), value.to_owned())).collect();
    }
    let words: Vec<&str> = rest.split('/').collect();
    let pairs = words.chunks_exact(2).filter_map(|pair| match pair {
        [key, value] if !key.is_empty() => Some((variable(key), value.replace(SLASH, "/"))),
        _ => None,
    });
    pairs.collect()
}

/// The variable that a key is short for.
fn variable(key: &str) -> String {
    match key {
        "cluster" => "ISTIO_META_CLUSTER_ID".to_owned(),
        "net" => "ISTIO_META_NETWORK".to_owned(),
        other => other.to_uppercase(),
    }
}

#[cfg(test)]
mod tests;
