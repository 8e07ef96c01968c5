//! Endpoints of workloads whose policies refuse mTLS.

use super::*;

/// Two pods of `web.default`, labelled `app: a` and `app: b`, with these PeerAuthentications and this rule.
fn world(policies: &[(&str, Value)], rule: Value) -> World {
    let mut world = World::default();
    let web = service("web.default", &[("http", 80, Protocol::Http)]);
    let labelled = |number, app: &str| {
        let mut pod = pod(number, |w| w.labels = [("app".into(), app.into())].into());
        pod.health = Health::Unknown;
        pod
    };
    world.serve(&web, vec![labelled(1, "a"), labelled(2, "b")]);
    world.apply(web);
    for (name, spec) in policies {
        world.peer(name, spec.clone());
    }
    if !rule.is_null() {
        world.rule("web.default", "web.default.svc.cluster.local", rule);
    }
    world
}

fn built(world: &mut World, memos: &mut Memos) -> Built {
    let snapshot = world.snapshot();
    let scope = scope(&snapshot, unchanged);
    build(&snapshot, &scope, |c| assignments(c, memos))
}

/// Which of the two are spoken to in mTLS.
fn mtls(policies: &[(&str, Value)], rule: Value) -> [bool; 2] {
    let built = built(&mut world(policies, rule), &mut Memos::default());
    let assignment = find(&built, ResourceType::Endpoint, NAME).unwrap();
    [0, 1].map(|index| {
        let endpoint = at(&assignment, &format!("/endpoints/0/lb_endpoints/{index}")).clone();
        endpoint.pointer("/metadata/filter_metadata/envoy.transport_socket_match").is_some()
    })
}

#[test]
fn what_refuses_mtls_is_not_spoken_to_in_it() {
    let mode = |mode: &str| json!({ "mtls": { "mode": mode } });
    let of_a = |more: Value| {
        let mut spec = json!({ "selector": { "matchLabels": { "app": "a" } } });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ("a.default", spec)
    };
    let port = |number: &str| json!({ "portLevelMtls": { number: { "mode": "DISABLE" } } });
    let check = |policies: &[(&str, Value)], want: [bool; 2]| {
        assert_eq!(mtls(policies, Value::Null), want, "{policies:?}");
    };
    check(&[], [true, true]);
    check(&[("mesh.istio-system", mode("STRICT"))], [true, true]);
    check(&[("mesh.istio-system", mode("DISABLE"))], [false, false]);
    check(&[("mesh.istio-system", mode("DISABLE")), ("all.default", mode("STRICT"))], [true, true]);
    check(&[("all.other", mode("DISABLE"))], [true, true]);
    check(&[("all.default", mode("DISABLE")), of_a(mode("PERMISSIVE"))], [true, false]);
    check(&[of_a(mode("DISABLE"))], [false, true]);
    // The port is that of the workload.
    check(&[of_a(port("8080"))], [false, true]);
    check(&[of_a(port("80"))], [true, true]);
}

#[test]
fn what_a_rule_says_of_tls_counts_more() {
    let off = [("all.default", json!({ "mtls": { "mode": "DISABLE" } }))];
    let tls = |mode: &str| json!({ "trafficPolicy": { "tls": { "mode": mode } } });
    assert_eq!(mtls(&off, tls("ISTIO_MUTUAL")), [true, true]);
    assert_eq!(mtls(&off, tls("SIMPLE")), [false, false]);
    assert_eq!(mtls(&off, json!({ "trafficPolicy": {} })), [false, false]);
}

#[test]
fn only_a_refusal_touches_assignments() {
    let mut world = world(&[], Value::Null);
    let mut memos = Memos::default();
    let before = built(&mut world, &mut memos).resources;
    world.peer("all.default", json!({ "mtls": { "mode": "STRICT" } }));
    world.peer("all.other", json!({ "mtls": { "mode": "DISABLE" } }));
    let same = built(&mut world, &mut memos).resources;
    assert!(before.iter().zip(&same).all(|(a, b)| Arc::ptr_eq(a, b)));
    assert_eq!(memos.counts().built, 1);
    world.peer("all.default", json!({ "mtls": { "mode": "DISABLE" } }));
    let after = built(&mut world, &mut memos).resources.remove(0);
    assert_ne!(after.body, before[0].body);
    let policy = ObjectKey::new(Kind::PeerAuthentication, "default", "all");
    assert!(after.origins.contains(&policy), "{:?}", after.origins);
}
