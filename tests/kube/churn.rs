//! Thousands of objects, written, changed and deleted in random order: who followed all of it serves what one
//! serves who comes later and reads the outcome.

use kube::api::DynamicObject;
use serde_json::{Value, json};

use super::objects::Change;
use super::{Cluster, Serving};
use crate::xds::Proxy;

/// How large the world is.
const NAMESPACES: usize = 5;
const SERVICES: usize = 60;
const PODS: usize = 6;
/// How often each object is written; some of these times it is deleted instead.
const ROUNDS: usize = 4;
/// Objects that are written at the same time, in an order of their own.
const BATCH: usize = 64;

#[tokio::test]
async fn any_order_of_changes_ends_in_what_a_newcomer_reads() {
    let Some(cluster) = Cluster::private().await else { return };
    let seed = fastrand::u64(..);
    println!("the seed is {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    for number in 0..NAMESPACES {
        let namespace =
            format!("{{apiVersion: v1, kind: Namespace, metadata: {{name: ns-{number}}}}}");
        // Pods are refused before there is one.
        let account = format!(
            "{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: default, namespace: ns-{number}}}}}"
        );
        cluster.apply(&format!("{namespace}\n---\n{account}")).await.unwrap();
    }
    let follower = Serving::of_cluster(cluster.kubeconfig(), "--meshConfig=");

    let mut written = 0;
    for round in 0..ROUNDS {
        let mut world = world(&mut random);
        random.shuffle(&mut world);
        for batch in world.chunks(BATCH) {
            // The last round deletes too, but leaves most.
            let deleted = if round + 1 == ROUNDS { 0.1 } else { 0.3 };
            let changes = batch.iter().cloned().map(|object| match random.f64() < deleted {
                true => Change::Delete(object),
                false => Change::Apply(object),
            });
            written += batch.len();
            cluster.objects.change(changes.collect()).await.unwrap();
        }
    }
    assert!(written > 2_000, "{written} writes");

    let newcomer = Serving::of_cluster(cluster.kubeconfig(), "--meshConfig=");
    let proxies: Vec<Proxy> = (0..NAMESPACES).map(proxy).collect();
    follower.becomes_equal(&newcomer, &proxies, &format!("seed {seed}")).await;
    follower.stop();
    newcomer.stop();
}

/// Nodes, services with pods and slices, and rules for some of them. What varies does so at random.
fn world(random: &mut fastrand::Rng) -> Vec<DynamicObject> {
    let mut world = Vec::new();
    for zone in ["a", "b", "c"] {
        let labels =
            json!({ "topology.kubernetes.io/region": "r", "topology.kubernetes.io/zone": zone });
        world.push(json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": zone, "labels": labels } }));
    }
    for number in 0..SERVICES {
        let name = format!("service-{number}");
        let namespace = format!("ns-{}", number % NAMESPACES);
        let metadata =
            |name: &str| json!({ "name": name, "namespace": namespace, "labels": { "app": name } });
        world.push(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": metadata(&name),
            "spec": {
                "selector": { "app": name },
                "ports": [{ "name": if random.bool() { "http" } else { "tcp" }, "port": 80, "targetPort": 8080 }],
            },
        }));
        let mut endpoints = Vec::new();
        for pod in 0..PODS {
            let (pod_name, ip) = (format!("{name}-{pod}"), format!("10.244.{number}.{}", pod + 1));
            world.push(pod_of(&namespace, &name, &pod_name, &ip, random));
            endpoints.push(json!({
                "addresses": [ip],
                "conditions": { "ready": random.bool() },
                "targetRef": { "kind": "Pod", "name": pod_name, "namespace": namespace },
                "nodeName": "a",
            }));
        }
        endpoints.truncate(random.usize(1..=PODS));
        let mut labels = metadata(&format!("{name}-slice"));
        labels["labels"] = json!({ "kubernetes.io/service-name": name });
        world.push(json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": labels,
            "addressType": "IPv4", "endpoints": endpoints,
            "ports": [{ "name": "http", "port": 8080 }],
        }));
        let timeout = format!("{}s", random.u8(1..9));
        world.push(json!({
            "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": metadata(&name),
            "spec": {
                "hosts": [name],
                "http": [{ "timeout": timeout, "route": [{ "destination": { "host": name, "subset": "v1" } }] }],
            },
        }));
        world.push(json!({
            "apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": metadata(&name),
            "spec": {
                "host": name,
                "exportTo": [if random.bool() { "." } else { "*" }],
                "subsets": [{ "name": "v1", "labels": { "version": "v1" } }],
            },
        }));
        world.push(json!({
            "apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": metadata(&name),
            "spec": {
                "hosts": [format!("{name}.example.com")],
                "addresses": [format!("10.97.0.{number}")],
                "ports": [{ "number": 443, "name": "tls", "protocol": "TLS" }],
                "resolution": if random.bool() { "DNS" } else { "NONE" },
            },
        }));
    }
    world.into_iter().map(object).collect()
}

fn pod_of(namespace: &str, app: &str, name: &str, ip: &str, random: &mut fastrand::Rng) -> Value {
    let version = if random.bool() { "v1" } else { "v2" };
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": name, "namespace": namespace, "labels": { "app": app, "version": version } },
        "spec": { "nodeName": "a", "containers": [{ "name": "app", "image": "app" }] },
        "status": { "phase": "Running", "podIP": ip, "podIPs": [{ "ip": ip }] },
    })
}

fn object(value: Value) -> DynamicObject {
    serde_json::from_value(value).unwrap()
}

/// A proxy in a namespace.
fn proxy(number: usize) -> Proxy {
    let (namespace, name) = (format!("ns-{number}"), format!("service-{number}-0"));
    let ip = format!("10.244.{number}.1");
    Proxy::new(&json!({
        "name": name,
        "id": format!("sidecar~{ip}~{name}.{namespace}~{namespace}.svc.cluster.local"),
        "metadata": {
            "NAMESPACE": namespace,
            "CLUSTER_ID": "Kubernetes",
            "ISTIO_VERSION": "1.30.3",
            "LABELS": { "app": format!("service-{number}") },
        },
    }))
}
