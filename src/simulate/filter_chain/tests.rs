use serde_json::{Value, json};

use super::super::explanation::{Outcome, StepKind, Trail};
use super::super::fixture::{message, tcp_chain};
use super::super::inspect::{RAW_BUFFER, Seen, Unseen};
use super::choose;
use crate::proto::envoy::envoy::config::listener::v3::Listener;

/// A listener with these chains, each with its name and what it wants.
fn listener(chains: &[(&str, Value)], default: bool) -> Listener {
    let chains: Vec<Value> =
        chains.iter().map(|(name, wanted)| tcp_chain(name, wanted.clone())).collect();
    let mut json = json!({ "filter_chains": chains });
    if default {
        json["default_filter_chain"] = tcp_chain("rest", json!({}));
    }
    message("listener.v3.Listener", json)
}

fn seen() -> Seen {
    Seen {
        destination: "10.0.0.1:80".parse().unwrap(),
        source: "192.0.2.10:40000".parse().unwrap(),
        server_name: String::new(),
        transport: RAW_BUFFER,
        protocols: Vec::new(),
        unseen: None,
    }
}

fn tls(name: &str, protocols: &[&str]) -> Seen {
    let protocols = protocols.iter().map(|p| (*p).to_owned()).collect();
    Seen { server_name: name.to_owned(), transport: "tls", protocols, ..seen() }
}

/// The name of the chosen chain; empty for none.
fn chosen(listener: &Listener, seen: &Seen) -> String {
    choose(listener, seen, &mut Trail::default()).map_or(String::new(), |chain| chain.name.clone())
}

#[test]
fn a_port_shuts_out_chains_without_one() {
    let listener = listener(
        &[
            ("any", json!({})),
            ("port", json!({ "destination_port": 80, "transport_protocol": "tls" })),
        ],
        true,
    );
    assert_eq!(chosen(&listener, &tls("", &[])), "port");
    // There is no way back to "any".
    assert_eq!(chosen(&listener, &seen()), "rest");
    let other = Seen { destination: "10.0.0.1:81".parse().unwrap(), ..seen() };
    assert_eq!(chosen(&listener, &other), "any");
}

#[test]
fn the_longest_prefix_wins() {
    let range = |prefix: &str, length: u32| json!({ "prefix_ranges": [{ "address_prefix": prefix, "prefix_len": length }] });
    let listener = listener(
        &[
            ("any", json!({})),
            ("wide", range("10.0.0.0", 8)),
            ("narrow", range("10.0.0.0", 24)),
            ("v6", range("fd00::", 8)),
        ],
        false,
    );
    let to = |address: &str| Seen { destination: address.parse().unwrap(), ..seen() };
    assert_eq!(chosen(&listener, &to("10.0.0.7:80")), "narrow");
    assert_eq!(chosen(&listener, &to("10.1.0.7:80")), "wide");
    assert_eq!(chosen(&listener, &to("172.16.0.1:80")), "any");
    assert_eq!(chosen(&listener, &to("[fd00::1]:80")), "v6");
}

#[test]
fn server_names_are_exact_then_by_the_longest_wildcard() {
    let names = |name: &str| json!({ "server_names": [name] });
    let listener = listener(
        &[
            ("any", json!({})),
            ("com", names("*.com")),
            ("shop", names("*.shop.com")),
            ("web", names("web.shop.com")),
        ],
        false,
    );
    for (name, want) in [
        ("web.shop.com", "web"),
        ("api.shop.com", "shop"),
        ("a.b.shop.com", "shop"),
        ("shop.com", "com"),
        ("shop.org", "any"),
        ("", "any"),
    ] {
        assert_eq!(chosen(&listener, &tls(name, &[])), want, "{name}");
    }
}

#[test]
fn the_name_is_looked_at_before_the_transport() {
    let listener = listener(
        &[
            ("name", json!({ "server_names": ["web"], "application_protocols": ["h2"] })),
            ("tls", json!({ "transport_protocol": "tls" })),
        ],
        false,
    );
    assert_eq!(chosen(&listener, &tls("web", &["h2"])), "name");
    assert_eq!(chosen(&listener, &tls("web", &[])), "");
    assert_eq!(chosen(&listener, &tls("api", &[])), "tls");
}

#[test]
fn the_clients_order_of_protocols_decides() {
    let wants = |protocol: &str| json!({ "application_protocols": [protocol] });
    let listener =
        listener(&[("any", json!({})), ("http", wants("http/1.1")), ("h2", wants("h2"))], false);
    assert_eq!(chosen(&listener, &tls("", &["h2", "http/1.1"])), "h2");
    assert_eq!(chosen(&listener, &tls("", &["http/1.1", "h2"])), "http");
    assert_eq!(chosen(&listener, &tls("", &["grpc"])), "any");
}

#[test]
fn sources_are_looked_at_last() {
    let range = |prefix: &str| json!([{ "address_prefix": prefix, "prefix_len": 24 }]);
    let listener = listener(
        &[
            ("any", json!({})),
            ("local", json!({ "source_type": "SAME_IP_OR_LOOPBACK" })),
            ("direct", json!({ "direct_source_prefix_ranges": range("172.16.0.0") })),
            ("source", json!({ "source_prefix_ranges": range("192.0.2.0") })),
            ("port", json!({ "source_prefix_ranges": range("192.0.2.0"), "source_ports": [7] })),
        ],
        false,
    );
    let from = |source: &str| Seen { source: source.parse().unwrap(), ..seen() };
    assert_eq!(chosen(&listener, &from("127.0.0.1:1")), "local");
    assert_eq!(chosen(&listener, &from("10.0.0.1:1")), "local");
    assert_eq!(chosen(&listener, &from("172.16.0.1:1")), "direct");
    assert_eq!(chosen(&listener, &from("192.0.2.3:1")), "source");
    assert_eq!(chosen(&listener, &from("192.0.2.3:7")), "port");
    assert_eq!(chosen(&listener, &from("8.8.8.8:7")), "any");
}

#[test]
fn each_chain_that_was_passed_over_says_why() {
    let listener = listener(
        &[
            ("tls", json!({ "transport_protocol": "tls" })),
            ("http", json!({ "application_protocols": ["http/1.1"] })),
            ("any", json!({})),
        ],
        false,
    );
    let blind = Seen { unseen: Some(Unseen::Http), ..seen() };
    let mut trail = Trail::default();
    choose(&listener, &blind, &mut trail).unwrap();
    let step = &trail.steps[0];
    assert_eq!((step.kind, step.name.as_str()), (StepKind::FilterChain, "2 \"any\""));
    let passed: Vec<String> =
        step.passed_over.iter().map(|p| format!("{}: {}", p.name, p.reason)).collect();
    assert_eq!(
        passed,
        [
            "0 \"tls\": wants transport protocol tls; it is raw_buffer",
            "1 \"http\": wants application protocols http/1.1; none is known: \
             the listener does not look for HTTP here",
        ]
    );
}

#[test]
fn without_a_chain_the_connection_ends() {
    let listener = listener(&[("tls", json!({ "transport_protocol": "tls" }))], false);
    let Err(Outcome::Nowhere { status, reason }) =
        choose(&listener, &seen(), &mut Trail::default())
    else {
        panic!("a chain was found")
    };
    assert_eq!(status, None);
    assert!(reason.contains("wants transport protocol tls; it is raw_buffer"), "{reason}");
}
