//! A proxy that stays: asks for everything, follows what that refers to, and answers every change until it is dropped.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::Result;
use bytes::Bytes;
use istiod::proto::Any;
use istiod::proto::discovery::{DiscoveryRequest, DiscoveryResponse, ErrorDetail};
use istiod::translate::ResourceType;
use prost::Message;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{Proxy, Stream, assignments, routes};

/// A connected proxy. Dropping it disconnects it.
pub struct Follower {
    answered: mpsc::Receiver<ResourceType>,
    task: JoinHandle<Result<()>>,
}

/// Answers that nobody waited for yet: more than any test is sent.
const ANSWERS: usize = 10_000;

/// What it answers with.
#[derive(Clone, Copy)]
pub enum Mood {
    /// Accepts everything.
    Content,
    /// Refuses everything of a type.
    Refuses(ResourceType),
}

impl Proxy {
    /// Connects and stays.
    pub async fn follow(&self, address: SocketAddr, mood: Mood) -> Result<Follower> {
        let stream = Stream::open(address, self.node.clone()).await?;
        let (sender, answered) = mpsc::channel(ANSWERS);
        let state = State { stream, mood, requests: BTreeMap::new(), answered: sender };
        Ok(Follower { answered, task: tokio::spawn(state.run()) })
    }
}

impl Follower {
    /// Waits until a response of this type was answered.
    pub async fn answered(&mut self, kind: ResourceType) {
        while self.answered.recv().await.expect("the stream ended") != kind {}
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct State {
    stream: Stream,
    mood: Mood,
    requests: BTreeMap<ResourceType, DiscoveryRequest>,
    answered: mpsc::Sender<ResourceType>,
}

impl State {
    async fn run(mut self) -> Result<()> {
        for kind in [ResourceType::Cluster, ResourceType::Listener, ResourceType::NameTable] {
            self.ask(kind, Vec::new()).await?;
        }
        loop {
            let answer = DiscoveryResponse::decode(self.stream.next().await?)?;
            let Some(kind) = ResourceType::of_url(&answer.type_url) else { continue };
            let bodies = answer.resources.iter().map(|body| Ok(Any::decode(&**body)?.value.into()));
            let bodies = bodies.collect::<Result<Vec<Bytes>>>()?;
            let refused = matches!(self.mood, Mood::Refuses(refused) if refused == kind);
            let Some(request) = self.requests.get_mut(&kind) else { continue };
            request.response_nonce = answer.nonce;
            request.error_detail = None;
            if refused {
                let message = "it does not like it".to_owned();
                request.error_detail = Some(ErrorDetail { code: 13, message });
            } else {
                request.version_info = answer.version_info;
            }
            self.stream.send(request).await?;
            let wanted = match kind {
                ResourceType::Cluster => Some((ResourceType::Endpoint, assignments(&bodies))),
                ResourceType::Listener => Some((ResourceType::Route, routes(&bodies))),
                _ => None,
            };
            if let Some((kind, names)) = wanted.filter(|(_, names)| !names.is_empty()) {
                self.ask(kind, names.into_iter().map(Bytes::from).collect()).await?;
            }
            // Nobody waits for it any more at the end of a test.
            let _ = self.answered.send(kind).await;
        }
    }

    /// Asks for a type, or for other names of it.
    async fn ask(&mut self, kind: ResourceType, names: Vec<Bytes>) -> Result<()> {
        let request = self.requests.entry(kind).or_default();
        if request.type_url.is_empty() || request.resource_names != names {
            request.type_url = kind.type_url().to_owned();
            request.resource_names = names;
            request.node = self.stream.node.take().unwrap_or_default();
            self.stream.send(request).await?;
        }
        Ok(())
    }
}
