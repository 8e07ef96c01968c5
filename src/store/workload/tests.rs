use super::*;
use crate::store::fixtures::{cluster, labels, node, owner, pod};

fn derived(pod: &core::Pod, node: Option<&core::Node>) -> Workload {
    let (mesh, cluster) = (MeshConfig::default(), cluster());
    let around = Surroundings { node, mesh: &mesh, cluster: &cluster };
    derive(pod, around).expect("a workload")
}

/// The name of the workload of a generated pod with this owner and labels.
fn check_name(kind: &str, owner_name: &str, own_labels: &str, want: &str) {
    let mut pod = pod("shop", "the-pod", "10.0.0.1", own_labels);
    pod.generate_name = "the-".into();
    pod.owner = owner(kind, owner_name).filter(|_| !kind.is_empty());
    assert_eq!(&*derived(&pod, None).workload_name, want, "{kind} {owner_name} {own_labels}");
}

#[test]
fn the_workload_is_what_owns_the_owner() {
    check_name("ReplicaSet", "web-v1-5d4f", "pod-template-hash=5d4f", "web-v1");
    check_name("ReplicaSet", "web-5d4f", "rollouts-pod-template-hash=5d4f", "web");
    check_name("ReplicaSet", "web-5d4f", "pod-template-hash=other", "web-5d4f");
    check_name("ReplicaSet", "web-5d4f", "", "web-5d4f");
    check_name("ReplicationController", "web-3", "deploymentconfig=web", "web");
    check_name("ReplicationController", "web-3", "", "web-3");
    check_name("Job", "backup-28012345", "", "backup");
    check_name("Job", "backup-1234567", "", "backup-1234567");
    check_name("Job", "backup-12345678901", "", "backup-12345678901");
    check_name("Job", "backup-2801234x", "", "backup-2801234x");
    check_name("StatefulSet", "db", "", "db");
    check_name("Custom", "thing-12345678", "", "thing-12345678");
    check_name("", "", "", "the-pod");
    check_name("StatefulSet", "db", "service.istio.io/workload-name=named", "named");
}

#[test]
fn a_pod_whose_name_was_not_generated_stands_for_itself() {
    let pod = core::Pod { owner: owner("ReplicaSet", "web"), ..pod("shop", "own", "10.0.0.1", "") };
    assert_eq!(&*derived(&pod, None).workload_name, "own");
}

#[test]
fn canonical_names_fall_back() {
    let check = |own_labels: &str, name: &str, revision: &str| {
        let workload = derived(&pod("shop", "p", "10.0.0.1", own_labels), None);
        assert_eq!(&*workload.canonical_name, name, "{own_labels}");
        assert_eq!(&*workload.canonical_revision, revision, "{own_labels}");
    };
    check("", "p", "");
    check("app=a version=v1", "a", "v1");
    check("app=a app.kubernetes.io/name=b version=v1 app.kubernetes.io/version=v2", "b", "v2");
    check("app=a service.istio.io/canonical-name=c", "c", "");
    check("version=v1 service.istio.io/canonical-revision=r", "p", "r");
    check("version=v1 service.istio.io/canonical-revision=latest", "p", "");
}

#[test]
fn the_pod_says_where_it_runs_before_its_node_does() {
    let check = |pod_labels: &str, node_labels: &str, want: &str| {
        let node = node("node-a", node_labels);
        let workload = derived(&pod("shop", "p", "10.0.0.1", pod_labels), Some(&node));
        let Locality { region, zone, subzone, .. } = workload.locality;
        let got = [&*region, &*zone, &*subzone].join("/");
        assert_eq!(got, want, "{pod_labels} on {node_labels}");
    };
    let full =
        "topology.kubernetes.io/region=r topology.kubernetes.io/zone=z topology.istio.io/subzone=s";
    check("", full, "r/z/s");
    check("istio-locality=x.y", full, "x/y/");
    check(
        "",
        "failure-domain.beta.kubernetes.io/region=r failure-domain.beta.kubernetes.io/zone=z",
        "r/z/",
    );
    check("", "", "//");
}

#[test]
fn subsets_select_on_where_it_runs_too() {
    let node = node("node-a", "topology.kubernetes.io/region=r topology.kubernetes.io/zone=z");
    let workload = derived(&pod("shop", "p", "10.0.0.1", "app=web"), Some(&node));
    assert_eq!(workload.labels, labels("app=web"));
    assert_eq!(
        workload.all_labels,
        labels(
            "app=web kubernetes.io/hostname=node-a topology.istio.io/cluster=Kubernetes \
             topology.istio.io/network= topology.kubernetes.io/region=r topology.kubernetes.io/zone=z"
        )
    );
}

#[test]
fn identity_network_and_tls_mode() {
    let mut object = pod(
        "shop",
        "p",
        "10.0.0.1",
        "topology.istio.io/network=net2 security.istio.io/tlsMode=istio",
    );
    object.service_account = "web".into();
    let workload = derived(&object, None);
    assert_eq!(&*workload.identity, "spiffe://cluster.local/ns/shop/sa/web");
    assert_eq!(&*workload.network, "net2");
    assert_eq!(workload.tls_mode, TlsMode::Istio);

    let workload =
        derived(&pod("shop", "p", "10.0.0.1", "security.istio.io/tlsMode=disabled"), None);
    assert_eq!(&*workload.identity, "spiffe://cluster.local/ns/shop/sa/default");
    assert_eq!(workload.tls_mode, TlsMode::Disabled);
}
