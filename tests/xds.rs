//! A proxy as far as a control plane sees it: connects over plain gRPC, asks as Envoy does, and keeps what it is
//! served. Knows the wire only.

mod follower;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::{Buf, Bytes};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use istiod::proto::Any;
use istiod::proto::discovery::{DiscoveryRequest, DiscoveryResponse, ErrorDetail};
use istiod::proto::json::{Names, any_to_json, from_json, to_json};
use istiod::proto::mesh::ProxyConfig;
use istiod::translate::ResourceType;
use prost::Message;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

pub use self::follower::{Follower, Mood};

/// How long a control plane may take to answer all questions of a proxy. Only spent when a test fails.
const PATIENCE: Duration = Duration::from_secs(120);

/// Resources by type and name.
pub type Served = BTreeMap<(ResourceType, String), Bytes>;

/// A proxy that may connect.
pub struct Proxy {
    /// What the recordings call it.
    pub name: String,
    node: Bytes,
}

/// The proxies of a file of the recordings.
pub fn recorded(path: &Path) -> Vec<Proxy> {
    let nodes: Vec<Value> = serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    nodes.into_iter().map(|node| Proxy::new(&node)).collect()
}

impl Proxy {
    /// From a node in JSON, whose `name` is ours.
    pub fn new(node: &Value) -> Proxy {
        let mut node = node.clone();
        let fields = node.as_object_mut().unwrap();
        let name = fields.remove("name").unwrap().as_str().unwrap().to_owned();
        fields
            .retain(|field, _| ["id", "cluster", "locality", "metadata"].contains(&field.as_str()));
        let node = from_json("envoy.config.core.v3.Node", &node).unwrap();
        Proxy { name, node }
    }

    /// Connects and asks for everything: clusters and listeners, what they refer to, and names.
    pub async fn served(&self, address: SocketAddr) -> Result<Served> {
        let asking = async {
            let mut stream = Stream::open(address, self.node.clone()).await?;
            let mut served = Served::new();
            let clusters = stream.ask(ResourceType::Cluster, &[]).await?;
            stream.ask_for(ResourceType::Endpoint, assignments(&clusters), &mut served).await?;
            let listeners = stream.ask(ResourceType::Listener, &[]).await?;
            stream.ask_for(ResourceType::Route, routes(&listeners), &mut served).await?;
            let names = stream.ask(ResourceType::NameTable, &[]).await?;
            for (kind, bodies) in [
                (ResourceType::Cluster, clusters),
                (ResourceType::Listener, listeners),
                (ResourceType::NameTable, names),
            ] {
                served.extend(bodies.into_iter().map(|body| ((kind, name_of(kind, &body)), body)));
            }
            Ok(served)
        };
        tokio::time::timeout(PATIENCE, asking).await.context(self.name.clone())?
    }
}

/// A proxy that proved who it is, and asked for secrets.
pub struct Secrets {
    stream: Stream,
    request: DiscoveryRequest,
}

impl Proxy {
    /// Connects over TLS to `host`, which the root vouches for, with a token, and asks for these secrets.
    pub async fn secrets(
        &self,
        address: SocketAddr,
        host: &str,
        root: &str,
        token: &str,
        names: &[&str],
    ) -> Result<Secrets> {
        let connection = TcpStream::connect(address).await?;
        let connection = crate::lab::tls::connect(connection, host, root).await?;
        let stream = Stream::open_on(connection, host, Some(token), self.node.clone()).await?;
        let request = DiscoveryRequest {
            node: self.node.clone(),
            type_url: ResourceType::Secret.type_url().to_owned(),
            resource_names: names.iter().map(|name| (*name).to_owned().into()).collect(),
            ..DiscoveryRequest::default()
        };
        stream.send(&request).await?;
        Ok(Secrets { stream, request })
    }
}

impl Secrets {
    /// The secrets that come next, by name, which are accepted.
    pub async fn next(&mut self) -> Result<BTreeMap<String, Bytes>> {
        let answer = DiscoveryResponse::decode(self.stream.next().await?)?;
        self.request.version_info = answer.version_info;
        self.request.response_nonce = answer.nonce;
        self.stream.send(&self.request).await?;
        let bodies = answer.resources.iter().map(|body| Ok(Any::decode(&**body)?.value.into()));
        let named = |body: Result<Bytes>| {
            let body = body?;
            Ok((name_of(ResourceType::Secret, &body), body))
        };
        bodies.map(named).collect()
    }
}

/// A proxy that proved who it is, and says more than what it wants.
pub struct Talk(Stream);

impl Proxy {
    /// Connects over TLS to `host`, which the root vouches for, with a token, and asks for clusters.
    pub async fn talk(
        &self,
        address: SocketAddr,
        host: &str,
        root: &str,
        token: &str,
    ) -> Result<Talk> {
        let connection = TcpStream::connect(address).await?;
        let connection = crate::lab::tls::connect(connection, host, root).await?;
        let mut stream = Stream::open_on(connection, host, Some(token), self.node.clone()).await?;
        stream.ask(ResourceType::Cluster, &[]).await?;
        Ok(Talk(stream))
    }
}

impl Talk {
    /// Reports the health of its workload: why it is bad, if it is.
    pub async fn health(&self, why: Option<&str>) -> Result<()> {
        let error_detail = why.map(|why| ErrorDetail { code: 13, message: why.to_owned() });
        let type_url = "type.googleapis.com/istio.v1.HealthInformation".to_owned();
        self.0.send(&DiscoveryRequest { type_url, error_detail, ..Default::default() }).await
    }

    /// Asks about the control plane, as istioctl does: with a nonce that answers nothing.
    pub async fn inquire(&mut self, type_url: &str, name: &str) -> Result<DiscoveryResponse> {
        let names = Some(name).filter(|name| !name.is_empty());
        let request = DiscoveryRequest {
            type_url: type_url.to_owned(),
            resource_names: names.map(|name| name.to_owned().into()).into_iter().collect(),
            response_nonce: "2026-01-01 00:00:00 +0000 UTC".to_owned(),
            ..DiscoveryRequest::default()
        };
        self.0.send(&request).await?;
        loop {
            let answer = DiscoveryResponse::decode(self.0.next().await?)?;
            if answer.type_url == type_url {
                return Ok(answer);
            }
        }
    }
}

/// A proxy that asked for the roots of the mesh.
pub struct Roots {
    stream: Stream,
    request: DiscoveryRequest,
}

impl Proxy {
    /// Connects and asks for them.
    pub async fn roots(&self, address: SocketAddr) -> Result<Roots> {
        let stream = Stream::open(address, self.node.clone()).await?;
        let request = DiscoveryRequest {
            node: self.node.clone(),
            type_url: ResourceType::ProxyConfig.type_url().to_owned(),
            ..DiscoveryRequest::default()
        };
        stream.send(&request).await?;
        Ok(Roots { stream, request })
    }
}

impl Roots {
    /// Those that come next, which are accepted.
    pub async fn next(&mut self) -> Result<Vec<String>> {
        let answer = DiscoveryResponse::decode(self.stream.next().await?)?;
        self.request.version_info = answer.version_info;
        self.request.response_nonce = answer.nonce;
        self.stream.send(&self.request).await?;
        let [body] = &answer.resources[..] else { bail!("{} resources", answer.resources.len()) };
        let any = Any::decode(&**body)?;
        Ok(ProxyConfig::decode(&*any.value)?.ca_certificates_pem)
    }
}

/// What differs between what two control planes serve, one line for each resource.
pub fn differences(left: &Served, right: &Served) -> Vec<String> {
    let keys: BTreeSet<_> = left.keys().chain(right.keys()).collect();
    let differing = keys.into_iter().filter(|key| left.get(key) != right.get(key));
    let show = |key: &(ResourceType, String), body: Option<&Bytes>| {
        body.map_or("nothing".to_owned(), |body| {
            any_to_json(key.0.type_url(), body, Names::Proto).to_string()
        })
    };
    let line = |key: &(ResourceType, String)| {
        let (left, right) = (show(key, left.get(key)), show(key, right.get(key)));
        format!("{} {}\n  {left}\n  {right}", key.0.short_name(), key.1)
    };
    differing.map(line).collect()
}

/// One stream. What is asked on it by itself is in the state of the world.
pub struct Stream {
    requests: mpsc::Sender<Bytes>,
    body: Incoming,
    received: Vec<u8>,
    node: Option<Bytes>,
}

impl Stream {
    async fn open(address: SocketAddr, node: Bytes) -> Result<Stream> {
        let connection = TcpStream::connect(address).await?;
        Stream::open_on(connection, &address.to_string(), None, node).await
    }

    /// On a connection, as whom a token is of.
    async fn open_on(
        connection: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        authority: &str,
        token: Option<&str>,
        node: Bytes,
    ) -> Result<Stream> {
        let token = token.map(|token| format!("Bearer {token}")).unwrap_or_default();
        let headers = [(AUTHORIZATION.as_str(), token.as_str())];
        Stream::call(connection, authority, "StreamAggregatedResources", &headers, node).await
    }

    /// Calls a method of the service on a connection, with these headers.
    pub async fn call(
        connection: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        authority: &str,
        method: &str,
        headers: &[(&str, &str)],
        node: Bytes,
    ) -> Result<Stream> {
        let connection = TokioIo::new(connection);
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), connection).await?;
        tokio::spawn(connection);
        let (requests, queue) = mpsc::channel(8);
        let frames = ReceiverStream::new(queue).map(|part| anyhow::Ok(Frame::data(part)));
        let service = "envoy.service.discovery.v3.AggregatedDiscoveryService";
        let mut request = http::Request::post(format!("http://{authority}/{service}/{method}"))
            .header(CONTENT_TYPE, "application/grpc");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(StreamBody::new(frames))?;
        let body = sender.send_request(request).await?.into_body();
        Ok(Stream { requests, body, received: Vec::new(), node: Some(node) })
    }

    /// The resources of these names, put where they belong.
    async fn ask_for(
        &mut self,
        kind: ResourceType,
        names: BTreeSet<String>,
        served: &mut Served,
    ) -> Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        let names: Vec<Bytes> = names.into_iter().map(Bytes::from).collect();
        for body in self.ask(kind, &names).await? {
            served.insert((kind, name_of(kind, &body)), body);
        }
        Ok(())
    }

    /// Asks for a type, accepts the answer, and returns the resources in it.
    async fn ask(&mut self, kind: ResourceType, names: &[Bytes]) -> Result<Vec<Bytes>> {
        let mut request = DiscoveryRequest {
            node: self.node.take().unwrap_or_default(),
            type_url: kind.type_url().to_owned(),
            resource_names: names.to_vec(),
            ..DiscoveryRequest::default()
        };
        self.send(&request).await?;
        loop {
            let answer = DiscoveryResponse::decode(self.next().await?)?;
            // A change of another type is left unanswered: the stream ends soon.
            if answer.type_url != kind.type_url() {
                continue;
            }
            request.version_info = answer.version_info;
            request.response_nonce = answer.nonce;
            self.send(&request).await?;
            let decode = |body: &Bytes| Ok(Any::decode(&**body)?.value.into());
            return answer.resources.iter().map(decode).collect();
        }
    }

    /// Sends a message.
    pub async fn send(&self, request: &impl Message) -> Result<()> {
        let message = request.encode_to_vec();
        let mut frame = vec![0];
        frame.extend(u32::try_from(message.len())?.to_be_bytes());
        frame.extend(message);
        Ok(self.requests.send(frame.into()).await?)
    }

    /// The next message.
    pub async fn next(&mut self) -> Result<Bytes> {
        loop {
            if let Some(([_, length @ ..], rest)) = self.received.split_first_chunk::<5>() {
                let length = u32::from_be_bytes(*length) as usize;
                if rest.len() >= length {
                    return Ok(self
                        .received
                        .drain(..5 + length)
                        .skip(5)
                        .collect::<Vec<_>>()
                        .into());
                }
            }
            let frame = self.body.frame().await.context("the stream ended")??;
            match frame.into_data() {
                Ok(data) => self.received.extend(data.chunk()),
                Err(trailers) => bail!("the stream ended: {trailers:?}"),
            }
        }
    }
}

/// The assignments that clusters refer to.
pub fn assignments(clusters: &[Bytes]) -> BTreeSet<String> {
    let read = |body| to_json(ResourceType::Cluster.type_url(), body, Names::Proto).unwrap();
    let clusters = clusters.iter().map(|body: &Bytes| read(body));
    let named = clusters.filter(|cluster| cluster["type"] == "EDS").map(|cluster| {
        let of_service = cluster["eds_cluster_config"]["service_name"].as_str();
        of_service.or(cluster["name"].as_str()).unwrap().to_owned()
    });
    named.collect()
}

/// The route configurations that listeners refer to.
pub fn routes(listeners: &[Bytes]) -> BTreeSet<String> {
    fn find(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                let name = fields.get("rds").and_then(|rds| rds["route_config_name"].as_str());
                found.extend(name.map(str::to_owned));
                fields.values().for_each(|value| find(value, found));
            }
            Value::Array(items) => items.iter().for_each(|item| find(item, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    for body in listeners {
        let listener = to_json(ResourceType::Listener.type_url(), body, Names::Proto).unwrap();
        find(&listener, &mut found);
    }
    found
}

/// The name of a resource, which is the first field of all that have one.
pub fn name_of(kind: ResourceType, body: &[u8]) -> String {
    #[derive(prost::Message)]
    struct Named {
        #[prost(string, tag = "1")]
        name: String,
    }
    match kind {
        ResourceType::NameTable => String::new(),
        _ => Named::decode(body).unwrap().name,
    }
}
