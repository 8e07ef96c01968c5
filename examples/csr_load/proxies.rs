//! Proxies that are connected, and how long changes take to them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::{Buf, Bytes};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use istiod::proto::discovery::{DiscoveryRequest, DiscoveryResponse};
use istiod::proto::json::from_json;
use prost::Message;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use crate::target::{Target, framed};
use crate::times::Times;

const METHOD: &str =
    "envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";

const CLUSTERS: &str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";

/// Between two changes.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a change may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The connected proxies.
pub struct Proxies {
    objects: PathBuf,
    count: usize,
    /// Which change a proxy was told, and when.
    told: mpsc::Receiver<(usize, Instant)>,
    tasks: JoinSet<Result<()>>,
}

impl Proxies {
    /// Connects so many of this account, and waits until each was answered.
    pub async fn connect(
        target: &Target,
        count: usize,
        account: &str,
        objects: &Path,
    ) -> Result<Proxies> {
        let (namespace, account) =
            account.split_once('/').context("--account: NAMESPACE/NAME is needed")?;
        let (tell, told) = mpsc::channel(count.max(1) * 4);
        let mut proxies =
            Proxies { objects: objects.to_owned(), count, told, tasks: JoinSet::new() };
        proxies.change(0)?;
        for number in 0..count {
            let address = format!("10.200.{}.{}", number / 250, number % 250 + 1);
            let node = json!({
                "id": format!("sidecar~{address}~load-{number}.{namespace}~{namespace}.svc.cluster.local"),
                "metadata": { "NAMESPACE": namespace, "SERVICE_ACCOUNT": account },
            });
            let node = from_json("envoy.config.core.v3.Node", &node)?;
            proxies.tasks.spawn(follow(target.clone(), node, tell.clone()));
        }
        let connected = tokio::time::timeout(PATIENCE, proxies.wait_for(0));
        connected.await.context("the proxies were not answered")??;
        Ok(proxies)
    }

    /// Makes changes for so long. How long each of them took to the last proxy.
    pub async fn measure(mut self, duration: Duration) -> Result<Times> {
        let (end, mut times) = (Instant::now() + duration, Times::default());
        for number in 1.. {
            let start = Instant::now();
            if start + PAUSE > end {
                break;
            }
            self.change(number)?;
            let last = tokio::time::timeout(PATIENCE, self.wait_for(number)).await;
            times.add(last.context("a change did not come")??.duration_since(start));
            tokio::time::sleep_until(start + PAUSE).await;
        }
        Ok(times)
    }

    /// When the last proxy was told of a change.
    async fn wait_for(&mut self, number: usize) -> Result<Instant> {
        let mut left = self.count;
        loop {
            tokio::select! {
                told = self.told.recv() => {
                    let (change, at) = told.context("all proxies are gone")?;
                    left -= usize::from(change == number);
                    if left == 0 {
                        return Ok(at);
                    }
                }
                Some(ended) = self.tasks.join_next() => ended?.context("a proxy")?,
            }
        }
    }

    /// Adds a service. It is put in place whole.
    fn change(&self, number: usize) -> Result<()> {
        let entry = json!({
            "apiVersion": "networking.istio.io/v1",
            "kind": "ServiceEntry",
            "metadata": { "name": format!("load-{number}"), "namespace": "load" },
            "spec": {
                "hosts": [format!("load-{number}.example.com")],
                "ports": [{ "number": 80, "name": "http", "protocol": "HTTP" }],
                "resolution": "DNS",
            },
        });
        let hidden = self.objects.join(".load");
        std::fs::write(&hidden, entry.to_string())?;
        Ok(std::fs::rename(hidden, self.objects.join(format!("load-{number}.yaml")))?)
    }
}

/// One proxy: asks for clusters, accepts what comes, and tells which changes are in it.
async fn follow(target: Target, node: Bytes, tell: mpsc::Sender<(usize, Instant)>) -> Result<()> {
    let mut connection = target.connect().await?;
    let (requests, queue) = mpsc::channel::<Bytes>(4);
    let frames =
        ReceiverStream::new(queue).map(|part| Ok::<_, std::convert::Infallible>(Frame::data(part)));
    let first =
        DiscoveryRequest { node, type_url: CLUSTERS.to_owned(), ..DiscoveryRequest::default() };
    requests.send(framed(&first)?).await?;
    let answers = target.call(&mut connection, METHOD, StreamBody::new(frames).boxed()).await?;
    let (mut answers, mut received, mut next) = (answers.into_body(), Vec::new(), 0);
    loop {
        let answer = DiscoveryResponse::decode(message(&mut answers, &mut received).await?)?;
        let accepted = DiscoveryRequest {
            type_url: answer.type_url,
            version_info: answer.version_info,
            response_nonce: answer.nonce,
            ..DiscoveryRequest::default()
        };
        requests.send(framed(&accepted)?).await?;
        let now = Instant::now();
        // Several changes may come at once.
        while tells(&answer.resources, next) {
            tell.send((next, now)).await?;
            next += 1;
        }
    }
}

/// Whether the cluster of a change is among these, wherever in it its name stands.
fn tells(resources: &[Bytes], number: usize) -> bool {
    let name = format!("load-{number}.example.com");
    resources.iter().any(|body| body.windows(name.len()).any(|part| part == name.as_bytes()))
}

/// The next message.
async fn message(body: &mut Incoming, received: &mut Vec<u8>) -> Result<Bytes> {
    loop {
        if let Some(([_, length @ ..], rest)) = received.split_first_chunk::<5>() {
            let length = u32::from_be_bytes(*length) as usize;
            if let Some(message) = rest.get(..length) {
                let message = Bytes::copy_from_slice(message);
                received.drain(..5 + length);
                return Ok(message);
            }
        }
        let frame = body.frame().await.context("the stream ended")??;
        let data = frame.into_data().ok().context("the stream ended")?;
        received.extend_from_slice(data.chunk());
    }
}
