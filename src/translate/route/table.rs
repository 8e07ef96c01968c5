//! The routes of virtual hosts, each list encoded once for all hosts that have it.

use std::sync::Arc;

use bytes::Bytes;

use super::default_route;
use super::http::{self, hash_policy};
use crate::api::networking::virtual_service::HttpRetry;
use crate::api::{Diagnostic, ObjectKey};
use crate::model::{MergedRule, Service};
use crate::proto::encode::encode;
use crate::proto::envoy::envoy::config::route::v3::VirtualHost;
use crate::translate::capability::Capabilities;
use crate::translate::memo::Same;
use crate::translate::translator::Context;

/// All that a list of routes depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// A VirtualService says.
    Routed(http::Inputs),
    /// Nobody says: everything goes to a port of a service.
    Default {
        /// The service.
        service: Same<Service>,
        /// Index of its port.
        port: usize,
        /// Its rule, if that says by what requests are hashed.
        rule: Option<Same<MergedRule>>,
        /// What is retried; None for the default.
        retries: Option<HttpRetry>,
        /// What the proxies have.
        capabilities: Capabilities,
    },
}

impl Key {
    /// Of a service's port that no VirtualService is for.
    pub fn of_service(context: &Context<'_>, service: &Arc<Service>, port: usize) -> Key {
        let rule = context.rules.of(&service.key).filter(|rule| hash_policy::is_in(rule));
        Key::Default {
            service: Same(service.clone()),
            port,
            rule: rule.cloned().map(Same),
            retries: context.snapshot.mesh.default_http_retry_policy.clone(),
            capabilities: context.scope.capabilities,
        }
    }
}

/// A list of routes.
#[derive(Debug)]
pub struct Table {
    /// The field `routes` of a virtual host, as often as there are routes; empty for none.
    pub entries: Bytes,
    /// The objects that shaped them, but for a service that they are the default of.
    pub origins: Vec<ObjectKey>,
    /// What is to be said of these objects.
    pub diagnostics: Vec<Diagnostic>,
}

impl Table {
    /// The routes that a key means.
    pub fn new(key: &Key) -> Table {
        let (routes, origins, diagnostics) = match key {
            Key::Routed(inputs) => {
                let converted = inputs.convert();
                (converted.routes, inputs.origins().collect(), converted.diagnostics)
            }
            Key::Default { service: Same(service), port, rule, retries, capabilities } => {
                let port = service.ports.get(*port);
                let rule = rule.as_ref().map(|Same(rule)| rule);
                let policy = http::retry::policy(retries.as_ref(), false, *capabilities);
                let routes = port.map(|port| {
                    let hash = rule.and_then(|r| hash_policy::of_service(&r.spec, port.number));
                    default_route::to_service(service, port, policy, hash)
                });
                let sources = rule.into_iter().flat_map(|rule| &rule.sources);
                (routes.into_iter().collect(), sources.map(|s| s.key()).collect(), Vec::new())
            }
        };
        let entries = encode(&VirtualHost { routes, ..VirtualHost::default() });
        Table { entries, origins, diagnostics }
    }
}
