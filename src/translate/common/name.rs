//! Names of clusters, which clusters, assignments, listeners and routes must agree on.

/// Refuses connections: it has no endpoint.
pub const BLACK_HOLE_CLUSTER: &str = "BlackHoleCluster";

/// Sends outbound traffic where the client wanted it to go.
pub const PASSTHROUGH_CLUSTER: &str = "PassthroughCluster";

/// Sends inbound traffic of no known port where the client wanted it to go.
pub const INBOUND_PASSTHROUGH_CLUSTER: &str = "InboundPassthroughCluster";

/// The cluster of a service's port, or of a subset of its endpoints; `subset` is empty for all of them.
/// Also the name of its assignment.
pub fn outbound_cluster(port: u16, subset: &str, hostname: &str) -> String {
    format!("outbound|{port}|{subset}|{hostname}")
}

/// The cluster behind a port of the workload itself.
pub fn inbound_cluster(target_port: u16) -> String {
    format!("inbound|{target_port}||")
}

/// What a client puts into TLS's server name: an outbound cluster's name in the letters of a DNS name.
pub fn sni(port: u16, subset: &str, hostname: &str) -> String {
    format!("outbound_.{port}_.{subset}_.{hostname}")
}

/// What the cluster of a service is for, by which it is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A client's own traffic.
    Outbound,
    /// Traffic in TLS that a gateway passes on by its server name: only endpoints with mTLS may get it.
    SniDnat,
}

impl Purpose {
    /// The name of a cluster, and of its assignment.
    pub fn name(self, port: u16, subset: &str, hostname: &str) -> String {
        match self {
            Purpose::Outbound => outbound_cluster(port, subset, hostname),
            Purpose::SniDnat => sni(port, subset, hostname),
        }
    }
}
