//! What the chosen route does with the request.

use super::cluster;
use super::explanation::{Backend, Outcome, Trail};
use super::filters::{self, PerFilter};
use super::redirect::{self, Origin};
use super::request::Request;
use super::served::Served;
use super::{policy, rewrite};
use crate::proto::envoy::envoy::config::core::v3::{DataSource, data_source};
use crate::proto::envoy::envoy::config::route::v3::route::Action;
use crate::proto::envoy::envoy::config::route::v3::route_action::ClusterSpecifier;
use crate::proto::envoy::envoy::config::route::v3::weighted_cluster::ClusterWeight;
use crate::proto::envoy::envoy::config::route::v3::weighted_cluster::cluster_weight::HostRewriteSpecifier;
use crate::proto::envoy::envoy::config::route::v3::{
    DirectResponseAction, Route, RouteAction, RouteConfiguration, VirtualHost,
};

/// Where in the proxy a request is.
pub(super) struct Hop<'a> {
    pub served: &'a Served,
    pub request: &'a Request,
    pub config: &'a RouteConfiguration,
    pub host: &'a VirtualHost,
    pub route: &'a Route,
    pub origin: Origin<'a>,
}

/// A cluster of a route.
struct Target<'a> {
    name: String,
    share: f64,
    host: Option<&'a str>,
    filters: Option<&'a PerFilter>,
}

/// Does what the route says.
pub(super) fn take(hop: &Hop<'_>, trail: &mut Trail) -> Result<Outcome, Outcome> {
    match &hop.route.action {
        Some(Action::Route(action)) => forward(hop, action, trail),
        Some(Action::Redirect(redirect)) => {
            apply_filters(hop, None, trail)?;
            let (status, location) =
                redirect::location(redirect, hop.route, hop.origin).map_err(Outcome::unknown)?;
            Ok(Outcome::Redirected { status, location })
        }
        Some(Action::DirectResponse(response)) => {
            apply_filters(hop, None, trail)?;
            Ok(answer(hop, response))
        }
        Some(Action::FilterAction(_) | Action::NonForwardingAction(_)) => {
            Err(Outcome::unknown("the action of the route is not simulated"))
        }
        None => Err(Outcome::failed(404, "the route does nothing")),
    }
}

fn forward(hop: &Hop<'_>, action: &RouteAction, trail: &mut Trail) -> Result<Outcome, Outcome> {
    for fact in policy::facts(action, hop.host) {
        trail.fact(fact);
    }
    let targets = targets(hop, action)?;
    // With several clusters, filters see the configuration of the one that is drawn; what they have in common is
    // that of the route.
    let own = match targets.as_slice() {
        [only] => only.filters,
        _ => None,
    };
    apply_filters(hop, own, trail)?;
    let path = rewrite::path(action, hop.route, &hop.origin.http.path).map_err(Outcome::unknown)?;
    let missing = match action.cluster_not_found_response_code() as i32 {
        1 => 404,
        2 => 500,
        _ => 503,
    };
    for target in targets {
        let host = rewrite::host(action, target.host, hop.origin.http).map_err(Outcome::unknown)?;
        let destination = hop.request.destination;
        let backend = cluster::resolve(hop.served, &target.name, target.share, destination);
        trail.backends.push(Backend { host: Some(host), ..backend });
    }
    cluster::reached(&trail.backends, Some(missing))?;
    Ok(Outcome::Forwarded { path: Some(path) })
}

fn targets<'a>(hop: &Hop<'_>, action: &'a RouteAction) -> Result<Vec<Target<'a>>, Outcome> {
    let by_header = |name: &str| {
        hop.origin.http.get(name).map(str::to_owned).ok_or_else(|| {
            let reason = format!("header {name}, which names the cluster, is absent");
            Outcome::failed(503, reason)
        })
    };
    let one = |name: String| vec![Target { name, share: 100.0, host: None, filters: None }];
    match &action.cluster_specifier {
        Some(ClusterSpecifier::Cluster(name)) => Ok(one(name.clone())),
        Some(ClusterSpecifier::ClusterHeader(name)) => by_header(name).map(one),
        Some(ClusterSpecifier::WeightedClusters(weighted)) => {
            let weight = |cluster: &ClusterWeight| cluster.weight.as_ref().map_or(0, |w| w.value);
            let total: u64 = weighted.clusters.iter().map(|c| u64::from(weight(c))).sum();
            let used = weighted.clusters.iter().filter(|cluster| weight(cluster) > 0);
            let targets: Vec<Target<'a>> = used
                .map(|cluster| {
                    let name = match &*cluster.cluster_header {
                        "" => cluster.name.clone(),
                        header => by_header(header)?,
                    };
                    let host = cluster
                        .host_rewrite_specifier
                        .as_ref()
                        .map(|HostRewriteSpecifier::HostRewriteLiteral(host)| host.as_str());
                    Ok(Target {
                        name,
                        share: f64::from(weight(cluster)) * 100.0 / total as f64,
                        host,
                        filters: Some(&cluster.typed_per_filter_config),
                    })
                })
                .collect::<Result<_, Outcome>>()?;
            match targets.is_empty() {
                true => Err(Outcome::failed(503, "all clusters of the route have the weight 0")),
                false => Ok(targets),
            }
        }
        Some(_) => Err(Outcome::unknown("an extension chooses the cluster")),
        None => Err(Outcome::failed(503, "the route names no cluster")),
    }
}

/// Lets CORS and fault injection at the request; the most specific configuration counts.
fn apply_filters(
    hop: &Hop<'_>,
    cluster: Option<&PerFilter>,
    trail: &mut Trail,
) -> Result<(), Outcome> {
    let mut configs: Vec<&PerFilter> = cluster.into_iter().collect();
    configs.push(&hop.route.typed_per_filter_config);
    configs.push(&hop.host.typed_per_filter_config);
    configs.push(&hop.config.typed_per_filter_config);
    let mut facts = Vec::new();
    let result = filters::cors(&configs, hop.origin.http, &mut facts)
        .and_then(|()| filters::fault(&configs, hop.origin.http, &mut facts));
    for fact in facts {
        trail.fact(fact);
    }
    result
}

/// Where Istio sends what no host of the mesh takes: the answer stands for nothing being there.
fn is_dead_end(host: &VirtualHost) -> bool {
    host.name == "block_all" || host.name.starts_with("blackhole:")
}

fn answer(hop: &Hop<'_>, response: &DirectResponseAction) -> Outcome {
    let status = response.status;
    if is_dead_end(hop.host) {
        let reason = format!("no virtual host has a domain for {:?}", hop.origin.http.authority);
        return Outcome::failed(status, reason);
    }
    Outcome::Answered { status, body: response.body.as_ref().map(text).unwrap_or_default() }
}

fn text(source: &DataSource) -> String {
    match &source.specifier {
        Some(data_source::Specifier::InlineString(text)) => text.clone(),
        Some(data_source::Specifier::InlineBytes(bytes)) => {
            String::from_utf8_lossy(bytes).into_owned()
        }
        Some(data_source::Specifier::Filename(file)) => format!("what is in the file {file}"),
        Some(data_source::Specifier::EnvironmentVariable(name)) => {
            format!("what is in the environment variable {name}")
        }
        None => String::new(),
    }
}

#[cfg(test)]
mod tests;
