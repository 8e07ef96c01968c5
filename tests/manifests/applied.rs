//! The manifests on a real API server: applied twice, and the daemon with the permissions that they give it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use http::StatusCode;
use istiod::api::Kind;
use kube::ResourceExt;
use kube::core::GroupVersionKind;
use serde_json::Value;

use super::files;
use crate::daemon::Daemon;
use crate::kube::Cluster;
use crate::kube::faults::{Fault, Faults};

/// Between two looks at what the daemon is to write.
const GLANCE: Duration = Duration::from_millis(100);
/// How many looks; together as long as a slow machine may need.
const GLANCES: usize = 600;

/// What `kubectl apply -k` is told in turn.
const DIRECTORIES: [&str; 2] = ["manifests", "manifests/gateway"];

/// What the daemon has to read, and what each part of it that writes has to write to.
const WORK: &str = "
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: default}
spec: {hosts: [web], http: [{route: [{destination: {host: web}}]}]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata:
  name: outside
  namespace: default
spec:
  hosts: [outside.example.com]
  ports:
  - {name: tls, number: 443, protocol: TLS}
  resolution: DNS
";

/// `kubectl apply -k` of all. What it says, line by line.
fn apply(cluster: &Cluster) -> Vec<String> {
    let said = DIRECTORIES.map(|directory| {
        let folder = files::path(directory);
        cluster.kubectl_apply(&["-k", folder.to_str().unwrap()])
    });
    said.concat().lines().map(str::to_owned).collect()
}

/// The resource versions of the objects of all.
async fn versions(cluster: &Cluster) -> BTreeMap<(String, String), String> {
    let mut versions = BTreeMap::new();
    for document in DIRECTORIES.into_iter().flat_map(files::all) {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (api_version, kind) = (text(&document["apiVersion"]), text(&document["kind"]));
        let (group, version) = api_version.split_once('/').unwrap_or(("", &api_version));
        let name = text(&document["metadata"]["name"]);
        let found = cluster.objects.list(&GroupVersionKind::gvk(group, version, &kind)).await;
        let found = found.unwrap().into_iter().find(|object| object.name_any() == name);
        versions.insert((kind, name), found.unwrap().resource_version().unwrap());
    }
    versions
}

#[tokio::test]
async fn applied_again_nothing_changes() {
    let Some(cluster) = Cluster::bare().await else { return };
    let said = apply(&cluster);
    let others: Vec<_> = said.iter().filter(|line| !line.ends_with(" created")).collect();
    assert_eq!(others, [""; 0]);
    // A second revision takes nothing from the first, and is not forgotten by it.
    let canary = files::path("samples/canary");
    let said = cluster.kubectl_apply(&["-k", canary.to_str().unwrap()]);
    let others: Vec<_> = said.lines().filter(|line| !line.ends_with(" created")).collect();
    assert_eq!(others, [""; 0]);
    // Until definitions are served, they change.
    cluster.install_crds().await.unwrap();
    let before = versions(&cluster).await;
    assert!(before.len() > 20, "{before:?}");
    let said = apply(&cluster);
    assert_eq!(versions(&cluster).await, before);
    // kubectl always sends the selectors of PodDisruptionBudgets, whose fields it must replace together.
    let budget = |line: &str| line.starts_with("poddisruptionbudget.policy/");
    let changed = said.iter().filter(|line| !line.ends_with(" unchanged") && !budget(line));
    assert_eq!(changed.collect::<Vec<_>>(), [""; 0]);
}

/// Definitions of those of Istio's kinds that the manifests do not define.
fn missing_definitions() -> String {
    let defined: Vec<_> = files::definitions().into_iter().map(|d| d.spec.names.kind).collect();
    let missing = Kind::ALL.iter().filter(|kind| kind.is_istio());
    let missing = missing.filter(|kind| defined.iter().all(|defined| defined != kind.name()));
    let definition = |kind: &Kind| {
        let (name, plural, group, version) =
            (kind.name(), kind.plural(), kind.group(), kind.version());
        format!(
            "---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: {plural}.{group}}}
spec:
  group: {group}
  names: {{kind: {name}, plural: {plural}}}
  scope: Namespaced
  versions:
  - name: {version}
    served: true
    storage: true
    schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}
"
        )
    };
    missing.map(definition).collect()
}

/// Starts the daemon with all that it can tell in a file.
fn start(kubeconfig: &Path, log: &Path) -> Daemon {
    let kubeconfig = format!("--kubeconfig={}", kubeconfig.display());
    let log = format!("--log_target={}", log.display());
    let nowhere = ["--grpcAddr=", "--monitoringAddr=", "--ctrlz_port=0", "--meshConfig="];
    Daemon::start(&[&nowhere[..], &[&kubeconfig, "--log_output_level=all:debug", &log]].concat())
}

/// Waits for a line of a log.
async fn until(log: &Path, text: &str) {
    for _ in 0..GLANCES {
        if std::fs::read_to_string(log).is_ok_and(|log| log.contains(text)) {
            return;
        }
        tokio::time::sleep(GLANCE).await;
    }
    panic!("no line has {text:?}: {}", std::fs::read_to_string(log).unwrap());
}

/// Waits until what is to be written is.
async fn written(cluster: &Cluster, log: &Path) {
    let entries = GroupVersionKind::gvk("networking.istio.io", "v1", "ServiceEntry");
    for _ in 0..GLANCES {
        let entries = cluster.objects.list(&entries).await.unwrap();
        if !entries[0].data["status"]["addresses"].is_null() {
            return;
        }
        tokio::time::sleep(GLANCE).await;
    }
    panic!("no address was written: {}", std::fs::read_to_string(log).unwrap());
}

#[tokio::test]
async fn the_daemon_is_forbidden_nothing() {
    let Some(cluster) = Cluster::bare().await else { return };
    apply(&cluster);
    cluster.install_crds().await.unwrap();
    cluster.install(&missing_definitions()).await.unwrap();
    let logs = tempfile::tempdir().unwrap();

    // Somebody else's account shows that the log would tell.
    let log = logs.path().join("default");
    let other = cluster.kubeconfig_of("istio-system", "default").await.unwrap();
    let _daemon = start(&other, &log);
    until(&log, " is forbidden").await;

    let log = logs.path().join("istiod");
    let account = cluster.kubeconfig_of("istio-system", "istiod").await.unwrap();
    let between = Faults::start(&account).await.unwrap();
    // Like servers that do not stream lists: these are read page by page, which is a permission of its own.
    between.inject("sendInitialEvents=true", Fault::Status(StatusCode::UNPROCESSABLE_ENTITY));
    let daemon = start(&between.kubeconfig(), &log);
    until(&log, "\tready").await;
    cluster.apply(WORK).await.unwrap();
    written(&cluster, &log).await;
    assert!(daemon.stop().0.success());
    let log = std::fs::read_to_string(&log).unwrap();
    assert!(between.requests().iter().any(|request| request.contains("/services")), "{log}");
    assert_eq!(between.refused(), [""; 0], "{log}");
    let forbidden: Vec<_> = log.lines().filter(|line| line.contains(" is forbidden")).collect();
    assert_eq!(forbidden, [""; 0]);
}
