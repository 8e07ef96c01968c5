//! A request as it arrives at a proxy: the connection, and what is sent over it.

use std::net::{IpAddr, SocketAddr};

/// A connection with what is sent first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// How the connection reaches the proxy.
    pub direction: Direction,
    /// Where the client connects to, before anything redirects it.
    pub destination: SocketAddr,
    /// Where it comes from.
    pub source: SocketAddr,
    /// TLS around the payload; None for plaintext.
    pub tls: Option<Tls>,
    /// What a token of the request claims that was verified; None without one.
    pub claims: Option<serde_json::Value>,
    /// What is sent.
    pub payload: Payload,
}

/// How a connection reaches the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the application beside the proxy, redirected.
    Outbound,
    /// To the application beside the proxy, redirected.
    Inbound,
    /// To a port that the proxy itself is bound to, as a gateway's are.
    Bound,
}

/// What a client tells in its first message of TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// The server name.
    pub sni: Option<String>,
    /// The application protocols, preferred first.
    pub alpn: Vec<String>,
    /// It has a certificate, if it is asked for one.
    pub client_certificate: bool,
    /// Whom that names, such as `spiffe://cluster.local/ns/shop/sa/web`; None if nobody tells.
    pub identity: Option<String>,
}

/// What is sent over the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// Bytes of a protocol that nobody looks into.
    Tcp,
    /// An HTTP request.
    Http(Http),
}

/// An HTTP request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// Of the protocol.
    pub version: Version,
    /// `GET`.
    pub method: String,
    /// The host and, unless it is the scheme's own, the port: the header `Host` or `:authority`.
    pub authority: String,
    /// The path with its query.
    pub path: String,
    /// All other headers, in order; a name may come twice.
    pub headers: Vec<(String, String)>,
}

/// A version of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    #[default]
    Http11,
    /// HTTP/2; in plaintext with prior knowledge.
    Http2,
}

impl Request {
    /// An HTTP request in plaintext.
    pub fn http(
        direction: Direction,
        destination: SocketAddr,
        method: &str,
        authority: &str,
        path: &str,
    ) -> Request {
        let http = Http {
            version: Version::default(),
            method: method.to_owned(),
            authority: authority.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
        };
        Request { payload: Payload::Http(http), ..Request::tcp(direction, destination) }
    }

    /// A connection of another protocol, in plaintext.
    pub fn tcp(direction: Direction, destination: SocketAddr) -> Request {
        // What a client gets that nobody describes: another machine than the destination.
        let source = match destination.ip() {
            IpAddr::V4(_) => SocketAddr::from(([192, 0, 2, 10], 40_000)),
            IpAddr::V6(_) => SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 10], 40_000)),
        };
        Request { direction, destination, source, tls: None, claims: None, payload: Payload::Tcp }
    }

    /// The same inside TLS.
    pub fn over(self, tls: Tls) -> Request {
        Request { tls: Some(tls), ..self }
    }

    /// The same with one more header, if it is one of HTTP.
    pub fn header(mut self, name: &str, value: &str) -> Request {
        if let Payload::Http(http) = &mut self.payload {
            http.headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// The scheme: that of the connection.
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

impl Http {
    /// The values of a header by its name in any case, `:authority`, `:method` and `:path` included.
    pub fn values(&self, name: &str) -> Vec<&str> {
        match name {
            ":method" => vec![&self.method],
            ":path" => vec![&self.path],
            ":authority" => vec![&self.authority],
            _ if name.eq_ignore_ascii_case("host") => vec![&self.authority],
            _ => {
                let own = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
                own.map(|(_, value)| value.as_str()).collect()
            }
        }
    }

    /// The first value of a header.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values(name).first().copied()
    }
}

impl Version {
    /// The protocol's name, as ALPN and the HTTP inspector have it for plaintext.
    pub fn plaintext_protocol(self) -> &'static str {
        match self {
            Version::Http10 => "http/1.0",
            Version::Http11 => "http/1.1",
            Version::Http2 => "h2c",
        }
    }
}
