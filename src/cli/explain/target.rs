//! From what a user writes to the request that arrives at the proxy: where the host is, which port, and what TLS
//! says.

use std::net::{IpAddr, SocketAddr};

use anyhow::bail;

use super::{Args, Direction, Transport};
use crate::model::{Proxy, ProxyKind, ServiceTarget};
use crate::simulate::{self, Names, Payload, Request, Served, Tls, Version};
use crate::snapshot::Snapshot;

/// Stands for a host that the mesh does not know and DNS would resolve: an address for documentation, which is
/// nobody's.
const ELSEWHERE: [u8; 4] = [192, 0, 2, 1];

/// What sidecars offer each other in TLS for HTTP, and for anything else.
const MESH_HTTP: [&str; 3] = ["istio-http/1.1", "istio", "http/1.1"];
const MESH_TCP: [&str; 2] = ["istio-peer-exchange", "istio"];

/// What browsers and tools offer for HTTP.
const WEB: [&str; 2] = ["h2", "http/1.1"];

/// The end that a user names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    method: String,
    secure: bool,
    /// Without brackets.
    host: String,
    port: Option<u16>,
    path: String,
}

/// A request, and how it reads.
pub(super) struct Target {
    pub request: Request,
    /// The request in a line, with where it goes.
    pub line: String,
}

/// `[METHOD ]http[s]://HOST[:PORT][/PATH]`.
pub(super) fn http(text: &str) -> Result<Url, String> {
    const ALLOWED: &str = "a request is needed, such as GET http://reviews:9080/reviews";
    let (method, url) = text.trim().split_once(' ').unwrap_or(("GET", text.trim()));
    let (scheme, rest) = url.trim().split_once("://").ok_or(ALLOWED)?;
    let secure = match &*scheme.to_ascii_lowercase() {
        "http" => false,
        "https" => true,
        _ => return Err(ALLOWED.to_owned()),
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let (host, port) = host_and_port(authority).ok_or(ALLOWED)?;
    let slash = if path.starts_with('/') { "" } else { "/" };
    let method = method.to_ascii_uppercase();
    Ok(Url { method, secure, host, port, path: format!("{slash}{path}") })
}

/// `HOST:PORT`.
pub(super) fn tcp(text: &str) -> Result<Url, String> {
    const ALLOWED: &str = "HOST:PORT is needed, such as mysql:3306";
    let (host, port) = host_and_port(text).ok_or(ALLOWED)?;
    let port = Some(port.ok_or(ALLOWED)?);
    Ok(Url { method: String::new(), secure: false, host, port, path: String::new() })
}

/// `NAME: VALUE`.
pub(super) fn header(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("NAME: VALUE is needed, such as 'end-user: jason'".to_owned()),
    }
}

/// `[spiffe://]TRUST_DOMAIN/ns/NAMESPACE/sa/NAME`.
pub(super) fn identity(text: &str) -> Result<String, String> {
    let name = text.strip_prefix("spiffe://").unwrap_or(text);
    match name.contains('/') {
        true => Ok(format!("spiffe://{name}")),
        false => Err("an identity is needed, such as cluster.local/ns/shop/sa/web".to_owned()),
    }
}

/// A JSON object.
pub(super) fn claims(text: &str) -> Result<serde_json::Value, String> {
    let value = serde_json::from_str(text).map_err(|error| error.to_string());
    value.and_then(|value: serde_json::Value| match value.is_object() {
        true => Ok(value),
        false => Err("a JSON object is needed, such as {\"sub\": \"alice\"}".to_owned()),
    })
}

/// A version of HTTP.
pub(super) fn version(text: &str) -> Result<Version, String> {
    match text {
        "1.0" => Ok(Version::Http10),
        "1.1" => Ok(Version::Http11),
        "2" => Ok(Version::Http2),
        _ => Err("1.0, 1.1 or 2 is needed".to_owned()),
    }
}

fn host_and_port(authority: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (host, rest.strip_prefix(':'))
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let port = port.map(str::parse).transpose().ok()?;
    (!host.is_empty() && !host.contains(char::is_whitespace)).then(|| (host.to_owned(), port))
}

impl Url {
    /// The port that is connected to.
    fn port(&self) -> u16 {
        self.port.unwrap_or(if self.secure { 443 } else { 80 })
    }

    /// What clients write into `Host`: a port only where it is not the scheme's own.
    fn authority(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        match self.port {
            Some(port) if port != (if self.secure { 443 } else { 80 }) => format!("{host}:{port}"),
            _ => host,
        }
    }
}

/// The request as it arrives at the proxy.
pub(super) fn resolve(
    arguments: &Args,
    served: &Served,
    snapshot: &Snapshot,
    proxy: &Proxy,
) -> anyhow::Result<Target> {
    let (url, is_http) = match (&arguments.request, &arguments.tcp) {
        (Some(url), _) => (url, true),
        (None, Some(url)) => (url, false),
        (None, None) => bail!("--request or --tcp is needed"),
    };
    let (direction, destination, known_as) = place(arguments, url, served, snapshot, proxy)?;
    let mut request = match is_http {
        true => Request::http(direction, destination, &url.method, &url.authority(), &url.path),
        false => Request::tcp(direction, destination),
    };
    if let Payload::Http(http) = &mut request.payload {
        http.version = arguments.version;
        for (name, value) in &arguments.header {
            match name.eq_ignore_ascii_case("host") || name == ":authority" {
                true => http.authority = value.clone(),
                false => http.headers.push((name.to_ascii_lowercase(), value.clone())),
            }
        }
    }
    // An application talks from its own address.
    let own = proxy.ips.first().filter(|_| direction == simulate::Direction::Outbound);
    if let Some(source) = arguments.source.or(own.copied()) {
        request.source.set_ip(source);
    }
    request.tls = tls(arguments, url, direction, is_http);
    request.claims = arguments.claims.clone();
    let what = if is_http { format!("{} {}", url.method, url.path) } else { "TCP".to_owned() };
    let mut line = format!(
        "{what} to {destination}{} through {} ({})",
        known_as.as_ref().map(|name| format!(" ({name})")).unwrap_or_default(),
        proxy.workload_id,
        match direction {
            simulate::Direction::Outbound => "from the application",
            simulate::Direction::Inbound => "to the application",
            simulate::Direction::Bound => "a gateway",
        },
    );
    if direction == simulate::Direction::Outbound {
        let service = known_as.as_deref().unwrap_or(&url.host);
        let note = wrong_port(snapshot, service, destination.port());
        line.extend(note.map(|note| format!("\nnote: {note}")));
    }
    Ok(Target { request, line })
}

/// What a user hardly meant: a port that the service does not have.
fn wrong_port(snapshot: &Snapshot, hostname: &str, port: u16) -> Option<String> {
    let service = snapshot.services.iter().find(|s| *s.key.hostname == *hostname)?;
    if service.ports.iter().any(|known| known.number == port) {
        return None;
    }
    let ports: Vec<String> = service.ports.iter().map(|known| known.number.to_string()).collect();
    Some(format!("{} has no port {port}; its ports: {}", service.origin, ports.join(", ")))
}

type Place = (simulate::Direction, SocketAddr, Option<String>);

/// Where the connection goes.
fn place(
    arguments: &Args,
    url: &Url,
    served: &Served,
    snapshot: &Snapshot,
    proxy: &Proxy,
) -> anyhow::Result<Place> {
    let own = arguments.address.or(proxy.ips.first().copied());
    let own = own.unwrap_or(IpAddr::from([0, 0, 0, 0]));
    let names = Names::of(served, &proxy.namespace, &snapshot.domain);
    let port = url.port();
    match (proxy.kind, arguments.direction) {
        (ProxyKind::Router, _) => {
            let to = SocketAddr::new(own, target_port(snapshot, proxy, None, port));
            Ok((simulate::Direction::Bound, to, None))
        }
        (ProxyKind::Sidecar, Direction::Inbound) => {
            let name = names.resolve(&url.host).map(|(name, _)| name);
            let port = target_port(snapshot, proxy, name.as_deref(), port);
            Ok((simulate::Direction::Inbound, SocketAddr::new(own, port), None))
        }
        (ProxyKind::Sidecar, Direction::Outbound) => {
            let (address, name) = outbound(arguments, url, &names, proxy);
            let name = Some(name).filter(|name| *name != url.host);
            Ok((simulate::Direction::Outbound, SocketAddr::new(address, port), name))
        }
        (kind, _) => bail!("requests through a {} are not explained", kind.name()),
    }
}

/// The address of a host, and what it is called.
fn outbound(arguments: &Args, url: &Url, names: &Names, proxy: &Proxy) -> (IpAddr, String) {
    if let Some(address) = arguments.address.or(url.host.parse().ok()) {
        return (address, url.host.clone());
    }
    let known = names.resolve(&url.host);
    let v4 = proxy.ips.iter().any(IpAddr::is_ipv4) || proxy.ips.is_empty();
    let usable = |ips: Vec<IpAddr>| {
        // A client without IPv4 takes the other addresses.
        ips.iter().copied().find(|ip| ip.is_ipv4() == v4).or(ips.first().copied())
    };
    match known {
        Some((name, ips)) => match usable(ips) {
            Some(ip) => (ip, name),
            None => (IpAddr::from(ELSEWHERE), format!("{name}, which has no address")),
        },
        None => (
            IpAddr::from(ELSEWHERE),
            format!("an address of {}, which DNS would resolve", url.host),
        ),
    }
}

/// The port on which the proxy's workload serves a port of its services; the port itself where it serves none.
fn target_port(snapshot: &Snapshot, proxy: &Proxy, host: Option<&str>, port: u16) -> u16 {
    let Some(workload) = snapshot.workload_of(proxy) else { return port };
    let number =
        |target: &ServiceTarget| target.service.ports.get(target.port).map(|port| port.number);
    let serves = |target: &&ServiceTarget| number(target) == Some(port);
    let of_host = |target: &&ServiceTarget| Some(&*target.service.key.hostname) == host;
    let targets = || workload.targets.iter().filter(serves);
    let found = targets().find(of_host).or_else(|| {
        let own = workload.targets.iter().any(|target| target.target_port == port);
        targets().next().filter(|_| !own)
    });
    found.map_or(port, |target| target.target_port)
}

/// What TLS says, if there is any.
fn tls(arguments: &Args, url: &Url, direction: simulate::Direction, is_http: bool) -> Option<Tls> {
    let to_workload = direction == simulate::Direction::Inbound;
    let named = arguments.sni.is_some() || !arguments.alpn.is_empty();
    let transport = arguments.transport.unwrap_or(match (to_workload, url.secure || named) {
        (true, false) => Transport::Mtls,
        (_, true) => Transport::Tls,
        (false, false) => Transport::Raw,
    });
    if transport == Transport::Raw {
        return None;
    }
    let usual: &[&str] = match (to_workload && transport == Transport::Mtls, is_http) {
        (true, true) => &MESH_HTTP,
        (true, false) => &MESH_TCP,
        (false, true) => &WEB,
        (false, false) => &[],
    };
    let alpn = match arguments.alpn.as_slice() {
        [] => usual.iter().map(|protocol| (*protocol).to_owned()).collect(),
        given => given.to_vec(),
    };
    let is_name = url.host.parse::<IpAddr>().is_err();
    let sni = arguments.sni.clone().or_else(|| is_name.then(|| url.host.clone()));
    let identity = arguments.identity.clone();
    Some(Tls { sni, alpn, client_certificate: transport == Transport::Mtls, identity })
}

#[cfg(test)]
mod tests;
