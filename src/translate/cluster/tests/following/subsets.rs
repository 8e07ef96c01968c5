//! Which clusters a rule makes and touches, and how they are called.

use super::*;

#[test]
fn each_subset_has_a_cluster() {
    let mut case = Case::new(json!({
        "trafficPolicy": { "connectionPool": { "tcp": { "maxConnections": 1 } } },
        "subsets": [
            { "name": "v1" },
            { "name": "v2", "trafficPolicy": { "tls": { "mode": "SIMPLE", "sni": "x" } } },
        ],
    }));
    case.service.mesh_external = true;
    let got = case.subset("v1");
    let name = "outbound|80|v1|web.default.svc.cluster.local";
    assert_eq!(at(&got, "/eds_cluster_config/service_name"), name);
    assert_eq!(at(&got, "/circuit_breakers/thresholds/0/max_connections"), &json!(1));
    let metadata = at(&got, ISTIO);
    let path = "/apis/networking.istio.io/v1/namespaces/default/destination-rule/web";
    assert_eq!((&metadata["subset"], &metadata["config"]), (&json!("v1"), &json!(path)));
    assert_eq!(metadata.get("external"), None, "only the cluster of all endpoints tells it");
    assert_eq!(at(&case.subset("v2"), &format!("{TLS}/sni")), "x");
    case.service.mesh_external = false;
    let sni = "/transport_socket_matches/0/transport_socket/typed_config/sni";
    assert_eq!(at(&case.subset("v1"), sni), "outbound_.80_.v1_.web.default.svc.cluster.local");
    let built = case.clusters();
    let cluster = built.resources.iter().find(|r| *r.name == *name).unwrap();
    let rule =
        ObjectKey { kind: Kind::DestinationRule, namespace: "default".into(), name: "web".into() };
    assert!(cluster.origins.contains(&rule), "{:?}", cluster.origins);
}

#[test]
fn statistics_are_kept_under_the_names_of_the_mesh() {
    let check = |pattern: &str, registry, want: &str| {
        let mut case = Case::new(json!({ "subsets": [{ "name": "v1" }] }));
        case.mesh.outbound_cluster_stat_name = pattern.into();
        case.service.registry = registry;
        assert_eq!(at(&case.subset("v1"), "/alt_stat_name"), want, "{pattern}");
    };
    use Registry::{External, Kubernetes};
    let pattern =
        "%SERVICE%_%SERVICE_NAME%_%SUBSET_NAME%_%SERVICE_PORT%_%SERVICE_PORT_NAME%_%TARGET_PORT%";
    check(pattern, Kubernetes, "web.default_web_v1_80_http_0;");
    check("%SERVICE%", External, "web.default.svc.cluster.local;");
    check("%SERVICE_FQDN%", Kubernetes, "web.default.svc.cluster.local;");
    check("", Kubernetes, "outbound|80|v1|web.default.svc.cluster.local;");
}

#[test]
fn a_rule_touches_its_own_clusters_only() {
    let mut world = World::default();
    for name in ["a.default", "b.default"] {
        let service = service(name, &[("http", 80, Protocol::Http), ("tcp", 81, Protocol::Tcp)]);
        world.apply(service);
        let subsets = json!({ "subsets": [{ "name": "v1" }] });
        world.rule(name, &format!("{name}.svc.cluster.local"), subsets);
    }
    let mut memos = Memos::default();
    let mut clusters = |world: &mut World| {
        let snapshot = world.snapshot();
        let scope = scope(&snapshot, unchanged);
        let before = memos.counts().built;
        let built = build(&snapshot, &scope, |context| outbound(context, &mut memos));
        (built, memos.counts().built - before)
    };
    let (first, built) = clusters(&mut world);
    assert_eq!(built, 8);
    let spec = json!({ "trafficPolicy": { "loadBalancer": { "simple": "RANDOM" } },
        "subsets": [{ "name": "v1" }] });
    world.rule("b.default", "b.default.svc.cluster.local", spec);
    let (second, built) = clusters(&mut world);
    assert_eq!(built, 4, "two ports with a subset each");
    let same = |name: &str| {
        let find = |built: &crate::translate::translator::Built| {
            built.resources.iter().find(|r| *r.name == *name).unwrap().clone()
        };
        Arc::ptr_eq(&find(&first), &find(&second))
    };
    assert!(same("outbound|80|v1|a.default.svc.cluster.local"));
    assert!(!same("outbound|80|v1|b.default.svc.cluster.local"));
}
