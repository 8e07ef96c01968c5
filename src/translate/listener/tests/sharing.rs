//! What depends on what.

use super::*;
use crate::translate::Resource;

#[test]
fn what_a_listener_does_not_depend_on_does_not_rebuild_it() {
    let services = || {
        [
            service(1, "web.shop", &["10.96.0.1"], &[("http", 80), ("tcp", 81)]),
            service(2, "db.shop", &["None"], &[("tcp", 82)]),
        ]
    };
    let mut memos = Memos::default();
    let mut build = |world: &Snapshot, namespace: &str, name: &str| {
        let tags = TraceTags { canonical_service: name.into(), ..TraceTags::default() };
        let traits = ListenerTraits { trace_tags: tags, ..ListenerTraits::default() };
        let scope = scope(namespace);
        outbound(&context(world, &scope), &traits, &[], &mut memos).resources.clone()
    };
    let same = |a: &[Arc<Resource>], b: &[Arc<Resource>], name: &str| {
        let find = |list: &[Arc<Resource>]| list.iter().find(|r| *r.name == *name).unwrap().clone();
        Arc::ptr_eq(&find(a), &find(b))
    };
    let world = with_endpoints(snapshot(services()), "db.shop", &[endpoint("10.0.0.1", "")]);
    let first = build(&world, "shop", "web");
    let names = ["0.0.0.0_80", "10.96.0.1_81", "10.0.0.1_82", "virtualOutbound"];

    let other_workload = build(&world, "shop", "api");
    assert!(!same(&first, &other_workload, "0.0.0.0_80"), "its spans tell another name");
    assert!(names[1..].iter().all(|name| same(&first, &other_workload, name)));

    let other_namespace = build(&world, "bank", "web");
    assert!(names.iter().all(|name| same(&first, &other_namespace, name)));

    let mut relabelled = services();
    relabelled[0].labels.insert("team".into(), "blue".into());
    let mut changed = snapshot(relabelled);
    changed.namespaces = world.namespaces.clone();
    let after = build(&changed, "shop", "web");
    assert!(names.iter().all(|name| same(&first, &after, name)), "labels of a service");

    let newer = services().into_iter().chain([service(3, "api.shop", &[], &[("http", 80)])]);
    let mut grown = snapshot(newer);
    grown.namespaces = world.namespaces.clone();
    let after = build(&grown, "shop", "web");
    assert!(names.iter().all(|name| same(&first, &after, name)), "another service on the port");

    let moved = with_endpoints(world.clone(), "db.shop", &[endpoint("10.0.0.2", "")]);
    let after = build(&moved, "shop", "web");
    assert!(["0.0.0.0_80", "10.96.0.1_81"].iter().all(|name| same(&first, &after, name)));
    assert!(after.iter().any(|r| *r.name == *"10.0.0.2_82"));

    let built = memos.plans.counts.built;
    assert_eq!(built, 6, "one plan for each context, as tests do not remember what is seen");
}

#[test]
fn the_order_of_objects_does_not_matter() {
    let services: Vec<Service> = (0..30)
        .map(|n| {
            let kinds = ["http", "tcp", "any", "https"];
            service(1, &format!("s{n}.shop"), &[], &[(kinds[n % 4], 80 + (n % 5) as u16)])
        })
        .collect();
    let bodies = |services: Vec<Service>| {
        let built = outbound(
            &context(&snapshot(services), &scope("shop")),
            &traits(),
            &[],
            &mut Memos::default(),
        );
        let bodies: Vec<_> = built.resources.iter().map(|r| r.body.clone()).collect();
        (bodies, built.diagnostics.clone())
    };
    let want = bodies(services.clone());
    let mut shuffled = services;
    for seed in 0..5 {
        fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
        assert_eq!(bodies(shuffled.clone()), want);
    }
}
