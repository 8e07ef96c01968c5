//! A proxy of TCP: the clusters that a connection goes to.

use super::cluster;
use super::connection::{SNI_CLUSTER, has_filter};
use super::explanation::{Outcome, Step, StepKind, Trail};
use super::request::Request;
use super::served::Served;
use crate::proto::envoy::envoy::config::listener::v3::FilterChain;
use crate::proto::envoy::envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy;
use crate::proto::envoy::envoy::extensions::filters::network::tcp_proxy::v3::tcp_proxy::ClusterSpecifier;

/// Sends a connection on.
pub(super) fn forward(
    served: &Served,
    chain: &FilterChain,
    proxy: &TcpProxy,
    request: &Request,
    trail: &mut Trail,
) -> Result<Outcome, Outcome> {
    let by_sni = has_filter(chain, SNI_CLUSTER);
    let reason = match by_sni {
        true => "the server name is the cluster's",
        false => "takes the connection as it is",
    };
    let mut step = Step::new(StepKind::TcpProxy, &proxy.stat_prefix, reason);
    if let Some(tunnel) = &proxy.tunneling_config {
        step.facts.push(format!("goes through a tunnel to {}", tunnel.hostname));
    }
    trail.push(step);

    let sni = request.tls.as_ref().and_then(|tls| tls.sni.clone()).filter(|_| by_sni);
    let targets: Vec<(String, u32)> = match (sni, &proxy.cluster_specifier) {
        (Some(name), _) => vec![(name, 1)],
        (None, Some(ClusterSpecifier::Cluster(name))) => vec![(name.clone(), 1)],
        (None, Some(ClusterSpecifier::WeightedClusters(weighted))) => {
            weighted.clusters.iter().map(|c| (c.name.clone(), c.weight)).collect()
        }
        (None, None) => return Err(Outcome::refused("the proxy of TCP names no cluster")),
    };
    let total: u64 = targets.iter().map(|(_, weight)| u64::from(*weight)).sum();
    for (name, weight) in targets.into_iter().filter(|(_, weight)| *weight > 0) {
        let share = f64::from(weight) * 100.0 / total as f64;
        trail.backends.push(cluster::resolve(served, &name, share, request.destination));
    }
    cluster::reached(&trail.backends, None)?;
    Ok(Outcome::Forwarded { path: None })
}
