//! Each table is one field: what is written, and what of the route shows it.

use std::collections::BTreeMap;

use serde::Deserialize as _;
use serde_json::{Value, json};

use super::*;
use crate::api::MeshConfig;
use crate::api::config::Config;
use crate::api::networking::VirtualService;
use crate::api::proto_json::ProtoJson;
use crate::model::VirtualServices;
use crate::proto::encode::encode;
use crate::proto::json::{Names, to_json};
use crate::translate::fixture::plain::{context, scope, service, snapshot};

/// A VirtualService `shop/web` with these rules.
fn routing(http: Value) -> Arc<Routing> {
    let spec = json!({"hosts": ["web"], "http": http});
    let spec = VirtualService::deserialize(ProtoJson(spec)).unwrap();
    let mut config = Config { spec, ..Config::default() };
    config.meta.namespace = "shop".into();
    config.meta.name = "web".into();
    let before = VirtualServices::default();
    let all =
        VirtualServices::new(&[Arc::new(config)], &MeshConfig::default(), "cluster.local", &before);
    all.of_mesh()[0].clone()
}

/// The routes for sidecars on port 80, with what is said.
fn converted(http: Value) -> (Value, Vec<String>) {
    at(http, |audience| audience)
}

fn at(http: Value, change: impl FnOnce(Audience<'_>) -> Audience<'_>) -> (Value, Vec<String>) {
    let mut named = service(1, "named.shop", &[], &[]);
    named.external_name = "target.example.com".into();
    named.ports = service(1, "x.shop", &[], &[("http", 80)]).ports;
    let mut sticky = service(3, "sticky.shop", &[], &[("http", 80)]);
    sticky.labels.insert("istio.io/persistent-session-header".into(), "x-id".into());
    let world = snapshot([
        sticky,
        service(1, "web.shop", &[], &[("http", 80), ("http-2", 81)]),
        service(2, "single.shop", &[], &[("http", 8080)]),
        named,
    ]);
    let scope = scope("shop");
    let context = context(&world, &scope);
    let audience = change(Audience::mesh(&context, 80));
    let got = routes(&routing(http), &audience);
    let json = |route: &Route| {
        to_json("envoy.config.route.v3.Route", &encode(route), Names::Proto).unwrap()
    };
    let told = got.diagnostics.iter().map(|d| format!("{}: {}", d.path, d.message)).collect();
    (got.routes.iter().map(json).collect(), told)
}

/// Checks one value in the only route of a rule with a destination and this beside it.
#[track_caller]
fn check(field: &str, value: Value, pointer: &str, want: Value) {
    let mut rule = json!({"route": [{"destination": {"host": "web"}}]});
    rule[field] = value.clone();
    let (routes, told) = converted(json!([rule]));
    assert_eq!(told, [""; 0], "{field} {value}");
    let got = routes[0].pointer(pointer).unwrap_or(&Value::Null);
    assert_eq!(got, &want, "{field} {value}: {routes:#}");
}

#[test]
fn matches() {
    let check = |one: Value, want: Value| check("match", json!([one]), "/match", want);
    let path = |path: Value| {
        let mut path = path;
        path["case_sensitive"] = true.into();
        path
    };
    check(json!({}), path(json!({"prefix": "/"})));
    check(json!({"uri": {"exact": "/a"}}), path(json!({"path": "/a"})));
    check(json!({"uri": {"prefix": "/a"}}), path(json!({"prefix": "/a"})));
    check(json!({"uri": {"regex": "/a.*"}}), path(json!({"safe_regex": {"regex": "/a.*"}})));
    check(
        json!({"uri": {"prefix": "/a"}, "ignoreUriCase": true}),
        json!({"prefix": "/a", "case_sensitive": false}),
    );
    check(
        json!({
            "headers": {"b": {"exact": "1"}, "a": {}, "d": {"regex": "*"}},
            "withoutHeaders": {"c": {"prefix": "x"}, "aa": {}},
            "scheme": {"exact": "http"}, "method": {"exact": "GET"}, "authority": {"prefix": "w"},
        }),
        path(json!({"prefix": "/", "headers": [
            {"name": "a", "present_match": true},
            {"name": "aa", "present_match": true, "invert_match": true},
            {"name": "b", "string_match": {"exact": "1"}},
            {"name": "c", "string_match": {"prefix": "x"}, "invert_match": true,
             "treat_missing_header_as_empty": true},
            {"name": "d", "present_match": true},
            {"name": ":method", "string_match": {"exact": "GET"}},
            {"name": ":authority", "string_match": {"prefix": "w"}},
            {"name": ":scheme", "string_match": {"exact": "http"}},
        ]})),
    );
    check(
        json!({"queryParams": {"q": {}, "p": {"regex": ".+"}}}),
        path(json!({"prefix": "/", "query_parameters": [
            {"name": "p", "string_match": {"safe_regex": {"regex": ".+"}}},
            {"name": "q", "present_match": true},
        ]})),
    );
}

#[test]
fn claims_are_metadata() {
    for name in ["@request.auth.claims.group.id", "@Request.Auth.Claims[group][id]"] {
        let one = json!([{"withoutHeaders": {name: {"exact": "1"}}}]);
        let text = json!({"string_match": {"exact": "1"}});
        let want = json!([{
            "filter": "envoy.filters.http.jwt_authn",
            "path": [{"key": "payload"}, {"key": "group"}, {"key": "id"}],
            "value": {"or_match": {"value_matchers": [{"list_match": {"one_of": text}}, text]}},
            "invert": true,
        }]);
        check("match", one, "/match/dynamic_metadata", want);
    }
}

#[test]
fn only_what_is_for_the_audience_is_sent() {
    let http = json!([
        {"name": "port", "match": [{"port": 81}], "redirect": {"uri": "/"}},
        {"name": "labels", "match": [{"sourceLabels": {"app": "b"}}], "redirect": {"uri": "/"}},
        {"name": "space", "match": [{"sourceNamespace": "bank"}], "redirect": {"uri": "/"}},
        {"name": "gateway", "match": [{"gateways": ["gw"]}], "redirect": {"uri": "/"}},
        {"name": "some", "match": [{"name": "a", "uri": {"exact": "/a"}, "gateways": ["mesh"]},
            {"uri": {"exact": "/b"}, "sourceNamespace": "shop"}], "redirect": {"uri": "/"}},
        {"match": [{"port": 80}], "redirect": {"uri": "/"}},
        {"name": "unreachable", "redirect": {"uri": "/"}},
    ]);
    let names = |routes: &Value| -> Vec<String> {
        let all = routes.as_array().unwrap().iter();
        all.map(|r| r["name"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(names(&converted(http.clone()).0), ["some.a", "some", ""]);
    let labels: Labels = [("app".into(), "b".into())].into();
    let bank = at(http.clone(), |audience| Audience {
        labels: Box::leak(Box::new(labels)),
        namespace: "bank",
        port: 81,
        ..audience
    });
    assert_eq!(names(&bank.0), ["port"], "which takes everything");
    let gateway = at(http, |audience| Audience { gateways: &["shop/gw"], port: 8, ..audience });
    assert_eq!(names(&gateway.0), ["gateway"]);
}

#[test]
fn destinations_are_clusters() {
    let check = |to: Value, want: &str| {
        check("route", json!([{"destination": to}]), "/route/cluster", want.into());
    };
    check(json!({"host": "web"}), "outbound|80||web.shop.svc.cluster.local");
    check(json!({"host": "web", "subset": "v1"}), "outbound|80|v1|web.shop.svc.cluster.local");
    check(
        json!({"host": "web", "port": {"number": 81}}),
        "outbound|81||web.shop.svc.cluster.local",
    );
    check(json!({"host": "single"}), "outbound|80||single.shop.svc.cluster.local");
    check(json!({"host": "nobody.example.com"}), "outbound|80||nobody.example.com");
    check(json!({"host": "named"}), "outbound|80||target.example.com");
    check(json!({}), "UnknownService");

    let single = json!([{"route": [{"destination": {"host": "single"}}]}]);
    let cluster = "outbound|8080||single.shop.svc.cluster.local";
    for (gateways, port) in [(&["shop/gw"], 443), (&[MESH], 0)] {
        let (routes, _) = at(single.clone(), |a| Audience { gateways, port, ..a });
        assert_eq!(routes[0]["route"]["cluster"], cluster, "where ports do not match services");
    }
}

#[test]
fn weights() {
    let to = |host: &str, weight: i32| json!({"destination": {"host": host}, "weight": weight});
    let mut header = to("single", 30);
    header["headers"] = json!({"request": {"set": {"Host": "new", "x": "1"}}});
    check(
        "route",
        json!([to("web", 70), header, to("named", 0)]),
        "/route/weighted_clusters",
        json!({"clusters": [
            {"name": "outbound|80||web.shop.svc.cluster.local", "weight": 70},
            {"name": "outbound|80||single.shop.svc.cluster.local", "weight": 30,
             "host_rewrite_literal": "new",
             "request_headers_to_add": [{"header": {"key": "x", "value": "1"},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}]},
        ]}),
    );
    check("route", json!([to("web", 0)]), "/route/weighted_clusters", Value::Null);
    let (routes, told) = converted(json!([{"route": [to("web", 0), to("single", 0)]}]));
    assert_eq!(routes, json!([]));
    assert_eq!(told, ["spec.http[0].route: the route is left out: no destination has a weight"]);
}

#[test]
fn a_rewritten_request_tells_its_host_where_proxies_do() {
    let check = |rule: Value, forwarded_host: bool, want: Value| {
        let mut rule = rule;
        rule["route"] = json!([{"destination": {"host": "web"}}]);
        let (routes, _) = at(json!([rule]), |a| Audience { forwarded_host, ..a });
        assert_eq!(routes[0]["route"]["append_x_forwarded_host"], want, "{rule}");
    };
    check(json!({"rewrite": {"authority": "b"}}), true, json!(true));
    check(json!({"rewrite": {"uri": "/b"}}), true, json!(true));
    check(json!({"rewrite": {"authority": "b"}}), false, Value::Null);
    check(json!({"headers": {"request": {"set": {"host": "b"}}}}), true, Value::Null);
}

#[test]
fn timeouts_rewrites_and_mirrors() {
    check("timeout", json!("1.5s"), "/route/max_grpc_timeout", json!("1.500s"));
    check("rewrite", json!({"uri": "/b"}), "/route/prefix_rewrite", json!("/b"));
    check("rewrite", json!({"authority": "b"}), "/route/host_rewrite_literal", json!("b"));
    check(
        "rewrite",
        json!({"uri": "/x", "uriRegexRewrite": {"match": "(a)", "rewrite": "\\1\\\\"}}),
        "/route/regex_rewrite",
        json!({"pattern": {"regex": "(a)"}, "substitution": "\\1\\\\"}),
    );
    let mirror = |numerator: u32, million: bool| {
        let mut share = json!({"numerator": numerator});
        if million {
            share["denominator"] = "MILLION".into();
        }
        json!([{
            "cluster": "outbound|80||web.shop.svc.cluster.local",
            "runtime_fraction": {"default_value": share},
            "trace_sampled": false,
            "disable_shadow_host_suffix_append": true,
        }])
    };
    let pointer = "/route/request_mirror_policies";
    check("mirror", json!({"host": "web"}), pointer, mirror(100, false));
    let to = json!({"host": "web"});
    check("mirrors", json!([{"destination": to}]), pointer, mirror(100, false));
    let half = json!([{"destination": to, "percentage": {"value": 0.5}}]);
    check("mirrors", half, pointer, mirror(5000, true));
    check("mirrors", json!([{"destination": to, "percentage": {}}]), pointer, Value::Null);
    let rule = json!([{"route": [{"destination": to}], "mirror": to}]);
    let (routes, _) = at(rule, |a| Audience { mirror_as_is: false, ..a });
    let policy = &routes[0]["route"]["request_mirror_policies"][0];
    assert_eq!(policy["disable_shadow_host_suffix_append"], Value::Null);
}

#[test]
fn sessions_stay_where_a_destination_asks_for_it() {
    let with_label = |to: &str, weight: u32| json!({"destination": {"host": to}, "weight": weight});
    let check = |route: Value, want: Value| {
        let capabilities = Capabilities::ALL;
        let (routes, _) = at(json!([{"route": route}]), |a| Audience { capabilities, ..a });
        let pointer = "/typed_per_filter_config/envoy.filters.http.stateful_session\
                       /stateful_session/session_state/typed_config/name";
        assert_eq!(*routes[0].pointer(pointer).unwrap_or(&Value::Null), want, "{route}");
    };
    check(json!([with_label("web", 0)]), Value::Null);
    check(json!([with_label("sticky", 0)]), json!("x-id"));
    check(json!([with_label("web", 1), with_label("sticky", 1)]), json!("x-id"));
    check(json!([with_label("web", 1), with_label("sticky", 0)]), Value::Null);
    let (routes, _) = at(json!([{"route": [with_label("sticky", 0)]}]), |a| a);
    assert_eq!(routes[0]["typed_per_filter_config"], Value::Null, "switched off");
}

#[test]
fn redirects_and_responses() {
    let redirect = |redirect: Value, want: Value| {
        check("redirect", redirect, "/redirect", want);
    };
    redirect(json!({"authority": "a"}), json!({"host_redirect": "a", "path_redirect": ""}));
    redirect(
        json!({"uri": "/x", "scheme": "https", "port": 8443, "redirectCode": 308}),
        json!({"path_redirect": "/x", "scheme_redirect": "https", "port_redirect": 8443,
               "response_code": "PERMANENT_REDIRECT"}),
    );
    redirect(
        json!({"scheme": "https", "port": 443}),
        json!({"scheme_redirect": "https", "path_redirect": ""}),
    );
    redirect(json!({"derivePort": "FROM_REQUEST_PORT"}), json!({"path_redirect": ""}));
    redirect(
        json!({"derivePort": "FROM_REQUEST_PORT", "scheme": "https"}),
        json!({"path_redirect": "", "scheme_redirect": "https", "port_redirect": 80}),
    );
    let response = |body: Value| json!({"status": 418, "body": body});
    check(
        "directResponse",
        response(json!({"string": "tea"})),
        "/direct_response",
        json!({"status": 418, "body": {"inline_string": "tea"}}),
    );
    check(
        "directResponse",
        response(json!({"bytes": "dGVh"})),
        "/direct_response/body",
        json!({"inline_bytes": "dGVh"}),
    );
    check("redirect", json!({"uri": "/"}), "/decorator/operation", json!("web:80/*"));
}

#[test]
fn retries() {
    let retry = |value: Value, pointer: &str, want: Value| {
        check("retries", value, &format!("/route/retry_policy{pointer}"), want);
    };
    retry(json!({}), "", Value::Null);
    retry(json!({"attempts": 3}), "/num_retries", json!(3));
    let conditions = |on: &str| json!({"attempts": 1, "retryOn": on});
    retry(conditions("5xx, 503"), "/retry_on", json!("5xx,retriable-status-codes"));
    retry(conditions("5xx, 503"), "/retriable_status_codes", json!([503]));
    retry(conditions("503"), "/retry_on", json!(",retriable-status-codes"));
    retry(conditions("999"), "/retry_on", json!("999"));
    let with = |field: &str, value: Value| {
        let mut retry = json!({"attempts": 1});
        retry[field] = value;
        retry
    };
    retry(with("perTryTimeout", json!("2s")), "/per_try_timeout", json!("2s"));
    retry(with("backoff", json!("50ms")), "/retry_back_off", json!({"base_interval": "0.050s"}));
    retry(with("retryIgnorePreviousHosts", json!(false)), "/retry_host_predicate", Value::Null);
    retry(
        with("retryRemoteLocalities", json!(true)),
        "/retry_priority/name",
        json!("envoy.retry_priorities.previous_priorities"),
    );
    let own = HttpRetry { attempts: 7, ..HttpRetry::default() };
    let rule = json!([{"route": [{"destination": {"host": "web"}}]}]);
    let (routes, _) =
        at(rule, |audience| Audience { retries: Some(Box::leak(Box::new(own))), ..audience });
    assert_eq!(routes[0]["route"]["retry_policy"]["num_retries"], 7, "as the mesh says");
}

#[test]
fn filters_of_routes() {
    let fault = |value: Value, want: Value| {
        let pointer = "/typed_per_filter_config/envoy.filters.http.fault";
        let mut want = want;
        want["@type"] =
            "type.googleapis.com/envoy.extensions.filters.http.fault.v3.HTTPFault".into();
        check("fault", value, pointer, want);
    };
    let third = json!({"numerator": 333333, "denominator": "MILLION"});
    fault(
        json!({"delay": {"fixedDelay": "2s", "percentage": {"value": 33.3333}}}),
        json!({"delay": {"fixed_delay": "2s", "percentage": third}}),
    );
    fault(
        json!({"delay": {"fixedDelay": "2s", "percent": 5}}),
        json!({"delay": {"fixed_delay": "2s", "percentage": {"numerator": 5}}}),
    );
    fault(json!({"abort": {"grpcStatus": "UNAVAILABLE"}}), json!({"abort": {"grpc_status": 14}}));
    check(
        "corsPolicy",
        json!({
            "allowOrigins": [{"exact": "a"}, {"regex": "b.*"}],
            "allowMethods": ["GET", "PUT"], "maxAge": "90s", "allowCredentials": false,
            "unmatchedPreflights": "IGNORE",
        }),
        "/typed_per_filter_config/envoy.filters.http.cors",
        json!({
            "@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy",
            "allow_origin_string_match": [{"exact": "a"}, {"safe_regex": {"regex": "b.*"}}],
            "allow_methods": "GET,PUT", "max_age": "90", "allow_credentials": false,
            "filter_enabled": {"default_value": {"numerator": 100}},
            "forward_not_matching_preflights": false,
        }),
    );
}

#[test]
fn changes_of_headers() {
    let headers = json!({
        "request": {"set": {"b": "1", ":authority": "new"}, "add": {"a": "2"}, "remove": ["c", "Host"]},
        "response": {"remove": ["server"]},
    });
    let add = json!([
        {"header": {"key": "b", "value": "1"}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"},
        {"header": {"key": "a", "value": "2"}},
    ]);
    check("headers", headers.clone(), "/request_headers_to_add", add);
    check("headers", headers.clone(), "/request_headers_to_remove", json!(["c"]));
    check("headers", headers.clone(), "/response_headers_to_remove", json!(["server"]));
    check("headers", headers, "/route/host_rewrite_literal", json!("new"));
}

#[test]
fn what_envoy_would_refuse_is_left_out_and_told() {
    let to = json!([{"destination": {"host": "web"}}]);
    let check = |rule: Value, routes: usize, path: &str| {
        let mut rule = rule;
        rule["route"] = to.clone();
        let (got, told) = converted(json!([rule]));
        assert_eq!(got.as_array().unwrap().len(), routes, "{rule}");
        assert_eq!(told.len(), 1, "{rule}: {told:?}");
        assert!(told[0].starts_with(&format!("spec.http[0].{path}: ")), "{told:?}");
    };
    let bad = json!({"regex": "("});
    let two = json!([{"uri": bad}, {"uri": {"exact": "/"}}]);
    check(json!({"match": two}), 1, "match[0].uri");
    check(json!({"match": [{"headers": {"x": bad}}]}), 0, "match[0].headers.x");
    check(json!({"match": [{"method": {"prefix": ""}}]}), 0, "match[0].method");
    check(json!({"match": [{"queryParams": {"": {}}}]}), 0, "match[0].queryParams[\"\"]");
    let rewrite = |pattern: &str, text: &str| json!({"rewrite": {"uriRegexRewrite": {"match": pattern, "rewrite": text}}});
    check(rewrite("(?=a)", ""), 0, "rewrite.uriRegexRewrite");
    check(rewrite("(a)", "\\2"), 0, "rewrite.uriRegexRewrite");
    check(rewrite("(a)", "\\"), 0, "rewrite.uriRegexRewrite");
    check(json!({"redirect": {"redirectCode": 300}}), 0, "redirect.redirectCode");
    check(json!({"directResponse": {"status": 99}}), 0, "directResponse.status");
    check(json!({"fault": {"abort": {"httpStatus": 99}}}), 1, "fault.abort.httpStatus");
    check(json!({"fault": {"delay": {"fixedDelay": "0s"}}}), 1, "fault.delay.fixedDelay");
    check(json!({"corsPolicy": {"allowOrigins": [bad]}}), 1, "corsPolicy.allowOrigins[0]");
    check(json!({"headers": {"request": {"set": {"x": "a\nb"}}}}), 1, "headers.request.set.x");
}

#[test]
fn audiences_that_the_rules_do_not_tell_apart_have_the_same_inputs() {
    let world = snapshot([service(1, "web.shop", &[], &[("http", 80)])]);
    let inputs = |http: &Value, namespace: &str, labels: &BTreeMap<_, _>| {
        let scope = scope(namespace);
        let context = context(&world, &scope);
        let audience = Audience { labels, ..Audience::mesh(&context, 80) };
        let routing = Box::leak(Box::new(routing(http.clone())));
        (Inputs::of(routing, &audience).selected, Inputs::of(routing, &audience).destinations)
    };
    let plain = json!([{"route": [{"destination": {"host": "web"}}]}]);
    let by_label = json!([{"match": [{"sourceLabels": {"a": "b"}}],
        "route": [{"destination": {"host": "web"}}]}]);
    let (none, some) = (Labels::new(), Labels::from([("a".into(), "b".into())]));
    assert_eq!(inputs(&plain, "shop", &none), inputs(&plain, "bank", &some));
    assert_ne!(inputs(&by_label, "shop", &none), inputs(&by_label, "shop", &some));
}
