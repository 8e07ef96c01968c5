//! A daemon without sockets: objects from files, proxies that are said to be connected.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use istiod::api::{Change, Labels, Str};
use istiod::debug::{Client, State, Watched};
use istiod::metrics::Metrics;
use istiod::model::{Locality, Proxy, ProxyKind};
use istiod::proto::json;
use istiod::snapshot::{Publisher, Snapshot};
use istiod::sources::{mesh, yaml};
use istiod::store::{Config, Store};
use istiod::translate::{Resource, ResourceSet, ResourceType, Resources, Translator, View};
use serde::Deserialize;
use serde_json::Value;

/// What the recordings of the reference were made with.
const MESH: &str = "defaultProviders: {metrics: [prometheus]}";

/// What Envoy tells of itself, as far as tests need it.
#[derive(Clone, Debug, Deserialize)]
pub struct Node {
    id: String,
    #[serde(default)]
    locality: Region,
    metadata: Value,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Region {
    region: String,
    zone: String,
}

impl Node {
    /// The sidecar of a pod.
    pub fn of_pod(name: &str, namespace: &str, ip: &str) -> Node {
        Node {
            id: format!("sidecar~{ip}~{name}.{namespace}~{namespace}.svc.cluster.local"),
            locality: Region { region: "north".into(), zone: "north-1".into() },
            metadata: serde_json::json!({
                "NAME": name,
                "NAMESPACE": namespace,
                "CLUSTER_ID": "Kubernetes",
                "ISTIO_VERSION": "1.30.3",
                "LABELS": { "app": "cart" },
            }),
        }
    }

    /// Those of a file.
    pub fn read(path: &Path) -> Vec<Node> {
        serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    fn proxy(&self) -> Proxy {
        let parts: Vec<&str> = self.id.split('~').collect();
        let text = |key: &str| Str::from(self.metadata[key].as_str().unwrap_or_default());
        let labels: Labels = serde_json::from_value(self.metadata["LABELS"].clone()).unwrap();
        Proxy {
            id: self.id.as_str().into(),
            kind: ProxyKind::parse(parts[0]).unwrap(),
            ips: vec![parts[1].parse().unwrap()],
            workload_id: parts[2].into(),
            name: text("NAME"),
            namespace: text("NAMESPACE"),
            dns_domain: parts[3].into(),
            cluster: text("CLUSTER_ID"),
            network: text("NETWORK"),
            locality: Locality {
                region: self.locality.region.as_str().into(),
                zone: self.locality.zone.as_str().into(),
                subzone: "".into(),
            },
            labels,
            service_account: text("SERVICE_ACCOUNT"),
            node_name: text("NODE_NAME"),
            istio_version: text("ISTIO_VERSION"),
            envoy_version: "".into(),
            metadata: self.metadata.clone(),
            extensions: None,
        }
    }
}

/// A snapshot and the proxies that are connected.
pub struct World {
    snapshot: Arc<Snapshot>,
    clients: Vec<Client>,
}

impl World {
    /// The objects of these files, and these proxies.
    pub fn read(paths: &[PathBuf], nodes: Vec<Node>) -> World {
        let (objects, _) = yaml::load(paths);
        let mut store = Store::new(Config {
            cluster: "Kubernetes".into(),
            domain: "cluster.local".into(),
            system_namespace: "istio-system".into(),
            ..Config::default()
        });
        store.set_mesh(Arc::new(mesh::parse(MESH).unwrap().mesh));
        store.apply(objects.into_iter().map(Change::Apply));
        let snapshot = store.snapshot();
        let mut translator = Translator::default();
        let clients = nodes.iter().enumerate().map(|(index, node)| {
            let proxy = node.proxy();
            let view = translator.view(&snapshot, &proxy);
            connected(index + 1, proxy, view)
        });
        World { clients: clients.collect(), snapshot }
    }

    /// The same, but what every proxy is served are these resources: type, name and JSON.
    pub fn serving(mut self, resources: &[(ResourceType, &str, Value)]) -> World {
        let sets = ResourceType::ALL.map(|kind| {
            let own = resources.iter().filter(|(k, _, _)| *k == kind).map(|(_, name, value)| {
                let body = json::from_json(kind.type_url(), value).unwrap();
                Arc::new(Resource::new((*name).into(), body, []))
            });
            Arc::new(ResourceSet::new(kind, own.collect()))
        });
        let layers = vec![Arc::new(Resources::new(sets))];
        for (index, client) in self.clients.iter_mut().enumerate() {
            let scope = client.view.as_ref().unwrap().scope.clone();
            let view = View { layers: layers.clone(), scope, diagnostics: Vec::new() };
            *client = connected(index + 1, Proxy::clone(&client.proxy), view);
        }
        self
    }

    /// What the endpoints read.
    pub fn state(&self) -> State {
        let publisher = Publisher::default();
        publisher.publish(self.snapshot.clone());
        let clients = self.clients.clone();
        State {
            snapshots: publisher.subscribe(),
            clients: Arc::new(move || clients.clone()),
            diagnostics: Vec::new(),
            metrics: Arc::new(Metrics::new("1.30.3")),
            probes: Vec::new(),
            version: "1.30.3-abc-Clean".into(),
            metrics_loopback_only: false,
        }
    }
}

/// A client that watches what an Envoy would: everything, and the endpoints and routes of all of it.
fn connected(number: usize, proxy: Proxy, view: View) -> Client {
    let moment = |second: i64| jiff::Timestamp::from_second(1_800_000_000 + second).unwrap();
    let kinds = [
        ResourceType::Cluster,
        ResourceType::Endpoint,
        ResourceType::Listener,
        ResourceType::Route,
    ];
    let watched = kinds.map(|kind| Watched {
        type_url: kind.type_url().into(),
        names: match kind.is_wildcard() {
            true => Arc::default(),
            false => view.items(kind).map(|resource| resource.name.clone()).collect(),
        },
        sent: format!("nonce-{}", kind.short_name()),
        accepted: format!("nonce-{}", kind.short_name()),
        sent_at: Some(moment(1)),
        error: String::new(),
    });
    Client {
        id: format!("{}-{number}", proxy.workload_id).into(),
        proxy: Arc::new(proxy),
        connected: moment(0),
        address: "127.0.0.1:15010".parse().unwrap(),
        watches: watched.into(),
        view: Some(view),
    }
}
