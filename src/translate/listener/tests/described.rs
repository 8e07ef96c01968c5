//! Listeners that a Sidecar describes.

use super::*;
use crate::api::Meta;
use crate::translate::proxy_config::ProxyConfig;
use crate::translate::scope::Interception;
use crate::translate::security::Guards;

/// The scope of a workload to which a Sidecar of this spec applies.
fn scope_of(spec: &str) -> Scope {
    let meta = Meta { name: "s".into(), namespace: "shop".into(), ..Meta::default() };
    let spec = serde_json::from_str(spec).unwrap();
    let sidecar = Config::<Sidecar> { meta, spec, status: () };
    Scope { sidecar: Some(Same(Arc::new(sidecar))), ..scope("shop") }
}

fn world() -> Snapshot {
    snapshot([
        service(1, "web.shop", &["10.96.0.1"], &[("http", 80), ("any", 82)]),
        service(2, "db.shop", &["10.96.0.2"], &[("tcp", 3306)]),
        service(3, "api.shop", &["10.96.0.3"], &[("http", 80), ("tcp", 90)]),
    ])
}

/// Name and lines of each listener but those that stand for no service.
fn egress(scope: &Scope) -> Vec<(String, Vec<String>)> {
    let listeners = outbound_of(&world(), scope, &traits());
    let told = listeners.iter().filter(|l| !l.name.starts_with("virtual"));
    let mut told: Vec<_> = told.map(|l| (l.name.clone(), lines(l))).collect();
    told.sort();
    told
}

#[track_caller]
fn check(spec: &str, want: &[(&str, &[&str])]) {
    let got = egress(&scope_of(spec));
    let got: Vec<(&str, Vec<&str>)> =
        got.iter().map(|(n, l)| (n.as_str(), l.iter().map(String::as_str).collect())).collect();
    let want: Vec<(&str, Vec<&str>)> = want.iter().map(|(n, l)| (*n, l.to_vec())).collect();
    assert_eq!(got, want, "{spec}");
}

const SHARED: [&str; 2] = [
    "raw_buffer http/1.1,h2c -> rds 80",
    "otherwise PassthroughFilterChain -> stats PassthroughCluster",
];
const DB: &str = "-> stats outbound|3306||db.shop.svc.cluster.local";

#[test]
fn a_port_of_its_own_is_a_listener_for_what_it_names() {
    let port = |number: u16, protocol: &str, more: &str| {
        format!(
            r#"{{"egress": [{{"port": {{"number": {number}, "protocol": "{protocol}", "name": "p"}}, {more}}}]}}"#
        )
    };
    check(&port(80, "HTTP", r#""hosts": ["./*"]"#), &[("0.0.0.0_80", &SHARED)]);
    check(&port(3306, "TCP", r#""hosts": ["./*"]"#), &[("10.96.0.2_3306", &[DB])]);
    check(&port(81, "HTTP", r#""hosts": ["./*"]"#), &[]);
    // The protocol of the listener counts, not that of the service.
    let tcp = "-> stats outbound|80||web.shop.svc.cluster.local";
    let web = r#""hosts": ["./web.shop.svc.cluster.local"]"#;
    check(&port(80, "TCP", web), &[("10.96.0.1_80", &[tcp])]);
    // Bound, or at an address.
    let none = r#""captureMode": "NONE", "hosts": ["./*"]"#;
    check(&port(3306, "TCP", none), &[("127.0.0.1_3306", &[DB])]);
    check(&port(80, "HTTP", none), &[("127.0.0.1_80", &["-> rds 80"])]);
    let at = r#""bind": "10.9.9.9", "hosts": ["./*"]"#;
    check(&port(3306, "TCP", at), &[("10.9.9.9_3306", &[DB])]);
    let socket = r#""bind": "unix:///run/app.sock", "hosts": ["./*"]"#;
    check(
        &port(0, "HTTP", socket),
        &[("unix:///run/app.sock_0", &["-> rds unix:///run/app.sock"])],
    );
    check(&port(7000, "HTTP_PROXY", r#""hosts": ["./*"]"#), &[("0.0.0.0_7000", &["-> rds 7000"])]);
}

#[test]
fn bound_listeners_say_so() {
    let spec = r#"{"egress": [{"port": {"number": 3306, "protocol": "TCP", "name": "p"}, "captureMode": "NONE", "hosts": ["./*"]}]}"#;
    let db = named(&outbound_of(&world(), &scope_of(spec), &traits()), "127.0.0.1_3306");
    assert_eq!(db.bind_to_port, None);
    assert_eq!(db.max_connections_to_accept_per_socket_event.unwrap().value, 1);
}

#[test]
fn others_stay_off_a_port_that_is_described() {
    check(
        r#"{"egress": [
            {"port": {"number": 80, "protocol": "HTTP", "name": "p"}, "hosts": ["./web.shop.svc.cluster.local"]},
            {"port": {"number": 3306, "protocol": "TCP", "name": "q"}, "hosts": ["./db.shop.svc.cluster.local"]},
            {"hosts": ["./*"]}]}"#,
        &[
            ("0.0.0.0_80", &SHARED),
            (
                "10.96.0.1_82",
                &[
                    "raw_buffer http/1.1,h2c -> rds web.shop.svc.cluster.local:82",
                    "otherwise -> stats outbound|82||web.shop.svc.cluster.local",
                ],
            ),
            ("10.96.0.2_3306", &[DB]),
            ("10.96.0.3_90", &["-> stats outbound|90||api.shop.svc.cluster.local"]),
        ],
    );
}

#[test]
fn a_port_of_the_proxy_is_not_bound_and_its_owner_told() {
    let spec = r#"{"egress": [{"port": {"number": 15001, "protocol": "HTTP", "name": "p"}, "hosts": ["./*"]}]}"#;
    let scope = scope_of(spec);
    let world = snapshot([service(1, "web.shop", &["10.96.0.1"], &[("http", 15001)])]);
    let built = outbound(&context(&world, &scope), &traits(), &[], &mut Memos::default());
    assert_eq!(built.resources.len(), 1, "virtualOutbound");
    let [told] = &built.diagnostics[..] else { panic!("{:?}", built.diagnostics) };
    assert_eq!(told.path, "spec.egress[0].port.number");
}

#[test]
fn unknown_destinations_go_where_the_sidecar_says() {
    let check = |spec: &str, cluster: &str| {
        let world = snapshot([]);
        let described = scope_of(spec);
        let proxy = crate::translate::fixture::proxy(
            crate::model::ProxyKind::Sidecar,
            "web.shop",
            "10.0.0.1",
        );
        let visible = crate::translate::fixture::visible(
            &world,
            crate::translate::fixture::viewpoint(&described),
        );
        let config = ProxyConfig::of(&proxy, &world.mesh);
        let scope = Scope::of(&proxy, &world, &visible, Capabilities::ALL, &config);
        let unknown = named(&outbound_of(&world, &scope, &traits()), "virtualOutbound");
        let want = format!("virtualOutbound-catchall-tcp -> stats {cluster}");
        assert_eq!(lines(&unknown)[1], want);
    };
    check("{}", "PassthroughCluster");
    check(r#"{"outboundTrafficPolicy": {}}"#, "BlackHoleCluster");
    check(r#"{"outboundTrafficPolicy": {"mode": "ALLOW_ANY"}}"#, "PassthroughCluster");
    check(
        r#"{"outboundTrafficPolicy": {"mode": "ALLOW_ANY", "egressProxy": {"host": "gw.shop.svc.cluster.local", "subset": "v1", "port": {"number": 9}}}}"#,
        "outbound|9|v1|gw.shop.svc.cluster.local",
    );
}

/// Name and lines of each inbound listener of a workload at 10.0.0.1 that a service leads to on 8080.
fn ingress(scope: &Scope) -> Vec<(String, Vec<String>)> {
    let web = service(1, "web.shop", &["10.96.0.1"], &[("http", 80)]);
    let world = snapshot([web.clone()]);
    let (targets, ips) = ([target(&web, 0, 8080)], ["10.0.0.1".parse().unwrap()]);
    let context = context(&world, scope);
    let built = inbound(
        &context,
        &traits(),
        &ips,
        &targets,
        &Applied::default(),
        &Guards::default(),
        &mut Memos::default(),
    );
    let of_port = |l: &Listener| {
        let all = lines(l).into_iter();
        all.filter(|line| !line.starts_with("virtual")).collect::<Vec<_>>()
    };
    decode(&built).iter().map(|l| (l.name.clone(), of_port(l))).collect()
}

#[test]
fn ingress_takes_the_place_of_services() {
    let spec = r#"{"ingress": [
        {"port": {"number": 8080, "protocol": "HTTP", "name": "a"}},
        {"port": {"number": 9000, "protocol": "HTTP", "name": "b"}, "captureMode": "NONE", "bind": "127.0.0.1"},
        {"port": {"number": 9000, "protocol": "TCP", "name": "c"}}]}"#;
    let http = |name: &str, port: u16, cluster: u16| {
        let mtls = "istio,istio-peer-exchange,istio-http/1.0,istio-http/1.1,istio-h2";
        let to = format!("-> metadata_exchange routes inbound|{cluster}||");
        vec![
            format!("{name}_{port} :{port} tls {mtls} TLS {to}"),
            format!("{name}_{port} :{port} raw_buffer {to}"),
        ]
    };
    let bound = ("127.0.0.1_9000".to_owned(), http("127.0.0.1", 9000, 9000));
    let redirected = ("virtualInbound".to_owned(), http("10.0.0.1", 8080, 8080));
    assert_eq!(ingress(&scope_of(spec)), [bound.clone(), redirected]);
    let bare = Scope { interception: Interception::None, ..scope_of(spec) };
    let all = ("10.0.0.1_8080".to_owned(), http("10.0.0.1", 8080, 8080));
    assert_eq!(ingress(&bare), [all, bound]);
}

#[test]
fn the_operator_may_want_ports_of_services_beside_ingress() {
    let spec = r#"{"ingress": [{"port": {"number": 9000, "protocol": "TCP", "name": "c"}}]}"#;
    let served = |merge: bool| {
        let mut scope = scope_of(spec);
        scope.features.sidecar_ingress_merge = merge;
        let (_, lines) = ingress(&scope).remove(0);
        let mut names: Vec<String> =
            lines.iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
        names.dedup();
        names
    };
    assert_eq!(served(false), ["10.0.0.1_9000"]);
    assert_eq!(served(true), ["0.0.0.0_8080", "10.0.0.1_9000"]);
}
