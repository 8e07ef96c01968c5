//! The inbound listener.

use super::*;
use crate::model::Protocol;
use crate::translate::security::Guards;

#[test]
fn the_inbound_listener() {
    let web = service(1, "web.shop", &["10.96.0.1"], &[("http", 80), ("tcp", 81), ("any", 82)]);
    let world = snapshot([web.clone()]);
    let scope = scope("shop");
    // In the order of ports on the workload, whatever that of the services is.
    let targets = [target(&web, 2, 8082), target(&web, 0, 8080), target(&web, 1, 8081)];
    let built = inbound_of(&world, &scope, &targets);
    let listener = decode(&built).remove(0);
    let any = "istio,istio-peer-exchange,istio-http/1.0,istio-http/1.1,istio-h2";
    let http = "istio-http/1.0,istio-http/1.1,istio-h2";
    let want = [
        "virtualInbound-blackhole :15006 -> metadata_exchange stats BlackHoleCluster".to_owned(),
        format!("virtualInbound-catchall-http tls {http} TLS -> metadata_exchange routes InboundPassthroughCluster"),
        "virtualInbound-catchall-http raw_buffer http/1.1,h2c -> metadata_exchange routes InboundPassthroughCluster".to_owned(),
        "virtualInbound tls istio-peer-exchange,istio TLS -> metadata_exchange stats InboundPassthroughCluster".to_owned(),
        "virtualInbound raw_buffer -> metadata_exchange stats InboundPassthroughCluster".to_owned(),
        "virtualInbound tls -> metadata_exchange stats InboundPassthroughCluster".to_owned(),
        format!("0.0.0.0_8080 :8080 tls {any} TLS -> metadata_exchange routes inbound|8080||"),
        "0.0.0.0_8080 :8080 raw_buffer -> metadata_exchange routes inbound|8080||".to_owned(),
        format!("0.0.0.0_8081 :8081 tls {any} TLS -> metadata_exchange stats inbound|8081||"),
        "0.0.0.0_8081 :8081 tls -> metadata_exchange stats inbound|8081||".to_owned(),
        "0.0.0.0_8081 :8081 raw_buffer -> metadata_exchange stats inbound|8081||".to_owned(),
        format!("0.0.0.0_8082 :8082 tls {http} TLS -> metadata_exchange routes inbound|8082||"),
        "0.0.0.0_8082 :8082 raw_buffer http/1.1,h2c -> metadata_exchange routes inbound|8082||".to_owned(),
        "0.0.0.0_8082 :8082 tls istio-peer-exchange,istio TLS -> metadata_exchange stats inbound|8082||".to_owned(),
        "0.0.0.0_8082 :8082 raw_buffer -> metadata_exchange stats inbound|8082||".to_owned(),
        "0.0.0.0_8082 :8082 tls -> metadata_exchange stats inbound|8082||".to_owned(),
    ];
    assert_eq!(lines(&listener), want);
    assert_eq!(built.diagnostics, []);
}

#[test]
fn databases_are_read_on_the_way_in_too() {
    let db = service(1, "db.shop", &["10.96.0.1"], &[("mongo", 27017)]);
    let world = snapshot([db.clone()]);
    let scope = scope("shop");
    let targets = [target(&db, 0, 27017)];
    let built = inbound_of(&world, &scope, &targets);
    let got = lines(&decode(&built).remove(0));
    let of_port: Vec<&String> = got.iter().filter(|line| line.contains(":27017")).collect();
    assert_eq!(of_port.len(), 3, "{got:?}");
    let want = "-> metadata_exchange stats mongo_proxy inbound|27017||";
    assert!(of_port.iter().all(|line| line.ends_with(want)), "{of_port:?}");
}

#[test]
fn inspectors_look_only_where_a_chain_needs_them() {
    use crate::model::policy::peer::{Mode, Modes};
    let web = service(1, "web.shop", &["10.96.0.1"], &[("http", 80), ("tcp", 81), ("any", 82)]);
    let targets = [target(&web, 0, 8080), target(&web, 1, 8081), target(&web, 2, 8082)];
    let world = snapshot([web]);
    let scope = scope("shop");
    let check = |modes: Modes, want: &[(&str, &[i32])]| {
        let context = context(&world, &scope);
        let profile = Same(Arc::new(Profile::of(&context, &traits())));
        let ports = inbound::ports(&targets, &profile.0);
        let peers = Applied { modes: modes.clone(), ..Applied::default() };
        let undescribed =
            [9999].into_iter().filter(|port| modes.ports.contains_key(port)).collect();
        let key = inbound::Key {
            profile,
            tags: None,
            ports,
            peers,
            undescribed,
            guards: Guards::default(),
            bound: None,
        };
        let listener = Listener::decode(inbound::build(&key).body).unwrap();
        let got: Vec<(String, Vec<i32>)> = listener
            .listener_filters
            .iter()
            .map(|f| {
                let disabled = format!("{:?}", f.filter_disabled);
                let starts = disabled.split("start: ").skip(1);
                // Those that it is for stand with a minus.
                let sign = if disabled.contains("NotMatch") { -1 } else { 1 };
                let ports =
                    starts.map(|s| sign * s.split(',').next().unwrap().parse::<i32>().unwrap());
                (f.name.rsplit('.').next().unwrap().to_owned(), ports.collect())
            })
            .collect();
        let got: Vec<(&str, &[i32])> = got.iter().map(|(n, p)| (&**n, &**p)).collect();
        assert_eq!(got, want, "{modes:?}");
    };
    let all = |workload: Mode| Modes { workload, ..Modes::default() };
    let dst: (&str, &[i32]) = ("original_dst", &[]);
    check(
        all(Mode::Permissive),
        &[dst, ("tls_inspector", &[15006]), ("http_inspector", &[8080, 8081, 15006])],
    );
    check(all(Mode::Strict), &[dst, ("tls_inspector", &[15006])]);
    check(all(Mode::Disable), &[dst, ("http_inspector", &[8080, 8081, 15006])]);
    let one = Modes { workload: Mode::Disable, ports: [(8081, Mode::Strict)].into() };
    check(one, &[dst, ("tls_inspector", &[-8081]), ("http_inspector", &[8080, 8081, 15006])]);
    // Port 0 is as Istio says it.
    let one = Modes { workload: Mode::Strict, ports: [(8082, Mode::Permissive)].into() };
    check(one, &[dst, ("tls_inspector", &[15006]), ("http_inspector", &[0, 8080, 8081, 15006])]);
    // What nobody describes counts too.
    let one = Modes { workload: Mode::Permissive, ports: [(9999, Mode::Disable)].into() };
    check(one, &[dst, ("tls_inspector", &[9999, 15006]), ("http_inspector", &[8080, 8081, 15006])]);
}

#[test]
fn transparent_proxying_keeps_the_clients_address() {
    let scope = Scope { interception: Interception::Tproxy, ..scope("shop") };
    let world = snapshot([]);
    let traits = ListenerTraits { inbound_exact_balance: true, ..traits() };
    let built = inbound(
        &context(&world, &scope),
        &traits,
        &[],
        &[],
        &Applied::default(),
        &Guards::default(),
        &mut Memos::default(),
    );
    let listener = decode(&built).remove(0);
    assert_eq!(
        inspectors(&listener),
        ["original_dst", "original_src", "tls_inspector", "http_inspector"]
    );
    assert!(listener.transparent.unwrap().value);
    assert!(listener.connection_balance_config.is_some());
}

#[test]
fn the_older_of_two_services_over_one_port_is_believed() {
    let old = service(1, "old.shop", &["10.96.0.1"], &[("http", 80)]);
    let new = service(2, "new.shop", &["10.96.0.2"], &[("tcp", 81), ("udp", 82)]);
    let targets = [target(&old, 0, 8080), target(&new, 0, 8080), target(&new, 1, 8082)];
    let world = snapshot([]);
    let scope = scope("shop");
    let profile = Profile::of(&context(&world, &scope), &traits());
    let ports = inbound::ports(&targets, &profile);
    assert_eq!(ports.keys().collect::<Vec<_>>(), [&8080], "UDP has no listener");
    assert_eq!(&*ports[&8080].host, "old.shop.svc.cluster.local");
    assert_eq!(ports[&8080].protocol, Protocol::Http);
}

#[test]
fn the_inbound_listener_stays_while_its_ports_do() {
    let web = || service(1, "web.shop", &["10.96.0.1"], &[("http", 80)]);
    let mut memos = Memos::default();
    let mut build = |service: Service| {
        let world = snapshot([service.clone()]);
        let scope = scope("shop");
        let targets = [target(&service, 0, 8080)];
        inbound(
            &context(&world, &scope),
            &traits(),
            &[],
            &targets,
            &Applied::default(),
            &Guards::default(),
            &mut memos,
        )
        .resources
        .remove(0)
    };
    let first = build(web());
    let relabelled = Service { labels: [("a".into(), "b".into())].into(), ..web() };
    assert!(Arc::ptr_eq(&first, &build(relabelled)));
    let regrouped = service(1, "web.shop", &["10.96.0.1"], &[("tcp", 80)]);
    assert_ne!(first.body, build(regrouped).body);
}
