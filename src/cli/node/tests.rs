use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Pods, Unknown, find};
use crate::api::core::{ContainerPort, Owner, Pod, Transport};
use crate::api::{Kind, Labels, MeshConfig, Meta, ObjectKey, Str};
use crate::model::{Locality, TlsMode, Workload};
use crate::snapshot::{NamespaceState, SharedMap, Snapshot, WorkloadState};

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| (Str::from(*key), Str::from(*value))).collect()
}

fn workload(namespace: &str, name: &str) -> Workload {
    Workload {
        name: name.into(),
        namespace: namespace.into(),
        labels: labels(&[("app", "web"), ("security.istio.io/tlsMode", "disabled")]),
        all_labels: Labels::new(),
        ips: vec!["10.0.0.7".parse().unwrap(), "fd00::7".parse().unwrap()],
        locality: Locality::parse("eu/eu-a/rack1"),
        node_name: "node-a".into(),
        network: "".into(),
        cluster: "Kubernetes".into(),
        identity: "".into(),
        service_account: "shopkeeper".into(),
        workload_name: "web".into(),
        canonical_name: "web".into(),
        canonical_revision: "v1".into(),
        hostname: "".into(),
        subdomain: "".into(),
        tls_mode: TlsMode::Istio,
        origin: ObjectKey::new(Kind::Pod, namespace, name),
    }
}

fn snapshot(workloads: Vec<Workload>) -> Snapshot {
    let mut namespaces: BTreeMap<Str, SharedMap<Str, WorkloadState>> = BTreeMap::new();
    for workload in workloads {
        let state = namespaces.entry(workload.namespace.clone()).or_default();
        let name = workload.name.clone();
        let targets = Arc::from([]);
        state.insert(name, WorkloadState { workload: Arc::new(workload), targets });
    }
    let mesh = MeshConfig {
        raw: json!({ "defaultConfig": { "discoveryAddress": "istiod.istio-system.svc:15012" } }),
        ..Default::default()
    };
    let state = |workloads| Arc::new(NamespaceState { workloads, ..Default::default() });
    Snapshot {
        domain: "cluster.local".into(),
        mesh: Arc::new(mesh),
        namespaces: Arc::new(namespaces.into_iter().map(|(n, w)| (n, state(w))).collect()),
        ..Default::default()
    }
}

fn pods(owner: Option<(&str, &str, &str)>, annotations: &[(&str, &str)]) -> Pods {
    let owner = owner.map(|(api_version, kind, name)| Owner {
        api_version: api_version.into(),
        kind: kind.into(),
        name: name.into(),
    });
    let meta = Meta {
        name: "web-1".into(),
        namespace: "shop".into(),
        annotations: labels(annotations),
        ..Default::default()
    };
    let ports = vec![ContainerPort { name: "http".into(), port: 8080, protocol: Transport::Tcp }];
    let pod = Pod { meta, owner, ports, ..Default::default() };
    Pods::from([(ObjectKey::new(Kind::Pod, "shop", "web-1"), Arc::new(pod))])
}

fn node(pods: &Pods) -> Value {
    find(&snapshot(vec![workload("shop", "web-1")]), pods, "web-1.shop").unwrap()
}

#[test]
fn a_pod_becomes_a_node() {
    let want = json!({
        "id": "sidecar~10.0.0.7~web-1.shop~shop.svc.cluster.local",
        "cluster": "web.shop",
        "locality": { "region": "eu", "zone": "eu-a", "sub_zone": "rack1" },
        "metadata": {
            "NAME": "web-1",
            "NAMESPACE": "shop",
            "CLUSTER_ID": "Kubernetes",
            "MESH_ID": "cluster.local",
            "ISTIO_VERSION": crate::version::VERSION,
            "INSTANCE_IPS": "10.0.0.7,fd00::7",
            "SERVICE_ACCOUNT": "shopkeeper",
            "NODE_NAME": "node-a",
            "WORKLOAD_NAME": "web",
            "LABELS": {
                "app": "web",
                "security.istio.io/tlsMode": "disabled",
                "service.istio.io/canonical-name": "web",
                "service.istio.io/canonical-revision": "v1",
            },
            "OWNER": "kubernetes://apis/apps/v1/namespaces/shop/deployments/web",
            "POD_PORTS": r#"[{"containerPort":8080,"name":"http","protocol":"TCP"}]"#,
            "PROXY_CONFIG": { "discoveryAddress": "istiod.istio-system.svc:15012" },
            "PILOT_SAN": ["istiod.istio-system.svc"],
            "ENVOY_STATUS_PORT": 15021,
            "ENVOY_PROMETHEUS_PORT": 15090,
            "INTERCEPTION_MODE": "REDIRECT",
        },
    });
    assert_eq!(node(&pods(Some(("apps/v1", "ReplicaSet", "web-5d4f")), &[])), want);
}

#[test]
fn owners_are_written_as_the_agent_does() {
    let check = |owner, want: &str| {
        assert_eq!(node(&pods(owner, &[]))["metadata"]["OWNER"], want);
    };
    let at = |end: &str| format!("kubernetes://apis/{end}");
    check(None, &at("v1/namespaces/shop/pods/web-1"));
    let stateful = Some(("apps/v1", "StatefulSet", "web"));
    check(stateful, &at("apps/v1/namespaces/shop/statefulsets/web"));
    let bare = Some(("apps/v1", "ReplicaSet", "web"));
    check(bare, &at("apps/v1/namespaces/shop/replicasets/web"));
    let job = Some(("batch/v1", "Job", "web"));
    check(job, &at("batch/v1/namespaces/shop/jobs/web"));
}

#[test]
fn annotations_choose_kind_and_interception() {
    let check = |annotations: &[(&str, &str)], kind: &str, mode: Value| {
        let node = node(&pods(None, annotations));
        assert_eq!(node["id"].as_str().unwrap().split('~').next(), Some(kind));
        assert_eq!(node["metadata"]["INTERCEPTION_MODE"], mode);
        assert_eq!(node["metadata"]["ANNOTATIONS"], json!(labels(annotations)));
    };
    check(&[("sidecar.istio.io/interceptionMode", "NONE")], "sidecar", json!("NONE"));
    check(&[("inject.istio.io/templates", "gateway")], "router", Value::Null);
    check(&[("inject.istio.io/templates", "sidecar,custom")], "sidecar", json!("REDIRECT"));
}

#[test]
fn names_are_resolved() {
    let world = snapshot(vec![
        workload("shop", "web-1"),
        workload("shop", "web-2"),
        workload("test", "web-2"),
        Workload { ips: Vec::new(), ..workload("test", "cart-1") },
    ]);
    let check = |name: &str, want: Result<&str, Unknown>| {
        let found = find(&world, &Pods::new(), name);
        let id =
            found.map(|node| node["id"].as_str().unwrap().split('~').nth(2).unwrap().to_owned());
        assert_eq!(id, want.map(str::to_owned), "{name}");
    };
    check("web-1", Ok("web-1.shop"));
    check("web-2.test", Ok("web-2.test"));
    check("web.shop", Ok("web-1.shop"));
    check("web-2", Err(Unknown::Ambiguous("web-2".into(), "shop, test".into())));
    check("cart-1.test", Err(Unknown::NoAddress("cart-1.test".into())));
    let all = "web-1.shop, web-2.shop, cart-1.test, web-2.test";
    check("nobody.shop", Err(Unknown::Name("nobody.shop".into(), all.into())));
    check("web-1.nowhere", Err(Unknown::Name("web-1.nowhere".into(), all.into())));
}
