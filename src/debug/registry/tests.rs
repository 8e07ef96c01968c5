use serde_json::to_value;

use super::*;
use crate::model::Registry as Origin;
use crate::translate::fixture;

fn shown(blocks: &[&str], allocated: &[&str]) -> Vec<Value> {
    let mut service = fixture::service("web.default", &[]);
    service.registry = Origin::External;
    service.origin = ObjectKey::new(Kind::ServiceEntry, "default", "entry");
    service.addresses.clear();
    service.blocks = blocks.iter().map(|text| Block::parse(text).unwrap()).collect();
    service.allocated = allocated.iter().map(|text| text.parse().unwrap()).collect();
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
