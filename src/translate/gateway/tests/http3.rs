//! TLS for HTTP over QUIC.

use super::*;
use crate::api::Features;
use crate::model::{Protocol as Spoken, Service, Workload};
use crate::proto::envoy::envoy::config::core::v3::address::Address;
use crate::proto::envoy::envoy::config::core::v3::socket_address::Protocol;
use crate::proto::envoy::envoy::config::core::v3::{SocketAddress, transport_socket};
use crate::proto::envoy::envoy::config::listener::v3::FilterChain;
use crate::proto::envoy::envoy::config::listener::v3::filter::ConfigType;
use crate::proto::envoy::envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
use crate::proto::envoy::envoy::extensions::transport_sockets::quic::v3::QuicDownstreamTransport;
use crate::translate::fixture::World;

/// A gateway behind these services, which say where it listens.
fn world(servers: &str, routes: &[(&str, &str)], services: Vec<Service>, on: bool) -> Snapshot {
    let mut world = World::default();
    let mut targets = Vec::new();
    for service in services {
        let tcp = service.ports.iter().enumerate().filter(|(_, p)| p.protocol != Spoken::Udp);
        targets.extend(tcp.map(|(index, port)| (service.key.clone(), index, port.number + 8000)));
        world.apply(service);
    }
    let workload = Arc::new(Workload {
        all_labels: [("app".into(), "gw".into())].into(),
        ..fixture::workload("gw-1.edge", "", "")
    });
    let targets: Vec<_> = targets.iter().map(|(key, index, to)| (key, *index, *to)).collect();
    world.run(&workload, &targets);
    let with_gateways = snapshot(servers, &[]);
    let features = Features { quic: on, ..Features::default() };
    let gateways = with_gateways.gateways.clone();
    with_routes(&Snapshot { gateways, features, ..world.snapshot() }, routes)
}

fn service(name: &str, selector: &str, ports: &[(&str, u16)]) -> Service {
    Service {
        selector: [("app".into(), selector.into())].into(),
        ..fixture::plain::service(1, name, &["10.96.0.1"], ports)
    }
}

fn tls(host: &str, name: &str, mode: &str) -> String {
    format!(
        "{{port: {{number: 443, name: {name}, protocol: HTTPS}}, hosts: [{host}], tls: {{mode: {mode}, \
          credentialName: x}}}}"
    )
}

/// `NAME SERVER_NAMES ROUTE, …` of each listener over UDP.
fn over_udp(snapshot: &Snapshot) -> Vec<String> {
    let built = build_listeners(snapshot, &ListenerTraits::default(), &mut Memos::default());
    let listeners = built.resources.iter().map(|r| Listener::decode(r.body.clone()).unwrap());
    let line = |listener: Listener| {
        let chains = listener.filter_chains.iter().map(|chain| {
            let names = chain.filter_chain_match.clone().unwrap_or_default().server_names;
            let manager = manager(chain);
            assert_eq!(manager.codec_type, 3, "HTTP/3");
            format!("{} {}", names.join(","), manager.stat_prefix)
        });
        format!("{}: {}", listener.name, chains.collect::<Vec<_>>().join(" | "))
    };
    listeners.filter(|l| l.udp_listener_config.is_some()).map(line).collect()
}

fn manager(chain: &FilterChain) -> HttpConnectionManager {
    let Some(ConfigType::TypedConfig(config)) = &chain.filters[0].config_type else { panic!() };
    HttpConnectionManager::decode(&*config.value).unwrap()
}

#[test]
fn what_is_served_over_quic() {
    let a = tls("a.com", "a", "SIMPLE");
    let b = tls("b.com", "b", "MUTUAL");
    let through =
        "{port: {number: 443, name: c, protocol: TLS}, hosts: [c.com], tls: {mode: PASSTHROUGH}}";
    let both = || vec![service("gw.edge", "gw", &[("https", 443), ("udp-quic", 443)])];
    let servers = [&a, &b, through].join(", ");
    let check = |servers: &str, services: Vec<Service>, on: bool, want: &[&str]| {
        assert_eq!(over_udp(&world(servers, &[], services, on)), want, "{servers}");
    };
    let counted = "outbound_udp_0.0.0.0_8443;";
    check(
        &servers,
        both(),
        true,
        &[&format!("udp_0.0.0.0_8443: a.com {counted} | b.com {counted}")],
    );
    check(&servers, both(), false, &[]);
    check(through, both(), true, &[]);
    // Only where clients find the port.
    check(&a, vec![service("gw.edge", "gw", &[("https", 443)])], true, &[]);
    check(&a, vec![service("gw.edge", "gw", &[("https", 443), ("udp-x", 444)])], true, &[]);
    // A service of its own will do, if it selects the gateway.
    let apart = |app: &str| {
        vec![
            service("gw.edge", "gw", &[("https", 443)]),
            service("quic.edge", app, &[("udp-q", 443)]),
        ]
    };
    check(&a, apart("gw"), true, &[&format!("udp_0.0.0.0_8443: a.com {counted}")]);
    check(&a, apart("other"), true, &[]);
}

#[test]
fn clients_are_asked_for_certificates_over_quic_too() {
    let both = vec![service("gw.edge", "gw", &[("https", 443), ("udp-quic", 443)])];
    let snapshot = world(&tls("a.com", "a", "MUTUAL"), &[], both, true);
    let built = build_listeners(&snapshot, &ListenerTraits::default(), &mut Memos::default());
    let found = built.resources.iter().map(|r| Listener::decode(r.body.clone()).unwrap());
    let listener = found.into_iter().find(|l| l.name == "udp_0.0.0.0_8443").unwrap();
    let Some(Address::SocketAddress(SocketAddress { protocol, .. })) =
        listener.address.unwrap().address
    else {
        panic!("no socket")
    };
    assert_eq!(protocol, i32::from(Protocol::Udp));
    assert_eq!(listener.listener_filters, []);
    let socket = listener.filter_chains[0].transport_socket.clone().unwrap();
    assert_eq!(socket.name, "envoy.transport_sockets.quic");
    let Some(transport_socket::ConfigType::TypedConfig(config)) = socket.config_type else {
        panic!("no config")
    };
    let context = QuicDownstreamTransport::decode(&*config.value).unwrap();
    let context = context.downstream_tls_context.unwrap();
    assert_eq!(context.require_client_certificate.map(|value| value.value), Some(true));
    assert_eq!(context.common_tls_context.unwrap().alpn_protocols, ["h3"]);
}

#[test]
fn answers_over_tcp_tell_of_quic() {
    let both = || vec![service("gw.edge", "gw", &[("https", 443), ("udp-quic", 443)])];
    let servers = tls("a.com", "a", "SIMPLE");
    let site = SITE.replace("HOST", "a");
    let headers = |on: bool| -> Vec<String> {
        let snapshot = world(&servers, &[("shop/a", &site)], both(), on);
        let built = build_routes(&snapshot, &mut Memos::default());
        let routes = RouteConfiguration::decode(built[0].body.clone()).unwrap();
        let all = routes.virtual_hosts[0].routes[0].response_headers_to_add.iter();
        let headers = all.filter_map(|option| option.header.as_ref());
        headers.map(|header| format!("{}: {}", header.key, header.value)).collect()
    };
    assert_eq!(headers(true), ["alt-svc: h3=\":443\"; ma=86400"]);
    assert_eq!(headers(false), [""; 0]);
}
