//! How traces call the requests of a route: the destination, or where there is not exactly one the VirtualService, with
//! the path.

use super::destination::Resolver;
use crate::api::networking::virtual_service::HttpDestination;
use crate::proto::envoy::envoy::config::route::v3::route::Action;
use crate::proto::envoy::envoy::config::route::v3::route_match::PathSpecifier;
use crate::proto::envoy::envoy::config::route::v3::{Decorator, Route};

/// The decorator of a route to these destinations, of a VirtualService of this name.
pub(super) fn of(
    route: &Route,
    to: &[HttpDestination],
    resolver: &Resolver<'_>,
    name: &str,
) -> Decorator {
    let path = match route.r#match.as_ref().and_then(|one| one.path_specifier.as_ref()) {
        Some(PathSpecifier::Prefix(prefix)) => format!("{prefix}*"),
        Some(PathSpecifier::Path(path)) => path.clone(),
        Some(PathSpecifier::SafeRegex(regex)) => regex.regex.clone(),
        _ => "/*".to_owned(),
    };
    let single = match (&route.action, to) {
        (Some(Action::Route(_)), [to]) => resolver.address(&to.destination),
        _ => None,
    };
    let (host, port) = single.unwrap_or((name, resolver.port));
    Decorator { operation: format!("{host}:{port}{path}"), ..Decorator::default() }
}
