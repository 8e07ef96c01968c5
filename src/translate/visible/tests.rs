//! What a viewpoint sees, as tables.

use std::sync::Arc;

use jiff::Timestamp;

use super::*;
use crate::api::Meta;
use crate::model::{ServiceKey, Visibility};
use crate::translate::fixture::{World, service};

/// A service `NAME.NAMESPACE` of this age with HTTP on these ports. Exported to `export_to`.
fn seen_by(age: i64, name: &str, ports: &[u16], export_to: &str) -> Service {
    let ports: Vec<(String, u16)> = ports.iter().map(|p| (format!("http-{p}"), *p)).collect();
    let ports: Vec<_> =
        ports.iter().map(|(name, p)| (name.as_str(), *p, crate::api::Protocol::Http)).collect();
    let made = service(name, &ports);
    let visibility = Visibility::of([export_to], &made.key.namespace);
    Service { created: Timestamp::from_second(age).ok(), visibility, ..made }
}

/// The same for a ServiceEntry `NAME.NAMESPACE` of the host `NAME.example.com`.
fn external(age: i64, name: &str, ports: &[u16]) -> Service {
    let made = seen_by(age, name, ports, "*");
    let mut key = made.key.clone();
    key.hostname = format!("{}.example.com", made.name).into();
    Service { key, registry: Registry::External, ..made }
}

fn snapshot(services: Vec<Service>) -> Snapshot {
    let mut world = World::default();
    // Not by key: several entries of one namespace may have one host.
    world.services = services.into_iter().map(Arc::new).collect();
    world.snapshot()
}

fn sidecar(egress: &str) -> Option<Same<Config<Sidecar>>> {
    let spec = serde_json::from_value(serde_json::json!({
        "egress": serde_json::from_str::<serde_json::Value>(egress).unwrap()
    }));
    let meta = Meta { name: "s".into(), namespace: "shop".into(), ..Meta::default() };
    Some(Same(Arc::new(Config { meta, spec: spec.unwrap(), status: () })))
}

fn viewpoint(egress: &str) -> Viewpoint {
    let sidecar = if egress.is_empty() { None } else { sidecar(egress) };
    Viewpoint { namespace: "shop".into(), sidecar, gateway: false }
}

/// `NAME.NAMESPACE:PORTS` of each service.
fn names(services: &[Arc<Service>]) -> Vec<String> {
    let name = |s: &Arc<Service>| {
        let ports: Vec<String> = s.ports.iter().map(|p| p.number.to_string()).collect();
        format!("{}.{}:{}", s.name, s.key.namespace, ports.join(","))
    };
    services.iter().map(name).collect()
}

#[track_caller]
fn check(snapshot: &Snapshot, viewpoint: &Viewpoint, all: &[&str], listeners: &[&[&str]]) {
    let visible = Visible::of(snapshot, viewpoint, None, &mut Memos::default());
    assert_eq!(names(&visible.services), all);
    let found: Vec<Vec<String>> = visible.egress.iter().map(|e| names(&e.services.0)).collect();
    assert_eq!(found, listeners);
}

#[test]
fn a_sidecar_sees_what_its_listeners_name() {
    let snapshot = snapshot(vec![
        seen_by(1, "web.shop", &[80, 81], "*"),
        seen_by(2, "db.data", &[3306], "*"),
        seen_by(3, "cart.shop", &[80], "."),
        seen_by(4, "secret.data", &[80], "."),
        seen_by(5, "gone.shop", &[80], "~"),
        seen_by(6, "hint.data", &[80], "shop"),
    ]);
    let all: &[&str] = &["cart.shop:80", "hint.data:80", "web.shop:80,81", "db.data:3306"];
    let check = |egress: &str, union: &[&str], listeners: &[&[&str]]| {
        check(&snapshot, &viewpoint(egress), union, listeners);
    };
    check("", all, &[all]);
    check("[]", all, &[all]);
    check(r#"[{"hosts": ["*/*"]}]"#, all, &[all]);
    check(r#"[{"hosts": ["~/*"]}]"#, &[], &[&[]]);
    check(r#"[{"hosts": ["web.shop"]}]"#, &[], &[&[]]);
    let own: &[&str] = &["cart.shop:80", "web.shop:80,81"];
    check(r#"[{"hosts": ["./*"]}]"#, own, &[own]);
    check(r#"[{"hosts": ["shop/*", "./web.shop.svc.cluster.local"]}]"#, own, &[own]);
    let data: &[&str] = &["hint.data:80", "db.data:3306"];
    check(r#"[{"hosts": ["data/*"]}]"#, data, &[data]);
    check(r#"[{"hosts": ["*/*.data.svc.cluster.local"]}]"#, data, &[data]);
    let db: &[&str] = &["db.data:3306"];
    check(r#"[{"hosts": ["*/db.data.svc.cluster.local"]}]"#, db, &[db]);
    check(r#"[{"hosts": ["shop/db.data.svc.cluster.local"]}]"#, &[], &[&[]]);
    check(
        r#"[{"port": {"number": 80, "protocol": "HTTP", "name": "http"}, "hosts": ["*/*"]},
            {"hosts": ["data/db.data.svc.cluster.local"]}]"#,
        &["cart.shop:80", "hint.data:80", "web.shop:80", "db.data:3306"],
        &[&["cart.shop:80", "hint.data:80", "web.shop:80"], db],
    );
    check(
        r#"[{"port": {"number": 80, "protocol": "HTTP", "name": "http"}, "hosts": ["./web.shop.svc.cluster.local"]},
            {"hosts": ["./*"]}]"#,
        &["web.shop:80,81", "cart.shop:80"],
        &[&["web.shop:80"], own],
    );
    check(
        r#"[{"port": {"number": 7000, "protocol": "HTTP_PROXY", "name": "p"}, "hosts": ["./*"]}]"#,
        own,
        &[own],
    );
}

#[test]
fn of_several_services_of_a_host_one_is_seen() {
    let snapshot = snapshot(vec![
        external(1, "dup.apps", &[80]),
        external(2, "dup.shop", &[80]),
        external(3, "two.apps", &[80]),
        external(4, "two.data", &[80]),
        external(5, "ports.shop", &[80]),
        external(6, "ports.shop", &[80, 443]),
    ]);
    let check = |viewpoint: &Viewpoint, union: &[&str], listeners: &[&[&str]]| {
        check(&snapshot, viewpoint, union, listeners);
    };
    check(
        &viewpoint(""),
        &["dup.shop:80", "two.apps:80", "ports.shop:80,443"],
        &[&["dup.shop:80", "two.apps:80", "ports.shop:80", "ports.shop:80,443"]],
    );
    let two: &[&str] = &["two.data:80"];
    check(&viewpoint(r#"[{"hosts": ["data/*"]}]"#), two, &[two]);
    let gateway: &[&str] = &["dup.apps:80", "two.apps:80", "ports.shop:80,443"];
    check(&Viewpoint { gateway: true, ..viewpoint("") }, gateway, &[gateway]);
}

#[test]
fn kubernetes_keeps_its_names_and_all_owners_are_told() {
    let squatter = external(1, "web.apps", &[80]);
    let web = seen_by(2, "web.data", &[8080], "*");
    let hostname = squatter.key.hostname.clone();
    let web = Service { key: ServiceKey { hostname, ..web.key.clone() }, ..web };
    let snapshot = snapshot(vec![squatter, web]);
    let web: &[&str] = &["web.data:8080"];
    for gateway in [false, true] {
        let viewpoint = Viewpoint { gateway, ..viewpoint("") };
        check(&snapshot, &viewpoint, web, &[web]);
        let seen = Visible::of(&snapshot, &viewpoint, None, &mut Memos::default());
        let told: Vec<String> =
            seen.diagnostics.iter().map(|d| d.object.as_ref().unwrap().to_string()).collect();
        assert_eq!(told, ["Service apps/web", "Service data/web"]);
    }
}

#[test]
fn a_change_elsewhere_leaves_what_is_seen_as_it_was() {
    let mut world = World::default();
    world.services = ["web.shop", "db.data", "other.apps"]
        .map(|name| Arc::new(seen_by(1, name, &[80, 81], "*")))
        .to_vec();
    let mut memos = Memos::default();
    let port = r#"[{"port": {"number": 80, "protocol": "HTTP", "name": "http"}, "hosts": ["./*"]},
                   {"hosts": ["./*", "data/*"]}]"#;
    let viewpoints =
        [viewpoint(port), viewpoint(r#"[{"hosts": ["*/web.shop.svc.cluster.local"]}]"#)];
    let see = |snapshot: &Snapshot, before: Option<&Vec<Visible>>, memos: &mut Memos| {
        let see = |(i, viewpoint)| {
            Visible::of(snapshot, viewpoint, before.map(|before: &Vec<Visible>| &before[i]), memos)
        };
        viewpoints.iter().enumerate().map(see).collect::<Vec<Visible>>()
    };
    let first = see(&world.snapshot(), None, &mut memos);
    world.apply(seen_by(9, "other.apps", &[80], "*"));
    // Two sweeps forget what was not asked for.
    memos.sweep();
    memos.sweep();
    let second = see(&world.snapshot(), Some(&first), &mut memos);
    for (a, b) in first.iter().zip(&second) {
        assert!(Arc::ptr_eq(&a.services, &b.services) && Arc::ptr_eq(&a.egress, &b.egress));
    }
    world.apply(seen_by(9, "web.shop", &[80], "*"));
    let third = see(&world.snapshot(), Some(&second), &mut memos);
    assert!(!Arc::ptr_eq(&second[0].services, &third[0].services));
    assert!(!Arc::ptr_eq(&second[1].services, &third[1].services));
}

#[test]
fn clients_that_see_the_same_share_it() {
    let snapshot =
        snapshot(vec![seen_by(1, "web.shop", &[80], "*"), seen_by(2, "gone.apps", &[80], "~")]);
    let mut memos = Memos::default();
    let [a, b] = ["shop", "data"].map(|namespace| {
        let viewpoint = Viewpoint { namespace: namespace.into(), ..viewpoint("") };
        Visible::of(&snapshot, &viewpoint, None, &mut memos)
    });
    assert!(Arc::ptr_eq(&a.services, &b.services) && Arc::ptr_eq(&a.egress, &b.egress));
}
