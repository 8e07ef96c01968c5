//! Injection and validation as users meet them: a real API server with the manifests asks the daemon.
//!
//! The Service of the control plane leads to this machine instead of pods, and the webhooks to the daemon's port; all
//! else is as installed, certificates and their roots included.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use super::files;
use crate::daemon::Daemon;
use crate::kube::{Cluster, objects};
use crate::skip::skipped;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(90);

/// Between two looks.
const GLANCE: Duration = Duration::from_millis(100);

/// A cluster with the manifests, and the daemon that its API server asks.
struct Answered {
    cluster: Cluster,
    _daemon: Daemon,
}

impl Answered {
    /// None, and a line that says so, where no API server can be started.
    async fn start() -> Option<Answered> {
        let cluster = Cluster::bare().await?;
        let folder = files::path("manifests");
        cluster.kubectl_apply(&["-k", folder.to_str().unwrap()]);
        cluster.install_crds().await.unwrap();
        let account = cluster.kubeconfig_of("istio-system", "istiod").await.unwrap();
        let kubeconfig = format!("--kubeconfig={}", account.display());
        let mut daemon = Daemon::start_with(
            &[("REVISION", "default"), ("POD_NAMESPACE", "istio-system")],
            &[
                "--grpcAddr=",
                "--monitoringAddr=",
                "--ctrlz_port=0",
                &kubeconfig,
                "--httpsAddr=127.0.0.1:0",
            ],
        );
        let address = daemon.address("--httpsAddr");
        let answered = Answered { cluster, _daemon: daemon };
        answered.lead_to(address).await;
        Some(answered)
    }

    /// Leads the Service, and the webhooks behind it, to an address of this machine.
    async fn lead_to(&self, address: SocketAddr) {
        let services: Api<Service> = Api::namespaced(self.cluster.client.clone(), "istio-system");
        services.delete("istiod", &Default::default()).await.unwrap();
        let service = json!({
            "metadata": {"name": "istiod"},
            "spec": {"type": "ExternalName", "externalName": "localhost"},
        });
        let service = serde_json::from_value(service).unwrap();
        services.create(&PostParams::default(), &service).await.unwrap();
        let lead = |webhooks: Value| {
            let mut webhooks = webhooks;
            for webhook in webhooks.as_array_mut().unwrap() {
                webhook["clientConfig"]["service"]["port"] = json!(address.port());
            }
            Patch::Merge(json!({ "webhooks": webhooks }))
        };
        // The daemon writes to the same objects.
        for sort in ["mutating", "validating"] {
            let client = self.cluster.client.clone();
            let params = PatchParams::default();
            if sort == "mutating" {
                let api: Api<MutatingWebhookConfiguration> = Api::all(client);
                for object in api.list(&Default::default()).await.unwrap() {
                    let webhooks = serde_json::to_value(&object.webhooks).unwrap();
                    api.patch(&object.name_any(), &params, &lead(webhooks)).await.unwrap();
                }
            } else {
                let api: Api<ValidatingWebhookConfiguration> = Api::all(client);
                for object in api.list(&Default::default()).await.unwrap() {
                    let webhooks = serde_json::to_value(&object.webhooks).unwrap();
                    api.patch(&object.name_any(), &params, &lead(webhooks)).await.unwrap();
                }
            }
        }
    }

    /// Waits until validation fails closed: then the whole way was seen to work.
    async fn until_validated(&self) {
        let api: Api<ValidatingWebhookConfiguration> = Api::all(self.cluster.client.clone());
        let start = Instant::now();
        loop {
            let all = api.list(&Default::default()).await.unwrap();
            let mut webhooks = all.items.iter().flat_map(|object| object.webhooks.iter().flatten());
            if webhooks.all(|webhook| webhook.failure_policy.as_deref() == Some("Fail")) {
                return;
            }
            assert!(start.elapsed() < PATIENCE, "validation still fails open: {all:?}");
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Creates a namespace with labels.
    async fn namespace(&self, name: &str, labels: &str) {
        let namespace = format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {{{labels}}}}}\n"
        );
        self.cluster.apply(&namespace).await.unwrap();
    }

    /// Creates a pod, once there is an account for it. What became of it.
    async fn pod(&self, namespace: &str, pod: Value) -> Pod {
        let api: Api<Pod> = Api::namespaced(self.cluster.client.clone(), namespace);
        let pod: Pod = serde_json::from_value(pod).unwrap();
        let start = Instant::now();
        loop {
            match api.create(&PostParams::default(), &pod).await {
                Ok(pod) => return pod,
                Err(error) => assert!(start.elapsed() < PATIENCE, "{error}"),
            }
            tokio::time::sleep(GLANCE).await;
        }
    }
}

/// A pod with labels.
fn pod(name: &str, labels: Value) -> Value {
    json!({
        "metadata": {"name": name, "labels": labels},
        "spec": {"containers": [{
            "name": "web",
            "image": "web",
            "ports": [{"name": "http", "containerPort": 8080}],
            "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}},
        }]},
    })
}

/// The names of the containers that a pod has, those that come first included.
fn containers(pod: &Pod) -> Vec<&str> {
    let spec = pod.spec.as_ref().unwrap();
    let all = spec.init_containers.iter().flatten().chain(&spec.containers);
    all.map(|container| container.name.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pods_are_injected_as_they_and_their_namespaces_say() {
    let Some(mesh) = Answered::start().await else { return };
    mesh.namespace("shop", "istio-injection: enabled").await;
    mesh.namespace("plain", "").await;
    mesh.namespace("canary", "istio.io/rev: canary").await;
    let (with, without) = (["istio-init", "web"], ["web"]);
    for (namespace, name, labels, injected) in [
        ("shop", "in", json!({}), true),
        ("shop", "out", json!({"sidecar.istio.io/inject": "false"}), false),
        ("plain", "out", json!({}), false),
        ("plain", "in", json!({"sidecar.istio.io/inject": "true"}), true),
        ("plain", "named", json!({"istio.io/rev": "default"}), true),
        ("canary", "out", json!({}), false),
    ] {
        let made = mesh.pod(namespace, pod(name, labels)).await;
        let mut names = containers(&made);
        let proxies = names.iter().filter(|name| **name == "istio-proxy").count();
        names.retain(|name| *name != "istio-proxy");
        assert_eq!(proxies, usize::from(injected), "{namespace}/{name}");
        assert_eq!(names, if injected { &with[..] } else { &without[..] }, "{namespace}/{name}");
    }

    // The gateway of the manifests is one that injection makes.
    let gateway = files::all("manifests/gateway");
    let yaml: Vec<String> = gateway.iter().map(|o| serde_yaml::to_string(o).unwrap()).collect();
    mesh.cluster.apply(&yaml.join("---\n")).await.unwrap();
    let deployment = gateway.iter().find(|object| object["kind"] == "Deployment").unwrap();
    let mut template = deployment["spec"]["template"].clone();
    template["metadata"]["generateName"] = json!("istio-ingressgateway-");
    let made = mesh.pod("istio-ingress", template).await;
    assert_eq!(containers(&made), ["istio-proxy"]);
    let container = &made.spec.as_ref().unwrap().containers[0];
    let image = container.image.as_deref().unwrap();
    assert!(image.ends_with(&format!("/proxyv2:{}", env!("CARGO_PKG_VERSION"))), "{image}");
    assert_eq!(container.args.as_ref().unwrap()[..2], ["proxy", "router"]);
    assert_eq!(container.security_context.as_ref().unwrap().run_as_user, Some(1337));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mistakes_are_refused_by_kubectl_apply_and_recordings_are_taken() {
    let Some(mesh) = Answered::start().await else { return };
    mesh.until_validated().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wrong.yaml");
    let wrong = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: default}
spec:
  hosts: [web]
  http:
  - redirect: {uri: /elsewhere}
    route:
    - {destination: {host: web}}
";
    std::fs::write(&file, wrong).unwrap();
    let refused = mesh.cluster.try_kubectl_apply(&["-f", file.to_str().unwrap()]).unwrap_err();
    assert!(refused.contains("denied the request: "), "{refused}");
    assert!(refused.contains("http[0]") && refused.contains("redirect"), "{refused}");

    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/reference");
    if !root.exists() {
        return skipped("the recordings are not beside the repository");
    }
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    // Kinds that we have no definitions for are there too, as in the clusters of users.
    for definitions in ["crds/istio.yaml", "crds/gateway-api.yaml"] {
        mesh.cluster.install(&read(definitions)).await.unwrap();
    }
    mesh.cluster.install_crds().await.unwrap();
    // The cluster of the recordings without the Service of the control plane, which leads here.
    let mut base = objects::parse(&read("cluster.yaml")).unwrap();
    base.retain(|object| object.name_any() != "istiod");
    mesh.cluster.objects.apply(base).await.unwrap();
    let mut scenarios: Vec<_> = std::fs::read_dir(&root)
        .unwrap()
        .map(|entry| entry.unwrap().path().join("config.yaml"))
        .filter(|path| path.exists())
        .collect();
    scenarios.sort();
    assert!(scenarios.len() >= 14, "{scenarios:?}");
    for scenario in scenarios {
        // A few have fields that no definition has.
        let said = mesh
            .cluster
            .try_kubectl_apply(&["--validate=ignore", "-f", scenario.to_str().unwrap()])
            .unwrap_or_else(|said| panic!("{}: {said}", scenario.display()));
        assert!(said.contains(" created") || said.contains(" configured"), "{said}");
    }
}
