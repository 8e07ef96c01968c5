use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::api::config::Config;
use crate::api::{Labels, Meta, Object};
use crate::serve::fixture;
use crate::snapshot::Publisher;

fn meta(name: &str, annotations: Labels) -> Meta {
    Meta { name: name.into(), namespace: "shop".into(), annotations, ..Meta::default() }
}

fn entry_object(name: &str, account: &str, checked: bool) -> Object {
    let annotations = checked.then(|| (HEALTH_CHECKED.into(), "true".into())).into_iter().collect();
    let spec = WorkloadEntry { service_account: account.into(), ..WorkloadEntry::default() };
    WorkloadEntry::object(Arc::new(Config {
        meta: meta(name, annotations),
        spec,
        ..Config::default()
    }))
}

fn group_object(name: &str, account: &str) -> Object {
    let template = WorkloadEntry { service_account: account.into(), ..WorkloadEntry::default() };
    let spec = WorkloadGroup { template: Some(template), ..WorkloadGroup::default() };
    let meta = meta(name, Labels::new());
    WorkloadGroup::object(Arc::new(Config { meta, spec, status: () }))
}

fn rules() -> Registration {
    let publisher = Publisher::default();
    let objects = [
        group_object("vms", "web"),
        group_object("any", ""),
        entry_object("vms-10.0.0.9", "other", false),
        entry_object("own", "web", true),
        entry_object("unchecked", "web", false),
    ];
    let objects = objects.into_iter().collect();
    publisher.publish(Arc::new(Snapshot { objects, ..Snapshot::default() }));
    let snapshots = publisher.subscribe();
    let reports = mpsc::channel(1).0;
    Registration { registers: true, health: true, proved: true, snapshots, reports }
}

fn proxy(ip: &str, network: &str, metadata: Value) -> Proxy {
    let ips = vec![ip.parse().unwrap()];
    Proxy { ips, network: network.into(), metadata, ..fixture::proxy("vm") }
}

/// What becomes of a proxy: the name of its entry, `-` for none, or how it is refused.
fn outcome(rules: &Registration, proxy: &Proxy, account: &str) -> String {
    let identity = Spiffe::parse(&format!("spiffe://td/ns/shop/sa/{account}"));
    match rules.member(proxy, identity.as_ref()) {
        Ok(None) => "-".to_owned(),
        Ok(Some(Member { entry, registers: true })) => format!("made {}", entry.name),
        Ok(Some(Member { entry, .. })) => entry.name.to_string(),
        Err(status) => format!("{:?}", status.code()),
    }
}

#[test]
fn who_may_stand_for_which_entry() {
    let group = |name: &str| json!({"AUTO_REGISTER_GROUP": name, "WORKLOAD_ENTRY": "own"});
    let named = |name: &str| json!({"WORKLOAD_ENTRY": name});
    for (ip, network, metadata, account, want) in [
        ("10.0.0.7", "", group("vms"), "web", "made vms-10.0.0.7"),
        ("10.0.0.7", "west", group("vms"), "web", "made vms-10.0.0.7-west"),
        ("10.0.0.7", "", group("any"), "whoever", "made any-10.0.0.7"),
        ("10.0.0.7", "", group("vms"), "other", "PermissionDenied"),
        ("10.0.0.7", "", group("vms"), "", "PermissionDenied"),
        ("10.0.0.7", "", group("no"), "web", "FailedPrecondition"),
        // The entry that is there already decides, not its group.
        ("10.0.0.9", "", group("vms"), "web", "PermissionDenied"),
        ("10.0.0.9", "", group("vms"), "other", "made vms-10.0.0.9"),
        ("10.0.0.7", "../../pods/x", group("vms"), "web", "InvalidArgument"),
        ("10.0.0.7", "West", group("vms"), "web", "InvalidArgument"),
        ("10.0.0.7", "", named("own"), "web", "own"),
        ("10.0.0.7", "", named("own"), "other", "PermissionDenied"),
        ("10.0.0.7", "", named("unchecked"), "other", "-"),
        ("10.0.0.7", "", named("no"), "web", "FailedPrecondition"),
        ("10.0.0.7", "", json!({}), "", "-"),
    ] {
        let got = outcome(&rules(), &proxy(ip, network, metadata.clone()), account);
        assert_eq!(got, want, "{ip} {network} {metadata} {account}");
    }
}

#[test]
fn switches_turn_rules_off() {
    let both = json!({"AUTO_REGISTER_GROUP": "vms", "WORKLOAD_ENTRY": "own"});
    let proxy = proxy("10.0.0.7", "", both);
    let off = Registration { registers: false, ..rules() };
    assert_eq!(outcome(&off, &proxy, "web"), "own");
    let off = Registration { health: false, ..off };
    assert_eq!(outcome(&off, &proxy, "web"), "-");
    let off = Registration { proved: false, ..rules() };
    assert_eq!(outcome(&off, &proxy, ""), "made vms-10.0.0.7");
}
