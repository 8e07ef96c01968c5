//! What a connection tells of its client, as each of its requests carries it.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::ConnectInfo;
use http::Extensions;
use tokio::sync::Notify;

use crate::api::Str;

/// How a request came, an extension of it beside its peer's address.
#[derive(Clone, Debug)]
pub enum Transport {
    /// Anybody on the way may have written it.
    Plaintext,
    /// Over TLS.
    Tls(Arc<Session>),
}

/// A TLS connection.
#[derive(Debug, Default)]
pub struct Session {
    /// The identities in the client's certificate, verified; empty without one.
    pub identities: Arc<[Str]>,
    proved: Notify,
}

impl Session {
    /// Of a client with these identities.
    pub fn new(identities: Arc<[Str]>) -> Session {
        Session { identities, proved: Notify::new() }
    }

    /// Waits until the client has proved who it is, be it by a token.
    pub async fn proved(&self) {
        self.proved.notified().await;
    }
}

impl Transport {
    /// How a request came, and from where; None for one that no server of ours took in.
    pub fn of(extensions: &Extensions) -> Option<(SocketAddr, Transport)> {
        let ConnectInfo(peer) = extensions.get::<ConnectInfo<SocketAddr>>()?;
        Some((*peer, extensions.get::<Transport>()?.clone()))
    }

    /// The identities of the client's certificate; none without one.
    pub fn identities(&self) -> Arc<[Str]> {
        match self {
            Transport::Plaintext => Arc::default(),
            Transport::Tls(session) => session.identities.clone(),
        }
    }

    /// Whether it is TLS.
    pub fn is_tls(&self) -> bool {
        matches!(self, Transport::Tls(_))
    }

    /// The client has proved who it is: its connection is kept.
    pub fn prove(&self) {
        if let Transport::Tls(session) = self {
            session.proved.notify_one();
        }
    }
}
