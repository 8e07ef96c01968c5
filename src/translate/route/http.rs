//! From the HTTP rules of a VirtualService to Envoy's routes, for sidecars and gateways alike.
//!
//! In two steps: [`Inputs`] is what the routes of a VirtualService depend on for an audience, and no more; conversion
//! reads nothing else. So `Inputs` is a key for those who remember routes: audiences that the rules do not tell apart
//! have the same. Knows nothing of virtual hosts.
//!
//! What Envoy would refuse never gets past here: a match, a part of an action or the whole route is left out, and an
//! issue says so.

pub mod hash_policy;
pub mod retry;

mod action;
mod claims;
mod cors;
mod decorator;
mod destination;
mod direct_response;
mod fault;
mod headers;
mod matches;
mod mirror;
mod percent;
mod redirect;
mod rewrite;
mod select;
mod text;
mod weighted;

use std::sync::Arc;

use serde_json::json;

use self::destination::{Destinations, Resolver};
use self::select::Selected;
use crate::api::features::SessionLabels;
use crate::api::field_path::FieldPath;
use crate::api::issue::Issue;
use crate::api::networking::virtual_service::{HttpMatch, HttpRetry, HttpRoute};
use crate::api::{Diagnostic, Labels, ObjectKey};
use crate::model::Routing;
use crate::model::virtual_service::MESH;
use crate::proto::envoy::envoy::config::route::v3::Route;
use crate::translate::capability::Capabilities;
use crate::translate::common::metadata::{ISTIO, filter_metadata};
use crate::translate::hosts::Hosts;
use crate::translate::memo::Same;
use crate::translate::rules::ServiceRules;
use crate::translate::translator::Context;

/// For whom and where routes are made.
#[derive(Clone, Copy, Debug)]
pub struct Audience<'a> {
    /// As what requests come in: gateways by `NAMESPACE/NAME`, or [`MESH`].
    pub gateways: &'a [&'a str],
    /// The port that clients see; 0 where one listener is for all ports.
    pub port: u16,
    /// The listener ends TLS.
    pub tls: bool,
    /// The namespace of the proxies.
    pub namespace: &'a str,
    /// The labels of the proxies.
    pub labels: &'a Labels,
    /// The services that they see.
    pub hosts: &'a Hosts,
    /// The rules that they follow.
    pub rules: &'a ServiceRules,
    /// What is retried where a rule does not say; None for the default.
    pub retries: Option<&'a HttpRetry>,
    /// What their Envoys have.
    pub capabilities: Capabilities,
    /// Requests that are rewritten tell for which host they were.
    pub forwarded_host: bool,
    /// The labels by which services ask for sessions.
    pub session_labels: &'a SessionLabels,
    /// Copies of requests keep their host without a mark.
    pub mirror_as_is: bool,
    /// Answers tell that the port speaks HTTP/3 too.
    pub http3: bool,
}

impl<'a> Audience<'a> {
    /// The applications beside the sidecars of a scope.
    pub fn mesh(context: &Context<'a>, port: u16) -> Audience<'a> {
        Audience::gateway(context, &[MESH], port, false)
    }

    /// The clients of a gateway: of a server's port, by the names of the Gateways that it belongs to.
    pub fn gateway(
        context: &Context<'a>,
        names: &'a [&'a str],
        port: u16,
        tls: bool,
    ) -> Audience<'a> {
        Audience {
            gateways: names,
            port,
            tls,
            namespace: &context.scope.namespace,
            labels: &context.scope.labels,
            hosts: context.hosts,
            rules: context.rules,
            retries: context.snapshot.mesh.default_http_retry_policy.as_ref(),
            capabilities: context.scope.capabilities,
            forwarded_host: context.scope.forwarded_host,
            session_labels: &context.scope.features.session_labels,
            mirror_as_is: context.scope.features.mirror_as_is,
            http3: false,
        }
    }

    /// Its listener is a sidecar's, for one port.
    fn is_port_of_mesh(&self) -> bool {
        self.port != 0 && self.gateways.contains(&MESH)
    }
}

/// All that the routes of a VirtualService depend on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Inputs {
    routing: Same<Routing>,
    port: u16,
    tls: bool,
    selected: Vec<Selected>,
    destinations: Destinations,
    retries: Option<HttpRetry>,
    capabilities: Capabilities,
    forwarded_host: bool,
    mirror_as_is: bool,
    http3: bool,
}

/// What was made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Converted {
    /// The first that matches counts. None when nothing of the VirtualService is for the audience.
    pub routes: Vec<Route>,
    /// What is to be said of the objects.
    pub diagnostics: Vec<Diagnostic>,
}

/// The routes of a VirtualService for an audience.
pub fn routes(routing: &Arc<Routing>, audience: &Audience<'_>) -> Converted {
    Inputs::of(routing, audience).convert()
}

impl Inputs {
    /// What matters of an audience to the routes of a VirtualService.
    pub fn of(routing: &Arc<Routing>, audience: &Audience<'_>) -> Inputs {
        let selected = select::select(routing, audience);
        let rules = selected.iter().filter_map(|one| routing.spec.http.get(one.rule));
        let destinations = Destinations::of(rules, audience);
        Inputs {
            routing: Same(routing.clone()),
            port: audience.port,
            tls: audience.tls,
            selected,
            destinations,
            retries: audience.retries.cloned(),
            capabilities: audience.capabilities,
            forwarded_host: audience.forwarded_host,
            mirror_as_is: audience.mirror_as_is,
            http3: audience.http3,
        }
    }

    /// Nothing of the VirtualService is for the audience.
    pub fn is_empty(&self) -> bool {
        self.selected.is_empty()
    }

    /// The VirtualService.
    pub fn routing(&self) -> &Arc<Routing> {
        &self.routing.0
    }

    /// The objects that shape the routes.
    pub fn origins(&self) -> impl Iterator<Item = ObjectKey> {
        self.routing.0.origins.iter().cloned().chain(self.destinations.origins())
    }

    /// The routes.
    pub fn convert(&self) -> Converted {
        let routing = &self.routing.0;
        let path = routing.config.resource_path();
        let mut converted = Converted::default();
        for selected in &self.selected {
            let Some(rule) = routing.spec.http.get(selected.rule) else { continue };
            let part = selected.one.and_then(|index| Some((index, rule.matches.get(index)?)));
            let mut issues = Vec::new();
            let route = self.route(rule, part, &mut issues);
            let told = issues.into_iter().map(|issue| routing.diagnose(selected.rule, issue));
            converted.diagnostics.extend(told);
            let Some(mut route) = route else { continue };
            route.metadata = Some(filter_metadata([(ISTIO, json!({ "config": path }))]));
            let last = matches::is_everything(&route);
            converted.routes.push(route);
            if last {
                break;
            }
        }
        converted.diagnostics.sort();
        converted.diagnostics.dedup();
        converted
    }

    fn route(
        &self,
        rule: &HttpRoute,
        part: Option<(usize, &HttpMatch)>,
        issues: &mut Vec<Issue>,
    ) -> Option<Route> {
        let refused = &self.routing.0.refused;
        let vs_name = &self.routing.0.config.meta.name;
        let name = match part {
            Some((_, part)) if !part.name.is_empty() => format!("{}.{}", rule.name, part.name),
            _ => rule.name.to_string(),
        };
        let mut route = Route {
            name,
            r#match: Some(matches::convert(part, refused, issues)?),
            stat_prefix: part.map_or_else(String::new, |(_, part)| part.stat_prefix.to_string()),
            ..Route::default()
        };
        let authority = rule.headers.as_ref().and_then(|headers| {
            let mut changes = headers::convert(headers, FieldPath::of("headers"), issues);
            changes.put(&mut route);
            changes.authority.take()
        });
        let resolver = Resolver { destinations: &self.destinations, port: self.port };
        route.action = Some(if let Some(redirect) = &rule.redirect {
            redirect::convert(redirect, self.port, self.tls, issues)?
        } else if let Some(response) = &rule.direct_response {
            direct_response::convert(response, issues)?
        } else {
            if let Some(session) = resolver.session(&rule.route) {
                session.put(&mut route.typed_per_filter_config);
            }
            let surroundings = action::Surroundings {
                resolver: &resolver,
                refused,
                retries: self.retries.as_ref(),
                capabilities: self.capabilities,
                forwarded_host: self.forwarded_host,
                mirror_as_is: self.mirror_as_is,
            };
            action::convert(rule, authority, &surroundings, &mut route, issues)?
        });
        route.decorator = Some(decorator::of(&route, &rule.route, &resolver, vs_name));
        fault::put(rule.fault.as_ref(), self.capabilities, &mut route, issues);
        if self.http3 {
            route.response_headers_to_add.push(headers::of_http3(self.port));
        }
        cors::put(rule.cors_policy.as_ref(), self.capabilities, refused, &mut route, issues);
        Some(route)
    }
}

#[cfg(test)]
mod tests;
