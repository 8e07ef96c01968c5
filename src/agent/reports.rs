//! Reports of the workload's health to the control plane, on a stream of the agent's own.
//!
//! istio-agent says it on Envoy's stream, which goes through it; here Envoy's does not. So this is a second connection of
//! the same proxy, which asks for nothing that would be built for it, and says again what is known whenever it is opened
//! anew.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http::uri::PathAndQuery;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Request;
use tonic::client::Grpc;
use tonic_prost::ProstCodec;
use tracing::{info, warn};

use super::ca_client::CaClient;
use super::health::Verdict;
use super::renewal::{Issued, State};
use crate::backoff::Backoff;
use crate::proto::discovery::{DiscoveryRequest, DiscoveryResponse, ErrorDetail};

const METHOD: &str =
    "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources";

/// What opens the stream: a type of which the agent takes nothing. A report alone is not heard.
const FIRST: &str = "type.googleapis.com/istio.mesh.v1alpha1.ProxyConfig";

const HEALTH: &str = "type.googleapis.com/istio.v1.HealthInformation";

/// gRPC's code of a workload that is not healthy, as istio-agent says it.
const INTERNAL: i32 = 13;

/// Between two attempts.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));

/// How long opening a connection may take.
const OPENING: Duration = Duration::from_secs(20);

/// Tells the control plane at `peer` the health, for ever, as the proxy of this encoded node.
pub async fn run(
    peer: CaClient,
    node: Bytes,
    mut certificate: Option<watch::Receiver<State>>,
    mut health: watch::Receiver<Verdict>,
) {
    // Nothing is to be said before.
    if health.wait_for(Option::is_some).await.is_err() {
        return;
    }
    if let Some(state) = &mut certificate
        && state.wait_for(|state| state.issued.is_some()).await.is_err()
    {
        return;
    }
    let mut backoff = BACKOFF;
    loop {
        let issued = certificate.as_ref().and_then(|state| state.borrow().issued.clone());
        let ended = report(&peer, &node, issued, &mut health, &mut backoff).await;
        match ended {
            Ok(()) => info!("the control plane ended the stream of health reports"),
            Err(error) => warn!("the health is not told: {error:#}"),
        }
        tokio::time::sleep(backoff.wait()).await;
    }
}

/// One stream, to its end.
async fn report(
    peer: &CaClient,
    node: &Bytes,
    issued: Option<Arc<Issued>>,
    health: &mut watch::Receiver<Verdict>,
    backoff: &mut Backoff,
) -> anyhow::Result<()> {
    let opened = tokio::time::timeout(OPENING, peer.open(issued.as_deref())).await;
    let (channel, presented) = opened.context("no connection in time")??;
    let mut client = Grpc::new(channel);
    client.ready().await.context("the connection was lost")?;
    let (requests, queue) = mpsc::channel(4);
    let mut request = Request::new(ReceiverStream::new(queue));
    peer.introduce(&presented, request.metadata_mut())?;
    let first = DiscoveryRequest {
        node: node.clone(),
        type_url: FIRST.to_owned(),
        ..DiscoveryRequest::default()
    };
    requests.send(first).await?;
    let known = said(&health.borrow_and_update());
    requests.send(known).await?;
    let path = PathAndQuery::from_static(METHOD);
    let codec = ProstCodec::<DiscoveryRequest, DiscoveryResponse>::default();
    // The head of the answer may not come before there is something in it.
    let mut answers = std::pin::pin!(async {
        let mut answers = client.streaming(request, path, codec).await?.into_inner();
        while answers.message().await?.is_some() {}
        anyhow::Ok(())
    });
    loop {
        tokio::select! {
            ended = &mut answers => return ended,
            changed = health.changed() => {
                changed?;
                let known = said(&health.borrow_and_update());
                requests.send(known).await?;
                backoff.reset();
            }
        }
    }
}

fn said(verdict: &Verdict) -> DiscoveryRequest {
    let why = verdict.as_ref().and_then(|verdict| verdict.as_ref().err());
    DiscoveryRequest {
        type_url: HEALTH.to_owned(),
        error_detail: why.map(|why| ErrorDetail { code: INTERNAL, message: why.clone() }),
        ..DiscoveryRequest::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_tells_that_it_is_bad() {
        assert_eq!(said(&Some(Ok(()))).error_detail, None);
        let bad = said(&Some(Err("refused".to_owned())));
        let error = bad.error_detail.unwrap();
        assert_eq!((&*bad.type_url, error.code, &*error.message), (HEALTH, 13, "refused"));
    }
}
