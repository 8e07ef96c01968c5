use std::sync::Arc;

use super::*;
use crate::api::Meta;

/// The Gateway `NAMESPACE/NAME` with servers in YAML, each in a line.
pub(crate) fn gateway(name: &str, servers: &str) -> Arc<Config<Gateway>> {
    let (namespace, name) = name.split_once('/').unwrap();
    let list: Vec<String> = servers
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .map(|l| format!("- {l}"))
        .collect();
    let spec =
        Gateway { servers: serde_yaml::from_str(&list.join("\n")).unwrap(), ..Gateway::default() };
    let meta = Meta { namespace: namespace.into(), name: name.into(), ..Meta::default() };
    Arc::new(Config { meta, spec, ..Config::default() })
}

/// Listeners as `BIND:PORT PROTOCOL GATEWAY[SERVER] …; …`, then routes as `NAME = GATEWAY[SERVER] …`.
fn merge(gateways: &[Arc<Config<Gateway>>], targets: &[(u16, u16)]) -> (Vec<String>, Vec<String>) {
    let merged = Merged::new(gateways.iter().map(|gateway| &**gateway), targets, &[]);
    let place = |server: &Arc<GatewayServer>| format!("{}[{}]", server.origin.name, server.index);
    let places = |servers: &[Arc<GatewayServer>]| -> String {
        servers.iter().map(place).collect::<Vec<String>>().join(" ")
    };
    let group = |group: &Group| format!("{} {}", group.protocol.name(), places(&group.servers));
    let listeners = merged.listeners.iter().map(|listener| {
        let groups: Vec<String> = listener.groups.iter().map(group).collect();
        format!("{}:{} {}", listener.bind, listener.port, groups.join("; "))
    });
    let routes =
        merged.routes.iter().map(|(name, servers)| format!("{name} = {}", places(servers)));
    (listeners.collect(), routes.collect())
}

/// Who is told what: `OBJECT PATH`.
fn told(gateways: &[Arc<Config<Gateway>>]) -> Vec<String> {
    let merged = Merged::new(gateways.iter().map(|gateway| &**gateway), &[], &[]);
    let line = |d: &Diagnostic| format!("{} {}", d.object.as_ref().unwrap().name, d.path);
    merged.diagnostics.iter().map(line).collect()
}

const HTTP: &str = "{port: {number: 80, name: http, protocol: HTTP}, hosts: [a.com]}";
const GRPC: &str = "{port: {number: 80, name: grpc, protocol: GRPC}, hosts: [b.com]}";
const TCP: &str = "{port: {number: 80, name: tcp, protocol: TCP}, hosts: ['*']}";
const TLS_A: &str = "{port: {number: 80, name: a, protocol: HTTPS}, hosts: [a.com], tls: {mode: SIMPLE, credentialName: a}}";
const TLS_B: &str =
    "{port: {number: 80, name: b, protocol: TLS}, hosts: [b.com], tls: {mode: PASSTHROUGH}}";
const TLS_A_AGAIN: &str = "{port: {number: 80, name: c, protocol: HTTPS}, hosts: [c.com, a.com], tls: {mode: SIMPLE, credentialName: c}}";

#[test]
fn who_joins_whom_on_a_port() {
    let check = |older: &str, newer: &str, expected: &str, lost: &[&str]| {
        let both = [gateway("n/old", older), gateway("n/new", newer)];
        assert_eq!(merge(&both, &[]).0, [expected], "{newer} after {older}");
        assert_eq!(told(&both), lost, "{newer} after {older}");
    };
    let port = ["new spec.servers[0].port", "old spec.servers[0].port"];
    check(HTTP, GRPC, ":80 HTTP old[0] new[0]", &[]);
    check(HTTP, TCP, ":80 HTTP old[0]", &port);
    check(HTTP, TLS_A, ":80 HTTP old[0]", &port);
    check(TCP, HTTP, ":80 TCP old[0]", &port);
    check(TCP, TCP, ":80 TCP old[0]", &port);
    check(TCP, TLS_B, ":80 TCP old[0]", &port);
    check(TLS_A, TLS_B, ":80 HTTPS old[0]; TLS new[0]", &[]);
    check(TLS_A, HTTP, ":80 HTTPS old[0]; HTTP new[0]", &[]);
    check(TLS_B, TCP, ":80 TLS old[0]; TCP new[0]", &[]);
    let hosts = ["new spec.servers[0].hosts", "old spec.servers[0].hosts"];
    check(TLS_A, TLS_A_AGAIN, ":80 HTTPS old[0]", &hosts);
}

#[test]
fn addresses_are_apart() {
    let bound = TCP.replace("hosts", "bind: 10.0.0.1, hosts");
    let (listeners, routes) = merge(&[gateway("n/g", HTTP), gateway("n/h", &bound)], &[]);
    assert_eq!(listeners, [":80 HTTP g[0]", "10.0.0.1:80 TCP h[0]"]);
    assert_eq!(routes, ["http.80 = g[0]"]);
    let bound = HTTP.replace("hosts", "bind: 10.0.0.1, hosts");
    assert_eq!(merge(&[gateway("n/g", &bound)], &[]).1, ["http.80.10.0.0.1 = g[0]"]);
}

#[test]
fn ports_of_own_services_lead_to_their_targets() {
    let servers = format!("{HTTP}\n{}", TLS_A.replace("80", "443"));
    let (listeners, routes) = merge(&[gateway("edge/g", &servers)], &[(80, 8080), (443, 8443)]);
    assert_eq!(listeners, [":8080 HTTP g[0]", ":8443 HTTPS g[1]"]);
    // A server that ends TLS keeps its own port, by which users know it.
    assert_eq!(routes, ["http.8080 = g[0]", "https.443.a.g.edge = g[1]"]);
}

#[test]
fn two_ports_that_lead_to_one_target_are_one() {
    let servers = format!("{HTTP}\n{}", GRPC.replace("80", "81"));
    let (listeners, routes) = merge(&[gateway("n/g", &servers)], &[(80, 8080), (81, 8080)]);
    assert_eq!(listeners, [":8080 HTTP g[0] g[1]"]);
    assert_eq!(routes, ["http.8080 = g[0] g[1]"]);
}

#[test]
fn servers_that_end_tls_need_port_names_of_their_own() {
    let same_name = TLS_A.replace("a.com", "b.com");
    let both = [gateway("n/g", &format!("{TLS_A}\n{same_name}"))];
    assert_eq!(merge(&both, &[]).0, [":80 HTTPS g[0]"]);
    assert_eq!(told(&both), ["g spec.servers[0].port.name", "g spec.servers[1].port.name"]);
}

#[test]
fn hosts_name_the_namespace_that_may_claim_them() {
    let check = |host: &str, expected: &[(&str, bool)]| {
        let servers = format!("{{port: {{number: 80, protocol: HTTP}}, hosts: ['{host}']}}");
        let config = gateway("edge/g", &servers);
        let server = GatewayServer::new(&config, 0, 80, false).unwrap();
        for (namespace, claimed) in expected {
            let got: Vec<&str> = server.hosts_for(namespace).collect();
            assert_eq!(got == ["a.com"], *claimed, "{host} for {namespace}: {got:?}");
        }
    };
    check("a.com", &[("edge", true), ("shop", true)]);
    check("./a.com", &[("edge", true), ("shop", false)]);
    check("shop/a.com", &[("edge", false), ("shop", true)]);
    check("*/a.com", &[("edge", true), ("shop", true)]);
    let everything =
        gateway("edge/g", "{port: {number: 80, protocol: HTTP}, hosts: ['*/*', shop/a.com]}");
    assert_eq!(GatewayServer::new(&everything, 0, 80, false).unwrap().hosts, ["*".into()]);
}

#[test]
fn a_server_is_read_as_protocol_and_tls_say() {
    let check = |protocol: &str, tls: &str, expected: Speech| {
        let servers = format!("{{port: {{number: 80, protocol: {protocol}}}, hosts: ['*']{tls}}}");
        let config = gateway("n/g", &servers);
        assert_eq!(
            GatewayServer::new(&config, 0, 80, false).unwrap().speech,
            expected,
            "{servers}"
        );
    };
    check("HTTP", "", Speech::Http);
    check("http2", ", tls: {httpsRedirect: true}", Speech::Http);
    check("HTTPS", ", tls: {mode: MUTUAL}", Speech::Https);
    check("HTTPS", ", tls: {mode: PASSTHROUGH}", Speech::Passthrough);
    check("TLS", ", tls: {mode: ISTIO_MUTUAL}", Speech::TlsToTcp);
    check("TLS", ", tls: {mode: AUTO_PASSTHROUGH}", Speech::AutoPassthrough);
    check("MONGO", "", Speech::Tcp);
}
