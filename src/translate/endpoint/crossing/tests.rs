use std::sync::Arc;

use super::super::groups::by_locality;
use super::*;
use crate::model::{Health, TlsMode};
use crate::translate::fixture::{endpoint, workload};

const V4: Families = Families { v4: true, v6: false };
const BOTH: Families = Families { v4: true, v6: true };

/// `network address`, the latter with `:0` for a gateway that takes no mTLS, and `@cluster`.
fn networks(gateways: &[&str]) -> Same<Networks> {
    let gateways = gateways.iter().map(|text| {
        let (network, rest) = text.split_once(' ').expect("NETWORK ADDRESS");
        let (rest, cluster) = rest.split_once('@').unwrap_or((rest, ""));
        let address = rest.strip_suffix(":0");
        let gateway = NetworkGateway {
            address: address.unwrap_or(rest).into(),
            port: address.is_none().then_some(15443),
            cluster: cluster.into(),
            origin: None,
        };
        (network.into(), gateway)
    });
    Same(Arc::new(Networks::new(gateways, Vec::new())))
}

/// An endpoint in a network; `weight` 0 stands for one without mTLS and weight 1.
fn pod(number: u8, network: &str, weight: u32) -> Endpoint {
    let mut pod = workload(&format!("web-{number}.default"), "r1/z1", "node-1");
    pod.network = network.into();
    pod.tls_mode = if weight == 0 { TlsMode::Disabled } else { TlsMode::Istio };
    let endpoint = endpoint(&format!("10.1.0.{number}"), 8080, &Arc::new(pod));
    Endpoint { weight: weight.max(1), ..endpoint }
}

/// `address*weight` of what a client reaches, and the weight of the group.
fn crossed(crossing: &Crossing, families: Families, endpoints: &[Endpoint]) -> String {
    let members = endpoints.iter().map(|endpoint| Member {
        target: Target::Endpoint(endpoint, Health::Healthy),
        weight: endpoint.weight,
        mtls: endpoint.workload.as_ref().is_some_and(|w| w.tls_mode == TlsMode::Istio),
    });
    let groups = by_locality(members);
    let group = crossing.cross(&groups[0], families, |_| true);
    let told = group.members.iter().map(|member| match member.target {
        Target::Endpoint(endpoint, _) => format!("{}*{}", endpoint.address, member.weight),
        Target::Gateway { gateway, .. } => format!("{}*{}", gateway.address, member.weight),
    });
    let told: Vec<String> = told.collect();
    format!("{} = {:?}", told.join(" "), group.weight)
}

fn check(own: &str, gateways: &[&str], endpoints: &[Endpoint], want: &str) {
    let crossing = Crossing { network: own.into(), networks: networks(gateways), asks_dns: false };
    assert_eq!(crossed(&crossing, V4, endpoints), want, "{own:?} {gateways:?}");
}

#[test]
fn gateways_take_the_place_of_endpoints_in_other_networks() {
    let all = [pod(1, "n1", 1), pod(2, "n2", 1), pod(3, "n2", 2), pod(4, "", 1)];
    let one = ["n2 192.0.2.1"];
    check("n1", &one, &all, "10.1.0.1*1 10.1.0.4*1 192.0.2.1*3 = Some(5)");
    check("n2", &one, &all, "10.1.0.1*1 10.1.0.2*1 10.1.0.3*2 10.1.0.4*1 = Some(5)");
    // Who does not tell its network is in none that has gateways.
    check("", &one, &all, "10.1.0.1*1 10.1.0.4*1 192.0.2.1*3 = Some(5)");
    // Networks without a gateway are reached directly.
    check("n3", &one, &all, "10.1.0.1*1 10.1.0.4*1 192.0.2.1*3 = Some(5)");
}

#[test]
fn weights_are_divided_evenly() {
    let all = [pod(1, "n1", 1), pod(2, "n2", 1), pod(3, "n2", 1)];
    // Two gateways: all weights are doubled first.
    let two = ["n2 192.0.2.2", "n2 192.0.2.1"];
    check("n1", &two, &all, "10.1.0.1*2 192.0.2.1*2 192.0.2.2*2 = Some(6)");
    // Three for one network and two for another: six times.
    let more = ["n2 192.0.2.1", "n2 192.0.2.2", "n3 192.0.2.3", "n3 192.0.2.4", "n3 192.0.2.5"];
    check("n1", &more, &all, "10.1.0.1*6 192.0.2.1*6 192.0.2.2*6 = Some(18)");
    // What cannot be multiplied is the most that there is.
    let heavy = [pod(2, "n2", u32::MAX)];
    check("n1", &two, &heavy, "192.0.2.1*2147483647 192.0.2.2*2147483647 = Some(4294967294)");
}

#[test]
fn a_gateway_needs_mtls_and_an_address_that_is_reached() {
    let plain = [pod(1, "n1", 1), pod(2, "n2", 0)];
    check("n1", &["n2 192.0.2.1"], &plain, "10.1.0.1*1 = Some(1)");
    check("n1", &["n2 192.0.2.1"], &[pod(2, "n2", 0)], " = None");
    let v6 = ["n2 2001:db8::1"];
    check("n1", &v6, &[pod(2, "n2", 1)], " = None");
    check("n1", &["n2 ::ffff:192.0.2.1"], &[pod(2, "n2", 1)], "::ffff:192.0.2.1*1 = Some(1)");
    // One that takes no mTLS is none.
    check("n1", &["n2 192.0.2.1:0"], &[pod(2, "n2", 1)], "10.1.0.2*1 = Some(1)");
}

#[test]
fn gateways_of_the_endpoints_cluster_come_first() {
    let gateways = ["n2 192.0.2.1@Kubernetes", "n2 192.0.2.2@other"];
    check("n1", &gateways, &[pod(2, "n2", 1)], "192.0.2.1*2 = Some(2)");
    let gateways = ["n2 192.0.2.1@a", "n2 192.0.2.2@b"];
    check("n1", &gateways, &[pod(2, "n2", 1)], "192.0.2.1*1 192.0.2.2*1 = Some(2)");
}

#[test]
fn host_names_are_for_those_who_ask_dns() {
    let names = networks(&["n2 gw.example.com", "n2 192.0.2.1"]);
    let endpoints = [pod(2, "n2", 1)];
    let reached = |asks_dns, families| {
        let crossing = Crossing { network: "n1".into(), networks: names.clone(), asks_dns };
        crossed(&crossing, families, &endpoints)
    };
    assert_eq!(reached(false, BOTH), "192.0.2.1*1 = Some(1)");
    assert_eq!(reached(true, BOTH), "192.0.2.1*1 gw.example.com*1 = Some(2)");
    assert_eq!(reached(true, V4), "192.0.2.1*2 = Some(2)");
}
