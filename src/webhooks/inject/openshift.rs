//! The user and group of the proxy: 1337, or where OpenShift gives namespaces ranges of them, the last of the range.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::PROXY;
use super::containers::{self, CONTAINERS, INIT_CONTAINERS};

/// Istio's user, whose own traffic is not captured.
const USUAL: i64 = 1337;

/// The users of a namespace.
const USERS: &str = "openshift.io/sa.scc.uid-range";
/// Its groups.
const GROUPS: &str = "openshift.io/sa.scc.supplemental-groups";

/// The user and the group, from the annotations of the namespace where there are such.
pub fn ids(annotations: Option<&BTreeMap<String, String>>) -> (i64, i64) {
    let Some(annotations) = annotations else { return (USUAL, USUAL) };
    let users = annotations.get(USERS).and_then(|range| last_of(range));
    let groups = annotations.get(GROUPS).or_else(|| annotations.get(USERS));
    let groups = groups.and_then(|groups| {
        let all: Option<Vec<i64>> = groups.split(',').map(last_of).collect();
        all.and_then(|all| all.first().copied())
    });
    (users.unwrap_or(USUAL), groups.unwrap_or(USUAL))
}

/// Takes the user of a proxy away that OpenShift gave to all containers alike: a proxy that runs as the application does
/// would capture its own traffic. A user of its own stays.
pub(super) fn release_proxy(pod: &mut Json) {
    let user =
        |container: &Json| container.pointer("/securityContext/runAsUser").and_then(Json::as_i64);
    let (mut proxys, mut applications) = (0, 0);
    for list in [CONTAINERS, INIT_CONTAINERS] {
        for container in containers::list(pod, list) {
            match (containers::name(container), user(container)) {
                (PROXY, Some(user)) => proxys = user,
                ("istio-init" | "istio-validation", _) | (_, None) => {}
                (_, Some(user)) => applications = user,
            }
        }
    }
    if proxys == applications
        && let Some(context) = containers::proxy_mut(pod)
            .and_then(|proxy| proxy.get_mut("securityContext"))
            .and_then(Json::as_object_mut)
    {
        context.remove("runAsUser");
        context.remove("runAsGroup");
    }
}

/// The last of `FIRST/SIZE` or `FIRST-LAST`.
fn last_of(range: &str) -> Option<i64> {
    let number = |text: &str| text.trim().parse::<u32>().ok().map(i64::from);
    match range.split_once('/') {
        Some((first, size)) => Some(number(first)? + number(size)? - 1),
        None => {
            let (_, last) = range.split_once('-')?;
            number(last)
        }
    }
}

#[cfg(test)]
mod tests;
