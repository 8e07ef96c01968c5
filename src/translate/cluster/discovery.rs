//! How a cluster finds its endpoints.

use crate::api::Features;
use crate::model::{Port, Protocol, ProxyKind, Resolution, Service};

/// How the cluster of a service's port finds its endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discovery {
    /// It is told them in an assignment of the cluster's name.
    Eds,
    /// The client's connection tells the address.
    OriginalDst,
    /// It resolves the host names that it is told; of a single name it uses the first address, or all.
    Dns {
        /// Only the first address.
        first: bool,
    },
    /// It resolves the name that each request, or the client's TLS, asks for.
    Forward,
}

impl Discovery {
    /// For a proxy of this kind; None if the port has no cluster. A gateway's connections do not tell the
    /// address of an endpoint, so that it is told them even where a sidecar is not.
    pub fn of(
        service: &Service,
        port: &Port,
        proxy: ProxyKind,
        features: &Features,
    ) -> Option<Discovery> {
        if port.protocol == Protocol::Udp {
            return None;
        }
        let sidecar = proxy == ProxyKind::Sidecar;
        Some(match service.resolution {
            Resolution::ClientSideLb => Discovery::Eds,
            Resolution::Passthrough if !sidecar => Discovery::Eds,
            Resolution::Passthrough if service.is_headless() && features.headless_eds => {
                Discovery::Eds
            }
            Resolution::Passthrough => Discovery::OriginalDst,
            Resolution::Dns => Discovery::Dns { first: service.race_addresses },
            Resolution::DnsRoundRobin => Discovery::Dns { first: true },
            Resolution::DynamicDns if service.forwards_by_name() => {
                return forwarded(port.protocol).then_some(Discovery::Forward);
            }
            Resolution::DynamicDns => Discovery::Eds,
            Resolution::Alias => return None,
        })
    }
}

/// What names its host, in a way that Envoy reads.
fn forwarded(protocol: Protocol) -> bool {
    matches!(protocol, Protocol::Http | Protocol::Http2 | Protocol::Grpc | Protocol::Tls)
}
