//! Virtual hosts of gateways, each encoded once, with all that they depend on as the key: a change of one
//! VirtualService encodes the virtual hosts of its own hosts.

use std::sync::Arc;

use bytes::Bytes;

use crate::api::{Diagnostic, ObjectKey, Str};
use crate::proto::envoy::envoy::config::route::v3::route_match::PathSpecifier;
use crate::proto::envoy::envoy::config::route::v3::virtual_host::TlsRequirementType;
use crate::proto::envoy::envoy::config::route::v3::{Route, VirtualHost as Message};
use crate::translate::route::http::Inputs;
use crate::translate::route::virtual_host::entry;

/// All that a virtual host depends on.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// `HOST:PORT`.
    pub name: String,
    /// Its hosts.
    pub domains: Vec<Str>,
    /// The routes of each VirtualService, in the order in which these count.
    pub routes: Vec<Arc<Inputs>>,
    /// Plain HTTP is redirected.
    pub require_tls: bool,
    /// Requests tell which attempt they are.
    pub attempt_count: bool,
}

/// A virtual host as part of an encoded route configuration.
#[derive(Debug)]
pub struct VirtualHost {
    /// Its name; configurations are sorted by it.
    pub name: String,
    /// The bytes of the field `virtual_hosts`, tag and length included.
    pub entry: Bytes,
    /// The objects that it was made from.
    pub origins: Vec<ObjectKey>,
    /// What is to be said of them.
    pub diagnostics: Vec<Diagnostic>,
}

impl VirtualHost {
    /// See [`Key`].
    pub fn new(key: &Key) -> VirtualHost {
        let (mut routes, mut diagnostics) = (Vec::new(), Vec::new());
        for inputs in &key.routes {
            let converted = inputs.convert();
            routes.extend(converted.routes);
            diagnostics.extend(converted.diagnostics);
        }
        // Behind what matches everything nothing would be reached.
        routes.sort_by_key(matches_everything);
        let require_tls = match key.require_tls {
            true => TlsRequirementType::All,
            false => TlsRequirementType::None,
        };
        let message = Message {
            name: key.name.clone(),
            domains: key.domains.iter().map(ToString::to_string).collect(),
            routes,
            require_tls: require_tls.into(),
            include_request_attempt_count: key.attempt_count,
            ..Message::default()
        };
        let mut origins: Vec<ObjectKey> = key.routes.iter().flat_map(|r| r.origins()).collect();
        origins.sort();
        origins.dedup();
        VirtualHost { name: message.name.clone(), entry: entry(&message), origins, diagnostics }
    }
}

/// Whether a route takes every request.
fn matches_everything(route: &Route) -> bool {
    let Some(matched) = &route.r#match else { return false };
    let path = match &matched.path_specifier {
        Some(PathSpecifier::Prefix(prefix) | PathSpecifier::PathSeparatedPrefix(prefix)) => {
            prefix == "/"
        }
        Some(PathSpecifier::SafeRegex(pattern)) => pattern.regex == ".*",
        _ => false,
    };
    path && matched.headers.is_empty()
        && matched.query_parameters.is_empty()
        && matched.dynamic_metadata.is_empty()
}
