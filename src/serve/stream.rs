//! One stream's protocol, without IO: what is sent, and when.
//!
//! Both forms of ADS are this one machine. Requests and views go in ([`Stream::receive`],
//! [`Stream::update`]); [`Stream::next`] gives the response to write, whenever the transport can take one. It
//! is pulled, never queued: a slow proxy gets the newest state when it is ready. Time comes in as an argument.
//!
//! - [`watch`]: the state of one type, and what a client holds of it.
//! - [`sotw`], [`delta`]: what a request means in either form.
//! - [`order`]: which type may be sent now. Clusters and endpoints first, then the listeners and routes that
//!   use them, then the removals.
//! - [`answer`]: what a response consists of.
//!
//! Nothing of what was sent is copied: a client holds resources of a view, and its state is that view's
//! `Arc`. The protocol: <https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol>.

mod answer;
mod delta;
mod order;
mod sotw;
mod watch;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tonic::Status;

pub use self::answer::Response;
pub use self::watch::{Refusal, Watch};
use super::cache::{Cache, Names};
use super::envelope::{Protocol, Request};
use super::push::wave::Passing;
use super::type_url::TypeUrl;
use crate::api::Str;
use crate::translate::{ResourceType, View};

/// How long a step waits for the acknowledgement of the step before. An Envoy acknowledges within
/// milliseconds, but holds back its answer to clusters while they warm; clusters that cannot warm must not
/// hold up everything else for long.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// How many types unknown to us one stream may ask for. Agents of other versions ask for one or two.
const MAX_UNKNOWN_TYPES: usize = 16;

/// The newest state for a proxy.
#[derive(Clone, Debug)]
pub struct Update {
    /// What it is served.
    pub view: Arc<View>,
    /// The version that responses carry.
    pub version: Str,
    /// The change that made it; none for what a proxy is served first, and for its secrets.
    pub wave: Passing,
}

/// What a request turned out to be, for metrics and logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// It asks for something, for the first time or again.
    Subscribed,
    /// It accepts the last response of its type.
    Acknowledged,
    /// It refuses the last response of its type.
    Refused(Refusal),
    /// It answers an older response than the last one.
    Stale,
    /// It gives up a type, or wants nothing that is known here.
    Nothing,
}

/// The state of one stream.
#[derive(Debug)]
pub struct Stream {
    protocol: Protocol,
    cache: Arc<Cache>,
    newest: Update,
    /// The last nonce that was used.
    nonce: u64,
    /// Sorted by type.
    watches: Vec<Watch>,
    unknown: Vec<Unknown>,
    /// Clusters that went out before the client watched endpoints: each of them warms, and waits for its
    /// endpoints, even if the client has them from an earlier stream.
    warming: Warming,
}

#[derive(Debug, Default)]
enum Warming {
    #[default]
    None,
    Names(Vec<Str>),
    All,
}

/// A type of which we know nothing: its requests are answered, with nothing.
#[derive(Debug)]
struct Unknown {
    type_url: TypeUrl,
    owed: bool,
}

impl Stream {
    /// A stream whose proxy is served `newest`.
    pub fn new(protocol: Protocol, newest: Update, cache: Arc<Cache>) -> Stream {
        Stream {
            protocol,
            cache,
            newest,
            nonce: 0,
            watches: Vec::new(),
            unknown: Vec::new(),
            warming: Warming::None,
        }
    }

    /// Takes a request in. An error ends the stream.
    pub fn receive(&mut self, request: &Request) -> Result<Received, Status> {
        match &request.type_url {
            TypeUrl::Known(kind) => Ok(match self.protocol {
                Protocol::Sotw => self.receive_sotw(*kind, request),
                Protocol::Delta => self.receive_delta(*kind, request)?,
            }),
            TypeUrl::Silent(_) | TypeUrl::Debug(_) => Ok(Received::Nothing),
            TypeUrl::Unknown(_) => self.receive_unknown(request),
        }
    }

    fn receive_unknown(&mut self, request: &Request) -> Result<Received, Status> {
        if !request.nonce.is_empty() {
            return Ok(Received::Nothing);
        }
        let url = &request.type_url;
        if let Some(unknown) = self.unknown.iter_mut().find(|unknown| unknown.type_url == *url) {
            unknown.owed = true;
        } else if self.unknown.len() < MAX_UNKNOWN_TYPES {
            self.unknown.push(Unknown { type_url: url.clone(), owed: true });
        } else {
            let text = format!("more than {MAX_UNKNOWN_TYPES} unknown types; the last is {url}");
            return Err(Status::resource_exhausted(text));
        }
        Ok(Received::Subscribed)
    }

    /// Takes the newest state in, in place of any older one.
    pub fn update(&mut self, newest: Update, now: Instant) {
        for watch in &mut self.watches {
            watch.compare(&newest.view, &self.cache, now);
        }
        self.newest = newest;
    }

    /// Everything of the newest state that the client wants was sent, but for removals.
    pub fn is_current(&self) -> bool {
        self.watches.iter().all(|watch| !watch.is_pending() && !watch.owes())
    }

    /// Everything of the newest state was sent, and all that was sent was answered, be it by a refusal.
    pub fn is_at_rest(&self) -> bool {
        self.is_current() && self.watches.iter().all(|watch| watch.acknowledged == watch.sent)
    }

    /// The newest state that came in.
    pub fn view(&self) -> &Arc<View> {
        &self.newest.view
    }

    /// The state of each type that the client watches, in sending order.
    pub fn watches(&self) -> &[Watch] {
        &self.watches
    }

    /// The names that the client asks for of a type; None if it does not ask for the type.
    pub fn names(&self, kind: ResourceType) -> Option<&Names> {
        self.watch(kind).map(Watch::names)
    }

    fn watch(&self, kind: ResourceType) -> Option<&Watch> {
        self.watches.iter().find(|watch| watch.kind == kind)
    }

    fn watch_mut(&mut self, kind: ResourceType) -> Option<&mut Watch> {
        self.watches.iter_mut().find(|watch| watch.kind == kind)
    }

    /// Begins to watch a type, or begins anew.
    fn begin(&mut self, watch: Watch) {
        self.end(watch.kind);
        let at = self.watches.partition_point(|other| other.kind < watch.kind);
        self.watches.insert(at, watch);
    }

    fn end(&mut self, kind: ResourceType) {
        self.watches.retain(|watch| watch.kind != kind);
    }
}

#[cfg(test)]
mod tests;
