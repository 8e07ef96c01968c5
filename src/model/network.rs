//! Networks: parts of the mesh whose workloads reach those of other parts through gateways only.

use std::collections::BTreeMap;

use crate::api::{ObjectKey, Str};

/// The gateways of all networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks {
    /// By network, sorted. A network that is not here has no known gateway.
    pub gateways: BTreeMap<Str, Vec<NetworkGateway>>,
}

/// An address through which the workloads of a network are reached.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NetworkGateway {
    /// The cluster that it belongs to; empty when unknown.
    pub cluster: Str,
    /// An IP address, or a host name.
    pub address: Str,
    /// The port that takes mTLS by server name.
    pub port: u16,
    /// The object that names it; None for the mesh's configuration.
    pub origin: Option<ObjectKey>,
}
