//! What istio-agent 1.30.3 and the Envoy beside it ask of a control plane, in their order, with a real token.
//!
//! The agent hands on what Envoy asks, and adds its own once Envoy asks for listeners: names for its DNS server, roots if
//! it follows them, its health if it has a probe. It is ready when clusters and listeners were taken, which Envoy does
//! when it was answered for all that they wait for.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use istiod::proto::Any;
use istiod::proto::discovery::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
    ErrorDetail, InitialVersion, Resource,
};
use istiod::proto::json::from_json;
use istiod::translate::ResourceType;
use prost::Message;
use serde_json::json;
use tokio::net::TcpStream;

use super::mesh::Mesh;
use crate::lab;
use crate::xds::{Stream, assignments, name_of, routes};

const CLUSTERS: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
const ENDPOINTS: &str = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
const LISTENERS: &str = "type.googleapis.com/envoy.config.listener.v3.Listener";
const ROUTES: &str = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";
const EXTENSIONS: &str = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig";
const NAMES: &str = "type.googleapis.com/istio.networking.nds.v1.NameTable";
const PROXY_CONFIG: &str = "type.googleapis.com/istio.mesh.v1alpha1.ProxyConfig";
const HEALTH: &str = "type.googleapis.com/istio.v1.HealthInformation";

/// How long an answer may take. Only spent when a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    /// As agents ask by default.
    Delta,
    /// With ISTIO_DELTA_XDS=false.
    WholeState,
}

/// An answer, whatever the protocol.
#[derive(Debug)]
struct Answer {
    kind: String,
    nonce: String,
    version: String,
    resources: BTreeMap<String, Bytes>,
}

impl Answer {
    fn bodies(&self) -> Vec<Bytes> {
        self.resources.values().cloned().collect()
    }

    fn names(&self) -> BTreeSet<String> {
        self.resources.keys().cloned().collect()
    }
}

/// The stream of one agent.
struct Ads {
    stream: Stream,
    protocol: Protocol,
    node: Bytes,
    /// What was asked for, by type.
    wanted: BTreeMap<String, BTreeSet<String>>,
    /// What came before somebody waited for it.
    waiting: VecDeque<Answer>,
}

impl Ads {
    async fn connect(mesh: &Mesh, address: &str, token: &str, protocol: Protocol) -> Ads {
        let roots = std::fs::read_to_string(mesh.agent.file("roots")).unwrap();
        let connection = TcpStream::connect(address).await.unwrap();
        let connection = lab::tls::connect(connection, &mesh.host, &roots).await.unwrap();
        let method = match protocol {
            Protocol::Delta => "DeltaAggregatedResources",
            Protocol::WholeState => "StreamAggregatedResources",
        };
        let token = format!("Bearer {token}");
        let headers = [
            ("user-agent", "grpc-go/1.75.0"),
            ("te", "trailers"),
            ("authorization", &*token),
            ("clusterid", "Kubernetes"),
        ];
        let node = node(mesh);
        // The node is told with the first request alone.
        let stream = Stream::call(connection, &mesh.host, method, &headers, Bytes::new()).await;
        let (wanted, waiting) = (BTreeMap::new(), VecDeque::new());
        Ads { stream: stream.unwrap(), protocol, node, wanted, waiting }
    }

    /// Asks for a type: what of it is not asked for yet; `held` is what there is from before.
    async fn ask(&mut self, kind: &str, names: &BTreeSet<String>, held: &[(String, String)]) {
        let wanted = self.wanted.entry(kind.to_owned()).or_default();
        let new: Vec<Bytes> =
            names.difference(wanted).map(|name| Bytes::from(name.clone())).collect();
        wanted.extend(names.iter().cloned());
        let node = std::mem::take(&mut self.node);
        let type_url = kind.to_owned();
        match self.protocol {
            Protocol::Delta => {
                let initial = held.iter().map(|(name, version)| InitialVersion {
                    key: name.clone().into(),
                    value: version.clone().into(),
                });
                let request = DeltaDiscoveryRequest {
                    node,
                    type_url,
                    resource_names_subscribe: new,
                    initial_resource_versions: initial.collect(),
                    ..DeltaDiscoveryRequest::default()
                };
                self.stream.send(&request).await.unwrap();
            }
            Protocol::WholeState => {
                let resource_names = self.resource_names(kind);
                let request =
                    DiscoveryRequest { node, type_url, resource_names, ..Default::default() };
                self.stream.send(&request).await.unwrap();
            }
        }
    }

    fn resource_names(&self, kind: &str) -> Vec<Bytes> {
        let wanted = self.wanted.get(kind).into_iter().flatten();
        wanted.map(|name| Bytes::from(name.clone())).collect()
    }

    /// The next answer of a type.
    async fn answer(&mut self, kind: &str) -> Answer {
        loop {
            if let Some(at) = self.waiting.iter().position(|answer| answer.kind == kind) {
                return self.waiting.remove(at).unwrap();
            }
            let next = tokio::time::timeout(PATIENCE, self.stream.next()).await;
            let message = next.unwrap_or_else(|_| panic!("no answer for {kind}")).unwrap();
            let answer = self.read(message);
            self.waiting.push_back(answer);
        }
    }

    fn read(&self, message: Bytes) -> Answer {
        let body = |any: &[u8]| Bytes::from(Any::decode(any).unwrap().value);
        match self.protocol {
            Protocol::Delta => {
                let answer = DeltaDiscoveryResponse::decode(message).unwrap();
                let resources = answer.resources.iter().map(|resource| {
                    let resource = Resource::decode(&**resource).unwrap();
                    (resource.name.clone(), body(&resource.resource))
                });
                let resources = resources.collect();
                let (kind, version) = (answer.type_url, String::new());
                Answer { kind, nonce: answer.nonce, version, resources }
            }
            Protocol::WholeState => {
                let answer = DiscoveryResponse::decode(message).unwrap();
                let known = ResourceType::of_url(&answer.type_url);
                let resources = answer.resources.iter().map(|resource| {
                    let body = body(resource);
                    (known.map(|kind| name_of(kind, &body)).unwrap_or_default(), body)
                });
                let resources = resources.collect();
                let (kind, version) = (answer.type_url, answer.version_info);
                Answer { kind, nonce: answer.nonce, version, resources }
            }
        }
    }

    /// Accepts an answer. The agent accepts what is for itself without naming what it wants.
    async fn accept(&self, answer: &Answer) {
        let (type_url, response_nonce) = (answer.kind.clone(), answer.nonce.clone());
        match self.protocol {
            Protocol::Delta => {
                let request =
                    DeltaDiscoveryRequest { type_url, response_nonce, ..Default::default() };
                self.stream.send(&request).await.unwrap();
            }
            Protocol::WholeState => {
                let request = DiscoveryRequest {
                    resource_names: self.resource_names(&type_url),
                    version_info: answer.version.clone(),
                    type_url,
                    response_nonce,
                    ..Default::default()
                };
                self.stream.send(&request).await.unwrap();
            }
        }
    }

    /// Tells of the health of the application, as agents with a probe do.
    async fn tell_health(&self, problem: Option<&str>) {
        let type_url = HEALTH.to_owned();
        let error_detail =
            problem.map(|problem| ErrorDetail { code: 13, message: problem.to_owned() });
        match self.protocol {
            Protocol::Delta => {
                let request =
                    DeltaDiscoveryRequest { type_url, error_detail, ..Default::default() };
                self.stream.send(&request).await.unwrap();
            }
            Protocol::WholeState => {
                let request = DiscoveryRequest { type_url, error_detail, ..Default::default() };
                self.stream.send(&request).await.unwrap();
            }
        }
    }

    /// All that Envoy and the agent ask from their start on, until they are ready.
    async fn become_ready(&mut self, namespace: &str) -> (Answer, Answer) {
        let none = BTreeSet::new();
        self.ask(CLUSTERS, &none, &[]).await;
        let clusters = self.answer(CLUSTERS).await;
        // What clusters wait for is asked for before they are accepted.
        let assignments = assignments(&clusters.bodies());
        self.ask(ENDPOINTS, &assignments, &[]).await;
        self.accept(&clusters).await;
        let endpoints = self.answer(ENDPOINTS).await;
        self.accept(&endpoints).await;
        assert_eq!(endpoints.names(), assignments, "clusters wait for the rest");
        let web = format!("outbound|80||web.{namespace}.svc.cluster.local");
        assert!(assignments.contains(&web), "{assignments:?}");

        self.ask(LISTENERS, &none, &[]).await;
        self.ask(NAMES, &none, &[]).await;
        self.ask(PROXY_CONFIG, &none, &[]).await;
        self.tell_health(None).await;
        let listeners = self.answer(LISTENERS).await;
        let routes = routes(&listeners.bodies());
        self.ask(ROUTES, &routes, &[]).await;
        self.accept(&listeners).await;
        for listener in ["virtualInbound", "virtualOutbound"] {
            assert!(listeners.names().contains(listener), "{:?}", listeners.names());
        }
        let configurations = self.answer(ROUTES).await;
        self.accept(&configurations).await;
        assert_eq!(configurations.names(), routes, "listeners wait for the rest");
        assert!(routes.contains("80"), "{routes:?}");
        let names = self.answer(NAMES).await;
        self.accept(&names).await;
        let table = names.bodies().concat();
        let host = format!("web.{namespace}.svc.cluster.local");
        assert!(table.windows(host.len()).any(|part| part == host.as_bytes()));
        (clusters, listeners)
    }
}

/// The node of an Envoy that an istio-agent started in the pod `web-0`.
fn node(mesh: &Mesh) -> Bytes {
    let namespace = &mesh.namespace.name;
    let discovery = format!("{}:15012", mesh.host);
    let node = json!({
        "id": format!("sidecar~10.78.0.1~web-0.{namespace}~{namespace}.svc.cluster.local"),
        "cluster": format!("web.{namespace}"),
        "user_agent_name": "envoy",
        "user_agent_build_version": {
            "version": { "major_number": 1, "minor_number": 38, "patch": 3 },
            "metadata": { "build.type": "RELEASE", "ssl.version": "BoringSSL" },
        },
        "client_features": [
            "envoy.lb.does_not_support_overprovisioning", "envoy.lrs.supports_send_all_clusters",
        ],
        "metadata": {
            "ANNOTATIONS": { "istio.io/rev": "default", "kubernetes.io/config.source": "api" },
            "APP_CONTAINERS": "main",
            "CLUSTER_ID": "Kubernetes",
            "DNS_CAPTURE": "true",
            "ENVOY_PROMETHEUS_PORT": 15090,
            "ENVOY_STATUS_PORT": 15021,
            "INSTANCE_IPS": "10.78.0.1,fe80::a",
            "INTERCEPTION_MODE": "REDIRECT",
            "ISTIO_PROXY_SHA": "0000000000000000000000000000000000000000",
            "ISTIO_VERSION": "1.30.3",
            "LABELS": {
                "app": "web",
                "security.istio.io/tlsMode": "istio",
                "service.istio.io/canonical-name": "web",
                "service.istio.io/canonical-revision": "latest",
            },
            "MESH_ID": "cluster.local",
            "NAME": "web-0",
            "NAMESPACE": namespace,
            "NODE_NAME": "node-a",
            "OWNER": format!("kubernetes://apis/apps/v1/namespaces/{namespace}/statefulsets/web"),
            "PILOT_SAN": [&mesh.host],
            "POD_PORTS": "[{\"containerPort\":8080,\"protocol\":\"TCP\"}]",
            "PROXY_CONFIG": {
                "binaryPath": "/usr/local/bin/envoy",
                "concurrency": 2,
                "configPath": "./etc/istio/proxy",
                "controlPlaneAuthPolicy": "MUTUAL_TLS",
                "discoveryAddress": discovery,
                "drainDuration": "45s",
                "proxyAdminPort": 15000,
                "proxyMetadata": { "ISTIO_META_DNS_CAPTURE": "true" },
                "serviceCluster": "istio-proxy",
                "statNameLength": 189,
                "statusPort": 15020,
                "terminationDrainDuration": "5s",
            },
            "SERVICE_ACCOUNT": "web",
            "UNPRIVILEGED_POD": "true",
            "WORKLOAD_NAME": "web",
        },
    });
    from_json("envoy.config.core.v3.Node", &node).unwrap()
}

/// A service, a pod of it, and its endpoint.
fn web(namespace: &str, name: &str, ip: &str) -> String {
    format!(
        "apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: {namespace}}}
spec: {{selector: {{app: {name}}}, ports: [{{name: http, port: 80, targetPort: 8080}}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: {name}-0, namespace: {namespace}, labels: {{app: {name}}}}}
spec:
  serviceAccountName: web
  nodeName: node-a
  terminationGracePeriodSeconds: 0
  containers: [{{name: main, image: none}}]
status: {{phase: Running, podIP: {ip}, podIPs: [{{ip: {ip}}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: {name}, namespace: {namespace}, labels: {{kubernetes.io/service-name: {name}}}}}
addressType: IPv4
endpoints: [{{addresses: [{ip}], conditions: {{ready: true}}, targetRef: {{kind: Pod, name: {name}-0, namespace: {namespace}}}}}]
ports: [{{name: http, port: 8080}}]
"
    )
}

/// Its certificate, then its configuration, then a change, then both again on a new connection.
async fn agent_lives(protocol: Protocol) {
    let Some(mesh) = Mesh::new().await else { return };
    let namespace = mesh.namespace.name.clone();
    mesh.cluster.apply(&web(&namespace, "web", "10.78.0.1")).await.unwrap();
    let (_daemon, address) = mesh.control_plane(&[]);
    mesh.roots().await;
    let agent = &mesh.agent;
    let token = mesh.token("web", "istio-ca", Some("web-0")).await;
    agent.write("token", &token);

    // The certificate for SDS: what the agent's client sends, its metadata among it.
    let uri = format!("spiffe://cluster.local/ns/{namespace}/sa/web");
    agent.openssl(&["genrsa", "-out", "key", "2048"]);
    let names = format!("subjectAltName=critical,URI:{uri}");
    agent.openssl(&["req", "-new", "-subj", "/", "-addext", &names, "-key", "key", "-out", "csr"]);
    let asked =
        ["--token", "token", "--cluster", "Kubernetes", "--signer", "", "--seconds", "86400"];
    let shown = agent.certificate(&address, &mesh.with(&asked));
    assert!(shown.contains(&format!("URI:{uri}\n")), "{shown}");

    let mut ads = Ads::connect(&mesh, &address, &token, protocol).await;
    let (clusters, listeners) = ads.become_ready(&namespace).await;
    // An application that is unwell, and a Wasm filter that is not there: told and asked, and nothing ends.
    ads.tell_health(Some("the probe failed")).await;
    ads.ask(EXTENSIONS, &BTreeSet::from(["none".to_owned()]), &[]).await;

    // A new service is told, and what it needs is asked for.
    mesh.cluster.apply(&web(&namespace, "more", "10.78.0.2")).await.unwrap();
    let more = format!("outbound|80||more.{namespace}.svc.cluster.local");
    let pushed = loop {
        let pushed = ads.answer(CLUSTERS).await;
        if pushed.names().contains(&more) {
            break pushed;
        }
        ads.accept(&pushed).await;
    };
    ads.ask(ENDPOINTS, &assignments(&pushed.bodies()), &[]).await;
    ads.accept(&pushed).await;
    while !ads.answer(ENDPOINTS).await.names().contains(&more) {}

    // On a new connection Envoy tells what it holds, and all of it is answered again.
    drop(ads);
    let mut ads = Ads::connect(&mesh, &address, &token, protocol).await;
    let held = |answer: &Answer| -> Vec<(String, String)> {
        answer.names().into_iter().map(|name| (name, String::new())).collect()
    };
    let none = BTreeSet::new();
    ads.ask(CLUSTERS, &none, &held(&clusters)).await;
    ads.ask(ENDPOINTS, &assignments(&clusters.bodies()), &[]).await;
    ads.ask(LISTENERS, &none, &held(&listeners)).await;
    ads.ask(NAMES, &none, &[]).await;
    let again = ads.answer(CLUSTERS).await;
    assert!(again.names().contains(&more));
    ads.accept(&again).await;
    let again = ads.answer(LISTENERS).await;
    assert_eq!(again.names(), listeners.names());
    ads.accept(&again).await;
    ads.answer(NAMES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_becomes_ready() {
    agent_lives(Protocol::Delta).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_becomes_ready_without_delta() {
    agent_lives(Protocol::WholeState).await;
}
