//! Several destinations, by weight.

use super::destination::Resolver;
use super::headers;
use super::text;
use crate::api::issue::Issue;
use crate::api::networking::virtual_service::HttpDestination;
use crate::proto::envoy::envoy::config::route::v3::WeightedCluster;
use crate::proto::envoy::envoy::config::route::v3::weighted_cluster::ClusterWeight;
use crate::proto::envoy::envoy::config::route::v3::weighted_cluster::cluster_weight::HostRewriteSpecifier;
use crate::translate::common::value::uint32;

/// Those of the destinations that have a weight; None, with a message, when none has, or all together have more than
/// Envoy counts.
pub(super) fn convert(
    route: &[HttpDestination],
    resolver: &Resolver<'_>,
    issues: &mut Vec<Issue>,
) -> Result<WeightedCluster, &'static str> {
    let mut clusters = Vec::new();
    let mut total: u32 = 0;
    for (index, to) in route.iter().enumerate() {
        let Some(weight) = weight(to) else { continue };
        total = total.checked_add(weight).ok_or("the sum of the weights is too large")?;
        clusters.push(cluster(index, to, weight, resolver, issues));
    }
    if clusters.is_empty() {
        return Err("no destination has a weight");
    }
    Ok(WeightedCluster { clusters, ..WeightedCluster::default() })
}

/// The weight of one among several destinations; None for one that gets nothing.
pub(super) fn weight(to: &HttpDestination) -> Option<u32> {
    u32::try_from(to.weight).ok().filter(|weight| *weight > 0)
}

fn cluster(
    index: usize,
    to: &HttpDestination,
    weight: u32,
    resolver: &Resolver<'_>,
    issues: &mut Vec<Issue>,
) -> ClusterWeight {
    let mut cluster = ClusterWeight {
        name: resolver.cluster(&to.destination),
        weight: Some(uint32(weight)),
        ..ClusterWeight::default()
    };
    if let Some(headers) = &to.headers {
        let changes = headers::convert(headers, headers::of_destination(index), issues);
        cluster.request_headers_to_add = changes.request_add;
        cluster.request_headers_to_remove = changes.request_remove;
        cluster.response_headers_to_add = changes.response_add;
        cluster.response_headers_to_remove = changes.response_remove;
        let host = changes.authority.filter(|host| text::is_header_value(host));
        cluster.host_rewrite_specifier = host.map(HostRewriteSpecifier::HostRewriteLiteral);
    }
    cluster
}
