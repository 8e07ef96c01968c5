//! Which connections to a workload are taken, by the mode of mTLS and by what is spoken on the port.
//!
//! Pure tables: what a client's sidecar negotiates in TLS tells mTLS from TLS of the application, and HTTP from
//! byte streams.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::bind::Speech;

/// The mode of mTLS (PeerAuthentication).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Nobody's TLS is ended.
    Disable,
    /// mTLS and everything else is taken.
    #[default]
    Permissive,
    /// Only mTLS is taken.
    Strict,
}

/// The modes of a workload.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Modes {
    /// Of ports that are not in `ports`, and of those that no service names.
    pub workload: Mode,
    /// By the number on which the workload serves.
    pub ports: BTreeMap<u16, Mode>,
}

impl Modes {
    /// Of a port.
    pub fn of_port(&self, port: u16) -> Mode {
        self.ports.get(&port).copied().unwrap_or(self.workload)
    }
}

/// One filter chain of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chain {
    /// What the connection looks like.
    pub transport: Transport,
    /// One of these is negotiated; whatever if empty.
    pub alpn: &'static [&'static str],
    /// mTLS is ended.
    pub mtls: bool,
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
    let chain = |transport, alpn, mtls, http| Chain { transport, alpn, mtls, http };
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

/// Whether a port needs to know TLS and its protocols.
pub fn needs_tls_inspector(mode: Mode) -> bool {
    mode != Mode::Disable
}

/// Whether a port needs to know plain HTTP.
pub fn needs_http_inspector(mode: Mode, speech: Speech) -> bool {
    speech == Speech::Auto && mode != Mode::Strict
}
