use super::*;
use crate::api::networking::workload_group::ObjectMeta;
use crate::model::{Locality, ProxyKind};

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect()
}

fn proxy(metadata: Value) -> Proxy {
    Proxy {
        id: "sidecar~10.0.0.7~vm~x".into(),
        kind: ProxyKind::Sidecar,
        ips: vec!["10.0.0.7".parse().unwrap()],
        workload_id: "vm.shop".into(),
        name: "vm".into(),
        namespace: "shop".into(),
        dns_domain: Str::default(),
        cluster: Str::default(),
        network: Str::default(),
        locality: Locality::default(),
        labels: Labels::new(),
        service_account: Str::default(),
        node_name: Str::default(),
        istio_version: Str::default(),
        envoy_version: Str::default(),
        metadata,
        extensions: None,
    }
}

fn group() -> Config<WorkloadGroup> {
    let template = WorkloadEntry {
        address: "1.2.3.4".into(),
        ports: [("http".into(), 8080)].into(),
        labels: labels(&[("from", "template"), ("template", "1"), ("both", "template")]),
        network: "n1".into(),
        locality: "a/b".into(),
        weight: 3,
        service_account: "web".into(),
    };
    let metadata = ObjectMeta {
        labels: labels(&[("from", "metadata"), ("both", "metadata")]),
        annotations: labels(&[("note.istio.io", "kept")]),
    };
    let spec = WorkloadGroup { template: Some(template), metadata: Some(metadata), probe: None };
    let meta =
        Meta { name: "vms".into(), namespace: "shop".into(), uid: "u-1".into(), ..Meta::default() };
    Config { meta, spec, status: () }
}

fn key() -> ObjectKey {
    ObjectKey::new(Kind::WorkloadEntry, "shop", "vms-10.0.0.7")
}

#[test]
fn an_entry_is_of_its_group_and_of_its_node() {
    let mut proxy = proxy(json!({"PROXY_CONFIG": {"readinessProbe": {"tcpSocket": {"port": 80}}}}));
    proxy.labels = labels(&[("from", "node"), (LOCALITY, "r.z.s")]);
    proxy.network = "n2".into();
    proxy.locality = Locality::of("r", "z", "");
    let made = Made::of(key(), &proxy, &group()).connected("istiod-0", "2026-01-01T00:00:00Z");
    let labels = json!({"both": "metadata", "from": "node", "template": "1"});
    let want = json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "WorkloadEntry",
        "metadata": {
            "name": "vms-10.0.0.7",
            "namespace": "shop",
            "labels": labels,
            "annotations": {
                "istio.io/autoRegistrationGroup": "vms",
                "istio.io/connectedAt": "2026-01-01T00:00:00Z",
                "istio.io/workloadController": "istiod-0",
                "note.istio.io": "kept",
                "proxy.istio.io/health-checks-enabled": "true",
            },
            "ownerReferences": [{
                "apiVersion": "networking.istio.io/v1", "kind": "WorkloadGroup",
                "name": "vms", "uid": "u-1", "controller": true,
            }],
        },
        "spec": {
            "address": "10.0.0.7", "ports": {"http": 8080}, "labels": labels, "network": "n2",
            "locality": "r/z", "weight": 3, "serviceAccount": "web",
        },
    });
    assert_eq!(made.object(), want);
    let config = made.config();
    assert_eq!((config.key(), config.spec.address), (key(), "10.0.0.7".into()));
    assert_eq!(config.meta.annotation(GROUP), Some(&"vms".into()));
}

#[test]
fn what_the_node_does_not_say_is_of_the_template() {
    let made = Made::of(key(), &proxy(json!({})), &group()).object();
    assert_eq!(made["spec"]["network"], "n1");
    assert_eq!(made["spec"]["locality"], "a/b");
    assert!(made["metadata"]["annotations"].get(HEALTH_CHECKED).is_none());
    let bare = Config { spec: WorkloadGroup::default(), ..group() };
    let made = Made::of(key(), &proxy(json!({})), &bare).object();
    assert_eq!(made["spec"], json!({"address": "10.0.0.7"}));
}

#[test]
fn a_place_is_told_to_its_first_unknown_part() {
    for (place, want) in [
        (Locality::of("r", "z", "s"), Some("r/z/s")),
        (Locality::of("r", "", "s"), Some("r")),
        (Locality::of("", "", ""), None),
    ] {
        let proxy = Proxy { locality: place, ..proxy(json!({})) };
        assert_eq!(locality(&proxy).as_deref(), want);
    }
}
