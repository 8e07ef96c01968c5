//! The roots that the control plane tells (PCDS), which go to Envoy with those of the mesh.
//!
//! A stream of the agent's own: Envoy knows nothing of this type. Its node has another name than Envoy's, so that
//! nobody takes the one for the other. What was told last stays in force while the control plane is away.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use http::uri::PathAndQuery;
use prost::Message;
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Request;
use tonic::client::Grpc;
use tonic_prost::ProstCodec;
use tracing::{info, warn};

use super::ca_client::{self, CaClient};
use super::material::{Material, Roots};
use super::renewal::State;
use crate::backoff::Backoff;
use crate::proto::envoy::envoy::config::core::v3::Node;
use crate::proto::envoy::envoy::service::discovery::v3::{DiscoveryRequest, DiscoveryResponse};
use crate::proto::envoy::google::rpc;
use crate::proto::json::from_json;
use crate::proto::mesh::ProxyConfig;

const METHOD: &str =
    "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";
const TYPE_URL: &str = "type.googleapis.com/istio.mesh.v1alpha1.ProxyConfig";

/// From the look-up of the address to the stream.
const DEADLINE: Duration = Duration::from_secs(20);

/// The first wait after a stream that ended, and the longest one.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Of a response: bundles of roots are some kilobytes.
const MAX_RESPONSE: usize = 4 * 1024 * 1024;

/// Requests that wait: the first one, or an answer.
const REQUESTS: usize = 2;

/// Of the node that Envoy presents, what says whom the agent speaks for.
const METADATA: [&str; 6] =
    ["NAMESPACE", "SERVICE_ACCOUNT", "CLUSTER_ID", "MESH_ID", "ISTIO_VERSION", "INSTANCE_IPS"];

/// Who is asked, and as whom.
#[derive(Clone, Debug)]
pub struct Asking {
    /// The control plane.
    pub control_plane: CaClient,
    /// The node that Envoy presents.
    pub node: Value,
}

impl Asking {
    /// Keeps the newest roots in the feed for as long as somebody has it.
    pub async fn run(
        self,
        issued: Option<watch::Receiver<State>>,
        feed: watch::Sender<Option<Arc<Material>>>,
    ) {
        let keep = async {
            let mut backoff = Backoff::new(RETRY.0, RETRY.1);
            let mut said = String::new();
            loop {
                let begun = SystemTime::now();
                let Err(error) = self.stream(issued.as_ref(), &feed).await;
                // A stream that was held for a while ended as streams do.
                if begun.elapsed().is_ok_and(|time| time > RETRY.1) {
                    backoff.reset();
                    said.clear();
                }
                let why = format!("{error:#}");
                if why != said {
                    warn!("the roots of the mesh are not told: {why}; tried again");
                    said = why;
                }
                tokio::time::sleep(backoff.wait()).await;
            }
        };
        tokio::select! {
            () = keep => {}
            () = feed.closed() => {}
        }
    }

    async fn stream(
        &self,
        issued: Option<&watch::Receiver<State>>,
        feed: &watch::Sender<Option<Arc<Material>>>,
    ) -> anyhow::Result<std::convert::Infallible> {
        let issued = issued.and_then(|state| state.borrow().issued.clone());
        let open = async {
            let (channel, presented) = self.control_plane.open(issued.as_deref()).await?;
            let mut client = Grpc::new(channel).max_decoding_message_size(MAX_RESPONSE);
            client.ready().await.context("the connection was lost")?;
            let (requests, outgoing) = mpsc::channel(REQUESTS);
            requests.send(self.first()?).await.context("the first request")?;
            let mut request = Request::new(ReceiverStream::new(outgoing));
            self.control_plane.introduce(&presented, request.metadata_mut())?;
            let path = PathAndQuery::from_static(METHOD);
            let codec = ProstCodec::<DiscoveryRequest, DiscoveryResponse>::default();
            let answer = client.streaming(request, path, codec).await;
            let responses = answer.map_err(ca_client::refused)?.into_inner();
            anyhow::Ok((requests, responses))
        };
        let opened = tokio::time::timeout(DEADLINE, open).await;
        let what = || format!("the control plane at {}", self.control_plane.address);
        let opened = opened.with_context(|| format!("no answer within {DEADLINE:?}"));
        let (requests, mut responses) = opened.with_context(what)?.with_context(what)?;
        loop {
            let response = responses.message().await.map_err(ca_client::refused);
            let Some(response) = response.with_context(what)? else {
                bail!("{}: the stream ended", what());
            };
            let answer = answer(&response, take(&response, feed));
            requests.send(answer).await.with_context(what)?;
        }
    }

    fn first(&self) -> anyhow::Result<DiscoveryRequest> {
        let node = from_json("envoy.config.core.v3.Node", &node(&self.node))
            .map_err(|error| anyhow::anyhow!("the node: {error}"))?;
        let node = Node::decode(node).context("the node")?;
        Ok(DiscoveryRequest {
            node: Some(node),
            type_url: TYPE_URL.to_owned(),
            ..DiscoveryRequest::default()
        })
    }
}

/// The node of the agent that belongs to a node of Envoy.
fn node(envoy: &Value) -> Value {
    let id = envoy.get("id").and_then(Value::as_str).unwrap_or_default();
    let parts: Vec<String> = id
        .split('~')
        .enumerate()
        .map(|(at, part)| match part.rsplit_once('.').filter(|_| at == 2) {
            Some((name, namespace)) => format!("{name}-agent.{namespace}"),
            None => part.to_owned(),
        })
        .collect();
    let metadata = envoy.get("metadata").and_then(Value::as_object);
    let kept = |name: &&str| Some(((*name).to_owned(), metadata?.get(*name)?.clone()));
    let metadata: Map<String, Value> = METADATA.iter().filter_map(kept).collect();
    json!({ "id": parts.join("~"), "metadata": metadata })
}

/// Takes the roots of a response, if it has any.
fn take(
    response: &DiscoveryResponse,
    feed: &watch::Sender<Option<Arc<Material>>>,
) -> Result<(), String> {
    let Some(resource) = response.resources.first() else { return Ok(()) };
    let config = ProxyConfig::decode(&*resource.value).map_err(|error| error.to_string())?;
    let texts = config.ca_certificates_pem.iter().map(|text| text.trim_end());
    let text: String = texts.flat_map(|text| [text, "\n"]).collect();
    let roots = match text.is_empty() {
        true => None,
        false => Some(Material::Roots(
            Roots::new(text.as_bytes()).map_err(|error| format!("{error:#}"))?,
        )),
    };
    feed.send_if_modified(|held| {
        let changed = held.as_deref() != roots.as_ref();
        if changed {
            info!(roots = config.ca_certificates_pem.len(), "the roots of the mesh were told");
            *held = roots.map(Arc::new);
        }
        changed
    });
    Ok(())
}

fn answer(response: &DiscoveryResponse, taken: Result<(), String>) -> DiscoveryRequest {
    let version = response.version_info.clone();
    let status = |message| rpc::Status { code: 13, message, ..rpc::Status::default() };
    DiscoveryRequest {
        version_info: if taken.is_ok() { version } else { String::new() },
        type_url: TYPE_URL.to_owned(),
        response_nonce: response.nonce.clone(),
        error_detail: taken.err().map(status),
        ..DiscoveryRequest::default()
    }
}

#[cfg(test)]
mod tests;
