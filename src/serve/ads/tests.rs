//! The service over real sockets, with views that are as simple as can be.

use std::net::SocketAddr;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tonic::Status;

use super::*;
use crate::api;
use crate::api::config::Spec as _;
use crate::api::networking::WorkloadEntry;
use crate::api::{Meta, Object};
use crate::model::Proxy;
use crate::model::report::{HEALTH_CHECKED, Report, Said};
use crate::proto::Any;
use crate::proto::discovery::{DeltaDiscoveryResponse, DiscoveryResponse};
use crate::proto::envoy::envoy::config::core::v3::Node;
use crate::proto::envoy::google::protobuf::value::Kind;
use crate::proto::envoy::google::protobuf::{Struct, Value};
use crate::serve::fixture::{Ask, layer, node, read, view_of};
use crate::serve::push::Views;
use crate::serve::secrets::Secrets;
use crate::serve::secrets::review::OwnNamespace;
use crate::serve::server::{self, Security};
use crate::serve::services;
use crate::serve::type_url::HEALTH;
use crate::serve::wire::Outgoing;
use crate::serve::wire::StreamBody;
use crate::snapshot::{Publisher, Snapshot};
use crate::translate::{ResourceType, View};

mod secrets;

/// One cluster, whose content is the generation of the snapshot.
struct Fake;

impl Views for Fake {
    fn view(&mut self, snapshot: &Snapshot, _: &Arc<Proxy>) -> View {
        let content = snapshot.generation.to_string();
        let layer = layer(&[(ResourceType::Cluster, &[("cluster", &content)])]);
        View::clone(&view_of(vec![layer]))
    }
}

struct Daemon {
    ads: Ads,
    address: SocketAddr,
    publisher: Publisher,
    metrics: Arc<Metrics>,
    ready: watch::Sender<bool>,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
    reports: mpsc::Receiver<Report>,
}

async fn start(streams_per_second: u32) -> Daemon {
    let publisher = Publisher::default();
    let metrics = Arc::new(Metrics::new("test"));
    let (pusher, _) = Pusher::start(publisher.subscribe(), Fake, metrics.clone()).unwrap();
    let (ready, stop) = (watch::Sender::new(true), watch::Sender::new(false));
    let (reports, reported) = mpsc::channel(1);
    let config = Config {
        max_message: 1000,
        streams_per_second,
        push_throttle: 1,
        access: Access { identity: true, ..Access::default() },
        secrets_on_loopback: true,
        cluster_aliases: Vec::new(),
    };
    let registration = Registration {
        registers: true,
        health: true,
        proved: false,
        snapshots: publisher.subscribe(),
        reports,
    };
    let secrets = Secrets::new(publisher.subscribe(), Arc::new(OwnNamespace), metrics.clone());
    let ads = Ads::new(
        config,
        pusher,
        metrics.clone(),
        Some(registration),
        secrets,
        ready.subscribe(),
        stop.subscribe(),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let config = server::Config {
        keepalive_interval: Duration::from_secs(30),
        keepalive_timeout: Duration::from_secs(10),
        max_age: None,
        max_streams: 100,
        drain: Duration::from_secs(10),
    };
    let server = tokio::spawn(server::run(
        listener,
        services::router(&ads, None),
        config,
        Security::Plaintext,
        stop.subscribe(),
    ));
    let reports = reported;
    let daemon = Daemon { ads, address, publisher, metrics, ready, stop, server, reports };
    daemon.publish(1);
    daemon
}

impl Daemon {
    fn publish(&self, generation: u64) {
        let objects = [checked_entry()].into_iter().collect();
        let snapshot = Snapshot { generation, objects, ..Snapshot::default() };
        self.publisher.publish(Arc::new(snapshot));
    }

    async fn open(&self, protocol: Protocol) -> Client {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) =
            http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let method = match protocol {
            Protocol::Sotw => "StreamAggregatedResources",
            Protocol::Delta => "DeltaAggregatedResources",
        };
        let (requests, body) = StreamBody::new();
        let request = http::Request::post(format!("http://{}{SERVICE}/{method}", self.address))
            .header(CONTENT_TYPE, "application/grpc")
            .body(body)
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.headers()[CONTENT_TYPE], "application/grpc");
        Client { protocol, requests, body: response.into_body(), rest: Vec::new() }
    }
}

/// An entry whose proxy tells of its health.
fn checked_entry() -> Object {
    let annotations = [(HEALTH_CHECKED.into(), "true".into())].into();
    let (name, namespace) = ("vm".into(), "shop".into());
    let meta = Meta { name, namespace, annotations, ..Meta::default() };
    WorkloadEntry::object(Arc::new(api::config::Config { meta, ..api::config::Config::default() }))
}

struct Client {
    protocol: Protocol,
    requests: mpsc::Sender<Outgoing>,
    body: Incoming,
    rest: Vec<u8>,
}

/// What came: a response's nonce and contents, or the end with its code, message and hint to retry.
#[derive(Debug, PartialEq)]
enum Came {
    Response(String, Vec<(String, String)>),
    End(tonic::Code, String, bool),
}

impl Client {
    async fn send(&self, ask: &Ask<'_>) {
        let message = ask.encode(self.protocol, ResourceType::Cluster);
        let mut frame = vec![0];
        frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        frame.extend(message);
        // A stream that is refused may be over before it is read.
        let _ = self.requests.send(Outgoing::Message(vec![frame.into()])).await;
    }

    async fn next(&mut self) -> Came {
        loop {
            if let Some(([_, length @ ..], rest)) = self.rest.split_first_chunk::<5>() {
                let length = u32::from_be_bytes(*length) as usize;
                if rest.len() >= length {
                    let message: Vec<u8> = self.rest.drain(..5 + length).skip(5).collect();
                    return self.decode(&message);
                }
            }
            let frame = self.body.frame().await.unwrap().unwrap();
            match frame.into_data() {
                Ok(data) => self.rest.extend(data),
                Err(frame) => {
                    let status = frame.into_trailers().unwrap();
                    let hint = status.contains_key("grpc-retry-pushback-ms");
                    let status = Status::from_header_map(&status).unwrap();
                    return Came::End(status.code(), status.message().to_owned(), hint);
                }
            }
        }
    }

    fn decode(&self, message: &[u8]) -> Came {
        let (nonce, bodies): (String, Vec<Bytes>) = match self.protocol {
            Protocol::Sotw => {
                let response = DiscoveryResponse::decode(message).unwrap();
                (response.nonce, response.resources)
            }
            Protocol::Delta => {
                let response = DeltaDiscoveryResponse::decode(message).unwrap();
                let entry = |e: &Bytes| crate::proto::discovery::Resource::decode(&**e).unwrap();
                (response.nonce, response.resources.iter().map(|e| entry(e).resource).collect())
            }
        };
        let bodies = bodies.iter().map(|any| read(&Any::decode(&**any).unwrap().value));
        Came::Response(nonce, bodies.collect())
    }
}

fn cluster(nonce: &str, content: &str) -> Came {
    Came::Response(nonce.to_owned(), vec![("cluster".to_owned(), content.to_owned())])
}

#[tokio::test]
async fn a_proxy_is_served_and_follows() {
    for protocol in [Protocol::Sotw, Protocol::Delta] {
        let daemon = start(0).await;
        let mut client = daemon.open(protocol).await;
        client.send(&Ask { node: &node("web-1"), ..Ask::default() }).await;
        assert_eq!(client.next().await, cluster("1", "1"));
        client.send(&Ask { nonce: "1", ..Ask::default() }).await;
        daemon.publish(2);
        assert_eq!(client.next().await, cluster("2", "2"));

        let [connection] = daemon.ads.connections().list().try_into().unwrap();
        assert_eq!((&*connection.id, connection.protocol), ("web-1.shop-1", protocol));
        let [watched] = connection.watched().try_into().unwrap();
        assert_eq!((watched.sent, watched.accepted), (Some(2), Some(1)));
        assert!(watched.wildcard && watched.sent_at.is_some());
        assert_eq!(daemon.metrics.pushes.with(&["cds"]).get(), 2);

        drop(client);
        while !daemon.ads.connections().is_empty() {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn what_a_proxy_says_of_its_workload_is_reported() {
    for protocol in [Protocol::Sotw, Protocol::Delta] {
        let mut daemon = start(0).await;
        let mut client = daemon.open(protocol).await;
        let entry = Value { kind: Some(Kind::StringValue("vm".to_owned())) };
        let node = Node {
            id: "sidecar~10.0.0.1~web-1.shop~shop.svc.cluster.local".to_owned(),
            metadata: Some(Struct { fields: [("WORKLOAD_ENTRY".to_owned(), entry)].into() }),
            ..Node::default()
        };
        let health = Ask { url: HEALTH, ..Ask::default() };
        client.send(&health).await;
        client.send(&Ask { node: &node.encode_to_vec(), ..Ask::default() }).await;
        assert_eq!(client.next().await, cluster("1", "1"), "a report before the node is ignored");
        client.send(&Ask { error: Some("refused"), ..health.clone() }).await;
        client.send(&health).await;
        let mut client = Some(client);
        let mut said = Vec::new();
        while said.last() != Some(&Said::Disconnected) {
            let report = daemon.reports.recv().await.unwrap();
            assert_eq!(report.entry.to_string(), "WorkloadEntry shop/vm");
            if report.said == Said::Healthy {
                client = None;
            }
            said.push(report.said);
        }
        assert!(client.is_none());
        let unhealthy = Said::Unhealthy("refused".into());
        assert_eq!(said, [Said::Connected, unhealthy, Said::Healthy, Said::Disconnected]);
    }
}

#[tokio::test]
async fn a_slow_proxy_gets_the_newest_state_only() {
    let daemon = start(0).await;
    let mut client = daemon.open(Protocol::Sotw).await;
    client.send(&Ask { node: &node("web-1"), ..Ask::default() }).await;
    assert_eq!(client.next().await, cluster("1", "1"));
    for generation in 2..=20 {
        daemon.publish(generation);
    }
    let connection = daemon.ads.connections().list().remove(0);
    let newest = || connection.view().get(ResourceType::Cluster, "cluster").unwrap().body.clone();
    while read(&newest()).1 != "20" {
        tokio::task::yield_now().await;
    }
    client.send(&Ask { nonce: "1", ..Ask::default() }).await;
    assert_eq!(client.next().await, cluster("2", "20"));
}

#[tokio::test]
async fn refusals_are_counted_while_they_last() {
    let daemon = start(0).await;
    let mut client = daemon.open(Protocol::Delta).await;
    let id = "sidecar~10.0.0.1~web-1.shop~shop.svc.cluster.local";
    client.send(&Ask { node: &node("web-1"), ..Ask::default() }).await;
    client.next().await;
    client.send(&Ask { nonce: "1", error: Some("no"), ..Ask::default() }).await;
    daemon.publish(2);
    assert_eq!(client.next().await, cluster("2", "2"));
    assert_eq!(daemon.metrics.rejects.with(&["cds"]).get(), 1);
    assert!(daemon.metrics.render().contains(&format!("err=\"Internal\",node=\"{id}\"")));
    client.send(&Ask { nonce: "2", ..Ask::default() }).await;
    daemon.publish(3);
    client.next().await;
    assert!(!daemon.metrics.render().contains("err=\"Internal\""));
}

/// What a stream ends with that begins with this.
async fn end(daemon: &Daemon, ask: &Ask<'_>) -> Came {
    let mut client = daemon.open(Protocol::Delta).await;
    client.send(ask).await;
    client.next().await
}

#[tokio::test]
async fn streams_end_with_a_reason() {
    let daemon = start(0).await;
    let ended = |code: tonic::Code, text: &str| Came::End(code, text.to_owned(), false);
    let got = end(&daemon, &Ask::default()).await;
    assert_eq!(got, ended(tonic::Code::InvalidArgument, "missing node information"));
    let long = "x".repeat(2000);
    let Came::End(code, text, _) = end(&daemon, &Ask { url: &long, ..Ask::default() }).await else {
        panic!("a request of {} bytes was taken", long.len());
    };
    assert_eq!(code, tonic::Code::ResourceExhausted);
    assert!(text.ends_with("bytes; 1000 are allowed"), "{text}");
    daemon.ready.send_replace(false);
    assert_eq!(
        end(&daemon, &Ask { node: &node("web-1"), ..Ask::default() }).await,
        ended(tonic::Code::Unavailable, "server is not ready to serve discovery information")
    );
}

#[tokio::test]
async fn who_comes_too_early_is_told_when_to_come() {
    let daemon = start(1).await;
    let mut streams = Vec::new();
    for _ in 0..40 {
        streams.push(daemon.open(Protocol::Sotw).await);
    }
    let Came::End(code, text, true) = streams.remove(39).next().await else { panic!("let in") };
    assert_eq!(code, tonic::Code::ResourceExhausted);
    assert!(text.starts_with("request rate limit exceeded: come again in "), "{text}");
    assert!(daemon.metrics.queue_depth.with(&["new_streams"]).get() > 0.0, "others wait");
}

#[tokio::test]
async fn a_stop_ends_streams_and_the_server() {
    let daemon = start(0).await;
    let mut client = daemon.open(Protocol::Sotw).await;
    client.send(&Ask { node: &node("web-1"), ..Ask::default() }).await;
    client.next().await;
    daemon.stop.send_replace(true);
    let Came::End(code, ..) = client.next().await else { panic!("more") };
    assert_eq!(code, tonic::Code::Unavailable);
    daemon.server.await.unwrap();
}
