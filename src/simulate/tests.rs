use serde_json::{Value, json};

use super::fixture::{gateway, get, http_chain, resource, served, socket, tcp_chain, tls_socket};
use super::*;
use crate::translate::ResourceType;

fn listener(name: &str, port: u16, fields: Value) -> Value {
    let mut listener = json!({ "name": name, "address": socket("0.0.0.0", port) });
    for (key, value) in fields.as_object().unwrap() {
        listener[key] = value.clone();
    }
    listener
}

fn all_hosts() -> Value {
    json!([{ "name": "all", "domains": ["*"], "routes": [
        { "match": { "prefix": "/" }, "route": { "cluster": "web", "timeout": "0s" } },
    ] }])
}

/// A sidecar: listeners of a wildcard and of an address on port 80, and those that take everything else.
fn sidecar() -> Served {
    let chains = |name: &str| json!([tcp_chain(name, json!({}))]);
    let hidden = |chains: Value| json!({ "bind_to_port": false, "filter_chains": chains });
    let inspector = json!([{ "name": "envoy.filters.listener.http_inspector" }]);
    let http = http_chain(json!({ "application_protocols": ["http/1.1", "h2c"] }), all_hosts());
    let mut wildcard = hidden(json!([http]));
    wildcard["listener_filters"] = inspector;
    wildcard["default_filter_chain"] = tcp_chain("other", json!({}));
    let mut exact = listener("exact", 80, hidden(chains("exact")));
    exact["address"] = socket("10.0.0.1", 80);
    let outbound = json!({ "use_original_dst": true, "filter_chains": chains("outbound") });
    let inbound = json!({
        "traffic_direction": "INBOUND",
        "listener_filters": [{ "name": "envoy.filters.listener.original_dst" }],
        "filter_chains": chains("inbound"),
    });
    served(
        [
            ("wildcard", listener("wildcard", 80, wildcard)),
            ("exact", exact),
            ("virtualOutbound", listener("virtualOutbound", 15001, outbound)),
            ("virtualInbound", listener("virtualInbound", 15006, inbound)),
            ("local", listener("local", 15002, json!({ "filter_chains": chains("local") }))),
        ]
        .map(|(name, json)| resource(ResourceType::Listener, name, json)),
    )
}

#[track_caller]
fn takes(direction: Direction, to: &str, want: &str) {
    let request = Request::tcp(direction, to.parse().unwrap());
    let got = explain(&sidecar(), &request);
    assert_eq!(got.chosen(StepKind::Listener), want, "{direction:?} {to}");
}

#[test]
fn redirected_connections_go_to_their_address_then_the_wildcard_then_the_rest() {
    takes(Direction::Outbound, "10.0.0.1:80", "exact");
    takes(Direction::Outbound, "10.0.0.2:80", "wildcard");
    takes(Direction::Outbound, "10.0.0.2:81", "virtualOutbound");
    takes(Direction::Inbound, "10.0.0.1:80", "virtualInbound");
}

#[test]
fn only_bound_ports_are_reached_without_redirection() {
    takes(Direction::Outbound, "127.0.0.1:15002", "local");
    takes(Direction::Outbound, "127.0.0.1:80", "");
    takes(Direction::Bound, "10.0.0.1:80", "");
    let request = Request::tcp(Direction::Bound, "10.0.0.1:80".parse().unwrap());
    let reason = "the proxy does not listen on 10.0.0.1:80; the ports that it is bound to: \
                  15001, 15002, 15006";
    assert_eq!(explain(&sidecar(), &request).outcome, Outcome::refused(reason));
}

#[test]
fn inspection_decides_between_http_and_the_rest() {
    let to = "10.0.0.2:80".parse().unwrap();
    let http = Request::http(Direction::Outbound, to, "GET", "web", "/");
    assert_eq!(explain(&sidecar(), &http).chosen(StepKind::VirtualHost), "all");
    let tls = http.over(Tls { sni: Some("web".to_owned()), ..Tls::default() });
    assert_eq!(explain(&sidecar(), &tls).chosen(StepKind::TcpProxy), "other");
    let tcp = Request::tcp(Direction::Outbound, to);
    let got = explain(&sidecar(), &tcp);
    assert_eq!(got.chosen(StepKind::TcpProxy), "other");
    assert_eq!(got.outcome, Outcome::Forwarded { path: None });
}

#[test]
fn an_inspector_that_is_off_for_a_port_sees_nothing() {
    let range = json!({ "destination_port_range": { "start": 80, "end": 81 } });
    let rule = json!({ "or_match": { "rules": [range, { "not_match": { "any_match": true } }] } });
    let chains = json!([
        http_chain(json!({ "application_protocols": ["http/1.1"] }), all_hosts()),
        tcp_chain("blind", json!({})),
    ]);
    let inspector = "envoy.filters.listener.http_inspector";
    let json = json!({
        "filter_chains": chains,
        "listener_filters": [{ "name": inspector, "filter_disabled": rule }],
        "use_original_dst": true,
    });
    let served = served([resource(ResourceType::Listener, "l", listener("l", 15001, json))]);
    let at = |port: u16| {
        let to = format!("10.0.0.1:{port}").parse().unwrap();
        explain(&served, &Request::http(Direction::Outbound, to, "GET", "web", "/"))
    };
    assert_eq!(at(80).chosen(StepKind::TcpProxy), "blind");
    assert_eq!(at(81).chosen(StepKind::VirtualHost), "all");
}

/// A gateway's listener for TLS.
fn tls_gateway(certificate: bool) -> Served {
    let mut chain = http_chain(json!({ "server_names": ["web.shop"] }), all_hosts());
    chain["transport_socket"] = tls_socket(certificate);
    let json = json!({
        "filter_chains": [chain],
        "listener_filters": [{ "name": "envoy.filters.listener.tls_inspector" }],
    });
    served([resource(ResourceType::Listener, "l", listener("l", 8080, json))])
}

#[test]
fn tls_is_terminated_with_the_name_and_the_certificate_that_it_asks_for() {
    let tls = |name: &str| Tls { sni: Some(name.to_owned()), ..Tls::default() };
    let served = tls_gateway(false);
    let got = explain(&served, &get("web.shop", "/").over(tls("WEB.shop")));
    assert!(got.is_reached(), "{got}");
    let got = explain(&served, &get("web.shop", "/").over(tls("other")));
    assert!(got.to_string().contains("wants server names web.shop; the server name is other"));
    let got = explain(&tls_gateway(true), &get("web.shop", "/").over(tls("web.shop")));
    assert!(got.to_string().contains("requires a client certificate"), "{got}");
    let with = Tls { client_certificate: true, ..tls("web.shop") };
    assert!(explain(&tls_gateway(true), &get("web.shop", "/").over(with)).is_reached());
}

#[test]
fn plaintext_and_tls_must_meet_their_like() {
    let chains = json!([http_chain(json!({}), all_hosts())]);
    let plain = listener("l", 8080, json!({ "filter_chains": chains }));
    let served = served([resource(ResourceType::Listener, "l", plain)]);
    let got = explain(&served, &get("web.shop", "/").over(Tls::default()));
    assert!(got.to_string().contains("expects HTTP in plaintext, and the client speaks TLS"));
    let got = explain(&served, &Request::tcp(Direction::Bound, "10.0.0.1:8080".parse().unwrap()));
    assert!(got.to_string().contains("speaks HTTP, and this is none"));
}

#[test]
fn the_server_name_may_be_the_cluster() {
    let mut chain = tcp_chain("sni", json!({}));
    let filters = chain["filters"].as_array_mut().unwrap();
    filters.insert(0, json!({ "name": "envoy.filters.network.sni_cluster" }));
    let json = json!({
        "filter_chains": [chain],
        "listener_filters": [{ "name": "envoy.filters.listener.tls_inspector" }],
    });
    let served = served([resource(ResourceType::Listener, "l", listener("l", 8080, json))]);
    let request = Request::tcp(Direction::Bound, "10.0.0.1:8080".parse().unwrap());
    let named = request.over(Tls { sni: Some("empty".to_owned()), ..Tls::default() });
    assert_eq!(explain(&served, &named).clusters(), [("empty", 100.0)]);
}

#[test]
fn routes_that_are_named_are_looked_up() {
    let mut chain = http_chain(json!({}), json!([]));
    let config = chain["filters"][0]["typed_config"].as_object_mut().unwrap();
    config.remove("route_config");
    let rds = json!({ "route_config_name": "8080", "config_source": { "ads": {} } });
    config.insert("rds".to_owned(), rds);
    let bound = listener("l", 8080, json!({ "filter_chains": [chain] }));
    let bound = resource(ResourceType::Listener, "l", bound);
    let routes = json!({ "name": "8080", "virtual_hosts": all_hosts() });
    let routes = resource(ResourceType::Route, "8080", routes);
    let got = explain(&served([bound.clone(), routes]), &get("web", "/"));
    let step = got.step(StepKind::RouteConfiguration).unwrap();
    let origins: Vec<String> = step.origins.iter().map(ToString::to_string).collect();
    assert_eq!((step.name.as_str(), origins), ("8080", vec!["Service shop/8080".to_owned()]));
    let got = explain(&served([bound]), &get("web", "/"));
    let reason = "the route configuration \"8080\" does not exist";
    assert_eq!(got.outcome, Outcome::failed(404, reason));
}

#[test]
fn what_nobody_matches_is_told_route_by_route() {
    let hosts = json!([{ "name": "web", "domains": ["web"], "routes": [
        { "name": "a", "match": { "prefix": "/a" }, "route": { "cluster": "web" } },
        { "name": "b", "match": { "path": "/b" }, "route": { "cluster": "web" } },
    ] }]);
    let served = gateway(hosts);
    let got = explain(&served, &get("web", "/c/../d"));
    assert!(!got.is_reached());
    let text = got.to_string();
    for line in [
        "not route 0 \"a\": path /d; wanted is the prefix /a",
        "not route 1 \"b\": path /d; wanted is /b",
        "=> goes nowhere (404): none of the 2 routes of the virtual host matches",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let got = explain(&served, &get("api", "/"));
    let reason = "none of the 1 virtual hosts of the route configuration has a domain for \"api\"";
    assert_eq!(got.outcome, Outcome::failed(404, reason));
    assert!(got.to_string().contains("not virtual host web: its domains are web"), "{got}");
}

#[test]
fn an_explanation_is_data_too() {
    let got = explain(&gateway(all_hosts()), &get("web", "/a"));
    let json = serde_json::to_value(&got).unwrap();
    assert_eq!(json["steps"][0]["kind"], "listener");
    assert_eq!(json["steps"][0]["origins"], json!(["Service shop/gateway"]));
    assert_eq!(json["backends"][0]["endpoints"][0]["address"], "10.0.0.9:8080");
    assert_eq!(json["outcome"], json!({ "forwarded": { "path": "/a" } }));
}

#[test]
fn an_explanation_reads_from_the_listener_to_the_endpoint() {
    let text = explain(&gateway(all_hosts()), &get("web", "/a")).to_string();
    let want = "\
listener gateway: has the wildcard of port 8080
    by Service shop/gateway
  filter chain 0: takes everything
    route configuration inline: in the listener
        by Service shop/gateway
      virtual host all: takes every host, and none has a domain for this one
        route 0: prefix /
          cluster web, host web
              by Service shop/web
            endpoint 10.0.0.9:8080
=> forwarded with path /a
";
    assert_eq!(text, want);
}
