//! One server of a Gateway: how its traffic is read, for which hosts, and which routes it follows.

use crate::api::config::Config;
use crate::api::networking::Gateway;
use crate::api::networking::gateway::{Server, TlsMode};
use crate::api::{Code, Diagnostic, ObjectKey, Protocol, Severity, Str};

/// How the traffic of a server is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Speech {
    /// As plain HTTP.
    Http,
    /// As HTTP in TLS that the gateway ends.
    Https,
    /// As a byte stream.
    Tcp,
    /// As a byte stream in TLS that the gateway ends.
    TlsToTcp,
    /// As TLS that is not ended; routed by server name.
    Passthrough,
    /// The same; the server name is that of a cluster.
    AutoPassthrough,
}

impl Speech {
    fn of(protocol: Protocol, tls: Option<TlsMode>) -> Speech {
        match tls {
            _ if protocol.is_http() => Speech::Http,
            None => Speech::Tcp,
            Some(TlsMode::Passthrough) => Speech::Passthrough,
            Some(TlsMode::AutoPassthrough) => Speech::AutoPassthrough,
            Some(_) if protocol == Protocol::Https => Speech::Https,
            Some(_) => Speech::TlsToTcp,
        }
    }

    /// Connections are told apart by the server name of TLS.
    pub fn has_server_names(self) -> bool {
        !matches!(self, Speech::Http | Speech::Tcp)
    }
}

/// A server of a Gateway.
#[derive(Clone, Debug)]
pub struct GatewayServer {
    /// The Gateway.
    pub origin: ObjectKey,
    /// The Gateway as VirtualServices name it: `NAMESPACE/NAME`.
    pub gateway: Str,
    /// Its place in the Gateway.
    pub index: usize,
    /// Its own port, by which VirtualServices mean it.
    pub port: u16,
    /// What is spoken.
    pub protocol: Protocol,
    /// How it is read.
    pub speech: Speech,
    /// `HOST`, or `NAMESPACE/HOST` for VirtualServices of that namespace.
    pub hosts: Vec<Str>,
    /// It is served over QUIC too.
    pub http3: bool,
    /// The route configuration; empty unless HTTP is read.
    pub route: Str,
    /// What the user wrote.
    pub spec: Server,
}

impl GatewayServer {
    /// The server at `index` of a Gateway, where its proxies listen on `target` for its port. `quic` tells whether they
    /// may do so over QUIC too. None for a port that is none.
    pub fn new(
        gateway: &Config<Gateway>,
        index: usize,
        target: u16,
        quic: bool,
    ) -> Option<GatewayServer> {
        let spec = gateway.spec.servers.get(index)?;
        let port = u16::try_from(spec.port.number).ok().filter(|port| *port != 0)?;
        let protocol = Protocol::parse(&spec.port.protocol).unwrap_or(Protocol::Unsupported);
        let speech = Speech::of(protocol, spec.tls.as_ref().map(|tls| tls.mode));
        let (namespace, name) = (&gateway.meta.namespace, &gateway.meta.name);
        let bind = match &*spec.bind {
            "" => String::new(),
            bind => format!(".{bind}"),
        };
        let route = match speech {
            Speech::Http => format!("http.{target}{bind}"),
            Speech::Https => format!("https.{port}.{}.{name}.{namespace}{bind}", spec.port.name),
            _ => String::new(),
        };
        Some(GatewayServer {
            origin: gateway.key(),
            gateway: format!("{namespace}/{name}").into(),
            index,
            port,
            protocol,
            speech,
            hosts: hosts(&spec.hosts, namespace),
            http3: quic && speech == Speech::Https,
            route: route.into(),
            spec: spec.clone(),
        })
    }

    /// Its hosts as far as VirtualServices of a namespace may claim them.
    pub fn hosts_for<'a>(&'a self, namespace: &'a str) -> impl Iterator<Item = &'a str> {
        self.hosts.iter().filter_map(move |host| match host.split_once('/') {
            Some((owner, host)) => (owner == namespace).then_some(host),
            None => Some(&**host),
        })
    }

    /// Its hosts, whoever may claim them, sorted: the server names for which TLS is ended here.
    pub fn server_names(&self) -> Vec<Str> {
        let mut names: Vec<Str> = self.hosts.iter().map(without_namespace).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Plain HTTP is answered with a redirect to HTTPS.
    pub fn https_redirect(&self) -> bool {
        self.spec.tls.as_ref().is_some_and(|tls| tls.https_redirect)
    }

    /// A diagnostic of one of its fields; of the server as a whole if `field` is empty.
    pub fn say(&self, field: &str, message: String) -> Diagnostic {
        let dot = if field.is_empty() { "" } else { "." };
        Diagnostic {
            severity: Severity::Warning,
            location: None,
            object: Some(self.origin.clone()),
            path: format!("spec.servers[{}]{dot}{field}", self.index),
            message,
            code: Code::Other,
        }
    }
}

/// The host of `HOST` or `NAMESPACE/HOST`.
pub fn without_namespace(host: &Str) -> Str {
    host.split_once('/').map_or_else(|| host.clone(), |(_, host)| host.into())
}

/// Hosts as a Gateway writes them: `./HOST` is for its own namespace, `*/HOST` for all, and `*/*` is everything.
fn hosts(written: &[Str], namespace: &str) -> Vec<Str> {
    if written.iter().any(|host| **host == *"*/*") {
        return vec!["*".into()];
    }
    let host = |host: &Str| match host.split_once('/') {
        Some((".", host)) => format!("{namespace}/{host}").into(),
        Some(("*", host)) => host.into(),
        _ => host.clone(),
    };
    written.iter().map(host).collect()
}
