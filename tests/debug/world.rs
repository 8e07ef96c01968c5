//! A daemon without sockets: objects from files, proxies that are said to be connected.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use istiod::api::{Change, ClusterPhase, ClusterState, Kind, ObjectKey, SyncStatus};
use istiod::authn::Authenticator;
use istiod::debug::{Access, Clusters, State};
use istiod::metrics::Metrics;
use istiod::model::Proxy;
use istiod::proto::discovery::DiscoveryRequest;
use istiod::proto::json;
use istiod::serve::connections::{Client, Connections, Registered};
use istiod::serve::envelope::{Protocol, Request};
use istiod::serve::node::Nodes;
use istiod::serve::stream::{Stream, Update};
use istiod::snapshot::{Publisher, Snapshot};
use istiod::sources::{mesh, yaml};
use istiod::store::{Config, Store};
use istiod::translate::{Resource, ResourceSet, ResourceType, Resources, Translator, View};
use prost::Message as _;
use serde_json::{Value, json};

/// What the recordings of the reference were made with.
const MESH: &str = "defaultProviders: {metrics: [prometheus]}";

/// The node of a pod's sidecar.
pub fn node(name: &str, namespace: &str, ip: &str) -> Value {
    json!({
        "id": format!("sidecar~{ip}~{name}.{namespace}~{namespace}.svc.cluster.local"),
        "locality": { "region": "north", "zone": "north-1" },
        "metadata": {
            "NAME": name,
            "NAMESPACE": namespace,
            "CLUSTER_ID": "Kubernetes",
            "ISTIO_VERSION": "1.30.3",
            "LABELS": { "app": "cart" },
        },
    })
}

/// The nodes of a file, each with a name that is not Envoy's.
pub fn nodes(path: &Path) -> Vec<Value> {
    let mut nodes: Vec<Value> =
        serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for node in &mut nodes {
        node.as_object_mut().unwrap().remove("name");
    }
    nodes
}

fn proxy(node: &Value) -> Arc<Proxy> {
    let node = json::from_json("envoy.config.core.v3.Node", node).unwrap();
    Arc::new(Nodes::default().proxy(Some(&node)).unwrap())
}

/// A snapshot, and proxies with what they are served.
pub struct World {
    snapshot: Arc<Snapshot>,
    proxies: Vec<(Arc<Proxy>, Arc<View>)>,
}

/// What the endpoints read, and what keeps the proxies connected.
pub struct Running {
    /// What the endpoints read.
    pub state: State,
    _connected: Vec<Registered>,
}

impl World {
    /// The objects of these files, and these proxies.
    pub fn read(paths: &[PathBuf], nodes: &[Value]) -> World {
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
        let proxies = nodes.iter().map(|node| {
            let proxy = proxy(node);
            let view = translator.view(&snapshot, &proxy);
            (proxy, Arc::new(view))
        });
        World { proxies: proxies.collect(), snapshot }
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
        for (_, view) in &mut self.proxies {
            let scope = view.scope.clone();
            *view = Arc::new(View { layers: layers.clone(), scope, diagnostics: Vec::new() });
        }
        self
    }

    /// Connects the proxies, which ask for these types.
    pub fn run(self, kinds: &[ResourceType]) -> Running {
        let publisher = Publisher::default();
        publisher.publish(self.snapshot);
        let metrics = Arc::new(Metrics::new("1.30.3"));
        let connections = Arc::new(Connections::new(metrics.clone()));
        let connected = self.proxies.into_iter().map(|(proxy, view)| {
            let peer = "127.0.0.1:15010".parse().unwrap();
            connections.add(
                Client { proxy, peer, caller: None, identity: None },
                Protocol::Sotw,
                stream(view, kinds),
            )
        });
        Running {
            _connected: connected.collect(),
            state: State {
                injection: None,
                snapshots: publisher.subscribe(),
                connections,
                diagnostics: Vec::new(),
                clusters: Clusters::new(clusters),
                metrics,
                probes: Vec::new(),
                version: "1.30.3-abc-Clean".into(),
                access: access(),
                profile: false,
                metrics_loopback_only: false,
            },
        }
    }
}

/// Nobody is recognised.
fn access() -> Access {
    let authenticator = Authenticator::default();
    Access { authenticator, by_namespace: true, namespaces: ["istio-system".into()].into() }
}

/// A stream on which an Envoy asked for what it needs, and accepted it.
fn stream(view: Arc<View>, kinds: &[ResourceType]) -> Stream {
    let update = Update {
        view: view.clone(),
        version: "2026-01-02T03:04:05Z/1".into(),
        wave: Default::default(),
    };
    let mut stream = Stream::new(Protocol::Sotw, update, Arc::default());
    for &kind in kinds {
        let names = view.items(kind).filter(|_| !kind.is_wildcard());
        let names: Vec<_> = names.map(|r| r.name.to_string().into()).collect();
        if names.is_empty() && !kind.is_wildcard() {
            continue;
        }
        let ask = |nonce: String| {
            let request = DiscoveryRequest {
                resource_names: names.clone(),
                type_url: kind.type_url().to_owned(),
                response_nonce: nonce,
                ..DiscoveryRequest::default()
            };
            Request::decode(Protocol::Sotw, request.encode_to_vec().into()).unwrap()
        };
        stream.receive(&ask(String::new())).unwrap();
        let response = stream.next(Instant::now()).unwrap();
        stream.receive(&ask(format!("{:x}", response.nonce))).unwrap();
    }
    stream
}

/// The own cluster, and others in all states.
fn clusters() -> Vec<ClusterState> {
    let cluster = |id: &str, secret: &str, sync, phase| ClusterState {
        id: id.into(),
        secret: (!secret.is_empty()).then(|| ObjectKey::new(Kind::Secret, "istio-system", secret)),
        sync,
        phase,
        waiting: Vec::new(),
        refusal: String::new(),
        previous_in_use: false,
    };
    let since = "2026-01-02T03:04:05Z".parse().unwrap();
    let syncing = cluster("c", "a", SyncStatus::Syncing, ClusterPhase::Connecting);
    let refused = cluster("d", "b", SyncStatus::Closed, ClusterPhase::Refused);
    vec![
        cluster("Kubernetes", "", SyncStatus::Synced, ClusterPhase::Synced),
        cluster("b", "a", SyncStatus::Synced, ClusterPhase::Stale(since)),
        ClusterState { waiting: vec!["pods".to_owned()], previous_in_use: true, ..syncing },
        ClusterState { refusal: "it is empty".to_owned(), ..refused },
    ]
}
