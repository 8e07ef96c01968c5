//! The manifests on a real API server: applied twice, and the daemon with the permissions that they give it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
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
/// As many looks as it takes to be told of something that may not be done.
const SOON: usize = 50;

/// What has to be written somewhere by each part of the control plane that writes.
const WORK: &str = "
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

/// `kubectl apply -k`. What it says, line by line.
fn apply(cluster: &Cluster, directory: &str) -> Vec<String> {
    let mut command = match std::env::var_os("KUBEBUILDER_ASSETS").filter(|at| !at.is_empty()) {
        Some(assets) => Command::new(Path::new(&assets).join("kubectl")),
        None => Command::new(files::path("target/kube-apiserver/kube-apiserver")),
    };
    command.arg("apply").arg("--kubeconfig").arg(cluster.kubeconfig());
    let output = command.arg("-k").arg(files::path(directory)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// The resource versions of the objects of a directory.
async fn versions(cluster: &Cluster, directory: &str) -> BTreeMap<(String, String), String> {
    let mut versions = BTreeMap::new();
    for document in files::all(directory) {
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
    for directory in ["manifests", "manifests/webhooks"] {
        apply(&cluster, directory);
        // Until definitions are served, they change.
        cluster.install_crds().await.unwrap();
        let before = versions(&cluster, directory).await;
        let said = apply(&cluster, directory);
        assert_eq!(versions(&cluster, directory).await, before);
        // kubectl always sends the selector of a PodDisruptionBudget, whose fields it must replace together.
        let changed = said.iter().filter(|line| !line.ends_with(" unchanged"));
        let budget = "poddisruptionbudget.policy/istiod configured";
        assert_eq!(changed.filter(|line| *line != budget).collect::<Vec<_>>(), [""; 0]);
    }
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

/// Waits until what is to be written is, for as long as it takes to be told that it may not be.
async fn written(cluster: &Cluster) {
    let entries = GroupVersionKind::gvk("networking.istio.io", "v1", "ServiceEntry");
    for _ in 0..SOON {
        let entries = cluster.objects.list(&entries).await.unwrap();
        if !entries[0].data["status"]["addresses"].is_null() {
            return;
        }
        tokio::time::sleep(GLANCE).await;
    }
}

#[tokio::test]
async fn the_daemon_is_forbidden_nothing() {
    let Some(cluster) = Cluster::bare().await else { return };
    apply(&cluster, "manifests");
    apply(&cluster, "manifests/webhooks");
    cluster.install(&missing_definitions()).await.unwrap();
    cluster.apply(WORK).await.unwrap();
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
    written(&cluster).await;
    assert!(daemon.stop().0.success());
    let log = std::fs::read_to_string(&log).unwrap();
    let forbidden: Vec<_> = log.lines().filter(|line| line.contains(" is forbidden")).collect();
    assert_eq!(forbidden, [""; 0]);
}
