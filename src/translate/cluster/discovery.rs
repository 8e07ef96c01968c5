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
        match service.resolution {
            Resolution::ClientSideLb => Some(Discovery::Eds),
            Resolution::Passthrough
                if service.is_headless()
                    && (proxy != ProxyKind::Sidecar || features.headless_eds) =>
            {
                Some(Discovery::Eds)
            }
            Resolution::Passthrough => Some(Discovery::OriginalDst),
            Resolution::Alias
            | Resolution::Dns
            | Resolution::DnsRoundRobin
            | Resolution::DynamicDns => None,
        }
    }
}
