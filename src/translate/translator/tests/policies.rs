//! A policy that changes makes anew what it applies to, and nothing else.

use serde_json::json;

use super::*;
use crate::api::Meta;
use crate::api::config::Config;
use crate::api::fixture::object;
use crate::api::security::AuthorizationPolicy;
use crate::model::AuthorizationPolicies;

fn labelled(name: &str, ip: &str, app: &str) -> Arc<Proxy> {
    let proxy = proxy(ProxyKind::Sidecar, name, ip);
    Arc::new(Proxy { labels: [("app".into(), app.into())].into(), ..proxy })
}

fn policy(name: &str, app: &str, method: &str) -> Arc<Config<AuthorizationPolicy>> {
    let (name, namespace) = name.split_once('.').unwrap();
    let meta = Meta { name: name.into(), namespace: namespace.into(), ..Meta::default() };
    let spec = json!({
        "selector": { "matchLabels": { "app": app } },
        "rules": [{ "to": [{ "operation": { "methods": [method] } }] }],
    });
    Arc::new(Config { meta, ..object::<AuthorizationPolicy>(&spec.to_string()) })
}

/// The next snapshot, with these policies.
fn with(
    world: &mut World,
    before: &Snapshot,
    policies: &[&Arc<Config<AuthorizationPolicy>>],
) -> Snapshot {
    let policies: Vec<_> = policies.iter().copied().cloned().collect();
    let all = AuthorizationPolicies::new(&policies, &before.authorization_policies);
    Snapshot { authorization_policies: Arc::new(all), ..world.snapshot() }
}

#[test]
fn a_policy_touches_the_listeners_of_workloads_that_it_applies_to() {
    let (mut world, _) = shop();
    let (a, b) =
        (labelled("a-1.default", "10.0.0.1", "a"), labelled("b-1.default", "10.0.0.2", "b"));
    let mut translator = Translator::default();
    let (of_a, of_b) = (policy("a.default", "a", "GET"), policy("b.default", "b", "GET"));
    let first = with(&mut world, &Snapshot::default(), &[&of_a, &of_b]);
    let before = [&a, &b].map(|proxy| translator.view(&first, proxy));
    let second = with(&mut world, &first, &[&policy("a.default", "a", "POST"), &of_b]);
    let after = [&a, &b].map(|proxy| translator.view(&second, proxy));
    assert_eq!(changed(&before[0], &after[0], ResourceType::Listener), ["virtualInbound"]);
    for kind in [ResourceType::Cluster, ResourceType::Endpoint, ResourceType::Route] {
        assert!(changed(&before[0], &after[0], kind).is_empty(), "{kind:?}");
    }
    for (one, two) in before[1].layers.iter().zip(&after[1].layers) {
        assert!(Arc::ptr_eq(one, two), "b is served what it was");
    }
    let origins = &after[0].get(ResourceType::Listener, "virtualInbound").unwrap().origins;
    assert!(origins.contains(&of_a.key()) && !origins.contains(&of_b.key()), "{origins:?}");
}

#[test]
fn workloads_of_one_policy_share_its_listeners() {
    let (mut world, _) = shop();
    let mut translator = Translator::default();
    let snapshot = with(&mut world, &Snapshot::default(), &[&policy("a.default", "a", "GET")]);
    let [one, two] = [("a-1.default", "10.0.0.1"), ("a-2.default", "10.0.0.2")]
        .map(|(name, ip)| translator.view(&snapshot, &labelled(name, ip, "a")));
    let inbound = |view: &View| view.get(ResourceType::Listener, "virtualInbound").unwrap().clone();
    assert!(Arc::ptr_eq(&inbound(&one), &inbound(&two)));
}

#[test]
fn policies_of_other_namespaces_touch_nothing() {
    let (mut world, _) = shop();
    let a = labelled("a-1.default", "10.0.0.1", "a");
    let mut translator = Translator::default();
    let own = policy("a.default", "a", "GET");
    let first = with(&mut world, &Snapshot::default(), &[&own]);
    let before = translator.view(&first, &a);
    let second = with(&mut world, &first, &[&own, &policy("a.data", "a", "GET")]);
    let after = translator.view(&second, &a);
    for (one, two) in before.layers.iter().zip(&after.layers) {
        assert!(Arc::ptr_eq(one, two));
    }
    // That of the root namespace does.
    let third = with(&mut world, &second, &[&own, &policy("a.istio-system", "a", "GET")]);
    let after = translator.view(&third, &a);
    assert_eq!(changed(&before, &after, ResourceType::Listener), ["virtualInbound"]);
}
