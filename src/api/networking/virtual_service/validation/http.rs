//! What a route of HTTP must satisfy.

use super::{answers, cors, fault, matches, retries};
use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::networking::virtual_service::HttpRoute;
use crate::api::rules::destinations::{destination, weights};
use crate::api::rules::{durations, headers, percent};

/// A route of a VirtualService, which may be a delegate, or for gateways only.
pub(super) fn validate(
    route: &HttpRoute,
    delegate: bool,
    for_gateways: bool,
    at: &Place<'_>,
    issues: &mut Issues,
) {
    validate_action(route, delegate, at, issues);
    let matches_at = at.key("match");
    for (index, request) in route.matches.iter().enumerate() {
        matches::validate(request, for_gateways, &matches_at.index(index), issues);
    }
    if let Some(changes) = &route.headers {
        headers::changes(changes, &at.key("headers"), issues);
    }
    validate_authority(route, at, issues);
    if let Some(redirect) = &route.redirect {
        answers::redirect(redirect, &at.key("redirect"), issues);
    }
    if let Some(response) = &route.direct_response {
        answers::direct_response(response, &at.key("directResponse"), issues);
    }
    if let Some(rewrite) = &route.rewrite {
        answers::rewrite(rewrite, &at.key("rewrite"), issues);
    }
    if let Some(retries) = &route.retries {
        retries::validate(retries, &at.key("retries"), issues);
    }
    if let Some(fault) = &route.fault {
        fault::validate(fault, &at.key("fault"), issues);
    }
    if let Some(cors) = &route.cors_policy {
        cors::validate(cors, &at.key("corsPolicy"), issues);
    }
    durations::positive(route.timeout, &at.key("timeout"), issues);
    validate_destinations(route, at, issues);
    validate_mirrors(route, at, issues);
}

/// A route does one thing.
fn validate_action(route: &HttpRoute, delegate: bool, at: &Place<'_>, issues: &mut Issues) {
    let mut exclude = |of: &str, fields: &[(&str, bool)]| {
        for (name, _) in fields.iter().filter(|(_, given)| *given) {
            issues.error(
                at.key(name),
                format!("a route with {of} cannot have {name}: remove one of them"),
            );
        }
    };
    let HttpRoute { redirect, direct_response, fault, rewrite, .. } = route;
    let routed = ("route", !route.route.is_empty());
    match (&route.delegate, redirect, direct_response) {
        (Some(_), ..) if !delegate => {
            exclude("delegate", &[routed, ("redirect", redirect.is_some())]);
            return;
        }
        (_, Some(_), response) => {
            let others = [("fault", fault.is_some()), ("rewrite", rewrite.is_some())];
            exclude("redirect", &[routed, ("directResponse", response.is_some())]);
            exclude("redirect", &others);
        }
        (_, None, Some(_)) => {
            exclude(
                "directResponse",
                &[routed, ("fault", fault.is_some()), ("rewrite", rewrite.is_some())],
            );
        }
        (_, None, None) if route.route.is_empty() => {
            issues.error(*at, "a route does something: give route, redirect or directResponse");
        }
        (_, None, None) => {}
    }
    if delegate && route.delegate.is_some() {
        issues.error(
            at.key("delegate"),
            "a delegate cannot delegate: remove it, or give the virtual service hosts",
        );
    }
    if route.mirror.is_some() && !route.mirrors.is_empty() {
        issues.error(
            at.key("mirrors"),
            "mirror and mirrors cannot be set together: move all to mirrors",
        );
    }
}

/// The host that is asked for is rewritten in one place only.
fn validate_authority(route: &HttpRoute, at: &Place<'_>, issues: &mut Issues) {
    let mut rewritten = route.rewrite.as_ref().is_some_and(|rewrite| !rewrite.authority.is_empty());
    let Some(request) = route.headers.as_ref().and_then(|headers| headers.request.as_ref()) else {
        return;
    };
    let at = at.key("headers");
    let at = at.key("request");
    for (what, changes) in [("set", &request.set), ("add", &request.add)] {
        for name in changes.keys().filter(|name| headers::is_authority(name)) {
            if rewritten {
                let message = "the authority cannot be set multiple times: keep one of rewrite.authority and headers";
                issues.error(at.key(what).key(name), message);
            }
            rewritten = true;
        }
    }
}

fn validate_destinations(route: &HttpRoute, at: &Place<'_>, issues: &mut Issues) {
    let at = at.key("route");
    for (index, target) in route.route.iter().enumerate() {
        let at = at.index(index);
        destination(&target.destination, &at.key("destination"), issues);
        if let Some(changes) = &target.headers {
            headers::changes(changes, &at.key("headers"), issues);
        }
    }
    weights(route.route.iter().map(|target| target.weight), &at, issues);
}

fn validate_mirrors(route: &HttpRoute, at: &Place<'_>, issues: &mut Issues) {
    if let Some(mirror) = &route.mirror {
        destination(mirror, &at.key("mirror"), issues);
    }
    if let Some(share) = route.mirror_percent {
        let at = at.key("mirrorPercent");
        percent(share.into(), &at, issues);
        issues.warn(at, "is deprecated: use mirrorPercentage");
    }
    if let Some(share) = route.mirror_percentage {
        percent(share.value, &at.key("mirrorPercentage").key("value"), issues);
    }
    let at = at.key("mirrors");
    for (index, mirror) in route.mirrors.iter().enumerate() {
        let at = at.index(index);
        destination(&mirror.destination, &at.key("destination"), issues);
        if let Some(share) = mirror.percentage {
            percent(share.value, &at.key("percentage").key("value"), issues);
        }
    }
}
