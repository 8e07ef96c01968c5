//! Which connections to a workload are taken, by the mode of mTLS and by what is spoken on the port.
//!
//! Pure tables: what a client's sidecar negotiates in TLS tells mTLS from TLS of the application, and HTTP from
//! byte streams.

#[cfg(test)]
mod tests;

use super::bind::Speech;
use crate::model::policy::peer::Mode;

/// One filter chain of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    /// What the connection looks like.
    pub transport: Transport,
    /// One of these is negotiated; whatever if empty.
    pub alpn: &'static [&'static str],
    /// TLS is ended: mTLS of the mesh, unless the chain is one of [`own_tls`].
    pub ends_tls: bool,
    /// It is read as HTTP.
    pub http: bool,
}

/// What a connection looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TLS.
    Tls,
    /// Anything else.
    Plain,
}

impl Transport {
    /// As Envoy's matches spell it.
    pub fn name(self) -> &'static str {
        match self {
            Transport::Tls => "tls",
            Transport::Plain => "raw_buffer",
        }
    }
}

/// What the sidecars of clients negotiate, whatever they send.
pub const MTLS: &[&str] =
    &["istio", "istio-peer-exchange", "istio-http/1.0", "istio-http/1.1", "istio-h2"];

/// What they negotiate for HTTP.
const MTLS_HTTP: &[&str] = &["istio-http/1.0", "istio-http/1.1", "istio-h2"];

/// What they negotiate for byte streams.
const MTLS_TCP: &[&str] = &["istio-peer-exchange", "istio"];

/// The filter chains of a port, in Istio's order. `plain_http` is what tells plain HTTP.
pub fn chains(mode: Mode, speech: Speech, plain_http: &'static [&'static str]) -> Vec<Chain> {
    use Transport::{Plain, Tls};
    let http = speech == Speech::Http;
    let chain = |transport, alpn, ends_tls, http| Chain { transport, alpn, ends_tls, http };
    match (mode, speech) {
        (Mode::Disable, Speech::Http | Speech::Tcp) => vec![chain(Plain, &[], false, http)],
        (Mode::Disable, Speech::Auto) => {
            vec![chain(Plain, plain_http, false, true), chain(Plain, &[], false, false)]
        }
        (Mode::Permissive, Speech::Http) => {
            vec![chain(Tls, MTLS, true, true), chain(Plain, &[], false, true)]
        }
        (Mode::Permissive, Speech::Tcp) => vec![
            chain(Tls, MTLS, true, false),
            chain(Tls, &[], false, false),
            chain(Plain, &[], false, false),
        ],
        (Mode::Permissive, Speech::Auto) => vec![
            chain(Tls, MTLS_HTTP, true, true),
            chain(Plain, plain_http, false, true),
            chain(Tls, MTLS_TCP, true, false),
            chain(Plain, &[], false, false),
            chain(Tls, &[], false, false),
        ],
        (Mode::Strict, Speech::Http | Speech::Tcp) => vec![chain(Tls, &[], true, http)],
        (Mode::Strict, Speech::Auto) => {
            vec![chain(Tls, MTLS_HTTP, true, true), chain(Tls, &[], true, false)]
        }
    }
}

/// The filter chains of a port on which TLS is ended as its Sidecar says, and nothing else is taken.
pub fn own_tls(speech: Speech) -> Vec<Chain> {
    let http = speech == Speech::Http;
    vec![Chain { transport: Transport::Tls, alpn: &[], ends_tls: true, http }]
}

/// What has to be known of a connection before one of these chains is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Whether it is TLS, and of which protocols.
    pub tls: bool,
    /// Whether it is plain HTTP.
    pub http: bool,
}

impl Needs {
    /// Of the chains of a port.
    pub fn of(chains: &[Chain]) -> Needs {
        let plain_http =
            |chain: &Chain| chain.transport == Transport::Plain && !chain.alpn.is_empty();
        Needs {
            tls: chains.iter().any(|chain| chain.transport == Transport::Tls),
            http: chains.iter().any(plain_http),
        }
    }
}
