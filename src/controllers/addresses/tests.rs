use super::*;
use crate::api::config::Config;
use crate::api::{Meta, Object};
use crate::model::{Registry, Service, ServiceKey};

/// Addresses by host, as tests write them.
type Pairs<'a> = &'a [(&'a str, &'a str)];

fn entry(hosts: &[&str], told: Pairs<'_>) -> Object {
    let address = |(value, host): &(&str, &str)| AllocatedAddress {
        value: (*value).into(),
        host: (*host).into(),
    };
    let meta = Meta {
        name: "entry".into(),
        namespace: "shop".into(),
        generation: 4,
        uid: "one".into(),
        ..Meta::default()
    };
    let mut object = Config::<ServiceEntry> { meta, ..Config::default() };
    object.spec.hosts = hosts.iter().map(|host| Str::from(*host)).collect();
    object.status.addresses = told.iter().map(address).collect();
    Object::ServiceEntry(Arc::new(object))
}

fn service(host: &str, allocated: Vec<IpAddr>) -> Arc<Service> {
    let key = ServiceKey { hostname: host.into(), namespace: "shop".into() };
    let origin = ObjectKey::new(Kind::ServiceEntry, "shop", "entry");
    Arc::new(Service { allocated, ..Service::new(key, Registry::External, origin) })
}

fn snapshot(object: Object, allocated: Pairs<'_>) -> Snapshot {
    let mut hosts: Addresses = BTreeMap::new();
    for (value, host) in allocated {
        hosts.entry((*host).into()).or_default().push(value.parse().unwrap());
    }
    Snapshot {
        services: hosts.into_iter().map(|(host, ips)| service(&host, ips)).collect(),
        objects: [object].into_iter().collect(),
        ..Snapshot::default()
    }
}

/// What is written for an object of these hosts and this status, if it still is the same when its turn comes.
fn written(hosts: &[&str], told: Pairs<'_>, allocated: Pairs<'_>) -> Option<Value> {
    let wanted = wanted(&snapshot(entry(hosts, told), allocated)).pop()?;
    match decide(wanted)(&live(4, "one", told)) {
        Some(Edit::Status(status)) => Some(status),
        other => panic!("{other:?}"),
    }
}

fn live(generation: i64, uid: &str, told: Pairs<'_>) -> DynamicObject {
    let addresses: Vec<Value> =
        told.iter().map(|(value, host)| json!({"value": value, "host": host})).collect();
    let status = if told.is_empty() { json!({}) } else { json!({"addresses": addresses}) };
    let metadata = json!({"name": "entry", "generation": generation, "uid": uid});
    serde_json::from_value(json!({"metadata": metadata, "status": status})).unwrap()
}

#[test]
fn each_host_is_told_in_the_order_of_the_object() {
    let allocated = &[
        ("240.240.0.1", "a.test"),
        ("2001:2::1", "a.test"),
        ("240.240.0.2", "b.test"),
        ("2001:2::2", "b.test"),
    ];
    let want = json!({"addresses": [
        {"value": "240.240.0.2", "host": "b.test"},
        {"value": "2001:2::2", "host": "b.test"},
        {"value": "240.240.0.1", "host": "a.test"},
        {"value": "2001:2::1", "host": "a.test"},
    ]});
    assert_eq!(written(&["b.test", "a.test"], &[], allocated), Some(want));
}

#[test]
fn what_is_told_already_is_not_written() {
    let one = ("240.240.0.1", "a.test");
    let two = ("240.240.0.2", "b.test");
    assert_eq!(written(&["a.test", "b.test"], &[two, one], &[one, two]), None);
    assert_eq!(written(&["a.test"], &[one, ("?", "a.test")], &[one]), None, "what nobody reads");
    assert_eq!(written(&["a.test"], &[], &[]), None, "no addresses, and none needed");
}

#[test]
fn what_is_told_of_nobodys_host_goes() {
    let one = ("240.240.0.1", "a.test");
    let left = json!({"addresses": [{"value": "240.240.0.1", "host": "a.test"}]});
    assert_eq!(written(&["a.test"], &[one, ("240.240.0.2", "b.test")], &[one]), Some(left));
    assert_eq!(written(&["a.test"], &[one], &[]), Some(json!({"addresses": []})));
}

#[test]
fn nothing_is_written_to_what_has_changed_meanwhile() {
    let one = ("240.240.0.1", "a.test");
    let wanted = wanted(&snapshot(entry(&["a.test"], &[]), &[one])).pop().unwrap();
    let decide = decide(wanted);
    assert!(decide(&live(4, "one", &[])).is_some());
    assert_eq!(decide(&live(5, "one", &[])), None, "another spec");
    assert_eq!(decide(&live(4, "two", &[])), None, "another object of that name");
    assert_eq!(decide(&live(4, "one", &[("240.240.0.9", "a.test")])), None, "somebody was faster");
}
