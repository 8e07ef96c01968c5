use super::*;
use crate::api::MeshConfig;
use crate::api::core::{ContainerPort, ServicePort, Transport};
use crate::store::fixtures::{config, pod, service, service_port};
use crate::store::service;

/// The targets of a pod with the container ports `web` 8080 and `dns` 5353 of UDP, as `port→target`.
fn check(ports: Vec<ServicePort>, want: &[&str]) {
    let object = core::Service { ports, ..service("shop", "web", "app=web") };
    let derived = service::derive(
        &object,
        &crate::store::fixtures::cluster(),
        None,
        Vec::new(),
        &MeshConfig::default(),
        &config(),
    );
    let mut pod = pod("shop", "web-0", "10.0.0.1", "app=web");
    pod.ports.push(ContainerPort { name: "dns".into(), port: 5353, protocol: Transport::Udp });
    let targets = by_selector(&Arc::new(derived), &object, &pod);
    let got: Vec<String> = targets
        .iter()
        .map(|t| format!("{}→{}", t.service.ports[t.port].number, t.target_port))
        .collect();
    assert_eq!(got, want);
}

fn named(name: &str) -> TargetPort {
    TargetPort::Name(name.into())
}

#[test]
fn numbers_lead_anywhere_and_names_to_what_the_pod_has() {
    check(
        vec![
            service_port("http", 80, TargetPort::Number(9999)),
            service_port("http-unset", 81, TargetPort::default()),
            service_port("http-web", 82, named("web")),
            service_port("http-none", 83, named("none")),
            service_port("http-dns", 84, named("dns")),
        ],
        &["80→9999", "81→81", "82→8080"],
    );
}

#[test]
fn udp_is_left_out() {
    let udp = ServicePort { transport: Transport::Udp, ..service_port("dns", 53, named("dns")) };
    check(vec![udp, service_port("http", 80, named("web"))], &["80→8080"]);
}

#[test]
fn the_first_of_equal_targets_stands_for_all() {
    check(
        vec![
            service_port("http-a", 80, named("web")),
            service_port("http-b", 81, TargetPort::Number(8080)),
            service_port("tcp-c", 82, TargetPort::Number(8080)),
        ],
        &["80→8080", "82→8080"],
    );
}
