//! Workloads that register themselves with a real API server, over TLS and with tokens of their accounts; two replicas.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ::kube::api::{Api, ApiResource, DynamicObject, PostParams};
use ::kube::core::GroupVersionKind;
use istiod::proto::Any;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Secret, ServiceAccount};
use prost::Message as _;
use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::kube::Cluster;
use crate::kube::namespace::Namespace;
use crate::xds::{Proxy, Talk};

/// How long what must come may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// One mesh, and how its proxies reach it.
struct Mesh {
    cluster: Cluster,
    namespace: Namespace,
    root: String,
    entries: Api<DynamicObject>,
}

fn daemon(cluster: &Cluster, namespace: &Namespace, replica: &str) -> (Daemon, SocketAddr) {
    let environment = [("POD_NAME", replica), ("PILOT_WORKLOAD_ENTRY_GRACE_PERIOD", "2s")];
    let mut daemon = Daemon::start_with(
        &environment,
        &[
            &format!("--kubeconfig={}", cluster.kubeconfig().display()),
            &format!("--namespace={namespace}"),
            "--meshConfig=",
            "--grpcAddr=",
            "--monitoringAddr=",
            "--ctrlz_port=0",
            "--keepaliveMaxServerConnectionAge=30m",
            "--log_output_level=default:info,kube:warn",
            "--secureGRPCAddr=127.0.0.1:0",
        ],
    );
    let address = daemon.address("--secureGRPCAddr");
    (daemon, address)
}

impl Mesh {
    async fn token(&self, account: &str) -> String {
        let accounts: Api<ServiceAccount> =
            Api::namespaced(self.cluster.client.clone(), &self.namespace.name);
        let spec = TokenRequestSpec {
            audiences: Some(vec!["istio-ca".to_owned()]),
            expiration_seconds: Some(600),
            ..TokenRequestSpec::default()
        };
        let request = TokenRequest { spec: Some(spec), ..TokenRequest::default() };
        let answer = accounts.create_token_request(account, &PostParams::default(), &request).await;
        answer.unwrap().status.unwrap().token.unwrap()
    }

    /// A machine of an account connects and names its group.
    async fn connect(
        &self,
        address: SocketAddr,
        account: &str,
        group: &str,
    ) -> anyhow::Result<Talk> {
        let namespace = &self.namespace.name;
        let proxy = Proxy::new(&json!({
            "name": account,
            "id": format!("sidecar~10.1.2.3~vm.{namespace}~{namespace}.svc.cluster.local"),
            "locality": {"region": "r", "zone": "z"},
            "metadata": {
                "NAMESPACE": namespace, "SERVICE_ACCOUNT": account, "CLUSTER_ID": "Kubernetes",
                "AUTO_REGISTER_GROUP": group, "LABELS": {"app": "vm"}, "NETWORK": "west",
                "PROXY_CONFIG": {"readinessProbe": {"tcpSocket": {"port": 8080}}},
            },
        }));
        let host = format!("istiod.{namespace}.svc");
        proxy.talk(address, &host, &self.root, &self.token(account).await).await
    }

    /// The entry, once it is as it should be; None for none.
    async fn entry(&self, name: &str, good: impl Fn(Option<&Value>) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let found = self.entries.get_opt(name).await.unwrap();
            let found = found.map(|object| serde_json::to_value(object).unwrap());
            if good(found.as_ref()) {
                return found.unwrap_or_default();
            }
            assert!(start.elapsed() < PATIENCE, "{name}: {found:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn annotation<'a>(entry: &'a Value, name: &str) -> &'a str {
    entry["metadata"]["annotations"][format!("istio.io/{name}")].as_str().unwrap_or_default()
}

fn health(entry: Option<&Value>) -> (&str, &str) {
    let condition = entry.map(|entry| &entry["status"]["conditions"][0]).unwrap_or(&Value::Null);
    assert!(condition.is_null() || condition["type"] == "Healthy", "{condition}");
    let text = |key: &str| condition[key].as_str().unwrap_or_default();
    (text("status"), text("message"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_is_there_as_long_as_its_proxy() {
    let Some(cluster) = Cluster::shared().await else { return };
    let namespace = cluster.namespace().await;
    let meta = |name: &str| json!({"name": name, "namespace": namespace.name});
    let account =
        |name| json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta(name)});
    let template =
        json!({"serviceAccount": "web", "ports": {"http": 8080}, "labels": {"class": "vm"}});
    let group = json!({
        "apiVersion": "networking.istio.io/v1", "kind": "WorkloadGroup", "metadata": meta("vms"),
        "spec": {"metadata": {"labels": {"of": "group"}}, "template": template},
    });
    let left_over = |name: &str, mark: &str| {
        let mut metadata = meta(name);
        metadata["annotations"] = json!({
            "istio.io/autoRegistrationGroup": "vms", "istio.io/workloadController": "gone",
            format!("istio.io/{mark}"): "2020-01-01T00:00:00Z",
        });
        json!({
            "apiVersion": "networking.istio.io/v1", "kind": "WorkloadEntry", "metadata": metadata,
            "spec": {"address": "10.9.9.9"},
        })
    };
    let left = [left_over("old-1", "connectedAt"), left_over("old-2", "disconnectedAt")];
    let objects = [account("web"), account("other"), group.clone()].into_iter().chain(left);
    let objects: String = objects.map(|object| format!("{object}\n---\n")).collect();
    cluster.apply(&objects).await.unwrap();
    let (mut first, one) = daemon(&cluster, &namespace, "istiod-1");
    let (_second, two) = daemon(&cluster, &namespace, "istiod-2");
    let secrets: Api<Secret> = Api::namespaced(cluster.client.clone(), &namespace.name);
    let ca = secrets.get("istio-ca-secret").await.unwrap().data.unwrap();
    let root = String::from_utf8(ca["root-cert.pem"].0.clone()).unwrap();
    let kind = GroupVersionKind::gvk("networking.istio.io", "v1", "WorkloadEntry");
    let resource = ApiResource::from_gvk_with_plural(&kind, "workloadentries");
    let entries = Api::namespaced_with(cluster.client.clone(), &namespace.name, &resource);
    let mesh = Mesh { cluster, namespace, root, entries };
    let name = "vms-10.1.2.3-west";

    // Who is refused.
    let refused = mesh.connect(one, "web", "nobody").await.err().unwrap().to_string();
    assert!(refused.contains("\"grpc-status\": \"9\""), "{refused}");
    let refused = mesh.connect(one, "other", "vms").await.err().unwrap().to_string();
    assert!(refused.contains("\"grpc-status\": \"7\""), "{refused}");

    // What is made.
    let mut talk = mesh.connect(one, "web", "vms").await.unwrap();
    let entry = mesh.entry(name, |entry| entry.is_some()).await;
    let labels = json!({"app": "vm", "class": "vm", "of": "group"});
    assert_eq!(entry["metadata"]["labels"], labels);
    let want = json!({
        "address": "10.1.2.3", "labels": labels, "locality": "r/z", "network": "west",
        "ports": {"http": 8080}, "serviceAccount": "web",
    });
    assert_eq!(entry["spec"], want);
    let owner = &entry["metadata"]["ownerReferences"][0];
    assert_eq!((&owner["kind"], &owner["name"]), (&json!("WorkloadGroup"), &json!("vms")));
    assert_eq!(annotation(&entry, "workloadController"), "istiod-1");
    assert_eq!(annotation(&entry, "autoRegistrationGroup"), "vms");

    // Its health.
    talk.health(Some("refused")).await.unwrap();
    mesh.entry(name, |entry| health(entry) == ("False", "refused")).await;
    talk.health(None).await.unwrap();
    mesh.entry(name, |entry| health(entry) == ("True", "")).await;

    // What it may ask, as it is of the system namespace.
    let answer = talk.inquire("istio.io/debug/syncz", "").await.unwrap();
    let identifier: Value =
        serde_json::from_str(&answer.control_plane.unwrap().identifier).unwrap();
    assert_eq!(identifier["ID"], "istiod-1");
    assert_eq!(answer.resources.len(), 1);
    let answer = talk.inquire("istio.io/debug", "connections").await.unwrap();
    let body: Value =
        serde_json::from_slice(&Any::decode(&*answer.resources[0]).unwrap().value).unwrap();
    assert_eq!(body["totalClients"], 1);

    // Deleted by hand it comes again, with its health.
    mesh.entries.delete(name, &Default::default()).await.unwrap();
    let uid = entry["metadata"]["uid"].clone();
    let again = |entry: Option<&Value>| {
        entry.is_some_and(|entry| entry["metadata"]["uid"] != uid) && health(entry).0 == "True"
    };
    mesh.entry(name, again).await;

    // It moves to another replica.
    let moved = mesh.connect(two, "web", "vms").await.unwrap();
    let at = |entry: Option<&Value>| {
        entry.map(|entry| annotation(entry, "workloadController").to_owned())
    };
    mesh.entry(name, |entry| at(entry).as_deref() == Some("istiod-2")).await;
    drop(talk);
    first.until("a proxy disconnected");
    tokio::time::sleep(Duration::from_secs(4)).await;
    let entry = mesh.entry(name, |entry| entry.is_some()).await;
    assert!(!annotation(&entry, "connectedAt").is_empty(), "{entry}");

    // It leaves.
    drop(moved);
    mesh.entry(name, |entry| entry.is_none_or(|e| !annotation(e, "disconnectedAt").is_empty()))
        .await;
    mesh.entry(name, |entry| entry.is_none()).await;

    // What ended replicas left.
    for name in ["old-1", "old-2"] {
        mesh.entry(name, |entry| entry.is_none()).await;
    }
}
