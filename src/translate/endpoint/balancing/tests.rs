use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::api::Labels;
use crate::api::proto_json::ProtoJson;
use crate::model::{Protocol, Rules};
use crate::translate::fixture::{World, scope, service};

fn place(locality: &str, labels: &[(&str, &str)]) -> Place {
    let labels: Labels =
        labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    Place { locality: Locality::parse(locality), labels }
}

fn mesh(setting: Value) -> MeshConfig {
    let locality_lb_setting = LocalityLbSetting::deserialize(ProtoJson(setting)).unwrap();
    MeshConfig { locality_lb_setting, ..MeshConfig::default() }
}

#[test]
fn patterns_of_localities() {
    let check = |locality: &str, pattern: &str, want: bool| {
        assert_eq!(matches(&Locality::parse(locality), pattern), want, "{locality} {pattern}");
    };
    check("r/z/s", "*", true);
    check("r/z/s", "r", true);
    check("r/z/s", "r/*", true);
    check("r/z/s", "r/z", true);
    check("r/z/s", "r/z/*", true);
    check("r/z/s", "r/z/s", true);
    check("r/z/s", "r/*/s", true);
    check("r/z/s", "r/z/t", false);
    check("r/z/s", "r/y/*", false);
    check("r/z/s", "q", false);
    check("r", "r/z", false);
    check("", "*", true);
    check("", "r", false);
}

/// What a client in `r1/z1`, labelled `app: web`, does with the localities of `web.default:80`.
fn balancing(rule: Value, mesh: MeshConfig, distribution: &str) -> Balancing {
    let mut world = World::new(mesh);
    let mut web = service("web.default", &[("http", 80, Protocol::Http)]);
    web.traffic_distribution = distribution.into();
    world.apply(web);
    if !rule.is_null() {
        world.rule("web.default", "web.default.svc.cluster.local", rule);
    }
    let snapshot = world.snapshot();
    let service = &snapshot.services[0];
    let rules = snapshot.destination_rules.candidates("default", &service.key);
    let rule = rules.first().map(|rule| &***rule);
    let near = [
        ("app", "web"),
        ("topology.istio.io/network", "n1"),
        ("topology.kubernetes.io/region", "r1"),
        ("topology.kubernetes.io/zone", "z1"),
    ];
    Balancing::of(service, rule, 80, None, &snapshot.mesh, &place("r1/z1", &near))
}

fn by_labels(labels: &[(&str, &str)], failover: Option<Failover>) -> Balancing {
    let labels = labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    Balancing::Priorities { labels, failover }
}

fn by_locality(to: Option<&str>) -> Option<Failover> {
    Some(Failover { from: Locality::parse("r1/z1"), to: to.map(Into::into) })
}

#[test]
fn what_is_asked_for() {
    let check = |rule: Value, mesh_setting: Value, distribution: &str, want: Balancing| {
        let got = balancing(rule.clone(), mesh(mesh_setting.clone()), distribution);
        assert_eq!(got, want, "{rule} {mesh_setting} {distribution}");
    };
    let enabled = || json!({ "enabled": true });
    let rule = |detects: bool, setting: Value| {
        let mut policy = json!({ "loadBalancer": { "localityLbSetting": setting } });
        if detects {
            policy["outlierDetection"] = json!({});
        }
        json!({ "trafficPolicy": policy })
    };
    let detection = || json!({ "trafficPolicy": { "outlierDetection": {} } });
    // The mesh's setting needs something that finds out who fails.
    check(Value::Null, enabled(), "", Balancing::Even);
    check(detection(), enabled(), "", by_labels(&[], by_locality(None)));
    check(detection(), json!({}), "", by_labels(&[], by_locality(None)));
    check(detection(), json!({ "enabled": false }), "", Balancing::Even);
    check(rule(false, json!({})), enabled(), "", Balancing::Even);
    check(rule(true, json!({})), enabled(), "", by_labels(&[], by_locality(None)));
    // A rule's setting counts instead of the mesh's, also where it only switches off.
    check(rule(true, json!({ "enabled": false })), enabled(), "PreferClose", Balancing::Even);
    // Of failover, the client's region.
    let failover =
        json!({ "failover": [{ "from": "r2", "to": "r3" }, { "from": "r1", "to": "r2" }] });
    check(rule(true, failover.clone()), enabled(), "", by_labels(&[], by_locality(Some("r2"))));
    check(rule(false, failover.clone()), enabled(), "", Balancing::Even);
    check(detection(), failover, "", by_labels(&[], by_locality(Some("r2"))));
    // Labels, and where one has a value it counts wherever the label stands.
    let labels = json!(["app", "version=v1", "other"]);
    let want = [("app", "web"), ("version", "v1"), ("other", "")];
    check(rule(true, json!({ "failoverPriority": labels })), enabled(), "", by_labels(&want, None));
    let labels = json!(["app", "app=db", "x=y=z"]);
    let want = [("app", "db"), ("app", "db"), ("x", "")];
    check(rule(true, json!({ "failoverPriority": labels })), enabled(), "", by_labels(&want, None));
    let both = json!({ "failoverPriority": ["app"], "failover": [{ "from": "r1", "to": "r2" }] });
    let want = by_labels(&[("app", "web")], by_locality(Some("r2")));
    check(rule(true, both), enabled(), "", want);
    // Shares need no detection, and the first that is of the client counts.
    let shares = json!({ "distribute": [
        { "from": "r2/*", "to": { "r2": 100 } },
        { "from": "r1/*", "to": { "r1": 80, "r2": 20 } },
        { "from": "*", "to": { "r3": 100 } },
    ], "failoverPriority": ["app"] });
    let want = [("r1".into(), 80), ("r2".into(), 20)].into();
    check(rule(false, shares.clone()), enabled(), "", Balancing::Shares(want));
    let want = [("r1".into(), 80), ("r2".into(), 20)].into();
    check(Value::Null, shares, "", Balancing::Shares(want));
    let others = json!({ "distribute": [{ "from": "r2/*", "to": { "r2": 100 } }] });
    check(rule(true, others), enabled(), "", Balancing::Even);
    // A service's preference needs no detection either, and counts before the mesh's setting.
    let zone = [
        ("topology.istio.io/network", "n1"),
        ("topology.kubernetes.io/region", "r1"),
        ("topology.kubernetes.io/zone", "z1"),
    ];
    check(Value::Null, enabled(), "PreferClose", by_labels(&zone, None));
    check(detection(), json!({ "enabled": false }), "PreferClose", by_labels(&zone, None));
    let node = [&zone[..], &[("topology.istio.io/subzone", ""), ("kubernetes.io/hostname", "")]];
    check(Value::Null, enabled(), "PreferSameNode", by_labels(&node.concat(), None));
    check(Value::Null, enabled(), "Any", Balancing::Even);
    check(rule(false, json!({ "enabled": true })), enabled(), "PreferClose", Balancing::Even);
}

#[test]
fn a_clients_place_matters_only_where_something_asks() {
    let check = |rule: Value, mesh_setting: Value, distribution: &str, want: Option<&[&str]>| {
        let mut world = World::new(mesh(mesh_setting.clone()));
        let mut web = service("web.default", &[("http", 80, Protocol::Http)]);
        web.traffic_distribution = distribution.into();
        world.apply(web);
        if !rule.is_null() {
            world.rule("web.default", "web.default.svc.cluster.local", rule.clone());
        }
        let snapshot = world.snapshot();
        let proxy = |p: &mut crate::model::Proxy| {
            p.labels = [("app".into(), "web".into()), ("x".into(), "y".into())].into();
            p.locality = Locality::parse("r1/z1");
            p.node_name = "node-1".into();
        };
        let got = scope(&snapshot, proxy).place;
        let got = got.map(|place| place.labels.keys().map(|k| k.to_string()).collect::<Vec<_>>());
        let want = want.map(|keys| keys.iter().map(|k| (*k).to_owned()).collect::<Vec<_>>());
        assert_eq!(got, want, "{rule} {mesh_setting} {distribution}");
    };
    let policy = |policy: Value| json!({ "trafficPolicy": policy });
    let enabled = || json!({ "enabled": true });
    let detection = json!({ "outlierDetection": {} });
    check(Value::Null, enabled(), "", None);
    check(policy(json!({})), enabled(), "", None);
    check(policy(detection.clone()), enabled(), "", Some(&[]));
    check(policy(detection.clone()), json!({ "enabled": false }), "", None);
    let in_subset = json!({ "subsets": [{ "name": "v1", "trafficPolicy": detection }] });
    check(in_subset, enabled(), "", Some(&[]));
    let port =
        json!({ "portLevelSettings": [{ "port": { "number": 80 }, "outlierDetection": {} }] });
    check(policy(port), json!({ "failoverPriority": ["app", "x=1"] }), "", Some(&["app"]));
    let shares = json!({ "distribute": [{ "from": "*", "to": { "r1": 100 } }] });
    check(Value::Null, shares, "", Some(&[]));
    let region_and_zone = ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"];
    check(Value::Null, enabled(), "PreferClose", Some(&region_and_zone));
    let with_node = [&["kubernetes.io/hostname"], &region_and_zone[..]].concat();
    check(Value::Null, enabled(), "PreferSameNode", Some(&with_node));
    assert_eq!(Rules::default().candidates("default", &service("a.b", &[]).key).len(), 0);
}
