//! The clusters for what is no service: traffic that is refused, or let through to where it was going.

use std::time::Duration;

use super::base::{cluster, inbound_bind_config, metadata_exchange_filter, open_cluster};
use super::policy::Policy;
use super::protocol::{HttpOptions, HttpVersion, set_options};
use crate::proto::encode;
use crate::proto::envoy::envoy::config::cluster::v3::Cluster;
use crate::proto::envoy::envoy::config::cluster::v3::cluster::DiscoveryType;
use crate::proto::envoy::envoy::config::core::v3::{self as core, Address, Pipe, address};
use crate::proto::envoy::envoy::config::endpoint::v3::{
    ClusterLoadAssignment, Endpoint, LbEndpoint, LocalityLbEndpoints, lb_endpoint::HostIdentifier,
};
use crate::proto::envoy::envoy::extensions::upstreams::http::v3::HttpProtocolOptions;
use crate::translate::common::credential::CREDENTIAL_CLUSTER;
use crate::translate::common::name::{
    BLACK_HOLE_CLUSTER, INBOUND_PASSTHROUGH_CLUSTER, PASSTHROUGH_CLUSTER,
};
use crate::translate::common::value::duration;
use crate::translate::memo::Same;
use crate::translate::resource::Resource;
use crate::translate::scope::Families;

/// How long a connection to an unknown destination is kept without requests. Each destination has
/// connections of its own, so that they would pile up under Envoy's default of an hour.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// Where a server of credentials beside the proxy listens.
const CREDENTIAL_SOCKET: &str = "./var/run/secrets/credential-uds/socket";

/// What a cluster that stands for no service is built from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// What the mesh decides.
    pub policy: Same<Policy>,
    /// Which one, for which proxies.
    pub cluster: Special,
}

/// The clusters that stand for no service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Special {
    /// Has no endpoint: connections to it are refused.
    BlackHole,
    /// Lets outbound traffic through to where the client sent it.
    Passthrough {
        /// The proxy can exchange metadata over TCP.
        metadata_exchange: bool,
        /// See [`Scope::preserve_case`](crate::translate::Scope::preserve_case).
        preserve_case: bool,
    },
    /// The server of credentials beside the proxy.
    Credentials,
    /// Lets inbound traffic through to the application.
    InboundPassthrough {
        /// The address families of the workload.
        families: Families,
        /// As for outbound traffic.
        preserve_case: bool,
    },
}

/// The cluster, as a resource.
pub fn resource(key: &Key) -> Resource {
    let policy = &key.policy.0;
    let cluster = match key.cluster {
        Special::BlackHole => cluster(BLACK_HOLE_CLUSTER, DiscoveryType::Static, policy),
        Special::Passthrough { metadata_exchange, preserve_case } => Cluster {
            filters: metadata_exchange
                .then(|| metadata_exchange_filter(policy))
                .into_iter()
                .collect(),
            ..passthrough(policy, preserve_case)
        },
        Special::Credentials => credentials(policy),
        // It shares the statistics of the outbound one, as Istio's dashboards expect.
        Special::InboundPassthrough { families, preserve_case } => Cluster {
            name: INBOUND_PASSTHROUGH_CLUSTER.into(),
            upstream_bind_config: Some(inbound_bind_config(families)),
            ..passthrough(policy, preserve_case)
        },
    };
    Resource::new(cluster.name.as_str().into(), encode::encode(&cluster), [])
}

fn credentials(policy: &Policy) -> Cluster {
    let name = CREDENTIAL_CLUSTER;
    let socket = Address {
        address: Some(address::Address::Pipe(Pipe {
            path: CREDENTIAL_SOCKET.into(),
            ..Pipe::default()
        })),
    };
    let endpoint = LbEndpoint {
        host_identifier: Some(HostIdentifier::Endpoint(Endpoint {
            address: Some(socket),
            ..Endpoint::default()
        })),
        ..LbEndpoint::default()
    };
    let mut cluster = cluster(name, DiscoveryType::Static, policy);
    cluster.load_assignment = Some(ClusterLoadAssignment {
        cluster_name: name.into(),
        endpoints: vec![LocalityLbEndpoints {
            lb_endpoints: vec![endpoint],
            ..LocalityLbEndpoints::default()
        }],
        ..ClusterLoadAssignment::default()
    });
    HttpOptions { version: HttpVersion::Two, ..HttpOptions::default() }.apply(&mut cluster);
    cluster
}

fn passthrough(policy: &Policy, preserve_case: bool) -> Cluster {
    let mut cluster = open_cluster(PASSTHROUGH_CLUSTER, DiscoveryType::OriginalDst, policy);
    let options = HttpProtocolOptions {
        common_http_protocol_options: Some(core::HttpProtocolOptions {
            idle_timeout: Some(duration(IDLE_TIMEOUT)),
            ..core::HttpProtocolOptions::default()
        }),
        upstream_protocol_options: HttpVersion::AsDownstream.options(preserve_case),
        ..HttpProtocolOptions::default()
    };
    set_options(&mut cluster, &options);
    cluster
}
