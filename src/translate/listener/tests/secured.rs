//! What connections workloads take, by their PeerAuthentications.

use super::*;
use crate::api::Meta;
use crate::model::policy::peer::{Mode, Modes};
use crate::translate::security::Guards;

/// The lines of the inbound listener of a workload with these modes, to which a service leads on 8080 (HTTP).
fn inbound_with(scope: &Scope, workload: Mode, ports: &[(u16, Mode)]) -> Vec<String> {
    let web = service(1, "web.shop", &["10.96.0.1"], &[("http", 80)]);
    let world = snapshot([web.clone()]);
    let (targets, ips) = ([target(&web, 0, 8080)], ["10.0.0.1".parse().unwrap()]);
    let modes = Modes { workload, ports: ports.iter().copied().collect() };
    let peers = Applied { modes, ..Applied::default() };
    let context = context(&world, scope);
    let built = inbound(
        &context,
        &traits(),
        &ips,
        &targets,
        &peers,
        &Guards::default(),
        &mut Memos::default(),
    );
    lines(&decode(&built).remove(0))
}

/// Only those for this port.
fn of_port(lines: &[String], port: u16) -> Vec<&str> {
    let port = format!(" :{port} ");
    lines.iter().filter(|line| line.contains(&port)).map(String::as_str).collect()
}

#[test]
fn strict_ports_take_nothing_but_mtls() {
    let lines = inbound_with(&scope("shop"), Mode::Strict, &[]);
    let to = "metadata_exchange routes inbound|8080||";
    assert_eq!(of_port(&lines, 8080), [format!("0.0.0.0_8080 :8080 tls TLS -> {to}")]);
    let http = "istio-http/1.0,istio-http/1.1,istio-h2";
    let rest = [
        format!(
            "virtualInbound-catchall-http tls {http} TLS -> metadata_exchange routes InboundPassthroughCluster"
        ),
        "virtualInbound tls TLS -> metadata_exchange stats InboundPassthroughCluster".to_owned(),
    ];
    assert_eq!(lines[1..3], rest);
}

#[test]
fn a_mode_for_a_port_that_nobody_describes() {
    let lines = inbound_with(
        &scope("shop"),
        Mode::Strict,
        &[(9000, Mode::Disable), (15006, Mode::Disable)],
    );
    let want = [
        "virtualInbound-catchall-http :9000 raw_buffer http/1.1,h2c -> metadata_exchange routes InboundPassthroughCluster",
        "virtualInbound :9000 raw_buffer -> metadata_exchange stats InboundPassthroughCluster",
    ];
    assert_eq!(of_port(&lines, 9000), want);
    assert_eq!(of_port(&lines, 15006).len(), 1, "the proxy's own port leads to nobody");
    // What a Sidecar does not describe is not described, whatever services say.
    let sidecar =
        described(r#"{"ingress": [{"port": {"number": 7000, "protocol": "TCP", "name": "a"}}]}"#);
    let lines =
        inbound_with(&sidecar, Mode::Strict, &[(8080, Mode::Disable), (7000, Mode::Disable)]);
    assert!(of_port(&lines, 8080).iter().all(|line| line.starts_with("virtualInbound")));
    assert_eq!(of_port(&lines, 8080).len(), 2);
    let own = "10.0.0.1_7000 :7000 raw_buffer -> metadata_exchange stats inbound|7000||";
    assert_eq!(of_port(&lines, 7000), [own]);
}

fn described(spec: &str) -> Scope {
    let meta = Meta { name: "s".into(), namespace: "shop".into(), ..Meta::default() };
    let sidecar = Config::<Sidecar> { meta, spec: serde_json::from_str(spec).unwrap(), status: () };
    Scope { sidecar: Some(Same(Arc::new(sidecar))), ..scope("shop") }
}

#[test]
fn a_sidecar_ends_tls_itself_where_the_mesh_does_not() {
    let spec = r#"{"ingress": [{"port": {"number": 443, "protocol": "HTTPS", "name": "a"},
        "tls": {"mode": "SIMPLE", "serverCertificate": "/c", "privateKey": "/k"}}]}"#;
    let mut scope = described(spec);
    let ended = "10.0.0.1_443 :443 tls TLS -> metadata_exchange routes inbound|443||";
    let passed = "10.0.0.1_443 :443 raw_buffer -> metadata_exchange stats inbound|443||";
    let lines = inbound_with(&scope, Mode::Disable, &[]);
    assert_eq!(of_port(&lines, 443), [passed], "unless the operator wants it");
    scope.features.sidecar_ingress_tls = true;
    assert_eq!(of_port(&inbound_with(&scope, Mode::Disable, &[]), 443), [ended]);
    // Else mTLS is ended, and what is inside is HTTP all the same.
    assert_eq!(of_port(&inbound_with(&scope, Mode::Strict, &[]), 443), [ended]);
    assert_eq!(of_port(&inbound_with(&scope, Mode::Permissive, &[]), 443).len(), 2);
    assert_eq!(
        of_port(&inbound_with(&scope, Mode::Permissive, &[(443, Mode::Disable)]), 443),
        [ended]
    );
}
