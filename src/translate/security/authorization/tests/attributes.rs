//! Values of sources, operations and conditions, one row each.

use serde_json::json;

use super::*;

const SAFE: [&str; 1] = ["cluster.local"];

/// What a term becomes that is alone in its rule: the alternatives of its values.
#[track_caller]
fn check_source(field: &str, want: Value) {
    let rule = rule_json(&format!("{{from: [{{source: {{{field}}}}}]}}"), &SAFE);
    assert_eq!(rule["principals"], json!([{ "and_ids": { "ids": [want] } }]), "{field}");
    assert_eq!(rule["permissions"], json!([{ "and_rules": { "rules": [{ "any": true }] } }]));
}

#[track_caller]
fn check_operation(field: &str, want: Value) {
    let rule = rule_json(&format!("{{to: [{{operation: {{{field}}}}}]}}"), &SAFE);
    assert_eq!(rule["permissions"], json!([{ "and_rules": { "rules": [want] } }]), "{field}");
    assert_eq!(rule["principals"], json!([{ "and_ids": { "ids": [{ "any": true }] } }]));
}

#[track_caller]
fn check_when(condition: &str, principal: Option<Value>, permission: Option<Value>) {
    let rule = rule_json(&format!("{{when: [{{{condition}}}]}}"), &SAFE);
    let any = || json!({ "any": true });
    let want = json!([{ "and_ids": { "ids": [principal.unwrap_or_else(any)] } }]);
    assert_eq!(rule["principals"], want, "{condition}");
    let want = json!([{ "and_rules": { "rules": [permission.unwrap_or_else(any)] } }]);
    assert_eq!(rule["permissions"], want, "{condition}");
}

fn ids(ids: Value) -> Value {
    json!({ "or_ids": { "ids": ids } })
}

fn name(matcher: Value) -> Value {
    json!({ "authenticated": { "principal_name": matcher } })
}

fn regex(regex: &str) -> Value {
    json!({ "safe_regex": { "regex": regex } })
}

#[test]
fn principals() {
    check_source(
        "principals: [td/ns/a/sa/b, 'td/ns/*', '*/sa/b', '*']",
        ids(json!([
            name(json!({ "exact": "spiffe://td/ns/a/sa/b" })),
            name(json!({ "prefix": "spiffe://td/ns/" })),
            name(regex("spiffe://.*/sa/b")),
            name(regex(".+")),
        ])),
    );
    let not = ids(json!([name(json!({ "exact": "spiffe://a" }))]));
    check_source("notPrincipals: [a]", json!({ "not_id": not }));
}

#[test]
fn namespaces() {
    check_source(
        "namespaces: [a, 'a.b-*', '*']",
        ids(json!([
            name(regex(".*/ns/a/.*")),
            name(regex(r".*/ns/a\.b-.*/.*")),
            name(regex(".*/ns/.*/.*")),
        ])),
    );
}

#[test]
fn service_accounts() {
    check_source(
        "serviceAccounts: [web, bank/till]",
        ids(json!([
            name(regex("spiffe://.+/ns/shop/(.+/|)sa/web(/.+)?")),
            name(regex("spiffe://.+/ns/bank/(.+/|)sa/till(/.+)?")),
        ])),
    );
}

#[test]
fn trust_domains() {
    check_source(
        "trustDomains: [td.local, '*', 'td-*', '*.td']",
        ids(json!([
            name(json!({ "prefix": "spiffe://td.local/" })),
            name(json!({ "prefix": "spiffe://" })),
            name(regex("spiffe://td-[^/]*/.*")),
            name(regex(r"spiffe://[^/]*\.td/.*")),
        ])),
    );
}

#[test]
fn addresses() {
    let block =
        |address: &str, length: u32| json!({ "address_prefix": address, "prefix_len": length });
    check_source(
        "ipBlocks: [10.1.0.0/16, 10.2.3.4, 'fd00::1']",
        ids(json!([
            { "direct_remote_ip": block("10.1.0.0", 16) },
            { "direct_remote_ip": block("10.2.3.4", 32) },
            { "direct_remote_ip": block("fd00::1", 128) },
        ])),
    );
    let remote = ids(json!([{ "remote_ip": block("10.0.0.0", 8) }]));
    check_source("remoteIpBlocks: [10.0.0.0/8]", remote.clone());
    check_when("key: remote.ip, values: [10.0.0.0/8]", Some(remote), None);
    let source = ids(json!([{ "direct_remote_ip": block("10.0.0.1", 32) }]));
    check_when("key: source.ip, values: [10.0.0.1]", Some(source), None);
    let to = json!({ "or_rules": { "rules": [{ "destination_ip": block("10.0.0.1", 32) }] } });
    check_when("key: destination.ip, values: [10.0.0.1]", None, Some(to));
}

#[test]
fn request_principals() {
    let claim = |name: &str, matcher: Value| {
        json!({ "metadata": {
            "filter": "envoy.filters.http.jwt_authn",
            "path": [{ "key": "payload" }, { "key": name }],
            "value": { "string_match": matcher },
        } })
    };
    let both = |iss: Value, sub: Value| json!({ "and_ids": { "ids": [claim("iss", iss), claim("sub", sub)] } });
    let exact = |text: &str| json!({ "exact": text });
    for (value, want) in [
        ("https://i/a/b", both(exact("https://i/a"), exact("b"))),
        ("https://i/*", both(exact("https://i"), regex(".+"))),
        ("https://i/b*", both(exact("https://i"), json!({ "prefix": "b" }))),
        ("*/b", both(regex(".+"), exact("b"))),
        ("*i/b", both(json!({ "suffix": "i" }), exact("b"))),
        ("*", both(regex(".+"), regex(".+"))),
        ("*b", both(regex(".+"), json!({ "suffix": "b" }))),
        ("i*", both(json!({ "prefix": "i" }), regex(".+"))),
        ("i", both(exact("i"), exact(""))),
    ] {
        check_source(&format!("requestPrincipals: ['{value}']"), want.clone());
        check_when(&format!("key: request.auth.principal, values: ['{value}']"), Some(want), None);
    }
    let two = json!([both(exact("a"), exact("b")), both(exact("c"), exact("d"))]);
    check_source("requestPrincipals: [a/b, c/d]", ids(two));
}

#[test]
fn claims() {
    let claim = |path: &[&str], values: Value| {
        let path: Vec<Value> =
            [&["payload"], path].concat().iter().map(|key| json!({ "key": key })).collect();
        json!({ "metadata": {
            "filter": "envoy.filters.http.jwt_authn",
            "path": path,
            "value": { "or_match": { "value_matchers": [
                { "list_match": { "one_of": values } }, values,
            ] } },
        } })
    };
    let a = json!({ "string_match": { "exact": "a" } });
    let either =
        json!({ "or_match": { "value_matchers": [a, { "string_match": { "suffix": "b" } }] } });
    for (key, path) in [
        ("request.auth.audiences", &["aud"][..]),
        ("request.auth.presenter", &["azp"]),
        ("request.auth.claims[x]", &["x"]),
        ("request.auth.claims[x][y.z]", &["x", "y.z"]),
        ("request.auth.claims[x[y]", &["x[y"]),
    ] {
        check_when(&format!("key: '{key}', values: [a]"), Some(claim(path, a.clone())), None);
        let two = format!("key: '{key}', values: [a, '*b']");
        check_when(&two, Some(claim(path, either.clone())), None);
        let not = json!({ "not_id": claim(path, a.clone()) });
        check_when(&format!("key: '{key}', notValues: [a]"), Some(not), None);
    }
}

#[test]
fn headers() {
    let header = |matcher: Value| json!({ "header": matcher });
    let string = |matcher: Value| header(json!({ "name": "x-a", "string_match": matcher }));
    let want = ids(json!([
        string(json!({ "exact": "a" })),
        string(json!({ "prefix": "a" })),
        string(json!({ "suffix": "a" })),
        header(json!({ "name": "x-a", "present_match": true })),
    ]));
    check_when("key: 'request.headers[x-a]', values: [a, 'a*', '*a', '*']", Some(want), None);
}

/// Names of hosts mean the same in any case (CVE-2021-39155).
#[test]
fn hosts() {
    let host =
        |matcher: Value| json!({ "header": { "name": ":authority", "string_match": matcher } });
    let want = json!({ "or_rules": { "rules": [
        host(json!({ "exact": "Web.Shop", "ignore_case": true })),
        host(json!({ "suffix": ".shop", "ignore_case": true })),
        host(json!({ "prefix": "web.", "ignore_case": true })),
        { "header": { "name": ":authority", "present_match": true } },
    ] } });
    check_operation("hosts: [Web.Shop, '*.shop', 'web.*', '*']", want);
}

#[test]
fn methods_ports_and_server_names() {
    let method =
        |matcher: Value| json!({ "header": { "name": ":method", "string_match": matcher } });
    let rules = |rules: Value| json!({ "or_rules": { "rules": rules } });
    let want = rules(json!([method(json!({ "exact": "GET" })), method(json!({ "prefix": "P" }))]));
    check_operation("methods: [GET, 'P*']", want);
    let port = rules(json!([{ "destination_port": 80 }, { "destination_port": 0 }]));
    check_operation("ports: ['80', '0']", port.clone());
    check_when("key: destination.port, values: ['80', '0']", None, Some(port.clone()));
    check_operation("notPorts: ['80', '0']", json!({ "not_rule": port }));
    let name = rules(json!([{ "requested_server_name": { "suffix": ".a" } }]));
    check_when("key: connection.sni, values: ['*.a']", None, Some(name));
}

#[test]
fn paths_and_templates() {
    let path = |matcher: Value| json!({ "url_path": { "path": matcher } });
    let template = |template: &str| {
        json!({ "uri_template": { "name": "uri-template", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig",
            "path_template": template,
        } } })
    };
    let want = json!({ "or_rules": { "rules": [
        path(json!({ "exact": "/a" })),
        path(json!({ "prefix": "/a/" })),
        path(json!({ "suffix": "/b" })),
        path(regex(".+")),
        template("/a/*/b/**"),
    ] } });
    check_operation("paths: [/a, '/a/*', '*/b', '*', '/a/{*}/b/{**}']", want);
}

#[test]
fn what_filters_left() {
    let left = |value: Value| json!({ "metadata": { "filter": "envoy.filters.a.b", "path": [{ "key": "c" }], "value": value } });
    let exact = json!({ "string_match": { "exact": "v" } });
    let key = "key: 'experimental.envoy.filters.a.b[c]'";
    check_when(&format!("{key}, values: [v]"), None, Some(left(exact.clone())));
    let list = json!({ "list_match": { "one_of": exact } });
    check_when(&format!("{key}, values: ['[v]']"), None, Some(left(list.clone())));
    let both = json!({ "or_match": { "value_matchers": [exact, list] } });
    check_when(&format!("{key}, values: [v, '[v]']"), None, Some(left(both)));
}

#[test]
fn terms_come_in_the_order_of_istio() {
    let rule = rule_json(
        "{from: [{source: {ipBlocks: [10.0.0.1], principals: [p], namespaces: [n]}}, {source: {trustDomains: [t]}}], \
          to: [{operation: {ports: ['1'], hosts: [h], paths: [/p], methods: [m]}}], \
          when: [{key: source.principal, values: [w]}, {key: connection.sni, values: [s]}]}",
        &SAFE,
    );
    let shape = |set: &Value| {
        let of = |term: &Value| {
            let alternatives =
                term["or_ids"]["ids"].as_array().or(term["or_rules"]["rules"].as_array());
            alternatives.unwrap()[0].to_string()
        };
        set.as_array().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    let first = shape(&rule["principals"][0]["and_ids"]["ids"]);
    let parts = ["spiffe://p", "/ns/n/", "direct_remote_ip", "spiffe://w"];
    assert!(first.iter().zip(parts).all(|(term, part)| term.contains(part)), "{first:?}");
    assert_eq!(first.len(), parts.len());
    let second = shape(&rule["principals"][1]["and_ids"]["ids"]);
    assert!(second[0].contains("spiffe://t/") && second[1].contains("spiffe://w"), "{second:?}");
    let asked = shape(&rule["permissions"][0]["and_rules"]["rules"]);
    let parts = [":authority", ":method", "url_path", "destination_port", "requested_server_name"];
    assert!(asked.iter().zip(parts).all(|(term, part)| term.contains(part)), "{asked:?}");
    assert_eq!(asked.len(), parts.len());
}

#[test]
fn trust_domains_that_mean_the_same_are_all_named() {
    let names = |source: &str, domains: &[&str]| {
        let rule = rule_json(&format!("{{from: [{{source: {{{source}}}}}]}}"), domains);
        let all = rule["principals"][0]["and_ids"]["ids"][0]["or_ids"]["ids"].clone();
        let of = |id: &Value| {
            let name = &id["authenticated"]["principal_name"];
            let any = ["exact", "prefix"].iter().find_map(|form| name[form].as_str());
            any.or(name["safe_regex"]["regex"].as_str()).unwrap().to_owned()
        };
        all.as_array().unwrap().iter().map(of).collect::<Vec<_>>()
    };
    let own = |name: &str| format!("principals: ['{name}']");
    let td = ["td1", "td2"];
    let both = ["spiffe://td1/ns/a/sa/b", "spiffe://td2/ns/a/sa/b"];
    assert_eq!(names(&own("td2/ns/a/sa/b"), &td), both);
    // Stands for the mesh, whatever its trust domain is.
    assert_eq!(names(&own("cluster.local/ns/a/sa/b"), &td), both);
    assert_eq!(names(&own("other/ns/a/sa/b"), &td), ["spiffe://other/ns/a/sa/b"]);
    assert_eq!(names(&own("*/ns/a/sa/b"), &td), ["spiffe://.*/ns/a/sa/b"]);
    assert_eq!(names(&own("td1/a"), &td), ["spiffe://td1/a"], "no identity");
    // A pattern that covers a trust domain stands for it.
    let some = names(&own("*-td/ns/a/sa/b"), &["new-td", "old-td", "else"]);
    assert_eq!(some, ["spiffe://.*-td/ns/a/sa/b", "spiffe://else/ns/a/sa/b"]);
    let expanded = names("trustDomains: [td1, td2, x]", &td);
    assert_eq!(expanded, ["spiffe://td1/", "spiffe://td2/", "spiffe://x/"]);
    assert_eq!(names("trustDomains: [cluster.local]", &td), ["spiffe://cluster.local/"]);
}
