mod peers;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Memos, absent, assignments};
use crate::api::config::Config;
use crate::api::networking::Gateway;
use crate::api::proto_json::ProtoJson;
use crate::api::{Kind, MeshConfig, Meta, ObjectKey};
use crate::model::{
    Address, Endpoint, Health, Locality, NetworkGateway, Networks, Protocol, Proxy, ProxyKind,
    Registry, Resolution, Service, TlsMode, Workload,
};
use crate::translate::cluster;
use crate::translate::fixture::{
    World, at, build, endpoint, find, json as to_json, scope, service, workload,
};
use crate::translate::memo::Same;
use crate::translate::resource::ResourceType;
use crate::translate::translator::Built;

const NAME: &str = "outbound|80||web.default.svc.cluster.local";

/// One endpoint of the service `web.default`, whose address ends in `number`.
fn pod(number: u8, change: impl FnOnce(&mut Workload)) -> Endpoint {
    let mut pod = workload(&format!("web-{number}.default"), "r1/z1", "node-1");
    change(&mut pod);
    let Locality { region, zone, subzone, .. } = &pod.locality;
    let topology = [
        ("topology.kubernetes.io/region", region),
        ("topology.kubernetes.io/zone", zone),
        ("topology.istio.io/subzone", subzone),
        ("topology.istio.io/network", &pod.network),
        ("kubernetes.io/hostname", &pod.node_name),
    ];
    let topology = topology.map(|(key, value)| (key.into(), value.clone()));
    pod.all_labels = pod.labels.clone().into_iter().chain(topology).collect();
    endpoint(&format!("10.1.0.{number}"), 8080, &Arc::new(pod))
}

/// The assignment of `web.default` that a proxy gets.
fn assignment(
    endpoints: Vec<Endpoint>,
    change: impl FnOnce(&mut Service),
    world: World,
    proxy: impl FnOnce(&mut Proxy),
) -> Option<Value> {
    let mut world = world;
    let mut web = service("web.default", &[("http", 80, Protocol::Http)]);
    change(&mut web);
    world.serve(&web, endpoints);
    world.apply(web);
    let snapshot = world.snapshot();
    let scope = scope(&snapshot, proxy);
    let built = build(&snapshot, &scope, |c| assignments(c, &mut Memos::default()));
    find(&built, ResourceType::Endpoint, NAME)
}

/// The last parts of the addresses of an assignment, locality by locality.
fn addresses(assignment: &Value) -> Vec<Vec<String>> {
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let address = |lb: &Value| {
        let socket = at(lb, "/endpoint/address/socket_address/address").as_str().unwrap();
        socket.rsplit(['.', ':']).next().unwrap().to_owned()
    };
    list(assignment, "endpoints")
        .iter()
        .map(|locality| list(locality, "lb_endpoints").iter().map(address).collect())
        .collect()
}

fn unchanged<T>(_: &mut T) {}

#[test]
fn endpoints_are_grouped_by_locality() {
    let at_locality = |n, text: &str| pod(n, |w| w.locality = Locality::parse(text));
    let mut heavy = at_locality(4, "r1/z1");
    heavy.weight = 5;
    let endpoints = vec![
        at_locality(1, "r2/z1"),
        at_locality(2, "r1/z1"),
        at_locality(3, "r1/z1/s1"),
        heavy,
        at_locality(5, ""),
    ];
    let got = assignment(endpoints, unchanged, World::default(), unchanged).unwrap();
    assert_eq!(addresses(&got), [vec!["5"], vec!["2", "4"], vec!["3"], vec!["1"]]);
    let part = |i: usize, key: &str| got["endpoints"][i][key].clone();
    assert_eq!(part(0, "locality"), json!({}));
    assert_eq!(part(1, "load_balancing_weight"), json!(6));
    assert_eq!(part(2, "locality"), json!({ "region": "r1", "zone": "z1", "sub_zone": "s1" }));
}

#[test]
fn an_endpoint_tells_health_workload_and_mtls() {
    let check = |registry, health, workload: Option<TlsMode>, want: Value| {
        let mut endpoint = pod(1, |w| w.tls_mode = workload.unwrap_or_default());
        endpoint.health = health;
        if workload.is_none() {
            endpoint.workload = None;
        }
        let change = |s: &mut Service| s.registry = registry;
        let got = assignment(vec![endpoint], change, World::default(), unchanged).unwrap();
        let mut got = at(&got, "/endpoints/0/lb_endpoints/0").clone();
        got.as_object_mut().unwrap().remove("endpoint");
        assert_eq!(got, want, "{registry:?} {health:?}");
    };
    let described = json!({ "workload": "web-1;default;web;v1;Kubernetes" });
    check(
        Registry::Kubernetes,
        Health::Healthy,
        Some(TlsMode::Istio),
        json!({
            "health_status": "HEALTHY",
            "load_balancing_weight": 1,
            "metadata": { "filter_metadata": {
                "envoy.transport_socket_match": { "tlsMode": "istio" },
                "istio": described,
            } },
        }),
    );
    check(
        Registry::External,
        Health::Unknown,
        Some(TlsMode::Disabled),
        json!({
            "load_balancing_weight": 1,
            "metadata": { "filter_metadata": { "istio": described } },
        }),
    );
    check(
        Registry::Kubernetes,
        Health::Healthy,
        None,
        json!({
            "health_status": "HEALTHY",
            "load_balancing_weight": 1,
            "metadata": { "filter_metadata": { "istio": { "workload": ";;;;Kubernetes" } } },
        }),
    );
}

#[test]
fn who_is_used_although_not_ready() {
    let with = |number, health| Endpoint { health, ..pod(number, unchanged) };
    let endpoints = || {
        let leaves = |w: &mut Workload| {
            w.labels.insert("istio.io/draining".into(), "true".into());
        };
        vec![
            with(1, Health::Healthy),
            with(2, Health::Unhealthy),
            with(3, Health::Draining),
            with(4, Health::Terminating),
            pod(5, leaves),
        ]
    };
    let check = |change: &dyn Fn(&mut Service), want: &[(&str, &str)]| {
        let change = |s: &mut Service| change(s);
        let got = assignment(endpoints(), change, World::default(), unchanged).unwrap();
        let statuses = at(&got, "/endpoints/0/lb_endpoints").as_array().unwrap();
        let got: Vec<_> = addresses(&got)[0]
            .iter()
            .zip(statuses)
            .map(|(address, lb)| (address.clone(), lb["health_status"].as_str().unwrap()))
            .collect();
        let want: Vec<_> = want.iter().map(|(a, s)| ((*a).to_owned(), *s)).collect();
        assert_eq!(got, want);
    };
    check(&unchanged, &[("1", "HEALTHY")]);
    let near = |s: &mut Service| s.traffic_distribution = "PreferClose".into();
    check(&near, &[("1", "HEALTHY"), ("2", "UNHEALTHY")]);
    let sessions = |s: &mut Service| {
        s.labels.insert("istio.io/persistent-session".into(), "cookie".into());
    };
    check(&sessions, &[("1", "HEALTHY"), ("3", "DRAINING"), ("5", "DRAINING")]);
    let by_header = |s: &mut Service| {
        s.labels.insert("istio.io/persistent-session-header".into(), "x-id".into());
    };
    check(&by_header, &[("1", "HEALTHY")]);
}

#[test]
fn a_proxy_is_told_the_addresses_that_it_can_reach() {
    let endpoints = || {
        let mut both = pod(1, unchanged);
        both.additional = vec!["2001:db8::a".parse().unwrap()];
        let mut v6 = pod(2, unchanged);
        v6.address = Address::parse("2001:db8::b");
        vec![both, v6]
    };
    let check = |ips: &[&str], want: &[&str], additional: bool| {
        let ips = ips.iter().map(|ip| ip.parse().unwrap()).collect();
        let proxy = |p: &mut Proxy| p.ips = ips;
        let got = assignment(endpoints(), unchanged, World::default(), proxy).unwrap();
        assert_eq!(addresses(&got), [want]);
        let extra = "/endpoints/0/lb_endpoints/0/endpoint/additional_addresses";
        assert_eq!(got.pointer(extra).is_some(), additional);
    };
    check(&["10.0.0.1"], &["1"], false);
    check(&["2001:db8::1"], &["a", "b"], false);
    check(&["10.0.0.1", "2001:db8::1"], &["1", "b"], true);
}

#[test]
fn another_network_is_reached_directly_only_while_nothing_joins_networks() {
    let check = |gateway: bool, network: &str, want: &[&[&str]]| {
        let mut world = World::default();
        if gateway {
            let gateway = NetworkGateway {
                address: "198.51.100.99".into(),
                port: Some(15443),
                cluster: "Kubernetes".into(),
                origin: Some(ObjectKey::new(Kind::Service, "istio-system", "eastwest")),
            };
            world.networks = Arc::new(Networks::new([("net2".into(), gateway)], Vec::new()));
        }
        let endpoints = vec![
            pod(1, |w| w.network = "net1".into()),
            pod(2, |w| w.network = "net2".into()),
            pod(3, unchanged),
            pod(4, |w| {
                w.network = "net2".into();
                w.tls_mode = TlsMode::Disabled;
                w.locality = Locality::parse("r2/z2");
            }),
        ];
        let proxy = |p: &mut Proxy| p.network = network.into();
        let got = assignment(endpoints, unchanged, world, proxy).unwrap();
        assert_eq!(addresses(&got), want, "gateway: {gateway}, proxy in {network:?}");
        got
    };
    check(false, "net1", &[&["1", "2", "3"], &["4"]]);
    check(true, "net2", &[&["1", "2", "3"], &["4"]]);
    check(true, "", &[&["1", "3", "99"], &[]]);
    let got = check(true, "net1", &[&["1", "3", "99"], &[]]);
    let gateway = at(&got, "/endpoints/0/lb_endpoints/2");
    assert_eq!(at(gateway, "/endpoint/address/socket_address/port_value"), &json!(15443));
    let filters = at(gateway, "/metadata/filter_metadata");
    assert_eq!(at(filters, "/istio/workload"), &json!(";;;;Kubernetes"));
    assert_eq!(at(filters, "/envoy.transport_socket_match/tlsMode"), &json!("istio"));
    assert_eq!(gateway.get("health_status"), None);
    assert_eq!(at(&got, "/endpoints/1"), &json!({ "locality": { "region": "r2", "zone": "z2" } }));
}

/// All assignments of `web.default` that a client gets, whose rule says this.
fn with_rule(endpoints: Vec<Endpoint>, rule: Value, proxy: impl FnOnce(&mut Proxy)) -> Built {
    let mut world = World::default();
    let web = service("web.default", &[("http", 80, Protocol::Http)]);
    world.serve(&web, endpoints);
    world.apply(web);
    world.rule("web.default", "web.default.svc.cluster.local", rule);
    let snapshot = world.snapshot();
    let scope = scope(&snapshot, proxy);
    build(&snapshot, &scope, |c| assignments(c, &mut Memos::default()))
}

#[test]
fn a_subset_has_the_endpoints_with_its_labels() {
    let labelled = |number, text: &str| {
        pod(number, |w| {
            w.labels.insert("version".into(), text.into());
        })
    };
    let bare = |number| Endpoint { workload: None, ..pod(number, unchanged) };
    let endpoints = vec![labelled(1, "v1"), labelled(2, "v2"), labelled(3, "v1"), bare(4)];
    let subset = |name: &str, labels: Value| json!({ "name": name, "labels": labels });
    let rule = json!({ "subsets": [
        subset("v1", json!({ "version": "v1" })),
        subset("v3", json!({ "version": "v3" })),
        subset("all", json!({})),
        subset("near", json!({ "version": "v2", "topology.kubernetes.io/zone": "z1" })),
        subset("bare", json!({ "topology.istio.io/cluster": "Kubernetes" })),
        subset("", json!({ "version": "v1" })),
    ] });
    let built = with_rule(endpoints, rule, unchanged);
    assert_eq!(built.resources.len(), 6, "a subset without a name has no cluster");
    let check = |subset: &str, want: &[&str]| {
        let name = format!("outbound|80|{subset}|web.default.svc.cluster.local");
        let got = find(&built, ResourceType::Endpoint, &name).unwrap();
        assert_eq!(addresses(&got).concat(), want, "{subset:?}");
        let resource = built.resources.iter().find(|r| *r.name == *name).unwrap();
        let rule = ObjectKey::new(Kind::DestinationRule, "default", "web");
        assert_eq!(resource.origins.contains(&rule), !subset.is_empty(), "{subset:?}");
    };
    check("", &["4", "1", "2", "3"]);
    check("v1", &["1", "3"]);
    check("v3", &[]);
    check("all", &["4", "1", "2", "3"]);
    check("near", &["2"]);
    check("bare", &["4"]);
}

#[test]
fn a_rule_that_begins_tls_itself_takes_it_from_the_endpoints() {
    let check = |rule: Value, subset: &str, mtls: bool| {
        let built = with_rule(vec![pod(1, unchanged)], rule.clone(), unchanged);
        let name = format!("outbound|80|{subset}|web.default.svc.cluster.local");
        let got = find(&built, ResourceType::Endpoint, &name).unwrap();
        let filters = at(&got, "/endpoints/0/lb_endpoints/0/metadata/filter_metadata");
        assert_eq!(filters.get("envoy.transport_socket_match").is_some(), mtls, "{rule} {subset}");
    };
    let tls = |mode: &str| json!({ "tls": { "mode": mode } });
    let policy = |policy: Value| json!({ "trafficPolicy": policy });
    for (mode, mtls) in
        [("DISABLE", false), ("SIMPLE", false), ("MUTUAL", false), ("ISTIO_MUTUAL", true)]
    {
        check(policy(tls(mode)), "", mtls);
    }
    let port = |number: u16, own: Value| {
        let mut all = tls("DISABLE");
        all["portLevelSettings"] = json!([{ "port": { "number": number } }]);
        all["portLevelSettings"][0]
            .as_object_mut()
            .unwrap()
            .extend(own.as_object().unwrap().clone());
        policy(all)
    };
    check(port(80, tls("ISTIO_MUTUAL")), "", true);
    check(port(81, tls("ISTIO_MUTUAL")), "", false);
    check(port(80, json!({})), "", false);
    let subset = |own: Value| {
        let mut rule = policy(tls("DISABLE"));
        rule["subsets"] = json!([{ "name": "v1", "trafficPolicy": own }]);
        rule
    };
    check(subset(json!({})), "v1", true);
    check(subset(tls("ISTIO_MUTUAL")), "v1", true);
    check(subset(tls("ISTIO_MUTUAL")), "", false);
}

#[test]
fn clients_choose_the_address_themselves_where_a_rule_lets_them() {
    let passthrough = json!({ "loadBalancer": { "simple": "PASSTHROUGH" } });
    let rule = json!({ "subsets": [{ "name": "v1", "trafficPolicy": passthrough }] });
    let built = with_rule(vec![pod(1, unchanged)], rule, unchanged);
    let names: Vec<&str> = built.resources.iter().map(|r| &*r.name).collect();
    assert_eq!(names, [NAME]);
}

#[test]
fn a_pod_touches_the_assignments_of_its_own_subsets_only() {
    let mut world = World::default();
    let services =
        ["web.default", "db.default"].map(|n| service(n, &[("http", 80, Protocol::Http)]));
    for service in &services {
        world.serve(service, vec![pod(1, unchanged)]);
        world.apply(service.clone());
        let host = service.key.hostname.to_string();
        let subsets =
            json!({ "subsets": [{ "name": "a" }, { "name": "b", "labels": { "x": "y" } }] });
        world.rule(&format!("{}.default", service.name), &host, subsets);
    }
    let mut memos = Memos::default();
    let mut served = Vec::new();
    let mut built = |world: &mut World| {
        let snapshot = world.snapshot();
        let scope = scope(&snapshot, unchanged);
        let before = memos.counts().built;
        served.push(build(&snapshot, &scope, |c| assignments(c, &mut memos)));
        memos.counts().built - before
    };
    assert_eq!(built(&mut world), 6);
    world.serve(&services[0], vec![pod(1, unchanged), pod(2, unchanged)]);
    assert_eq!(built(&mut world), 3);
    assert_eq!(built(&mut world), 0);
    // A subset without a match is as it was, and so is its resource.
    let nobody = |built: &Built| {
        let name = "outbound|80|b|web.default.svc.cluster.local";
        built.resources.iter().find(|r| &*r.name == name).cloned().unwrap()
    };
    assert!(Arc::ptr_eq(&nobody(&served[0]), &nobody(&served[1])));
}

#[test]
fn a_gateway_that_passes_tls_on_has_assignments_by_server_name() {
    let gateway = |mode: &str| {
        let server = json!({ "port": { "number": 15443, "name": "tls", "protocol": "TLS" },
            "hosts": ["*.local"], "tls": { "mode": mode } });
        let spec = Gateway::deserialize(ProtoJson(json!({ "servers": [server] }))).unwrap();
        Same(Arc::new(Config { meta: Meta::default(), spec, status: () }))
    };
    let check = |mode: &str, external: bool, want: &[&[&str]]| {
        let mut world = World::default();
        let mut web = service("web.default", &[("http", 80, Protocol::Http)]);
        web.mesh_external = external;
        let plain = pod(2, |w| w.tls_mode = TlsMode::Disabled);
        world.serve(&web, vec![pod(1, unchanged), plain]);
        world.apply(web);
        let snapshot = world.snapshot();
        let mut scope = scope(&snapshot, |p| p.kind = ProxyKind::Router);
        scope.gateways = vec![gateway(mode)];
        let built = build(&snapshot, &scope, |c| assignments(c, &mut Memos::default()));
        let got: Vec<Vec<String>> = built
            .resources
            .iter()
            .map(|resource| addresses(&to_json(ResourceType::Endpoint, resource)).concat())
            .collect();
        assert_eq!(got, want, "{mode}");
        let clusters = build(&snapshot, &scope, |c| cluster::outbound(c, &mut Default::default()));
        let name = "outbound_.80_._.web.default.svc.cluster.local";
        let found = find(&clusters, ResourceType::Cluster, name);
        assert_eq!(found.is_some(), want.len() == 2, "{mode}");
        if let Some(found) = found {
            assert_eq!(at(&found, "/eds_cluster_config/service_name"), &json!(name));
            assert_eq!(found.get("transport_socket_matches"), None);
            assert_eq!(found.get("transport_socket"), None);
        }
    };
    check("PASSTHROUGH", false, &[&["1", "2"]]);
    check("AUTO_PASSTHROUGH", false, &[&["1"], &["1", "2"]]);
    check("AUTO_PASSTHROUGH", true, &[&["1", "2"]]);
}

#[test]
fn sockets_and_host_names() {
    let at_address =
        |number, text: &str| Endpoint { address: Address::parse(text), ..pod(number, unchanged) };
    let endpoints = vec![
        at_address(1, "unix:///run/web.sock"),
        at_address(2, "web.example.com"),
        at_address(3, ""),
    ];
    let got = assignment(endpoints, unchanged, World::default(), unchanged).unwrap();
    let list = at(&got, "/endpoints/0/lb_endpoints").as_array().unwrap();
    assert_eq!(list.len(), 1, "host names are for those who ask DNS");
    assert_eq!(at(&list[0], "/endpoint/address/pipe/path"), &json!("/run/web.sock"));
}

#[test]
fn a_proxy_may_ask_for_some_networks_only() {
    let check = |view: Value, want: &[&str]| {
        let endpoints = vec![
            pod(1, |w| w.network = "net1".into()),
            pod(2, |w| w.network = "net2".into()),
            pod(3, unchanged),
        ];
        let proxy = |p: &mut Proxy| p.metadata = json!({ "REQUESTED_NETWORK_VIEW": view });
        let got = assignment(endpoints, unchanged, World::default(), proxy).unwrap();
        assert_eq!(addresses(&got), [want]);
    };
    check(json!(""), &["1", "2", "3"]);
    check(json!("net1"), &["1", "3"]);
    check(json!("net1, net2"), &["1", "2", "3"]);
    check(json!(["net2"]), &["2", "3"]);
}

#[test]
fn local_services_are_served_by_the_own_node_or_cluster() {
    let endpoints = || {
        let mut second = pod(2, unchanged);
        second.node_name = "node-2".into();
        vec![pod(1, unchanged), second, pod(3, |w| w.cluster = "remote".into())]
    };
    let check = |change: fn(&mut Service), hosts: &[(&str, bool)], want: &[&str]| {
        let mesh = MeshConfig {
            cluster_local: hosts.iter().map(|(host, local)| ((*host).into(), *local)).collect(),
            ..MeshConfig::default()
        };
        let world = World::new(mesh);
        let proxy = |p: &mut Proxy| p.node_name = "node-1".into();
        let got = assignment(endpoints(), change, world, proxy).unwrap();
        assert_eq!(addresses(&got), [want], "{hosts:?}");
    };
    let other = "other.default.svc.cluster.local";
    check(|_| (), &[], &["1", "2", "3"]);
    let (web, all) = ("web.default.svc.cluster.local", "*.default.svc.cluster.local");
    check(|_| (), &[(other, true)], &["1", "2", "3"]);
    check(|_| (), &[(all, true)], &["1", "2"]);
    check(|_| (), &[(web, true)], &["1", "2"]);
    check(|_| (), &[(web, true), (all, false), ("*", false)], &["1", "2"]);
    check(|_| (), &[(web, false), (all, true)], &["1", "2", "3"]);
    check(|_| (), &[(web, false), (web, true)], &["1", "2"]);
    check(|_| (), &[(web, true), (web, false)], &["1", "2", "3"]);
    check(|s| s.node_local = true, &[], &["1"]);
}

#[test]
fn services_of_kubernetes_itself_stay_in_their_cluster() {
    let check_with = |settings: &[(&str, bool)], name: &str, local: bool| {
        let mut world = World::new(MeshConfig {
            cluster_local: settings.iter().map(|(host, local)| ((*host).into(), *local)).collect(),
            discovery_host: "istiod.istio-system.svc".into(),
            ..MeshConfig::default()
        });
        let dns = service(name, &[("tcp", 53, Protocol::Tcp)]);
        world.serve(&dns, vec![pod(1, unchanged), pod(2, |w| w.cluster = "remote".into())]);
        world.apply(dns);
        let snapshot = world.snapshot();
        let scope = scope(&snapshot, unchanged);
        let built = build(&snapshot, &scope, |c| assignments(c, &mut Memos::default()));
        let got = to_json(ResourceType::Endpoint, &built.resources[0]);
        let want: &[&str] = if local { &["1"] } else { &["1", "2"] };
        assert_eq!(addresses(&got), [want], "{name}");
    };
    let check = |name, local| check_with(&[], name, local);
    check("kube-dns.kube-system", true);
    check("kubernetes.default", true);
    check("istiod.istio-system", true);
    check("web.default", false);
    check_with(&[("*", false)], "kube-dns.kube-system", true);
    let names = ["kube-dns.kube-system", "kubernetes.default", "istiod.istio-system"];
    for name in names {
        check_with(&[(&format!("{name}.svc.cluster.local"), false)], name, false);
    }
    let other = "other.kube-system.svc.cluster.local";
    check_with(&[(other, false)], "kube-dns.kube-system", false);
}

#[test]
fn near_endpoints_come_first_where_a_service_asks_for_it() {
    let at_place = |n, locality: &str, node: &str, network: &str| {
        pod(n, |w| {
            w.locality = Locality::parse(locality);
            w.node_name = node.into();
            w.network = network.into();
        })
    };
    let endpoints = || {
        vec![
            at_place(1, "r1/z1", "node-1", ""),
            at_place(2, "r1/z1", "node-2", ""),
            at_place(3, "r1/z2", "node-3", ""),
            at_place(4, "r2/z3", "node-4", ""),
            at_place(5, "r2/z3", "node-5", "net2"),
        ]
    };
    let check = |wish: &str, want: &[(&str, u64)]| {
        let change = |s: &mut Service| s.traffic_distribution = wish.into();
        let proxy = |p: &mut Proxy| {
            p.locality = Locality::parse("r1/z1");
            p.node_name = "node-1".into();
        };
        let got = assignment(endpoints(), change, World::default(), proxy).unwrap();
        let priorities = got["endpoints"].as_array().unwrap();
        let got: Vec<_> = addresses(&got)
            .iter()
            .zip(priorities)
            .map(|(list, locality)| (list.join(","), locality["priority"].as_u64().unwrap_or(0)))
            .collect();
        let want: Vec<_> = want.iter().map(|(list, p)| ((*list).to_owned(), *p)).collect();
        assert_eq!(got, want, "{wish:?}");
    };
    check("", &[("1,2", 0), ("3", 0), ("4,5", 0)]);
    check("PreferClose", &[("1,2", 0), ("3", 1), ("4", 2), ("5", 3)]);
    check("PreferSameNode", &[("1", 0), ("2", 1), ("3", 2), ("4", 3), ("5", 4)]);
    check("Sideways", &[("1,2", 0), ("3", 0), ("4,5", 0)]);
}

#[test]
fn what_is_known_of_the_own_pod_counts_before_what_the_proxy_says() {
    let mut world = World::default();
    let own = Arc::new(workload("client.default", "r1/z1", "node-1"));
    world.run(&own, &[]);
    let endpoints = vec![pod(1, |w| w.locality = Locality::parse("r2/z9")), pod(2, unchanged)];
    let change = |s: &mut Service| s.traffic_distribution = "PreferClose".into();
    let proxy = |p: &mut Proxy| p.locality = Locality::parse("r2/z9");
    let got = assignment(endpoints, change, world, proxy).unwrap();
    assert_eq!(got.pointer("/endpoints/0/priority"), None);
    assert_eq!(at(&got, "/endpoints/1/priority"), &json!(1));
}

#[test]
fn a_proxy_that_does_not_tell_its_node_is_known_by_its_pod() {
    let mut world = World::default();
    world.run(&Arc::new(workload("client.default", "", "node-2")), &[]);
    let mut second = pod(2, unchanged);
    second.node_name = "node-2".into();
    let change = |s: &mut Service| s.node_local = true;
    let got = assignment(vec![pod(1, unchanged), second], change, world, unchanged).unwrap();
    assert_eq!(addresses(&got), [["2"]]);
}

#[test]
fn headless_services_have_assignments_for_gateways_only() {
    let check = |kind, want: bool| {
        let change = |s: &mut Service| s.resolution = Resolution::Passthrough;
        let proxy = |p: &mut Proxy| p.kind = kind;
        let got = assignment(vec![pod(1, unchanged)], change, World::default(), proxy);
        assert_eq!(got.is_some(), want, "{kind:?}");
    };
    check(ProxyKind::Sidecar, false);
    check(ProxyKind::Router, true);
}

#[test]
fn nothing_serves_what_does_not_exist() {
    let name_only = json!({ "cluster_name": "outbound|1||nowhere" });
    assert_eq!(to_json(ResourceType::Endpoint, &absent("outbound|1||nowhere")), name_only);
    let got = assignment(Vec::new(), unchanged, World::default(), unchanged).unwrap();
    assert_eq!(got, json!({ "cluster_name": NAME }));
}
