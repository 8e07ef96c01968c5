use crate::api::fixture::check;
use crate::api::networking::EnvoyFilter;

fn patch(fields: &str) -> String {
    format!("configPatches: [{{{fields}}}]")
}

#[test]
fn a_patch_says_what_is_done_to_what() {
    let at = "error spec.configPatches[0]";
    for (fields, want) in [
        ("applyTo: CLUSTER, patch: {operation: REMOVE}", None),
        ("applyTo: CLUSTER, patch: {operation: ADD, value: {}}", None),
        ("", Some(".applyTo: missing applyTo")),
        ("applyTo: INVALID, patch: {operation: REMOVE}", Some(".applyTo: missing applyTo")),
        ("applyTo: CLUSTER", Some(".patch: missing patch")),
        ("applyTo: CLUSTER, patch: {}", Some(".patch.operation: missing patch operation")),
        (
            "applyTo: CLUSTER, patch: {operation: ADD}",
            Some(".patch.value: non-remove operation ADD"),
        ),
        (
            "applyTo: CLUSTER, patch: {operation: REMOVE}, match: {proxy: {proxyVersion: '('}}",
            Some(".match.proxy.proxyVersion: invalid regular expression"),
        ),
        // Nothing is said of waypoints.
        ("match: {context: WAYPOINT, listener: {}}", None),
    ] {
        let want = want.map(|want| format!("{at}{want}"));
        let want: Vec<&str> = want.iter().map(String::as_str).collect();
        check::<EnvoyFilter>(&[(&patch(fields), &want)]);
    }
    check::<EnvoyFilter>(&[
        ("{}", &[]),
        ("workloadSelector: {}", &["warning spec.workloadSelector: without labels"]),
        (
            "workloadSelector: {labels: {a: '*'}}",
            &["error spec.workloadSelector.labels.a: a wildcard is not supported"],
        ),
    ]);
}

#[test]
fn what_is_matched_is_of_the_class_of_what_is_changed() {
    let classes = [
        ("listener", ["LISTENER", "FILTER_CHAIN", "NETWORK_FILTER", "HTTP_FILTER"].as_slice()),
        ("routeConfiguration", &["ROUTE_CONFIGURATION", "VIRTUAL_HOST", "HTTP_ROUTE"]),
        ("cluster", &["CLUSTER"]),
    ];
    for (own, kinds) in classes {
        for (other, _) in classes {
            for kind in kinds {
                let spec = patch(&format!(
                    "applyTo: {kind}, patch: {{operation: REMOVE}}, match: {{{other}: {{}}}}"
                ));
                let want = format!(
                    "error spec.configPatches[0].match.{other}: cannot have a non {own} match"
                );
                let want = [want.as_str()];
                check::<EnvoyFilter>(&[(&spec, if own == other { &[] } else { &want })]);
            }
        }
    }
}

#[test]
fn filters_are_matched_by_their_names() {
    let at = "spec.configPatches[0].match.listener.filterChain.filter";
    let manager = "envoy.filters.network.http_connection_manager";
    for (apply_to, filter, want) in [
        ("HTTP_FILTER", format!("{{name: {manager}, subFilter: {{name: a}}}}"), None),
        ("NETWORK_FILTER", "{name: a}".into(), None),
        ("NETWORK_FILTER", "{}".into(), Some(format!("error {at}.name: no name to match on"))),
        (
            "LISTENER",
            "{name: a}".into(),
            Some(format!("warning {at}: no effect when used with LISTENER")),
        ),
        (
            "NETWORK_FILTER",
            format!("{{name: {manager}, subFilter: {{name: a}}}}"),
            Some(format!("error {at}.subFilter: HTTP_FILTER only")),
        ),
        (
            "HTTP_FILTER",
            "{name: a, subFilter: {name: a}}".into(),
            Some(format!("error {at}.subFilter: requires a filter match with {manager}")),
        ),
        (
            "HTTP_FILTER",
            format!("{{name: {manager}, subFilter: {{}}}}"),
            Some(format!("error {at}.subFilter.name: no name to match on")),
        ),
        (
            "HTTP_FILTER",
            format!("{{name: {manager}, subFilter: {{name: envoy.router}}}}"),
            Some(format!("warning {at}.subFilter.name: use \"envoy.filters.http.router\" instead")),
        ),
        (
            "HTTP_FILTER",
            "{name: envoy.http_connection_manager}".into(),
            Some(format!("warning {at}.name: use \"{manager}\" instead")),
        ),
    ] {
        let spec = patch(&format!(
            "applyTo: {apply_to}, patch: {{operation: REMOVE}}, match: {{listener: {{filterChain: {{filter: {filter}}}}}}}"
        ));
        let want: Vec<&str> = want.iter().map(String::as_str).collect();
        check::<EnvoyFilter>(&[(&spec, &want)]);
    }
}
