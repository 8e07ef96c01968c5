//! Who may ask, and for what.
//!
//! A loopback address may ask for everything: whoever has one is on the machine, or was let in by the API server
//! (`kubectl port-forward`). Everybody else is recognised as the clients of 15012 are, and the namespace of his
//! identity decides: that of the mesh's configuration may ask for everything, any other for what its own proxies are
//! served. What is shown to whom is told by a [`Reader`], without which no endpoint of a proxy answers.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::warn;

use crate::api::Str;
use crate::authn::{Authenticator, Credentials};
use crate::model::Caller;
use crate::model::identity::Spiffe;
use crate::serve::transport::Transport;
use crate::snapshot::Snapshots;

/// What a namespace may ask about its own proxies.
pub(super) const OF_OWN_PROXIES: [&str; 3] = ["config_dump", "edsz", "ndsz"];

/// The rules.
#[derive(Clone, Debug)]
pub struct Access {
    /// How callers are recognised.
    pub authenticator: Authenticator,
    /// The namespace decides what a caller may ask for (ENABLE_DEBUG_ENDPOINT_AUTH); all that are recognised may ask
    /// for everything without.
    pub by_namespace: bool,
    /// Namespaces that may ask for everything beside the root namespace of the mesh: that of the control plane, and
    /// those of DEBUG_ENDPOINT_AUTH_ALLOWED_NAMESPACES.
    pub namespaces: BTreeSet<Str>,
}

/// Who asks, as an extension of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// Somebody who may see everything.
    Unrestricted,
    /// Somebody who may see the proxies of this namespace.
    Of(Str),
}

impl Access {
    /// What somebody of a namespace may see. `root` is the root namespace of the mesh.
    pub(super) fn reader(&self, namespace: &Str, root: &str) -> Reader {
        let all = !self.by_namespace || self.is_privileged(namespace, root);
        if all { Reader::Unrestricted } else { Reader::Of(namespace.clone()) }
    }

    /// Whether a namespace may ask for everything, be it asked for or not.
    pub(super) fn is_privileged(&self, namespace: &Str, root: &str) -> bool {
        **namespace == *root || self.namespaces.contains(namespace)
    }

    /// What a caller may see; None for one without the identity of a workload.
    fn reader_of(&self, caller: &Caller, root: &str) -> Option<Reader> {
        if !self.by_namespace {
            return Some(Reader::Unrestricted);
        }
        let Spiffe { namespace, .. } = caller.workloads().next()?;
        Some(self.reader(&namespace, root))
    }
}

impl Reader {
    /// Whether an endpoint, by its name below `/debug/`, answers to it at all.
    pub(super) fn may_ask(&self, endpoint: &str) -> bool {
        matches!(self, Reader::Unrestricted) || OF_OWN_PROXIES.contains(&endpoint)
    }

    /// Whether it is shown what is of a namespace.
    pub(super) fn sees(&self, namespace: &str) -> bool {
        match self {
            Reader::Unrestricted => true,
            Reader::Of(own) => **own == *namespace,
        }
    }
}

/// What the gate of debug endpoints decides by.
#[derive(Clone)]
pub(super) struct Gatekeeper {
    pub(super) access: Access,
    pub(super) snapshots: Snapshots,
}

impl Gatekeeper {
    /// Lets a request through whose sender may ask. All others get a status and no body: why not, the log tells.
    pub(super) async fn admit(self, mut request: Request, next: Next) -> Response {
        let Some(presented) = presented(&request) else {
            return StatusCode::UNAUTHORIZED.into_response();
        };
        match self.reader(&presented, request.uri().path().to_owned()).await {
            Ok(reader) => {
                request.extensions_mut().insert(reader);
                next.run(request).await
            }
            Err(status) => status.into_response(),
        }
    }

    async fn reader(&self, presented: &Credentials, path: String) -> Result<Reader, StatusCode> {
        let peer = presented.peer;
        if is_loopback(peer.ip()) {
            return Ok(Reader::Unrestricted);
        }
        let caller = self.access.authenticator.authenticate(presented).await.map_err(|refused| {
            warn!(target: "ads", %peer, path, %refused, "a caller of a debug endpoint was not recognised");
            StatusCode::UNAUTHORIZED
        })?;
        let root = self.snapshots.load().mesh.root_namespace.clone();
        let endpoint = path.strip_prefix("/debug/").unwrap_or_default();
        let reader = self.access.reader_of(&caller, &root);
        reader.filter(|reader| reader.may_ask(endpoint)).ok_or_else(|| {
            warn!(target: "ads", %peer, path, caller = ?caller.identities, "a debug endpoint is not for this caller");
            StatusCode::FORBIDDEN
        })
    }
}

/// What the sender of a request presents; None where nothing tells where it came from.
fn presented(request: &Request) -> Option<Credentials> {
    let ConnectInfo(peer) = request.extensions().get::<ConnectInfo<SocketAddr>>()?;
    let transport = Transport::of(request.extensions());
    let certificate = transport.map(|(_, transport)| transport.identities()).unwrap_or_default();
    Some(Credentials { peer: *peer, certificate, headers: request.headers().clone() })
}

/// Lets requests from this machine through; all others get the status and no body.
pub(super) async fn loopback_only(refusal: StatusCode, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    if peer.is_some_and(|ConnectInfo(peer)| is_loopback(peer.ip())) {
        next.run(request).await
    } else {
        refusal.into_response()
    }
}

/// A socket that takes both families shows an IPv4 peer as `::ffff:127.0.0.1`.
fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests;
