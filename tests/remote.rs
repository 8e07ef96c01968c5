//! Two real API servers: the control plane of one follows the other, as a secret tells it to.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use istiod::api::core::{EndpointSlice, Secret, Service, SliceEndpoint, SlicePort};
use istiod::api::{Change, Kind, Meta, Object, ObjectKey};
use istiod::sources::kubernetes::remote::plan::{Action, Plan};
use istiod::store::{Config, Store};
use serde_json::Value;

use crate::daemon::Daemon;
use crate::kube::Cluster;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(40);

/// Between two looks.
const GLANCE: Duration = Duration::from_millis(10);

/// A service `web.shop` with one endpoint.
fn shop(address: &str) -> String {
    format!(
        "{{apiVersion: v1, kind: Namespace, metadata: {{name: shop}}}}\n---\n\
         apiVersion: v1\nkind: Service\nmetadata: {{name: web, namespace: shop}}\n\
         spec: {{ports: [{{name: http, port: 80}}]}}\n---\n\
         apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\n\
         metadata:\n  name: web-a\n  namespace: shop\n  labels: {{kubernetes.io/service-name: web}}\n\
         ports: [{{name: http, port: 8080}}]\nendpoints: [{{addresses: [{address}]}}]\n"
    )
}

/// The secret that tells of the other cluster. Each round says the same in other bytes.
fn secret(kubeconfig: &str, round: usize) -> String {
    let text = serde_json::to_string(&format!("{kubeconfig}\n# {round}\n")).unwrap();
    format!(
        "apiVersion: v1\nkind: Secret\n\
         metadata: {{name: east, namespace: istio-system, labels: {{istio/multiCluster: 'true'}}}}\n\
         stringData: {{east: {text}}}\n"
    )
}

#[derive(Clone, Copy)]
struct Http(SocketAddr);

impl Http {
    fn get(self, path: &str) -> String {
        let mut connection = TcpStream::connect(self.0).unwrap();
        write!(connection, "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    /// What `/debug/clusterz` tells of the other cluster.
    fn east(self) -> Option<Value> {
        let all: Vec<Value> = serde_json::from_str(&self.get("/debug/clusterz")).unwrap();
        assert_eq!(all[0]["id"], "own");
        all.into_iter().find(|cluster| cluster["id"] == "east")
    }

    fn has_both(self) -> bool {
        let endpoints = self.get("/debug/endpointz");
        ["10.1.0.1", "10.2.0.1"].iter().all(|address| endpoints.contains(address))
    }

    async fn until(self, what: &str, is_so: impl Fn(Http) -> bool) {
        let begun = Instant::now();
        while !is_so(self) {
            assert!(begun.elapsed() < PATIENCE, "not so: {what}: {:?}", self.east());
            tokio::time::sleep(GLANCE).await;
        }
    }

    async fn until_state(self, state: &str, sync: &str) -> Value {
        let is = |east: &Value| east["state"] == state && east["syncStatus"] == sync;
        self.until(state, |http| http.east().is_some_and(|east| is(&east))).await;
        self.east().unwrap()
    }
}

/// Looks at the endpoints all the time, until it is told to stop. Returns how often, and how often some were missing.
fn watch(http: Http, stop: &Arc<AtomicBool>) -> JoinHandle<(usize, usize)> {
    let stop = stop.clone();
    thread::spawn(move || {
        let (mut looks, mut missing) = (0, 0);
        while !stop.load(Ordering::Relaxed) {
            looks += 1;
            missing += usize::from(!http.has_both());
        }
        (looks, missing)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_joins_changes_its_credentials_and_leaves() {
    let Some(own) = Cluster::private().await else { return };
    let Some(east) = Cluster::bare().await else { return };
    own.apply("{apiVersion: v1, kind: Namespace, metadata: {name: istio-system}}").await.unwrap();
    own.apply(&shop("10.1.0.1")).await.unwrap();
    east.apply(&shop("10.2.0.1")).await.unwrap();
    let kubeconfig = std::fs::read_to_string(east.kubeconfig()).unwrap();
    own.apply(&secret(&kubeconfig, 0)).await.unwrap();

    let access = format!("--kubeconfig={}", own.kubeconfig().display());
    let arguments = [&access, "--clusterID=own", "--meshConfig=", "--grpcAddr=", "--ctrlz_port=0"];
    let mut daemon = Daemon::start(&[&arguments[..], &["--monitoringAddr="]].concat());
    let http = Http(daemon.address("--httpAddr"));
    daemon.until("\tready");
    assert!(http.has_both(), "the start waits for clusters that are told of");
    assert_eq!(http.east().unwrap()["secretName"], "istio-system/east");
    http.until_state("synced", "synced").await;

    // Its credentials change, many times, and what it has is always there.
    let stop = Arc::new(AtomicBool::new(false));
    let watching = watch(http, &stop);
    for round in 1..=10 {
        own.apply(&secret(&kubeconfig, round)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    http.until_state("synced", "synced").await;

    // Nobody listens there: what it was stays in use.
    let nowhere = kubeconfig.replace("https://127.0.0.1:", "https://127.0.0.2:1#");
    let nowhere = nowhere.lines().map(|line| line.split('#').next().unwrap_or_default());
    own.apply(&secret(&nowhere.collect::<Vec<_>>().join("\n"), 0)).await.unwrap();
    let state = http.until_state("connecting", "syncing").await;
    assert_eq!(state["previousInUse"], true);

    // What runs commands is refused, with the reason, and what it was stays in use.
    let exec = kubeconfig.replace("token:", "exec: {command: /bin/true}\n    token:");
    assert_ne!(exec, kubeconfig);
    own.apply(&secret(&exec, 0)).await.unwrap();
    http.until("refused", |http| http.east().unwrap()["refusal"] != Value::Null).await;
    let refusal = http.east().unwrap()["refusal"].as_str().unwrap().to_owned();
    assert!(refusal.starts_with("exec is not allowed"), "{refusal}");
    assert!(http.get("/debug/diagnostics").contains("exec is not allowed"));

    // And works again.
    own.apply(&secret(&kubeconfig, 11)).await.unwrap();
    http.until_state("synced", "synced").await;
    let more = "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\naddressType: IPv4\n\
        metadata:\n  name: web-b\n  namespace: shop\n  labels: {kubernetes.io/service-name: web}\n\
        ports: [{name: http, port: 8080}]\nendpoints: [{addresses: [10.2.0.2]}]\n";
    east.apply(more).await.unwrap();
    http.until("followed", |http| http.get("/debug/endpointz").contains("10.2.0.2")).await;
    stop.store(true, Ordering::Relaxed);
    let (looks, missing) = watching.join().unwrap();
    assert_eq!(missing, 0, "of {looks} looks");

    // Nothing is left of it.
    assert!(http.get("/metrics").contains("cluster=\"east\""));
    own.delete(&secret("", 0)).await.unwrap();
    http.until("gone", |http| http.east().is_none()).await;
    http.until("removed", |http| !http.get("/debug/endpointz").contains("10.2.0.")).await;
    assert!(http.get("/debug/endpointz").contains("10.1.0.1"));
    let metrics = http.get("/metrics");
    assert!(!metrics.contains("\"east\""), "{metrics}");
    assert!(metrics.contains("istiod_managed_clusters{cluster_type=\"remote\"} 0"), "{metrics}");

    let (status, log) = daemon.stop();
    assert!(status.success(), "{status}");
    let token = kubeconfig.lines().find_map(|line| line.trim().strip_prefix("token: ")).unwrap();
    assert!(token.len() > 8 && !log.contains(token), "the log shows a credential");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_may_tell_of_clusters_too() {
    let Some(east) = Cluster::bare().await else { return };
    east.apply(&shop("10.2.0.1")).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("shop.yaml"), shop("10.1.0.1")).unwrap();
    let kubeconfig = std::fs::read_to_string(east.kubeconfig()).unwrap();
    let file = directory.path().join("east.yaml");
    std::fs::write(&file, secret(&kubeconfig, 0)).unwrap();

    let config = format!("--configDir={}", directory.path().display());
    let arguments = [&config, "--clusterID=own", "--meshConfig=", "--grpcAddr=", "--ctrlz_port=0"];
    let mut daemon = Daemon::start(&[&arguments[..], &["--monitoringAddr="]].concat());
    let http = Http(daemon.address("--httpAddr"));
    daemon.until("\tready");
    assert!(http.has_both());
    std::fs::remove_file(file).unwrap();
    http.until("gone", |http| http.east().is_none() && !http.has_both()).await;
    assert!(http.get("/debug/endpointz").contains("10.1.0.1"));
}

fn meta(namespace: &str, name: &str) -> Meta {
    Meta { namespace: namespace.into(), name: name.into(), ..Meta::default() }
}

/// A service of 100 endpoints.
fn objects() -> Vec<Change> {
    let service = Service { meta: meta("shop", "web"), ..Service::default() };
    let endpoint =
        |i: u8| SliceEndpoint { addresses: vec![[10, 2, 0, i].into()], ..SliceEndpoint::default() };
    let slice = EndpointSlice {
        meta: meta("shop", "web-a"),
        service: "web".into(),
        endpoints: (0..100).map(endpoint).collect(),
        ports: vec![SlicePort { name: "http".into(), port: 80, ..SlicePort::default() }],
        ..EndpointSlice::default()
    };
    let objects = [Object::Service(Arc::new(service)), Object::EndpointSlice(Arc::new(slice))];
    objects.map(Change::Apply).into()
}

#[test]
fn a_thousand_rotations_leave_what_one_leaves() {
    let mut plan = Plan::new("own".into(), "istio-system".into(), Default::default());
    let mut store = Store::new(Config { cluster: "own".into(), ..Config::default() });
    let east = "east".into();
    let mut generation = 0;
    for round in 0..1_000 {
        let mut meta = meta("istio-system", "remote");
        meta.labels.insert("istio/multiCluster".into(), "true".into());
        let data =
            [("east".into(), format!("{{extensions: [], a: {round}}}").as_bytes().into())].into();
        let secret = Object::Secret(Arc::new(Secret { meta, data, ..Secret::default() }));
        plan.take(&Change::Apply(secret));
        let [Action::Start { client, .. }] = plan.actions()[..] else { panic!("{round}") };
        assert!(plan.synced(&east, client));
        let stops = plan.actions().len();
        assert_eq!(stops, usize::from(round > 0), "the client before ends");
        store.apply_remote(&east, objects());
        let snapshot = store.snapshot();
        generation = if round == 0 { snapshot.generation } else { generation };
        assert_eq!(snapshot.generation, generation, "the same objects are no change");
        assert_eq!(store.remote_keys(&east).len(), 2);
    }
    let secret = ObjectKey::new(Kind::Secret, "istio-system", "remote");
    plan.take(&Change::Remove(secret));
    assert!(matches!(plan.actions()[..], [Action::Stop(_), Action::Forget(_)]));
    store.remove_cluster(&east);
    let snapshot = store.snapshot();
    assert_eq!((plan.count(), plan.views().len(), store.remote_keys(&east).len()), (0, 0, 0));
    assert!(snapshot.services.is_empty() && snapshot.namespaces.is_empty());
    assert!(snapshot.remotes.is_empty());
}
