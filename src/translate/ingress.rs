//! What a workload serves, as the ingress listeners of its Sidecar say: instead of what its services say.
//!
//! Clusters and listeners must agree on it, so this is the one place that decides. Knows nothing of Envoy's
//! messages.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::listener::bind::Place;
use super::listener::plan::of_families;
use super::memo::Same;
use super::scope::{Interception, Scope};
use crate::api::networking::destination_rule::ConnectionPool;
use crate::api::networking::sidecar::{CaptureMode, IngressListener, Sidecar};
use crate::api::{Protocol, Str};
use crate::model::ServiceTarget;

/// A port that an ingress listener describes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ingress {
    /// Its place in the Sidecar.
    pub index: usize,
    /// The number, on which the workload is reached.
    pub port: u16,
    /// What is spoken.
    pub protocol: Protocol,
    /// It binds its port itself: nothing is redirected to it.
    pub bound: bool,
    /// The addresses that it is for; the first names it.
    pub addresses: Vec<IpAddr>,
    /// Where the application listens.
    pub application: Application,
}

/// Where an application listens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Application {
    /// Where the mesh says that it does.
    #[default]
    AsMesh,
    /// Where the client wanted to go.
    Original,
    /// At an address.
    At(IpAddr, u16),
    /// On a unix socket.
    Socket(Str),
}

/// The ports of the Sidecar of a scope for a workload with these addresses, the first one for each number. None
/// without ingress listeners.
pub fn of(scope: &Scope, ips: &[IpAddr]) -> Option<Vec<Ingress>> {
    let spec = described(scope)?;
    let mut known = BTreeSet::new();
    let all = spec.ingress.iter().enumerate().filter_map(|(index, listener)| {
        let port = u16::try_from(listener.port.number).ok()?;
        let addresses = match Place::parse(&listener.bind) {
            Some(Place::Addresses(addresses)) => addresses,
            // Where it is reached by others, whatever it is redirected to.
            _ => own_addresses(scope, ips),
        };
        Some(Ingress {
            index,
            port,
            protocol: Protocol::parse(&listener.port.protocol).unwrap_or(Protocol::Unsupported),
            bound: match listener.capture_mode {
                CaptureMode::Default => scope.interception == Interception::None,
                mode => mode == CaptureMode::None,
            },
            addresses,
            application: application(listener, scope, ips)?,
        })
    });
    Some(all.filter(|ingress| known.insert(ingress.port)).collect())
}

/// The services through which a workload is reached by what these say: all without ingress listeners, none beside
/// them, unless the operator wants those on other ports too.
pub fn of_services<'a>(scope: &Scope, targets: &'a [ServiceTarget]) -> Vec<&'a ServiceTarget> {
    match described(scope) {
        // The application listens on these ports itself.
        None if scope.interception == Interception::None => Vec::new(),
        None => targets.iter().collect(),
        Some(_) if !scope.features.sidecar_ingress_merge => Vec::new(),
        Some(spec) => {
            let ports: BTreeSet<u32> = spec.ingress.iter().map(|i| i.port.number).collect();
            targets.iter().filter(|target| !ports.contains(&target.target_port.into())).collect()
        }
    }
}

/// The ports of a workload that somebody describes: its Sidecar if that describes any, and the services that count
/// beside it.
pub fn ports(scope: &Scope, targets: &[ServiceTarget]) -> BTreeSet<u16> {
    let of_sidecar = described(scope).into_iter().flat_map(|spec| &spec.ingress);
    let of_sidecar = of_sidecar.filter_map(|listener| u16::try_from(listener.port.number).ok());
    let of_services = of_services(scope, targets).into_iter().map(|target| target.target_port);
    of_sidecar.chain(of_services).collect()
}

/// The limits of connections that a Sidecar sets for a port of its workloads.
pub fn pool(scope: &Scope, port: u16) -> Option<Arc<ConnectionPool>> {
    let Same(sidecar) = scope.sidecar.as_ref()?;
    let own = sidecar.spec.ingress.iter().filter(|i| i.port.number == u32::from(port));
    let own = own.filter_map(|ingress| ingress.connection_pool.as_ref()).next();
    own.or(sidecar.spec.inbound_connection_pool.as_ref()).cloned().map(Arc::new)
}

/// The name that stands for the Sidecar's workloads where no service does: `NAME.NAMESPACE`, the namespace being
/// that of the workload.
pub fn name(scope: &Scope) -> Option<Str> {
    let Same(sidecar) = scope.sidecar.as_ref()?;
    Some(format!("{}.{}", sidecar.meta.name, scope.namespace).into())
}

fn described(scope: &Scope) -> Option<&Sidecar> {
    let Same(sidecar) = scope.sidecar.as_ref()?;
    Some(&sidecar.spec).filter(|spec| !spec.ingress.is_empty())
}

fn own_addresses(scope: &Scope, ips: &[IpAddr]) -> Vec<IpAddr> {
    let own = ips.iter().find(|ip| !ip.is_loopback() && !ip.is_unspecified());
    match own {
        Some(ip) => vec![*ip],
        None => of_families(scope.families, Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED),
    }
}

/// None for what is no endpoint.
fn application(listener: &IngressListener, scope: &Scope, ips: &[IpAddr]) -> Option<Application> {
    let text = &*listener.default_endpoint;
    if text.is_empty() {
        return Some(Application::Original);
    }
    if let Some(Place::Socket(socket)) = Place::parse(text) {
        let path = Place::Socket(socket).path().map(Str::from)?;
        return Some(Application::Socket(path));
    }
    let (host, port) = text.rsplit_once(':')?;
    let host: IpAddr = host.trim_start_matches('[').trim_end_matches(']').parse().ok()?;
    let port = port.parse().ok()?;
    let same_family = |ip: &&IpAddr| ip.is_ipv4() == host.is_ipv4();
    let loopback = |v4: bool| match v4 {
        true => IpAddr::V4(Ipv4Addr::LOCALHOST),
        false => IpAddr::V6(Ipv6Addr::LOCALHOST),
    };
    let address = if host.is_unspecified() {
        ips.iter().find(same_family).copied().unwrap_or_else(|| loopback(host.is_ipv4()))
    } else if host.is_loopback() {
        // That of the other family where the proxy has no other.
        loopback(if host.is_ipv4() { scope.families.v4 } else { !scope.families.v6 })
    } else {
        return Some(Application::Original);
    };
    Some(Application::At(address, port))
}
