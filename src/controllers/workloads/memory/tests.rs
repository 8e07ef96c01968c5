use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::api::networking::WorkloadGroup;
use crate::api::{Kind, Meta, Object};
use crate::model::{Locality, Proxy, ProxyKind};
use crate::snapshot::{Publisher, Snapshot};

/// Long enough for what is said in a row, on a machine that is slow.
const GRACE: Duration = Duration::from_millis(500);

fn proxy() -> Arc<Proxy> {
    Arc::new(Proxy {
        id: "sidecar~10.0.0.7~vm~x".into(),
        kind: ProxyKind::Sidecar,
        ips: vec!["10.0.0.7".parse().unwrap()],
        workload_id: "vm.shop".into(),
        name: "vm".into(),
        namespace: "shop".into(),
        dns_domain: "".into(),
        cluster: "".into(),
        network: "".into(),
        locality: Locality::default(),
        labels: Default::default(),
        service_account: "".into(),
        node_name: "".into(),
        istio_version: "".into(),
        envoy_version: "".into(),
        metadata: json!({
            "AUTO_REGISTER_GROUP": "vms",
            "PROXY_CONFIG": {"readinessProbe": {"tcpSocket": {"port": 80}}},
        }),
        extensions: None,
    })
}

struct Running {
    reports: mpsc::Sender<Report>,
    batches: mpsc::Receiver<Batch>,
    connected: Timestamp,
}

impl Running {
    async fn start(objects: Vec<Object>) -> Running {
        let publisher = Publisher::default();
        let objects = objects.into_iter().collect();
        publisher.publish(Arc::new(Snapshot { objects, ..Snapshot::default() }));
        let (reports, taken) = mpsc::channel(8);
        let (told, mut batches) = mpsc::channel(8);
        let config = Config { replica: "a".into(), grace: GRACE, max_age: None };
        tokio::spawn(run(config, taken, publisher.subscribe(), told));
        let first = batches.recv().await.unwrap();
        assert!(first.synced && first.changes.is_empty());
        Running { reports, batches, connected: Timestamp::now() }
    }

    async fn say(&self, said: Said) {
        let proxy = proxy();
        let entry = proxy.registered_entry().unwrap();
        let (connected, at) = (self.connected, Timestamp::now());
        let report = Report { entry, registers: Some(proxy), connected, at, said };
        self.reports.send(report).await.unwrap();
    }

    /// The entry's health as it is told next, or that it went.
    async fn next(&mut self) -> String {
        let batch = self.batches.recv().await.unwrap();
        match &batch.changes[..] {
            [Change::Apply(object)] => {
                let entry = WorkloadEntry::of(object).unwrap();
                assert_eq!((&*entry.meta.name, &*entry.spec.address), ("vms-10.0.0.7", "10.0.0.7"));
                let conditions = entry.status.conditions.iter();
                format!("there {}", conditions.map(|c| &*c.status).collect::<String>())
            }
            [Change::Remove(_)] => "gone".to_owned(),
            other => panic!("{other:?}"),
        }
    }
}

fn group() -> Object {
    let meta = Meta { name: "vms".into(), namespace: "shop".into(), ..Meta::default() };
    WorkloadGroup::object(Arc::new(config::Config { meta, ..config::Config::default() }))
}

#[tokio::test]
async fn an_entry_is_there_as_long_as_its_proxy_with_its_health() {
    let mut running = Running::start(vec![group()]).await;
    running.say(Said::Connected).await;
    assert_eq!(running.next().await, "there ");
    running.say(Said::Connected).await;
    running.say(Said::Unhealthy("refused".into())).await;
    assert_eq!(running.next().await, "there False");
    running.say(Said::Healthy).await;
    running.say(Said::Healthy).await;
    assert_eq!(running.next().await, "there True");
    // One of two connections, both, and one again in time.
    running.say(Said::Disconnected).await;
    running.say(Said::Disconnected).await;
    running.say(Said::Connected).await;
    tokio::time::sleep(GRACE * 2).await;
    assert!(running.batches.try_recv().is_err());
    running.say(Said::Disconnected).await;
    let left = Instant::now();
    assert_eq!(running.next().await, "gone");
    assert!(left.elapsed() >= GRACE);
}

#[tokio::test]
async fn what_a_file_has_is_left_as_it_is() {
    let key = proxy().registered_entry().unwrap();
    let meta = Meta { name: key.name, namespace: key.namespace, ..Meta::default() };
    let entry = config::Config { meta, ..config::Config::default() };
    assert_eq!(key.kind, Kind::WorkloadEntry);
    let own = WorkloadEntry::object(Arc::new(entry));
    let mut running = Running::start(vec![group(), own]).await;
    for said in [Said::Connected, Said::Healthy, Said::Disconnected] {
        running.say(said).await;
    }
    tokio::time::sleep(GRACE * 2).await;
    assert!(running.batches.try_recv().is_err());
}
