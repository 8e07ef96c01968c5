use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::api::Meta;
use crate::api::config::{Config, Spec};
use crate::api::core::Namespace;
use crate::api::networking::ProxyConfig;
use crate::snapshot::NamespaceState;

fn review(object: Json) -> Review {
    Review { namespace: "shop".into(), object, ..Review::default() }
}

/// A snapshot with nodes of two clusters.
fn snapshot(own: &[(&str, &str)], far: &[(&str, &str)]) -> Snapshot {
    let platform = |nodes: &[(&str, &str)]| {
        let kubelets = nodes.iter().map(|(name, version)| ((*name).into(), (*version).into()));
        Arc::new(Platform { kubelets: kubelets.collect(), ..Platform::default() })
    };
    let platforms = [("c".into(), platform(own)), ("far".into(), platform(far))];
    Snapshot { cluster: "c".into(), platforms: Arc::new(platforms.into()), ..Snapshot::default() }
}

#[test]
fn sidecars_are_native_where_all_nodes_know_how() {
    let old_and_new = [("a", "v1.32.9"), ("b", "v1.33.1-gke.100")];
    for (own, far, cluster, node, want) in [
        (&old_and_new[1..], &old_and_new[..], "", "", true),
        (&old_and_new[1..], &old_and_new[..], "c", "", true),
        (&old_and_new[1..], &old_and_new[..], "far", "", false),
        (&old_and_new[1..], &old_and_new[..], "far", "b", true),
        (&old_and_new[1..], &old_and_new[..], "far", "a", false),
        (&old_and_new[1..], &old_and_new[..], "far", "new", false),
        (&old_and_new[1..], &old_and_new[..], "unknown", "", false),
        (&[][..], &[][..], "", "", true),
        (&[("a", "what?")][..], &[][..], "", "", false),
        (&[("a", "1.34")][..], &[][..], "", "", true),
    ] {
        let (snapshot, review) = (snapshot(own, far), review(json!({"spec": {"nodeName": node}})));
        let around = Around::of(&snapshot, cluster, &review);
        assert_eq!(around.native_sidecars(NativeSidecars::Auto), want, "{cluster} {node} {own:?}");
        assert!(around.native_sidecars(NativeSidecars::Always));
        assert!(!around.native_sidecars(NativeSidecars::Never));
    }
}

#[test]
fn of_several_proxy_configs_the_oldest_of_each_reach_counts() {
    let mut snapshot = snapshot(&[], &[]);
    for (namespace, name, seconds, spec) in [
        ("istio-system", "mesh", 9, json!({"concurrency": 1})),
        ("shop", "late", 9, json!({"concurrency": 2})),
        (
            "shop",
            "early",
            1,
            json!({"environmentVariables": {"A": "b"}, "image": {"imageType": "debug"}}),
        ),
        ("shop", "web", 5, json!({"selector": {"matchLabels": {"app": "web"}}, "concurrency": 3})),
        ("shop", "nothing", 0, json!({"selector": {}, "concurrency": 4})),
        ("other", "other", 0, json!({"concurrency": 5})),
    ] {
        let meta = Meta {
            name: name.into(),
            namespace: namespace.into(),
            created: Some(jiff::Timestamp::from_second(seconds).unwrap()),
            ..Meta::default()
        };
        let spec = serde_json::from_value(spec).unwrap();
        let config = Config::<ProxyConfig> { meta, spec, status: () };
        snapshot.objects.insert(ProxyConfig::object(Arc::new(config)));
    }
    let pod = review(json!({"metadata": {"labels": {"app": "web"}}}));
    let found = Around::of(&snapshot, "", &pod).proxy_configs();
    let early = json!({"proxyMetadata": {"A": "b"}, "image": {"imageType": "debug"}});
    assert_eq!(found.general, [json!({"concurrency": 1}), early]);
    assert_eq!(found.own, Some(json!({"concurrency": 3})));
    let other = review(json!({"metadata": {"namespace": "other"}}));
    let found = Around::of(&snapshot, "", &other).proxy_configs();
    assert_eq!(found.general, [json!({"concurrency": 1}), json!({"concurrency": 5})]);
    assert_eq!(found.own, None);
}

#[test]
fn why_the_api_server_asks_is_told_by_labels() {
    let mut snapshot = snapshot(&[], &[]);
    let labels = [("istio-injection".into(), "enabled".into())].into();
    let namespace = Namespace {
        meta: Meta { name: "shop".into(), labels, ..Meta::default() },
        ..Namespace::default()
    };
    let state = NamespaceState { object: Some(Arc::new(namespace)), ..NamespaceState::default() };
    snapshot.namespaces = Arc::new([("shop".into(), Arc::new(state))].into());
    let pod = review(json!({"metadata": {"labels": {"istio.io/rev": "canary"}}}));
    let told = Around::of(&snapshot, "", &pod).asked_by();
    assert_eq!(
        told,
        "label istio-injection=enabled of its namespace, label istio.io/rev=canary of the pod"
    );
    assert_eq!(
        Around::of(&snapshot, "far", &pod).asked_by(),
        "label istio.io/rev=canary of the pod"
    );
}
