//! What is written to a real API server, and by which of several replicas.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ::kube::api::{ApiResource, DynamicObject};
use ::kube::core::GroupVersionKind;
use ::kube::{Api, ResourceExt};
use istiod::api::{Kind, ObjectKey};
use istiod::controllers::election::{Candidate, Election};
use istiod::controllers::lock::Duty;
use istiod::controllers::writer::{self, Decide, Edit, Pace, Part, Target, Writer};
use istiod::metrics::Metrics;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::daemon::Daemon;
use crate::kube::Cluster;

mod webhooks;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(40);

/// Who leads a lock.
#[derive(Default)]
struct Leaders {
    now: Mutex<Vec<String>>,
    /// The most that led at once.
    most: AtomicUsize,
}

impl Leaders {
    fn now(&self) -> Vec<String> {
        self.now.lock().unwrap().clone()
    }

    /// The one that leads, once it is not `before`.
    async fn after(&self, before: &str) -> String {
        let start = Instant::now();
        loop {
            if let Some(leader) = self.now().into_iter().find(|leader| leader != before) {
                return leader;
            }
            assert!(start.elapsed() < PATIENCE, "nobody leads");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Leads until it is dropped.
struct Leading(String, Arc<Leaders>);

impl Leading {
    fn new(name: &str, leaders: &Arc<Leaders>) -> Leading {
        let mut now = leaders.now.lock().unwrap();
        now.push(name.to_owned());
        leaders.most.fetch_max(now.len(), Ordering::Relaxed);
        drop(now);
        Leading(name.to_owned(), leaders.clone())
    }
}

impl Drop for Leading {
    fn drop(&mut self) {
        self.1.now.lock().unwrap().retain(|name| *name != self.0);
    }
}

/// A replica that stands for a lock until it is told to stop.
struct Replica {
    name: &'static str,
    stop: watch::Sender<bool>,
    running: JoinHandle<()>,
}

fn replica(
    name: &'static str,
    duty: Duty,
    namespace: &str,
    cluster: &Cluster,
    leaders: &Arc<Leaders>,
) -> Replica {
    let lock = duty.lock("");
    let candidate = Candidate {
        identity: name.to_owned(),
        revision: "default".into(),
        remote: false,
        prioritised: lock.prioritised,
    };
    let (client, metrics) = (cluster.client.clone(), Arc::new(Metrics::new("test")));
    let default_revision = watch::channel("default".into()).1;
    let election = Election::new(lock, namespace, candidate, client, default_revision, metrics);
    let (stop, stopped) = watch::channel(false);
    let leaders = leaders.clone();
    let work = move || {
        let leaders = leaders.clone();
        async move {
            let _leading = Leading::new(name, &leaders);
            pending().await
        }
    };
    Replica { name, stop, running: tokio::spawn(election.run(work, stopped)) }
}

/// Three stand for a lock. One leads; when it ends, another does soon, and never two do.
async fn three_contend(cluster: &Cluster, namespace: &str, duty: Duty) {
    let leaders = Arc::new(Leaders::default());
    let mut replicas: Vec<Replica> = ["a", "b", "c"]
        .map(|name| replica(name, duty, namespace, cluster, &leaders))
        .into_iter()
        .collect();
    let mut before = String::new();
    while !replicas.is_empty() {
        let began = Instant::now();
        let leader = leaders.after(&before).await;
        assert!(began.elapsed() < Duration::from_secs(15), "what is released is taken soon");
        let at = replicas.iter().position(|replica| replica.name == leader).unwrap();
        let replica = replicas.remove(at);
        replica.stop.send_replace(true);
        replica.running.await.unwrap();
        assert!(!leaders.now().contains(&leader), "the work has ended");
        before = leader;
    }
    assert_eq!(leaders.most.load(Ordering::Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_three_leads_and_another_follows_it() {
    let Some(cluster) = Cluster::shared().await else { return };
    let namespace = cluster.namespace().await;
    tokio::join!(
        three_contend(&cluster, &namespace.name, Duty::Addresses),
        three_contend(&cluster, &namespace.name, Duty::GatewayStatus),
    );
    let maps: Api<ConfigMap> = Api::namespaced(cluster.client.clone(), &namespace.name);
    let map = maps.get("istio-ip-autoallocate").await.unwrap();
    let record = &map.annotations()["control-plane.alpha.kubernetes.io/leader"];
    let record: Value = serde_json::from_str(record).unwrap();
    assert_eq!((&record["holderIdentity"], &record["leaderTransitions"]), (&json!(""), &json!(2)));
    let leases: Api<Lease> = Api::namespaced(cluster.client.clone(), &namespace.name);
    let lease = leases.get("istio-gateway-status-leader-default").await.unwrap();
    assert_eq!(lease.spec.unwrap().holder_identity.as_deref(), Some(""));
}

fn entries(cluster: &Cluster, namespace: &str) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("networking.istio.io", "v1", "ServiceEntry");
    let resource = ApiResource::from_gvk_with_plural(&kind, "serviceentries");
    Api::namespaced_with(cluster.client.clone(), namespace, &resource)
}

fn a_writer(cluster: &Cluster, metrics: &Arc<Metrics>) -> Writer {
    let config = writer::Config {
        name: "tester",
        workers: 4,
        pace: Arc::new(Pace::new(Duration::from_millis(1), 10)),
        metrics: metrics.clone(),
        count: |_, _| {},
        queue_metrics: false,
    };
    Writer::new(config, cluster.client.clone())
}

/// A status that is wanted until the object has it.
fn status(addresses: Value) -> Decide {
    Arc::new(move |object: &DynamicObject| {
        let told = object.data.pointer("/status/addresses");
        (told != Some(&addresses)).then(|| Edit::Status(json!({"addresses": addresses})))
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_is_written_once_and_beside_what_others_wrote() {
    let Some(cluster) = Cluster::shared().await else { return };
    let namespace = cluster.namespace().await;
    let object = format!(
        "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\n\
         metadata: {{name: api, namespace: {namespace}}}\n\
         spec: {{hosts: [api.test], resolution: DNS, ports: [{{number: 80, name: http}}]}}\n"
    );
    cluster.apply(&object).await.unwrap();
    let entries = entries(&cluster, &namespace.name);
    let others = json!({"status": {"conditions": [{"type": "Other", "status": "True"}]}});
    let merge = ::kube::api::Patch::Merge(&others);
    entries.patch_status("api", &Default::default(), &merge).await.unwrap();

    let metrics = Arc::new(Metrics::new("test"));
    let writer = a_writer(&cluster, &metrics);
    let running = tokio::spawn(writer.clone().run());
    let key = ObjectKey::new(Kind::ServiceEntry, &namespace.name, "api");
    let target = Target { key, part: Part::Status };
    let addresses = json!([{"value": "240.240.0.1", "host": "api.test"}]);
    let count = |result| metrics.writes.with(&["ServiceEntry", result]).get();
    for (wanted, result) in
        [(&addresses, "written"), (&addresses, "unchanged"), (&json!([]), "written")]
    {
        let before = count(result);
        assert!(writer.submit(target.clone(), status(wanted.clone())));
        let start = Instant::now();
        while count(result) == before {
            assert!(start.elapsed() < PATIENCE, "nothing was {result}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let object = entries.get("api").await.unwrap();
        assert_eq!(object.data["status"]["addresses"], *wanted);
        assert_eq!(object.data["status"]["conditions"], others["status"]["conditions"]);
        assert_eq!(object.metadata.generation, Some(1));
    }
    running.abort();
}

/// Two daemons of one control plane.
fn daemons(cluster: &Cluster) -> [Daemon; 2] {
    let kubeconfig = format!("--kubeconfig={}", cluster.kubeconfig().display());
    let nowhere = ["--grpcAddr=", "--monitoringAddr=", "--ctrlz_port=0", "--meshConfig="];
    [(); 2].map(|()| {
        let mut daemon = Daemon::start(&[&nowhere[..], &[&kubeconfig]].concat());
        daemon.until("\tready");
        daemon
    })
}

fn entry(name: &str, label: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\n\
         metadata: {{name: {name}, namespace: default, labels: {{{label}}}}}\n\
         spec: {{{spec}, resolution: STATIC, ports: [{{number: 80, name: http, protocol: HTTP}}]}}\n"
    )
}

/// The addresses that a status tells, once they are as they should be.
async fn told(api: &Api<DynamicObject>, name: &str, good: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let start = Instant::now();
    loop {
        let object = api.get(name).await.unwrap();
        let addresses = object.data.pointer("/status/addresses").and_then(Value::as_array);
        let addresses = addresses.cloned().unwrap_or_default();
        if good(&addresses) {
            return addresses;
        }
        assert!(start.elapsed() < PATIENCE, "{name} tells {addresses:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_of_service_entries_are_written_and_last() {
    let Some(cluster) = Cluster::private().await else { return };
    let system = "apiVersion: v1\nkind: Namespace\nmetadata: {name: istio-system}\n";
    let two = entry("two", "", "hosts: [a.test, b.test]");
    let out = "networking.istio.io/enable-autoallocate-ip: 'False'";
    let none = entry("none", out, "hosts: [c.test]");
    cluster.apply(&format!("{system}{two}{none}")).await.unwrap();
    let api = entries(&cluster, "default");

    let replicas = daemons(&cluster);
    let first = told(&api, "two", |told| !told.is_empty()).await;
    let hosts: Vec<_> = first.iter().map(|told| told["host"].as_str().unwrap()).collect();
    assert_eq!(hosts, ["a.test", "a.test", "b.test", "b.test"]);
    for (at, address) in first.iter().enumerate() {
        let block = ["240.240.", "2001:2:"][at % 2];
        assert!(address["value"].as_str().unwrap().starts_with(block), "{address}");
    }
    assert!(api.get("none").await.unwrap().data.get("status").is_none());
    let version = api.get("two").await.unwrap().resource_version();
    for replica in replicas {
        let (status, rest) = replica.stop();
        assert!(status.success() && !rest.contains("not released"), "{rest}");
    }

    // What was released is free at once, and what is told stays.
    let replicas = daemons(&cluster);
    let taken = first[0]["value"].as_str().unwrap();
    let user = entry("user", "", &format!("hosts: [d.test], addresses: [{taken}]"));
    cluster.apply(&user).await.unwrap();
    let moved = told(&api, "two", |told| *told != *first).await;
    assert_ne!(moved[0]["value"], first[0]["value"], "a user's address is nobody else's");
    assert_eq!(moved[2..], first[2..], "who is not concerned keeps his");
    assert_ne!(api.get("two").await.unwrap().resource_version(), version);

    cluster.apply(&entry("two", out, "hosts: [a.test, b.test]")).await.unwrap();
    told(&api, "two", <[Value]>::is_empty).await;
    drop(replicas);
}
