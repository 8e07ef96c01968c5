//! An HTTP connection manager: from a request to a route.

use std::net::IpAddr;

use super::action::{self, Hop};
use super::connection;
use super::explanation::{Outcome, Passed, Step, StepKind, Trail};
use super::filters::may_decide;
use super::path::{Normalized, normalize};
use super::rbac::{self, Subject};
use super::redirect::Origin;
use super::request::{Http, Request, Version};
use super::route::{self, Peer};
use super::served::{Part, Served};
use super::{redirect, virtual_host};
use crate::proto::envoy::envoy::config::listener::v3::{FilterChain, Listener};
use crate::proto::envoy::envoy::config::route::v3::virtual_host::TlsRequirementType;
use crate::proto::envoy::envoy::config::route::v3::{RouteConfiguration, VirtualHost};
use crate::proto::envoy::envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
use crate::proto::envoy::envoy::extensions::filters::network::http_connection_manager::v3::http_filter::ConfigType;
use crate::proto::envoy::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::{
    RouteSpecifier, StripPortMode,
};

/// Sends a request on.
pub(super) fn forward(
    served: &Served,
    listener: &Part<Listener>,
    manager: &HttpConnectionManager,
    chain: &FilterChain,
    request: &Request,
    trail: &mut Trail,
) -> Result<Outcome, Outcome> {
    tell_filters(manager, trail);
    let http = prepared(manager, connection::http(chain, request)?, request)?;
    authorize(manager, chain, &http, request, trail)?;
    let forwarded = forwarded_scheme(manager, &http, request);
    // HTTP/1 does not tell a scheme, so that which the client used is taken.
    let scheme = match http.version {
        Version::Http2 => request.scheme(),
        Version::Http10 | Version::Http11 => &forwarded,
    };
    let origin = Origin { http: &http, scheme, forwarded: &forwarded };

    let config = configuration(served, listener, manager, trail)?;
    let (host, step) = virtual_host::choose(&config, &http.authority).map_err(|passed| {
        let whole = format!("the route configuration has a domain for {:?}", http.authority);
        nobody(passed, "virtual host", &whole, trail)
    })?;
    trail.push(step);
    if requires_https(host, &forwarded) {
        let location = redirect::to_https(origin);
        trail.fact("takes requests over TLS only");
        return Ok(Outcome::Redirected { status: 301, location });
    }
    if host.matcher.is_some() {
        return Err(Outcome::unknown("the virtual host chooses routes by a matcher tree"));
    }
    let certificate = request.tls.as_ref().is_some_and(|tls| tls.client_certificate)
        && connection::terminates_tls(chain);
    let (route, step) = route::choose(host, &http, Peer { certificate })
        .map_err(|passed| nobody(passed, "route", "the virtual host matches", trail))?;
    trail.push(step);
    action::take(&Hop { served, request, config: &config, host, route, origin }, trail)
}

/// None of a list of candidates was chosen. `wanted` completes "none of the 2 routes of".
fn nobody(passed: Vec<Passed>, what: &str, wanted: &str, trail: &mut Trail) -> Outcome {
    for Passed { name, reason } in &passed {
        trail.fact(format!("not {what} {name}: {reason}"));
    }
    Outcome::failed(404, format!("none of the {} {what}s of {wanted}", passed.len()))
}

/// The request after the changes that precede routing.
fn prepared(
    manager: &HttpConnectionManager,
    http: &Http,
    request: &Request,
) -> Result<Http, Outcome> {
    let mut http = http.clone();
    match normalize(manager, &http.path) {
        Normalized::Path(path) => http.path = path,
        Normalized::Redirect(location) => {
            return Err(Outcome::Redirected { status: 307, location });
        }
        Normalized::Refused => {
            return Err(Outcome::failed(400, "paths with encoded slashes are refused"));
        }
    }
    let host = virtual_host::without_port(&http.authority);
    let port = http.authority.strip_prefix(host).unwrap_or_default().trim_start_matches(':');
    let strip_any = matches!(manager.strip_port_mode, Some(StripPortMode::StripAnyHostPort(true)));
    let own = manager.strip_matching_host_port
        && port.parse::<u16>().is_ok_and(|port| port == request.destination.port());
    if strip_any || own {
        http.authority = host.to_owned();
    }
    if manager.strip_trailing_host_dot {
        http.authority = http.authority.trim_end_matches('.').to_owned();
    }
    Ok(http)
}

/// The scheme that the client used: a proxy at the edge knows it from the connection, others are told.
fn forwarded_scheme(manager: &HttpConnectionManager, http: &Http, request: &Request) -> String {
    let edge = manager.use_remote_address.as_ref().is_some_and(|flag| flag.value)
        && manager.xff_num_trusted_hops == 0;
    let told = http.get("x-forwarded-proto").filter(|_| !edge);
    told.unwrap_or_else(|| request.scheme()).to_owned()
}

fn requires_https(host: &VirtualHost, forwarded: &str) -> bool {
    // Whether a client is an external one cannot be told; Istio's configuration does not ask.
    host.require_tls() != TlsRequirementType::None && forwarded != "https"
}

/// Who may do what is decided before a route is chosen.
fn authorize(
    manager: &HttpConnectionManager,
    chain: &FilterChain,
    http: &Http,
    request: &Request,
    trail: &mut Trail,
) -> Result<(), Outcome> {
    let remote = original_address(manager, http).unwrap_or(request.source.ip());
    let http = Some(http);
    let mut subject = Subject { http, remote, ..connection::subject(chain, request) };
    for filter in &manager.http_filters {
        let Some(ConfigType::TypedConfig(config)) = &filter.config_type else { continue };
        rbac::apply(&filter.name, config, &mut subject, trail).unwrap_or(Ok(()))?;
    }
    Ok(())
}

/// From where a request first came, as the header says that proxies write, where it is believed: the last but so many
/// addresses. A proxy at the edge believes its peer.
fn original_address(manager: &HttpConnectionManager, http: &Http) -> Option<IpAddr> {
    let edge = manager.use_remote_address.as_ref().is_some_and(|flag| flag.value);
    let hops = usize::try_from(manager.xff_num_trusted_hops).ok()?;
    let skipped = if edge { hops.checked_sub(1)? } else { hops };
    let told = http.values("x-forwarded-for").join(",");
    told.rsplit(',').nth(skipped)?.trim().parse().ok()
}

fn tell_filters(manager: &HttpConnectionManager, trail: &mut Trail) {
    let deciders: Vec<&str> = manager
        .http_filters
        .iter()
        .map(|filter| filter.name.as_str())
        .filter(|name| may_decide(name))
        .collect();
    if !deciders.is_empty() {
        let names = deciders.join(", ");
        trail.fact(format!("{names} may answer or refuse requests; that is not simulated"));
    }
}

fn configuration(
    served: &Served,
    listener: &Part<Listener>,
    manager: &HttpConnectionManager,
    trail: &mut Trail,
) -> Result<RouteConfiguration, Outcome> {
    let kind = StepKind::RouteConfiguration;
    match &manager.route_specifier {
        Some(RouteSpecifier::RouteConfig(config)) => {
            let mut step = Step::new(kind, &config.name, "in the listener");
            step.origins = listener.resource.origins.to_vec();
            trail.push(step);
            Ok(config.clone())
        }
        Some(RouteSpecifier::Rds(rds)) => {
            let name = &rds.route_config_name;
            let Some(part) = served.route(name) else {
                let reason = format!("the route configuration {name:?} does not exist");
                return Err(Outcome::failed(404, reason));
            };
            let mut step = Step::new(kind, name, "named by the listener");
            step.origins = part.resource.origins.to_vec();
            trail.push(step);
            Ok(part.message)
        }
        Some(RouteSpecifier::ScopedRoutes(_)) => {
            Err(Outcome::unknown("the listener has scoped routes"))
        }
        None => Err(Outcome::failed(404, "the connection manager has no routes")),
    }
}
