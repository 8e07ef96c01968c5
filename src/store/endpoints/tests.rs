use super::*;
use crate::api::core::{ServicePort, SlicePort, TargetPort, Transport};
use crate::api::{Kind, MeshConfig};
use crate::store::fixtures::{cluster, config, endpoint, ip, pod, service, service_port, slice};
use crate::store::{service, workload};

fn derived(object: &core::Service) -> Service {
    service::derive(object, &cluster(), None, Vec::new(), &MeshConfig::default(), &config())
}

fn workload_of(pod: &core::Pod) -> Arc<Workload> {
    let (mesh, cluster) = (MeshConfig::default(), cluster());
    let around = workload::Surroundings { node: None, mesh: &mesh, cluster: &cluster };
    Arc::new(workload::derive(pod, around).expect("a workload"))
}

/// Pods of the service `web`: `a` takes mTLS and has two addresses, `b` does not.
fn pods() -> [core::Pod; 2] {
    let mut a = pod("shop", "a", "10.0.0.1", "app=web security.istio.io/tlsMode=istio");
    a.ips.push(ip("fd00::1"));
    [a, pod("shop", "b", "10.0.0.2", "app=web")]
}

fn collect(object: &core::Service, slices: &[EndpointSlice]) -> FromSlices {
    let key = |s: &EndpointSlice| ObjectKey::new(Kind::EndpointSlice, "shop", &s.meta.name);
    from_slices(
        &derived(object),
        slices.iter().map(|s| (key(s), s)),
        |name| pods().iter().find(|pod| pod.meta.name == *name).map(workload_of),
        &cluster(),
        &SessionLabels::default(),
    )
}

/// `address[,additional]:port health workload` of a port's endpoints.
fn listed(endpoints: &ServiceEndpoints, port: &str) -> Vec<String> {
    let list = endpoints.by_port.get(port).map_or(&[][..], |list| list);
    let line = |e: &Endpoint| {
        let mut addresses = vec![e.address.to_string()];
        addresses.extend(e.additional.iter().map(IpAddr::to_string));
        let workload = e.workload.as_ref().map_or("-", |w| &*w.name);
        format!("{} {} {:?} {workload}", addresses.join(","), e.port, e.health)
    };
    list.iter().map(line).collect()
}

fn conditions(ready: Option<bool>, terminating: Option<bool>) -> SliceEndpoint {
    SliceEndpoint { ready, terminating, ..endpoint("10.0.0.9", "") }
}

#[test]
fn conditions_tell_health() {
    let check = |ready, terminating, publish_not_ready, want| {
        let object = core::Service { publish_not_ready, ..service("shop", "web", "") };
        let got = health(&derived(&object), &conditions(ready, terminating), false);
        assert_eq!(got, want, "ready {ready:?}, terminating {terminating:?}");
    };
    check(None, None, false, Health::Healthy);
    check(Some(true), Some(true), false, Health::Healthy);
    check(Some(false), Some(false), false, Health::Unhealthy);
    check(Some(false), Some(true), false, Health::Terminating);
    check(Some(false), None, false, Health::Terminating);
    check(Some(false), Some(false), true, Health::Healthy);

    let with_sessions = |serving, terminating, want| {
        let endpoint = SliceEndpoint { serving, ..conditions(Some(false), terminating) };
        let got = health(&derived(&service("shop", "web", "")), &endpoint, true);
        assert_eq!(got, want, "serving {serving:?}, terminating {terminating:?}");
    };
    with_sessions(Some(true), Some(true), Health::Draining);
    with_sessions(None, None, Health::Draining);
    with_sessions(Some(false), Some(true), Health::Terminating);
    with_sessions(Some(true), Some(false), Health::Unhealthy);
}

#[test]
fn endpoints_keep_the_order_of_their_slices_without_duplicates() {
    let object = service("shop", "web", "");
    let slices = [
        slice("shop", "s1", "web", vec![endpoint("10.0.0.2", "b"), endpoint("10.0.0.1", "a")]),
        slice("shop", "s2", "web", vec![endpoint("10.0.0.1", "a"), endpoint("10.9.9.9", "")]),
    ];
    let got = collect(&object, &slices);
    assert_eq!(
        listed(&got.endpoints, "http"),
        ["10.0.0.2 8080 Healthy b", "10.0.0.1 8080 Healthy a", "10.9.9.9 8080 Healthy -"]
    );
    assert_eq!(got.endpoints.origins.len(), 2);
}

#[test]
fn an_endpoint_of_an_unknown_pod_is_withheld() {
    let object = service("shop", "web", "");
    let endpoints = vec![endpoint("10.0.0.1", "a"), endpoint("10.0.0.7", "unknown")];
    let got = collect(&object, &[slice("shop", "s1", "web", endpoints)]);
    assert_eq!(listed(&got.endpoints, "http"), ["10.0.0.1 8080 Healthy a"]);
    assert_eq!(got.withheld, 1);
    assert_eq!(got.pods.iter().map(|p| &**p).collect::<Vec<_>>(), ["a", "unknown"]);
}

#[test]
fn host_names_are_not_addresses() {
    let fqdn = EndpointSlice {
        address_type: AddressType::Fqdn,
        ..slice("shop", "s1", "web", vec![endpoint("10.0.0.1", "a")])
    };
    let got = collect(&service("shop", "web", ""), &[fqdn]);
    assert!(got.endpoints.by_port.is_empty());
    assert!(got.pods.is_empty());
}

#[test]
fn a_pod_with_two_addresses_is_one_endpoint() {
    let v6 = EndpointSlice {
        address_type: AddressType::V6,
        ..slice("shop", "s0", "web", vec![endpoint("fd00::1", "a"), endpoint("fd00::9", "")])
    };
    let v4 = slice("shop", "s1", "web", vec![endpoint("10.0.0.1", "a"), endpoint("10.0.0.9", "")]);
    let got = collect(&service("shop", "web", ""), &[v6, v4]);
    assert_eq!(
        listed(&got.endpoints, "http"),
        ["10.0.0.1,fd00::1 8080 Healthy a", "fd00::9 8080 Healthy -", "10.0.0.9 8080 Healthy -",],
        "the pod prefers IPv4; what no pod joins stays apart"
    );
}

#[test]
fn ports_are_kept_apart_by_name() {
    let mut both = slice("shop", "s1", "web", vec![endpoint("10.0.0.1", "a")]);
    both.ports.push(SlicePort { name: "dns".into(), port: 53, transport: Transport::Udp });
    let got = collect(&service("shop", "web", ""), &[both]);
    assert_eq!(listed(&got.endpoints, "http"), ["10.0.0.1 8080 Healthy a"]);
    assert_eq!(listed(&got.endpoints, "dns"), ["10.0.0.1 53 Healthy a"]);
}

#[test]
fn selected_pods_serve_their_own_ports() {
    let object = core::Service {
        ports: vec![
            service_port("http", 80, TargetPort::Name("web".into())),
            ServicePort {
                transport: Transport::Udp,
                ..service_port("dns", 53, TargetPort::default())
            },
            service_port("none", 90, TargetPort::Name("none".into())),
        ],
        ..service("shop", "web", "app=web")
    };
    let [a, mut b] = pods();
    let serve = |object: &core::Service, b: &core::Pod| {
        let known = [&a, b].map(|pod| (pod, workload_of(pod)));
        from_pods(&derived(object), object, known.into_iter())
    };
    let got = serve(&object, &b);
    assert_eq!(listed(&got, "http"), ["10.0.0.1 8080 Healthy a", "10.0.0.2 8080 Healthy b"]);
    assert_eq!(listed(&got, "dns"), ["10.0.0.1 53 Healthy a", "10.0.0.2 53 Healthy b"]);
    assert_eq!(listed(&got, "none"), [""; 0]);

    let dual = core::Service {
        cluster_ips: vec![ip("fd00::80"), ip("10.96.0.1")],
        publish_not_ready: true,
        ..object.clone()
    };
    b.ready = false;
    assert_eq!(listed(&serve(&object, &b), "http")[1], "10.0.0.2 8080 Unhealthy b");
    assert_eq!(
        listed(&serve(&dual, &b), "http"),
        ["fd00::1,10.0.0.1 8080 Healthy a", "10.0.0.2 8080 Healthy b"]
    );
    b.terminating = true;
    assert_eq!(listed(&serve(&object, &b), "http")[1], "10.0.0.2 8080 Terminating b");
}

#[test]
fn traits_are_of_all_that_stay() {
    let check = |endpoints: Vec<SliceEndpoint>, identities: usize, all_mtls: bool| {
        let got = collect(&service("shop", "web", ""), &[slice("shop", "s", "web", endpoints)]);
        assert_eq!(got.endpoints.traits.identities.len(), identities);
        assert_eq!(got.endpoints.traits.all_mtls, all_mtls);
    };
    let a = || endpoint("10.0.0.1", "a");
    let b = || endpoint("10.0.0.2", "b");
    check(vec![], 0, false);
    check(vec![a()], 1, true);
    check(vec![a(), b()], 1, false);
    check(
        vec![a(), SliceEndpoint { ready: Some(false), terminating: Some(false), ..b() }],
        1,
        false,
    );
    check(vec![a(), SliceEndpoint { ready: Some(false), terminating: Some(true), ..b() }], 1, true);
    check(vec![a(), endpoint("10.0.0.9", "")], 1, false);
}
