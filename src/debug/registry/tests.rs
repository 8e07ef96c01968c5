use serde_json::to_value;

use super::*;
use crate::model::{Protocol, Registry as Origin};
use crate::translate::fixture;

fn shown(blocks: &[&str], allocated: &[&str]) -> Vec<Value> {
    shown_as(blocks, allocated, |_| ())
}

fn shown_as(blocks: &[&str], allocated: &[&str], edit: impl FnOnce(&mut Service)) -> Vec<Value> {
    let mut service = fixture::service("web.default", &[]);
    service.registry = Origin::External;
    service.origin = ObjectKey::new(Kind::ServiceEntry, "default", "entry");
    service.addresses.clear();
    service.blocks = blocks.iter().map(|text| Block::parse(text).unwrap()).collect();
    service.allocated = allocated.iter().map(|text| text.parse().unwrap()).collect();
    edit(&mut service);
    let snapshot = Snapshot { cluster: "Kubernetes".into(), ..Snapshot::default() };
    Entry::all(&snapshot, &service).iter().map(|entry| to_value(entry).unwrap()).collect()
}

#[test]
fn a_service_entry_is_shown_once_for_each_address() {
    let got = shown(&["10.0.0.0/8", "1.2.3.4/32"], &[]);
    let addresses: Vec<_> = got.iter().map(|entry| &entry["defaultAddress"]).collect();
    assert_eq!(addresses, ["10.0.0.0/8", "1.2.3.4"]);
    for entry in &got {
        assert_eq!(entry["Attributes"]["ObjectName"], "entry");
        assert_eq!(entry["clusterVIPs"], json!({ "Addresses": null }));
        assert!(entry.get("autoAllocatedIPv4Address").is_none());
    }
}

#[test]
fn allocated_addresses_are_shown_by_family() {
    let got = shown(&[], &["240.240.0.1", "2001:2::1"]);
    let [entry] = got.as_slice() else { panic!("{got:?}") };
    assert_eq!(entry["defaultAddress"], "0.0.0.0");
    assert_eq!(entry["autoAllocatedIPv4Address"], "240.240.0.1");
    assert_eq!(entry["autoAllocatedIPv6Address"], "2001:2::1");
}

#[test]
fn the_ports_behind_an_entry_whose_clients_know_the_address_are_shown() {
    let target = |resolution: Resolution, target: TargetPort| {
        let got = shown_as(&[], &[], |service| {
            service.resolution = resolution;
            let port =
                fixture::service("web.default", &[("http", 80, Protocol::Http)]).ports[0].clone();
            service.ports = vec![Port { target, ..port }];
        });
        got[0]["Attributes"]["PassthroughTargetPorts"].clone()
    };
    assert_eq!(target(Resolution::Passthrough, TargetPort::Number(8080)), json!({"80": 8080}));
    assert_eq!(target(Resolution::Passthrough, TargetPort::Number(0)), json!(null));
    assert_eq!(target(Resolution::ClientSideLb, TargetPort::Number(8080)), json!(null));
}

#[test]
fn racing_for_addresses_is_shown() {
    let shown = |race: bool| {
        let got = shown_as(&[], &[], |service| service.race_addresses = race);
        got[0]["Attributes"]["DNSConnectStrategy"].clone()
    };
    assert_eq!((shown(false), shown(true)), (json!(0), json!(1)));
}
