//! Protocols of service ports, as Istio selects them.
//!
//! <https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/>

use crate::api::core::Transport;

/// The protocol of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each variant is the protocol of its name")]
pub enum Protocol {
    Http,
    Http2,
    HttpProxy,
    Grpc,
    GrpcWeb,
    Https,
    Tls,
    Tcp,
    Udp,
    Mongo,
    Redis,
    Mysql,
    Hbone,
    /// Not declared: the proxy looks at the first bytes.
    Unsupported,
}

/// Ports that are taken as TCP when nothing is declared, because their servers speak first, so that waiting
/// for the client's first bytes would block: SMTP, DNS, MySQL, MongoDB.
const SERVER_FIRST_PORTS: [u16; 4] = [25, 53, 3306, 27017];

impl Protocol {
    /// The protocol of a Kubernetes port: UDP when that is its transport, else what `appProtocol` names, or
    /// without one the port's name, else by its number.
    pub fn of_port(transport: Transport, app_protocol: &str, name: &str, number: u16) -> Protocol {
        if transport == Transport::Udp {
            return Protocol::Udp;
        }
        let declared = match app_protocol {
            "" => Protocol::of_name(name),
            "kubernetes.io/h2c" => Some(Protocol::Http2),
            "kubernetes.io/ws" => Some(Protocol::Http),
            "kubernetes.io/wss" => Some(Protocol::Https),
            other => Protocol::of_name(other),
        };
        match declared {
            Some(protocol) => protocol,
            None if SERVER_FIRST_PORTS.contains(&number) => Protocol::Tcp,
            None => Protocol::Unsupported,
        }
    }

    /// By a name: all of it, or what stands before the first `-`.
    fn of_name(name: &str) -> Option<Protocol> {
        let lower = name.to_ascii_lowercase();
        if lower == "grpc-web" || lower.starts_with("grpc-web-") {
            return Some(Protocol::GrpcWeb);
        }
        Protocol::parse(lower.split('-').next().unwrap_or_default())
    }

    /// By its name in configuration, in any case.
    pub fn parse(name: &str) -> Option<Protocol> {
        Some(match name.to_ascii_lowercase().as_str() {
            "http" => Protocol::Http,
            "http2" => Protocol::Http2,
            "http_proxy" => Protocol::HttpProxy,
            "grpc" => Protocol::Grpc,
            "grpc-web" => Protocol::GrpcWeb,
            "https" => Protocol::Https,
            "tls" => Protocol::Tls,
            "tcp" => Protocol::Tcp,
            "udp" => Protocol::Udp,
            "mongo" => Protocol::Mongo,
            "redis" => Protocol::Redis,
            "mysql" => Protocol::Mysql,
            "hbone" => Protocol::Hbone,
            _ => return None,
        })
    }

    /// Routed by HTTP.
    pub fn is_http(self) -> bool {
        matches!(
            self,
            Protocol::Http
                | Protocol::Http2
                | Protocol::HttpProxy
                | Protocol::Grpc
                | Protocol::GrpcWeb
        )
    }

    /// Upstream connections speak HTTP/2.
    pub fn is_http2(self) -> bool {
        matches!(self, Protocol::Http2 | Protocol::Grpc | Protocol::GrpcWeb)
    }

    /// Carried as a byte stream. Mongo, Redis and MySQL are: they are only names, as Istio's filters for them
    /// are off by default.
    pub fn is_tcp(self) -> bool {
        matches!(
            self,
            Protocol::Tcp
                | Protocol::Https
                | Protocol::Tls
                | Protocol::Mongo
                | Protocol::Redis
                | Protocol::Mysql
        )
    }

    /// The application encrypts.
    pub fn is_tls(self) -> bool {
        matches!(self, Protocol::Https | Protocol::Tls)
    }

    /// The name that debug output shows.
    pub fn name(self) -> &'static str {
        match self {
            Protocol::Http => "HTTP",
            Protocol::Http2 => "HTTP2",
            Protocol::HttpProxy => "HTTP_PROXY",
            Protocol::Grpc => "GRPC",
            Protocol::GrpcWeb => "GRPC-Web",
            Protocol::Https => "HTTPS",
            Protocol::Tls => "TLS",
            Protocol::Tcp => "TCP",
            Protocol::Udp => "UDP",
            Protocol::Mongo => "Mongo",
            Protocol::Redis => "Redis",
            Protocol::Mysql => "MySQL",
            Protocol::Hbone => "HBONE",
            Protocol::Unsupported => "UnsupportedProtocol",
        }
    }
}

#[cfg(test)]
mod tests;
