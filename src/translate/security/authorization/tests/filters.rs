//! What policies become together: which filters, in which order, with which rules.

use serde_json::json;

use super::*;
use crate::api::mesh::ExtAuthz;
use crate::api::mesh::ext_authz::{HttpCheck, Protocol, RequestBody};
use crate::translate::fixture::service;

const PATH: &str = "rules: [{to: [{operation: {paths: [/a]}}]}]";
const PORT: &str = "rules: [{to: [{operation: {ports: ['80']}}]}]";

fn built(policies: &[Same<Config<AuthorizationPolicy>>]) -> Filters {
    key(policies, &["cluster.local"]).build(&Features::default())
}

/// Action and names of policies of each filter, the ones that count before those that do not.
fn shape(filters: &[Value]) -> Vec<String> {
    let rules = |rules: &Value| {
        let names: Vec<&str> = match rules["policies"].as_object() {
            Some(policies) => policies.keys().map(String::as_str).collect(),
            None => Vec::new(),
        };
        format!("{} {}", rules["action"].as_str().unwrap_or("ALLOW"), names.join(" "))
    };
    let of = |filter: &Value| {
        let enforced = filter.get("rules").map_or("-".to_owned(), &rules);
        let dry = filter.get("shadow_rules").map_or("-".to_owned(), &rules);
        format!("{} [{}] [{}]", filter["name"].as_str().unwrap(), enforced.trim(), dry.trim())
    };
    filters.iter().map(of).collect()
}

#[test]
fn there_is_a_filter_for_each_action_that_policies_have() {
    let filters = built(&[
        policy("allow.shop", PATH),
        policy("deny.shop", &format!("{{action: DENY, {PATH}}}")),
        policy("audit.root", &format!("{{action: AUDIT, {PATH}}}")),
        policy("more.root", PATH),
    ]);
    let want = [
        "envoy.filters.http.rbac [LOG ns[root]-policy[audit]-rule[0]] [-]",
        "envoy.filters.http.rbac [DENY ns[shop]-policy[deny]-rule[0]] [-]",
        "envoy.filters.http.rbac [ALLOW ns[root]-policy[more]-rule[0] ns[shop]-policy[allow]-rule[0]] [-]",
    ];
    assert_eq!(shape(&http_json(&filters.after_tokens)), want);
    assert!(filters.before_tokens.is_empty());
    assert_eq!(filters.origins.len(), 4);
    assert!(filters.diagnostics.is_empty());
}

#[test]
fn a_policy_without_rules_describes_nothing() {
    let filters = built(&[policy("none.shop", "{}")]);
    let json = http_json(&filters.after_tokens).remove(0);
    let never = json!({
        "permissions": [{ "not_rule": { "any": true } }],
        "principals": [{ "not_id": { "any": true } }],
    });
    assert_eq!(json["rules"], json!({ "policies": { "ns[shop]-policy[none]-rule[0]": never } }));
    let empty = built(&[policy("all.shop", "rules: [{}]")]);
    let all = http_json(&empty.after_tokens).remove(0);
    let all = &all["rules"]["policies"]["ns[shop]-policy[all]-rule[0]"];
    assert_eq!(all["permissions"], json!([{ "and_rules": { "rules": [{ "any": true }] } }]));
}

#[test]
fn dry_runs_stand_beside_what_counts() {
    let prefix = |policies: &[Same<Config<AuthorizationPolicy>>]| {
        let json = http_json(&built(policies).after_tokens);
        let prefix = json[0]["shadow_rules_stat_prefix"].as_str().unwrap_or_default().to_owned();
        (shape(&json).remove(0), prefix)
    };
    let deny = || policy("deny.shop", &format!("{{action: DENY, {PATH}}}"));
    let name = "ns[shop]-policy[deny]-rule[0]";
    let rbac = "envoy.filters.http.rbac";
    let only = (format!("{rbac} [-] [DENY {name}]"), "istio_dry_run_deny_".to_owned());
    assert_eq!(prefix(&[observed(deny())]), only);
    let enforced = (format!("{rbac} [DENY {name}] [-]"), "istio_dry_run_allow_".to_owned());
    assert_eq!(prefix(&[deny()]), enforced);
    let more = policy("more.shop", &format!("{{action: DENY, {PATH}}}"));
    let both = format!("{rbac} [DENY ns[shop]-policy[more]-rule[0]] [DENY {name}]");
    assert_eq!(prefix(&[observed(deny()), more]).0, both);
    let audit = observed(policy("audit.shop", &format!("{{action: AUDIT, {PATH}}}")));
    assert_eq!(prefix(&[audit]).1, "");
}

/// What only HTTP tells cannot be told on byte streams: a rule that lets through goes, others lose the term.
#[test]
fn byte_streams_are_never_let_through_by_less() {
    let mixed = "rules: [\
        {to: [{operation: {methods: [GET], ports: ['80']}}]}, \
        {to: [{operation: {ports: ['81']}}]}, \
        {from: [{source: {requestPrincipals: ['*']}}], when: [{key: source.ip, values: [10.0.0.1]}]}]";
    let tcp = |action: &str| {
        let filters = built(&[policy("it.shop", &format!("{{action: {action}, {mixed}}}"))]);
        tcp_json(&filters.tcp).remove(0)
    };
    let allow = tcp("ALLOW");
    let policies = allow["rules"]["policies"].as_object().unwrap();
    assert_eq!(policies.keys().collect::<Vec<_>>(), ["ns[shop]-policy[it]-rule[1]"]);
    assert_eq!(allow["stat_prefix"], "tcp.");
    for action in ["DENY", "AUDIT"] {
        let rules = tcp(action);
        let policies = &rules["rules"]["policies"];
        assert_eq!(policies.as_object().unwrap().len(), 3);
        let first =
            &policies["ns[shop]-policy[it]-rule[0]"]["permissions"][0]["and_rules"]["rules"];
        assert_eq!(*first, json!([{ "or_rules": { "rules": [{ "destination_port": 80 }] } }]));
        let last = &policies["ns[shop]-policy[it]-rule[2]"]["principals"][0]["and_ids"]["ids"];
        assert_eq!(last.as_array().unwrap().len(), 1, "{last}");
    }
    // Nothing is let through where all rules are about HTTP.
    let http = built(&[policy("http.shop", PATH)]);
    assert_eq!(tcp_json(&http.tcp)[0]["rules"], json!({}));
}

#[test]
fn what_means_nothing_lets_nothing_through() {
    let rules = "rules: [\
        {from: [{source: {ipBlocks: [nonsense, 10.0.0.1]}}]}, \
        {to: [{operation: {ports: [http]}}]}, \
        {when: [{key: 'request.headers', values: [a]}]}, \
        {when: [{key: source.nobody, values: [a]}]}]";
    let policies = |action: &str| {
        let filters = built(&[policy("it.shop", &format!("{{action: {action}, {rules}}}"))]);
        http_json(&filters.after_tokens)[0]["rules"]["policies"].clone()
    };
    assert_eq!(policies("ALLOW"), Value::Null);
    let deny = policies("DENY");
    // A condition that nobody knows leaves its rule out, as in Istio.
    assert_eq!(deny.as_object().unwrap().len(), 3);
    let known =
        &deny["ns[shop]-policy[it]-rule[0]"]["principals"][0]["and_ids"]["ids"][0]["or_ids"]["ids"];
    assert_eq!(known.as_array().unwrap().len(), 1);
    let any = &deny["ns[shop]-policy[it]-rule[1]"]["permissions"][0]["and_rules"]["rules"];
    assert_eq!(*any, json!([{ "any": true }]));
}

fn ask(name: &str) -> ExtAuthz {
    ExtAuthz {
        name: name.into(),
        service: "ext/ask.ext.svc.cluster.local".into(),
        port: 9000,
        ..ExtAuthz::default()
    }
}

fn custom(name: &str, provider: &str) -> Same<Config<AuthorizationPolicy>> {
    policy(name, &format!("{{action: CUSTOM, provider: {{name: {provider}}}, {PORT}}}"))
}

/// With these providers; of the service `ask.ext`.
fn asking(
    providers: Vec<ExtAuthz>,
    policies: &[Same<Config<AuthorizationPolicy>>],
    several: bool,
) -> Filters {
    let mesh = MeshConfig { ext_authz: providers, ..MeshConfig::default() };
    let services = [Arc::new(service("ask.ext", &[]))];
    let providers = Some(Same(Arc::new(Providers::of(&mesh, &services))));
    let key = Key { providers, ..key(policies, &["cluster.local"]) };
    key.build(&Features { several_ext_authz: several, ..Features::default() })
}

#[test]
fn a_provider_is_asked_about_what_its_policies_describe() {
    let filters = asking(vec![ask("grpc")], &[custom("it.shop", "grpc")], false);
    let noted = json!({
        "filter": "envoy.filters.http.rbac",
        "path": [{ "key": "istio_ext_authz_shadow_effective_policy_id" }],
        "value": { "string_match": { "prefix": "istio-ext-authz-grpc" } },
    });
    let [rbac, check] = &http_json(&filters.before_tokens)[..] else { panic!() };
    let name = "istio-ext-authz-grpc-ns[shop]-policy[it]-rule[0]";
    assert_eq!(
        shape(std::slice::from_ref(rbac)),
        [format!("envoy.filters.http.rbac [-] [DENY {name}]")]
    );
    assert_eq!(rbac["shadow_rules_stat_prefix"], "istio_ext_authz_");
    assert_eq!(check["filter_enabled_metadata"], noted);
    let service = json!({
        "envoy_grpc": {
            "cluster_name": "outbound|9000||ask.ext.svc.cluster.local",
            "authority": "ask.ext.svc.cluster.local",
        },
        "timeout": "600s",
    });
    assert_eq!(check["grpc_service"], service);
    assert_eq!(check["transport_api_version"], "V3");
    let [rbac, check] = &tcp_json(&filters.tcp)[..] else { panic!() };
    assert_eq!(rbac["stat_prefix"], "tcp.");
    assert_eq!(check["grpc_service"], service);
    assert_eq!(check["filter_enabled_metadata"]["filter"], "envoy.filters.network.rbac");
    assert!(filters.origins.iter().any(|key| &*key.name == "ask"), "{:?}", filters.origins);
}

#[test]
fn what_passes_to_and_from_a_provider_of_http() {
    let check = HttpCheck {
        path_prefix: "/check".into(),
        request_headers: vec!["x-a".into(), "x-*".into(), "*-id".into()],
        headers: vec!["ignored".into()],
        additional_headers: vec![("x-1".into(), "1".into()), ("x-2".into(), "2".into())],
        upstream_on_allow: vec!["x-user".into()],
        downstream_on_deny: vec!["set-cookie".into()],
        downstream_on_allow: Vec::new(),
    };
    let provider = ExtAuthz {
        timeout: Some(std::time::Duration::from_millis(1500)),
        fail_open: true,
        status_on_error: "503".into(),
        body: Some(RequestBody { max_bytes: 9, allow_partial: true, pack_as_bytes: true }),
        protocol: Protocol::Http(check),
        ..ask("http")
    };
    let filters = asking(vec![provider], &[custom("it.shop", "http")], false);
    assert!(filters.tcp.is_empty(), "byte streams cannot be asked about over HTTP");
    let check = http_json(&filters.before_tokens).remove(1);
    let names = |patterns: Value| json!({ "patterns": patterns });
    let any_case = |form: &str, text: &str| json!({ form: text, "ignore_case": true });
    let want = json!({
        "name": "envoy.filters.http.ext_authz",
        "transport_api_version": "V3",
        "failure_mode_allow": true,
        "status_on_error": { "code": "ServiceUnavailable" },
        "with_request_body":
            { "max_request_bytes": 9, "allow_partial_message": true, "pack_as_bytes": true },
        "filter_enabled_metadata": check["filter_enabled_metadata"],
        "allowed_headers": names(json!([
            any_case("exact", "x-a"), any_case("prefix", "x-"), any_case("suffix", "-id"),
        ])),
        "http_service": {
            "path_prefix": "/check",
            "server_uri": {
                "uri": "http://ask.ext.svc.cluster.local",
                "cluster": "outbound|9000||ask.ext.svc.cluster.local",
                "timeout": "1.500s",
            },
            "authorization_request": { "headers_to_add": [
                { "key": "x-1", "value": "1" }, { "key": "x-2", "value": "2" },
            ] },
            "authorization_response": {
                "allowed_upstream_headers": names(json!([any_case("exact", "x-user")])),
                "allowed_client_headers": names(json!([any_case("exact", "set-cookie")])),
            },
        },
    });
    assert_eq!(check, want);
}

#[test]
fn where_nobody_can_be_asked_requests_are_refused() {
    let broken = ExtAuthz { port: 0, ..ask("broken") };
    let lost = ExtAuthz { service: "nobody.ext".into(), ..ask("lost") };
    let providers = vec![broken, lost, ask("twice"), ask("twice")];
    for name in ["broken", "lost", "twice", "unheard-of", "''"] {
        let filters = asking(providers.clone(), &[custom("it.shop", name)], false);
        let prefix = if name == "''" { String::new() } else { format!("{name}-") };
        let policy = format!(
            "istio-ext-authz-{prefix}ns[shop]-policy[it]-rule[0]-deny-due-to-bad-CUSTOM-action"
        );
        let http = shape(&http_json(&filters.before_tokens));
        assert_eq!(http, [format!("envoy.filters.http.rbac [DENY {policy}] [-]")]);
        let tcp = shape(&tcp_json(&filters.tcp));
        assert_eq!(tcp, [format!("envoy.filters.network.rbac [DENY {policy}] [-]")]);
    }
}

#[test]
fn several_providers_need_leave() {
    let policies = [custom("a.shop", "one"), custom("b.shop", "two")];
    let providers = || vec![ask("one"), ask("two")];
    let refused = asking(providers(), &policies, false);
    assert_eq!(refused.before_tokens.len(), 2, "RBAC alone, for each");
    assert!(
        shape(&http_json(&refused.before_tokens)).iter().all(|f| f.contains("[DENY istio-ext"))
    );
    assert_eq!(refused.diagnostics.len(), 2);
    assert!(refused.diagnostics[0].message.contains("one, two"));
    let asked = asking(providers(), &policies, true);
    let names: Vec<&str> = asked.before_tokens.iter().map(|filter| &*filter.name).collect();
    let pair = ["envoy.filters.http.rbac", "envoy.filters.http.ext_authz"];
    assert_eq!(names, [pair, pair].concat());
    assert!(asked.diagnostics.is_empty());
}

#[test]
fn a_host_of_several_namespaces_has_to_be_named_with_one() {
    let [one, mut two] = [service("ask.ext", &[]), service("ask.ext", &[])];
    two.key.namespace = "other".into();
    let services = [Arc::new(one), Arc::new(two)];
    let of = |service: &str| {
        let provider = ExtAuthz { service: service.into(), ..ask("it") };
        let mesh = MeshConfig { ext_authz: vec![provider], ..MeshConfig::default() };
        Providers::of(&mesh, &services).get("it").map(|provider| provider.origin.namespace.clone())
    };
    let host = "ask.ext.svc.cluster.local";
    assert_eq!(of(host), None);
    assert!(of(&format!("ext/{host}")).is_some());
    assert!(of(&format!("other/{host}")).is_some());
    assert_eq!(of(&format!("third/{host}")), None);
}

#[test]
fn equal_policies_give_equal_bytes() {
    let policies: Vec<_> = (0..20).map(|n| policy(&format!("p{n}.shop"), PORT)).collect();
    let mut reversed = policies.clone();
    reversed.reverse();
    let bytes = |policies: &[Same<Config<AuthorizationPolicy>>]| {
        let filters = built(policies);
        (format!("{:?}", filters.after_tokens), format!("{:?}", filters.tcp))
    };
    assert_eq!(bytes(&policies), bytes(&reversed));
}
