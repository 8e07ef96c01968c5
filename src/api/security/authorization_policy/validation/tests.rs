use super::super::{AuthorizationPolicy, dry_run};
use crate::api::fixture::{assert_issues, check, object};

#[test]
fn actions() {
    check::<AuthorizationPolicy>(&[
        ("{}", &[]),
        ("{action: ALLOW, rules: [{}]}", &[]),
        ("{action: AUDIT}", &[]),
        ("{action: DENY, rules: [{}]}", &[]),
        ("{action: DENY}", &["error spec.rules: DENY without rules"]),
        ("{action: DENY, rules: []}", &["error spec.rules: DENY without rules"]),
        ("{action: CUSTOM, provider: {name: ask}}", &["error spec.rules: CUSTOM without rules"]),
        ("{action: CUSTOM, rules: [{}]}", &["error spec.provider.name: needs the name"]),
        (
            "{action: CUSTOM, provider: {name: ''}, rules: [{}]}",
            &["error spec.provider.name: needs the name"],
        ),
        ("{action: CUSTOM, provider: {name: ask}, rules: [{}]}", &[]),
        (
            "{action: DENY, provider: {name: ask}, rules: [{}]}",
            &["error spec.provider: no provider is asked for DENY"],
        ),
    ]);
}

#[test]
fn targets() {
    check::<AuthorizationPolicy>(&[
        ("{selector: {}}", &["warning spec.selector: without labels"]),
        (
            "{selector: {matchLabels: {a: b}}, targetRefs: [{kind: Service, name: a}]}",
            &["error spec.targetRefs: only one"],
        ),
        ("targetRef: {kind: Pod, name: a}", &["error spec.targetRef.kind: cannot be a target"]),
    ]);
}

#[test]
fn a_dry_run_is_for_allow_and_deny() {
    let check = |spec: &str, value: &str, want: &[&str], observed: Option<bool>| {
        let mut config = object::<AuthorizationPolicy>(spec);
        config.meta.annotations.insert("istio.io/dry-run".into(), value.into());
        assert_issues(&config, want);
        assert_eq!(dry_run(&config.meta), observed, "{value}");
    };
    let path = "metadata.annotations[\"istio.io/dry-run\"]";
    check("{}", "true", &[], Some(true));
    check("{action: DENY, rules: [{}]}", "0", &[], Some(false));
    check("{}", "yes", &[&format!("error {path}: neither true nor false")], None);
    check("{action: AUDIT}", "true", &[&format!("error {path}: not AUDIT")], Some(true));
    let custom = "{action: CUSTOM, provider: {name: ask}, rules: [{}]}";
    check(custom, "false", &[&format!("error {path}: not CUSTOM")], Some(false));
}

#[test]
fn sources_and_operations_say_something() {
    check::<AuthorizationPolicy>(&[
        ("rules: [{from: [{}]}]", &["error spec.rules[0].from[0].source: required"]),
        ("rules: [{from: [{source: {}}]}]", &["error spec.rules[0].from[0].source: not be empty"]),
        ("rules: [{to: [{}]}]", &["error spec.rules[0].to[0].operation: required"]),
        (
            "rules: [{to: [{operation: {}}]}]",
            &["error spec.rules[0].to[0].operation: not be empty"],
        ),
        (
            "rules: [{}, {from: [{source: {serviceAccounts: [a], notNamespaces: [b]}}]}]",
            &[
                "error spec.rules[1].from[0].source.serviceAccounts: cannot be set with namespaces or principals",
            ],
        ),
        ("rules: [{from: [{source: {serviceAccounts: [a]}}, {source: {principals: [b]}}]}]", &[]),
    ]);
}

#[test]
fn values_of_sources() {
    let check = |field: &str, values: &str, want: &[&str]| {
        let spec = format!("rules: [{{from: [{{source: {{{field}: {values}}}}}]}}]");
        let want: Vec<String> = want
            .iter()
            .map(|what| format!("error spec.rules[0].from[0].source.{field}{what}"))
            .collect();
        let want: Vec<&str> = want.iter().map(String::as_str).collect();
        assert_issues(&object::<AuthorizationPolicy>(&spec), &want);
    };
    for field in ["principals", "notPrincipals", "requestPrincipals", "notRequestPrincipals"] {
        check(field, "['*', 'a*b*', 'cluster.local/ns/a/sa/b', 'https://i/*']", &[]);
        check(field, "[a, '']", &["[1]: an empty value"]);
    }
    for field in ["namespaces", "notNamespaces"] {
        check(field, "[a, '*-b', '']", &["[2]: an empty value"]);
    }
    for field in ["serviceAccounts", "notServiceAccounts"] {
        check(field, "[a, b/c, a.b]", &[]);
        check(
            field,
            "['*', a/b/c, /a, a/]",
            &[
                "[0]: is no account",
                "[1]: is no account",
                "[2]: is no account",
                "[3]: is no account",
            ],
        );
        check(field, &format!("[{}]", "x".repeat(321)), &["[0]: at most 320"]);
        check(field, &format!("[{}]", ["a"; 17].join(", ")), &[": at most 16"]);
    }
    for field in ["trustDomains", "notTrustDomains"] {
        check(field, "['*', 'a*', '*a', td.local]", &[]);
        check(
            field,
            "['a*b', '**', a/b, '']",
            &["[0]: asterisk", "[1]: asterisk", "[2]: no slash", "[3]: an empty value"],
        );
    }
    for field in ["ipBlocks", "notIpBlocks", "remoteIpBlocks", "notRemoteIpBlocks"] {
        check(field, "[10.0.0.1, 10.0.0.0/8, 'fd00::/64', 'fd00::1']", &[]);
        check(
            field,
            "[10.0.0, 10.0.0.0/33, '']",
            &["[0]: no IP address", "[1]: no CIDR block", "[2]: an empty value"],
        );
    }
}

#[test]
fn values_of_operations() {
    let check = |field: &str, values: &str, want: &[&str]| {
        let spec = format!("rules: [{{to: [{{operation: {{{field}: {values}}}}}]}}]");
        let want: Vec<String> = want
            .iter()
            .map(|what| format!("error spec.rules[0].to[0].operation.{field}{what}"))
            .collect();
        let want: Vec<&str> = want.iter().map(String::as_str).collect();
        assert_issues(&object::<AuthorizationPolicy>(&spec), &want);
    };
    for field in ["hosts", "notHosts", "methods", "notMethods"] {
        check(field, "['*', 'a*', '']", &["[2]: an empty value"]);
    }
    for field in ["ports", "notPorts"] {
        check(field, "['0', '080', '65535']", &[]);
        check(
            field,
            "['65536', http, '-1', '+1', '']",
            &[
                "[0]: no port",
                "[1]: no port",
                "[2]: no port",
                "[3]: no port",
                "[4]: an empty value",
            ],
        );
    }
    for field in ["paths", "notPaths"] {
        check(field, "[/a, '/a*', '*/b', '*', '/{*}', '/a/{*}/b/{**}', '/{**}/b', /a//b]", &[]);
        check(
            field,
            "['/{**}/{*}', '/{**}/{**}', '/{a}', '/a{*}', '/a*/{*}', '/a//{*}', '']",
            &[
                "[0]: the last one",
                "[1]: the last one",
                "[2]: a brace",
                "[3]: a brace",
                "[4]: no literal",
                "[5]: no literal",
                "[6]: an empty value",
            ],
        );
    }
}

#[test]
fn conditions() {
    let check = |condition: &str, want: &[&str]| {
        let spec = format!("rules: [{{when: [{condition}]}}]");
        let want: Vec<String> =
            want.iter().map(|what| format!("error spec.rules[0].when[0].{what}")).collect();
        let want: Vec<&str> = want.iter().map(String::as_str).collect();
        assert_issues(&object::<AuthorizationPolicy>(&spec), &want);
    };
    for key in [
        "request.headers[x-user]",
        "source.namespace",
        "source.principal",
        "source.serviceAccount",
        "source.trustDomain",
        "request.auth.principal",
        "request.auth.audiences",
        "request.auth.presenter",
        "request.auth.claims[a][b]",
        "connection.sni",
        "experimental.envoy.filters.a.b[c]",
    ] {
        check(&format!("{{key: '{key}', values: [a], notValues: [b]}}"), &[]);
        check(&format!("{{key: '{key}'}}"), &["values: give values or notValues"]);
        check(&format!("{{key: '{key}', notValues: ['']}}"), &["notValues[0]: an empty value"]);
    }
    for key in ["source.ip", "remote.ip", "destination.ip"] {
        check(&format!("{{key: {key}, values: [10.0.0.0/8]}}"), &[]);
        check(&format!("{{key: {key}, values: [a]}}"), &["values[0]: no IP address"]);
    }
    check("{key: destination.port, values: ['80', a]}", &["values[1]: no port"]);
    check("{key: source.serviceAccount, values: ['*']}", &["values[0]: is no account"]);
    check("{key: source.trustDomain, values: ['a*b']}", &["values[0]: asterisk"]);
    check("{values: [a]}", &["key: a key is required"]);
    for key in ["request.headers", "request.headers[]", "request.auth.claims[a]b"] {
        check(&format!("{{key: '{key}', values: [a]}}"), &["key: needs a name in brackets"]);
    }
    for key in ["destination.labels[a]", "destination.namespace", "destination.user", "source.uid"]
    {
        check(&format!("{{key: '{key}', values: [a]}}"), &["key: is no attribute"]);
    }
}

#[test]
fn providers_are_not_asked_about_identities() {
    let fields = [
        "namespaces",
        "notNamespaces",
        "serviceAccounts",
        "notServiceAccounts",
        "trustDomains",
        "notTrustDomains",
        "principals",
        "notPrincipals",
        "requestPrincipals",
        "notRequestPrincipals",
    ];
    for field in fields {
        let source = format!("{{from: [{{source: {{{field}: [a]}}}}]}}");
        let spec = format!("{{action: CUSTOM, provider: {{name: ask}}, rules: [{source}]}}");
        let want = format!("error spec.rules[0].from[0].source.{field}: is not supported");
        assert_issues(&object::<AuthorizationPolicy>(&spec), &[&want]);
    }
    for key in ["source.namespace", "source.principal", "request.auth.claims[a]"] {
        let when = format!("{{when: [{{key: '{key}', values: [a]}}]}}");
        let spec = format!("{{action: CUSTOM, provider: {{name: ask}}, rules: [{when}]}}");
        let want = "error spec.rules[0].when[0].key: is not supported";
        assert_issues(&object::<AuthorizationPolicy>(&spec), &[want]);
    }
    check::<AuthorizationPolicy>(&[(
        "{action: CUSTOM, provider: {name: ask}, rules: [{from: [{source: {ipBlocks: [10.0.0.1]}}], \
         to: [{operation: {paths: [/a]}}], when: [{key: source.ip, values: [10.0.0.1]}]}]}",
        &[],
    )]);
}

#[test]
fn what_refuses_everything_on_ports_of_tcp_is_told() {
    let warning = ["warning spec.rules[0]: refuses everything on ports of TCP"];
    let check = |rule: &str, action: &str, warned: bool| {
        let config =
            object::<AuthorizationPolicy>(&format!("{{action: {action}, rules: [{rule}]}}"));
        assert_issues(&config, if warned { &warning } else { &[] });
    };
    let http = "{to: [{operation: {methods: [GET]}}]}";
    check(http, "DENY", true);
    check(http, "ALLOW", false);
    check("{to: [{operation: {methods: [GET], ports: ['80']}}]}", "DENY", false);
    check("{from: [{source: {requestPrincipals: [a]}}]}", "DENY", true);
    check("{from: [{source: {trustDomains: [a]}}]}", "DENY", true);
    check("{from: [{source: {namespaces: [a]}}]}", "DENY", false);
    check(
        "{from: [{source: {ipBlocks: [10.0.0.1]}}], to: [{operation: {paths: [/a]}}]}",
        "DENY",
        true,
    );
    check("{when: [{key: 'request.headers[a]', values: [a]}]}", "DENY", false);
    check("{}", "DENY", false);
}
