//! A real Envoy as the judge: generated listeners and routes, and for each request what Envoy does with it is what
//! `simulate` says. The generators are seeded, so that a difference can be looked at again.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use fastrand::Rng;
use istiod::proto::json::from_json;
use istiod::simulate::{
    Direction, Outcome, Payload, Request, Served, StepKind, Tls, Version, explain,
};
use istiod::translate::{Resource, ResourceType};
use serde_json::{Value, json};

use super::judge::{Judge, client_hello, exchange, free_ports, turn};

/// How many configurations of each kind are tried, and requests at each of them.
const CONFIGURATIONS: usize = 24;
const REQUESTS: usize = 60;

fn pick<'a, T: ?Sized>(rng: &mut Rng, pool: &[&'a T]) -> &'a T {
    pool[rng.usize(..pool.len())]
}

fn served(listeners: &[Value], clusters: &[Value]) -> Served {
    let all = listeners.iter().map(|json| (ResourceType::Listener, json));
    let all = all.chain(clusters.iter().map(|json| (ResourceType::Cluster, json)));
    Served::new(all.map(|(kind, json)| {
        let body = from_json(kind.type_url(), json).unwrap();
        let name = json["name"].as_str().unwrap().into();
        (kind, Arc::new(Resource::new(name, body, [])))
    }))
}

fn socket(port: u16) -> Value {
    json!({ "socket_address": { "address": "0.0.0.0", "port_value": port } })
}

fn filter(name: &str, message: &str, config: Value) -> Value {
    let mut config = config;
    config["@type"] = format!("type.googleapis.com/envoy.extensions.{message}").into();
    json!({ "name": name, "typed_config": config })
}

/// An HTTP connection manager with these fields.
fn manager(config: Value) -> Value {
    let router = "filters.http.router.v3.Router";
    let mut config = config;
    config["stat_prefix"] = "http".into();
    // Whoever is answered need not wait for the end of the connection.
    config["delayed_close_timeout"] = "0s".into();
    config["http_filters"] = json!([filter("envoy.filters.http.router", router, json!({}))]);
    let message = "filters.network.http_connection_manager.v3.HttpConnectionManager";
    json!([filter("envoy.filters.network.http_connection_manager", message, config)])
}

// --- Filter chains ---

const NAMES: [&str; 5] = ["web.shop.com", "*.shop.com", "*.com", "a.b.shop.com", "api.org"];
const PROTOCOLS: [&str; 4] = ["h2", "http/1.1", "istio", "http/1.0"];

/// A filter chain match that asks for some of what a connection over loopback can differ in.
fn chain_match(rng: &mut Rng, port: u16) -> Value {
    let mut wanted = json!({});
    if rng.u8(..8) == 0 {
        wanted["destination_port"] = port.into();
    }
    if rng.u8(..4) == 0 {
        let (prefix, length) =
            [("127.0.0.0", 8), ("127.0.0.0", 24), ("127.0.1.0", 24)][rng.usize(..3)];
        wanted["prefix_ranges"] = json!([{ "address_prefix": prefix, "prefix_len": length }]);
    }
    if rng.u8(..3) == 0 {
        wanted["server_names"] = json!([pick(rng, &NAMES)]);
    }
    if rng.u8(..3) == 0 {
        wanted["transport_protocol"] = pick(rng, &["tls", "raw_buffer"]).into();
    }
    if rng.u8(..3) == 0 {
        wanted["application_protocols"] = json!([pick(rng, &PROTOCOLS)]);
    }
    if rng.u8(..8) == 0 {
        wanted["source_type"] = pick(rng, &["SAME_IP_OR_LOOPBACK", "EXTERNAL"]).into();
    }
    wanted
}

/// A listener whose chains say their names to whoever connects.
fn speaking_listener(rng: &mut Rng, at: usize, port: u16) -> Value {
    let says = |name: &str| {
        let text = json!({ "response": { "inline_string": name } });
        let message = "filters.network.direct_response.v3.Config";
        json!([filter("envoy.filters.network.direct_response", message, text)])
    };
    // Two chains that ask for the same are no valid configuration.
    let wanted: BTreeSet<String> =
        (0..rng.usize(2..9)).map(|_| chain_match(rng, port).to_string()).collect();
    let mut chains: Vec<Value> = wanted
        .iter()
        .enumerate()
        .map(|(number, wanted)| {
            let wanted: Value = serde_json::from_str(wanted).unwrap();
            let name = format!("chain-{number}");
            json!({ "name": name, "filter_chain_match": wanted, "filters": says(&name) })
        })
        .collect();
    rng.shuffle(&mut chains);
    let mut inspectors = Vec::new();
    for (name, message) in [("tls_inspector", "TlsInspector"), ("http_inspector", "HttpInspector")]
    {
        if rng.u8(..4) > 0 {
            let message = format!("filters.listener.{name}.v3.{message}");
            inspectors.push(filter(&format!("envoy.filters.listener.{name}"), &message, json!({})));
        }
    }
    let mut listener = json!({
        "name": format!("listener-{at}"),
        "address": socket(port),
        "filter_chains": chains,
        "listener_filters": inspectors,
        "listener_filters_timeout": "0.2s",
        "continue_on_listener_filters_timeout": true,
    });
    if rng.bool() {
        listener["default_filter_chain"] = json!({ "name": "default", "filters": says("default") });
    }
    listener
}

/// A connection, and the bytes that begin it.
fn connection(rng: &mut Rng, port: u16) -> (Request, Vec<u8>) {
    let address = pick(rng, &["127.0.0.1", "127.0.1.1", "127.1.0.1"]);
    let to: SocketAddr = format!("{address}:{port}").parse().unwrap();
    if rng.bool() {
        let mut request = Request::http(Direction::Bound, to, "GET", "web", "/");
        request.source = "127.0.0.1:1".parse().unwrap();
        let version = if rng.bool() { Version::Http11 } else { Version::Http10 };
        let Payload::Http(http) = &mut request.payload else { unreachable!() };
        http.version = version;
        let text = version.plaintext_protocol().to_ascii_uppercase();
        return (request, format!("GET / {text}\r\nHost: web\r\n\r\n").into_bytes());
    }
    let names = ["web.shop.com", "a.b.shop.com", "x.shop.com", "shop.com", "api.org", "x.org"];
    let name = (rng.u8(..5) > 0).then(|| pick(rng, &names));
    let mut alpn: Vec<&str> = PROTOCOLS.into_iter().filter(|_| rng.u8(..3) == 0).collect();
    rng.shuffle(&mut alpn);
    let tls = Tls {
        sni: name.map(str::to_owned),
        alpn: alpn.iter().map(|p| (*p).to_owned()).collect(),
        client_certificate: false,
        identity: None,
    };
    let mut request = Request::tcp(Direction::Bound, to).over(tls);
    request.source = "127.0.0.1:1".parse().unwrap();
    (request, client_hello(name, &alpn))
}

#[test]
fn an_envoy_chooses_the_same_filter_chains() {
    let _turn = turn();
    let mut rng = Rng::with_seed(1);
    let ports = free_ports(CONFIGURATIONS);
    let listeners: Vec<Value> =
        ports.iter().enumerate().map(|(at, port)| speaking_listener(&mut rng, at, *port)).collect();
    let Some(_judge) = Judge::start(&listeners, &[]) else { return };
    let served = served(&listeners, &[]);
    let mut chosen = 0;
    for (listener, port) in listeners.iter().zip(&ports) {
        for _ in 0..REQUESTS {
            let (request, bytes) = connection(&mut rng, *port);
            let got = exchange(request.destination, &bytes);
            let said = explain(&served, &request);
            let name = said.chosen(StepKind::FilterChain);
            let name = name.split('"').nth(1).unwrap_or_default();
            assert_eq!(name, got, "{request:#?}\n{listener:#}\n{said}");
            chosen += usize::from(!name.is_empty());
        }
    }
    assert!(chosen > CONFIGURATIONS * REQUESTS / 2, "only {chosen} connections found a chain");
}

// --- Routes ---

const DOMAINS: [&str; 12] = [
    "*",
    "*.com",
    "*.shop.com",
    "*-eu.shop.com",
    "web.*",
    "web.shop.*",
    "web.shop.com",
    "Web.Shop.org",
    "web.shop.com:8080",
    "api.shop.com",
    "*.com:8080",
    "other",
];
const HOSTS: [&str; 14] = [
    "web.shop.com",
    "WEB.shop.COM",
    "web.shop.org",
    "api-eu.shop.com",
    "api.shop.com",
    "api.shop.com:8080",
    "web.shop.com:8080",
    "web.shop.com:80",
    "web.org",
    ".shop.com",
    "web.",
    "shop.com",
    "other",
    "[::1]:80",
];
const PATHS: [&str; 18] = [
    "/",
    "/a",
    "/A",
    "/a/",
    "/ab",
    "/a/b",
    "/A/B?v=1",
    "/a/b?v=1",
    "/a?v=2&v=1&w",
    "/a?w=/b",
    "/a/../b",
    "/a/./b/..",
    "/a//b",
    "/%61/b",
    "/a%2Fb",
    "/a%5cb/../c",
    "/b/a/12",
    "/../..//a",
];
const VALUES: [&str; 5] = ["ann", "Ann", "annabel", "bob", ""];

fn string_matcher(rng: &mut Rng, pool: &[&str]) -> Value {
    let text = pick(rng, pool);
    let mut matcher = match rng.u8(..5) {
        0 | 1 => json!({ "exact": text }),
        // Envoy wants these to be of some length.
        2 => json!({ "prefix": if text.is_empty() { "a" } else { text } }),
        3 => json!({ "suffix": if text.is_empty() { "b" } else { text } }),
        _ => return json!({ "safe_regex": { "regex": format!("({text}|b.b)") } }),
    };
    if rng.bool() {
        matcher["ignore_case"] = true.into();
    }
    matcher
}

fn header_matcher(rng: &mut Rng) -> Value {
    let mut matcher = match rng.u8(..6) {
        0 => json!({ "name": "x-user", "present_match": true }),
        1 => json!({ "name": "x-user", "present_match": false }),
        2 => json!({ "name": ":method", "string_match": { "exact": "GET" } }),
        3 => json!({ "name": "x-number", "range_match": { "start": -1, "end": 10 } }),
        _ => json!({ "name": "x-user", "string_match": string_matcher(rng, &VALUES) }),
    };
    for flag in ["invert_match", "treat_missing_header_as_empty"] {
        if rng.u8(..4) == 0 {
            matcher[flag] = true.into();
        }
    }
    matcher
}

fn route_match(rng: &mut Rng) -> Value {
    let mut wanted = match rng.u8(..8) {
        0..4 => json!({ "prefix": pick(rng, &["/", "/a", "/a/", "/A", "/b/"]) }),
        4 => json!({ "path": pick(rng, &["/a", "/a/b", "/A", "/b"]) }),
        5 => json!({ "path_separated_prefix": pick(rng, &["/a", "/A", "/a/b"]) }),
        _ => {
            let regex = pick(rng, &["/a/.+", "/(a|b)/?.*", "/[a-z]/a/\\d+", "/a"]);
            return json!({ "safe_regex": { "regex": regex } });
        }
    };
    if rng.u8(..3) == 0 {
        wanted["case_sensitive"] = false.into();
    }
    let headers: Vec<Value> =
        (0..rng.usize(..3).saturating_sub(1)).map(|_| header_matcher(rng)).collect();
    wanted["headers"] = headers.into();
    if rng.u8(..5) == 0 {
        let mut parameter = json!({ "name": pick(rng, &["v", "w"]) });
        if rng.bool() {
            parameter["string_match"] = string_matcher(rng, &["1", "2", ""]);
        } else {
            parameter["present_match"] = true.into();
        }
        wanted["query_parameters"] = json!([parameter]);
    }
    wanted
}

fn regex_rewrite(rng: &mut Rng) -> Value {
    let (regex, substitution) =
        [("/([a-z])/", "/\\1-\\1/"), ("a", "x"), ("^/(.*)$", "/new/\\1?q"), ("b", "\\\\")]
            [rng.usize(..4)];
    json!({ "pattern": { "regex": regex }, "substitution": substitution })
}

/// What a route does. Forwarded requests come back with what the upstream saw.
fn action(rng: &mut Rng, name: &str) -> Value {
    match rng.u8(..4) {
        0 | 1 => json!({ "direct_response": { "status": 200, "body": { "inline_string": name } } }),
        2 => {
            let mut redirect = json!({});
            if rng.bool() {
                redirect["host_redirect"] = "new.org".into();
            }
            if rng.u8(..3) == 0 {
                redirect["port_redirect"] = 8443.into();
            }
            match rng.u8(..3) {
                0 => redirect["https_redirect"] = true.into(),
                1 => redirect["scheme_redirect"] = "https".into(),
                _ => {}
            }
            match rng.u8(..5) {
                0 => redirect["path_redirect"] = pick(rng, &["/x", "/x?y=1"]).into(),
                1 => redirect["prefix_rewrite"] = "/p".into(),
                2 => redirect["regex_rewrite"] = regex_rewrite(rng),
                _ => {}
            }
            redirect["strip_query"] = rng.bool().into();
            let codes = ["MOVED_PERMANENTLY", "FOUND", "SEE_OTHER", "PERMANENT_REDIRECT"];
            redirect["response_code"] = pick(rng, &codes).into();
            json!({ "redirect": redirect })
        }
        _ => {
            let mut route = json!({ "cluster": "echo" });
            match rng.u8(..3) {
                0 => route["prefix_rewrite"] = "/p".into(),
                1 => route["regex_rewrite"] = regex_rewrite(rng),
                _ => {}
            }
            match rng.u8(..4) {
                0 => route["host_rewrite_literal"] = "rewritten".into(),
                1 => route["host_rewrite_header"] = "x-user".into(),
                2 => {
                    let regex = json!({ "regex": "^/([A-Za-z]?).*$" });
                    route["host_rewrite_path_regex"] =
                        json!({ "pattern": regex, "substitution": "\\1.org" });
                }
                _ => {}
            }
            json!({ "route": route })
        }
    }
}

fn routing_listener(rng: &mut Rng, at: usize, port: u16) -> Value {
    let mut domains = DOMAINS.to_vec();
    rng.shuffle(&mut domains);
    let mut hosts = Vec::new();
    while domains.len() > 2 {
        let own: Vec<&str> = domains.split_off(domains.len() - rng.usize(1..3));
        let name = format!("host-{}", hosts.len());
        let routes: Vec<Value> = (0..rng.usize(1..6))
            .map(|number| {
                let mut route = action(rng, &format!("{name}/{number}"));
                route["match"] = route_match(rng);
                route
            })
            .collect();
        let tls = if rng.u8(..12) == 0 { "ALL" } else { "NONE" };
        hosts.push(json!({ "name": name, "domains": own, "routes": routes, "require_tls": tls }));
    }
    let slashes =
        ["KEEP_UNCHANGED", "REJECT_REQUEST", "UNESCAPE_AND_REDIRECT", "UNESCAPE_AND_FORWARD"];
    let mut config = json!({
        "normalize_path": rng.bool(),
        "merge_slashes": rng.bool(),
        "path_with_escaped_slashes_action": pick(rng, &slashes),
        "use_remote_address": rng.bool(),
        "route_config": {
            "name": "routes",
            "virtual_hosts": hosts,
            "ignore_port_in_host_matching": rng.bool(),
        },
    });
    if rng.u8(..4) == 0 {
        config["strip_any_host_port"] = true.into();
    }
    json!({
        "name": format!("listener-{at}"),
        "address": socket(port),
        "filter_chains": [{ "filters": manager(config) }],
    })
}

/// A listener that tells which host and path it was asked for, and the cluster that leads there.
fn echo(port: u16) -> (Value, Value) {
    let header = |name: &str, value: &str| json!({ "header": { "key": name, "value": value } });
    let routes = json!({ "name": "echo", "virtual_hosts": [{ "name": "all", "domains": ["*"],
        "response_headers_to_add": [
            header("x-seen-host", "%REQ(:AUTHORITY)%"), header("x-seen-path", "%REQ(:PATH)%"),
        ],
        "routes": [{ "match": { "prefix": "" }, "direct_response": { "status": 200 } }] }] });
    let filters = manager(json!({ "route_config": routes }));
    let listener = json!({
        "name": "echo", "address": socket(port), "filter_chains": [{ "filters": filters }],
    });
    let address = json!({ "socket_address": { "address": "127.0.0.1", "port_value": port } });
    let endpoint = json!({ "endpoint": { "address": address } });
    let cluster = json!({
        "name": "echo",
        "load_assignment": { "cluster_name": "echo", "endpoints": [{ "lb_endpoints": [endpoint] }] },
    });
    (listener, cluster)
}

fn http_request(rng: &mut Rng, port: u16) -> (Request, Vec<u8>) {
    let to: SocketAddr = format!("127.0.0.1:{port}").parse().unwrap();
    let (host, path) = (pick(rng, &HOSTS), pick(rng, &PATHS));
    let method = pick(rng, &["GET", "GET", "GET", "DELETE"]);
    let mut request = Request::http(Direction::Bound, to, method, host, path);
    for (name, pool) in [("x-user", &VALUES[..]), ("x-number", &["5", "10", "-1", "x"])] {
        for _ in 0..rng.usize(..3).saturating_sub(rng.usize(..2)) {
            request = request.header(name, pick(rng, pool));
        }
    }
    if rng.u8(..6) == 0 {
        request = request.header("x-forwarded-proto", "https");
    }
    let Payload::Http(http) = &request.payload else { unreachable!() };
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    for (name, value) in &http.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    (request, text.into_bytes())
}

/// What an answer says, in the words of an outcome: status, and what tells where it came from.
fn told(answer: &str) -> String {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let status = head.split(' ').nth(1).unwrap_or("none");
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
    };
    match (header("location"), header("x-seen-host"), header("x-seen-path")) {
        (Some(location), ..) => format!("{status} to {location}"),
        (None, Some(host), Some(path)) => format!("{status} from {host} {path}"),
        _ if status == "200" => format!("200 {body}"),
        _ => status.to_owned(),
    }
}

#[test]
fn an_envoy_routes_the_same() {
    let _turn = turn();
    let mut rng = Rng::with_seed(2);
    let ports = free_ports(CONFIGURATIONS + 1);
    let (echo, cluster) = echo(ports[CONFIGURATIONS]);
    let mut listeners: Vec<Value> = ports[..CONFIGURATIONS]
        .iter()
        .enumerate()
        .map(|(at, port)| routing_listener(&mut rng, at, *port))
        .collect();
    listeners.push(echo);
    let clusters = [cluster];
    let Some(_judge) = Judge::start(&listeners, &clusters) else { return };
    let served = served(&listeners, &clusters);
    let mut reached = 0;
    let mut differences = Vec::new();
    for (listener, port) in listeners.iter().zip(&ports[..CONFIGURATIONS]) {
        for _ in 0..REQUESTS {
            let (request, bytes) = http_request(&mut rng, *port);
            let said = explain(&served, &request);
            let want = match &said.outcome {
                Outcome::Answered { status, body } => format!("{status} {body}"),
                Outcome::Redirected { status, location } => format!("{status} to {location}"),
                Outcome::Forwarded { path } => {
                    let host = said.backends[0].host.as_deref().unwrap();
                    format!("200 from {host} {}", path.as_deref().unwrap())
                }
                Outcome::Nowhere { status, .. } => status.unwrap().to_string(),
                Outcome::Unknown { reason } => reason.clone(),
            };
            let got = told(&exchange(request.destination, &bytes));
            if got != want {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                differences.push(format!("Envoy: {got}\nwe: {want}\n{text}{said}\n{listener}"));
            }
            reached += usize::from(said.is_reached());
        }
    }
    let shown = differences.iter().take(3).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(differences.is_empty(), "{} differences:\n{shown}", differences.len());
    assert!(reached > CONFIGURATIONS * REQUESTS / 4, "only {reached} requests were answered");
}
