//! Where a redirect leads.

use super::path::split;
use super::request::Http;
use super::rewrite;
use crate::proto::envoy::envoy::config::route::v3::redirect_action::{
    PathRewriteSpecifier, RedirectResponseCode, SchemeRewriteSpecifier,
};
use crate::proto::envoy::envoy::config::route::v3::{RedirectAction, Route};

/// A request as redirects see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin<'a> {
    pub http: &'a Http,
    /// The scheme of the request.
    pub scheme: &'a str,
    /// The scheme that the client used, as far as the proxy knows (`x-forwarded-proto`).
    pub forwarded: &'a str,
}

/// The status and `Location` of a redirect.
///
/// # Errors
/// When a rewrite is not simulated or not valid.
pub(super) fn location(
    redirect: &RedirectAction,
    route: &Route,
    origin: Origin<'_>,
) -> Result<(u32, String), String> {
    let scheme = match &redirect.scheme_rewrite_specifier {
        Some(SchemeRewriteSpecifier::SchemeRedirect(scheme)) if !scheme.is_empty() => scheme,
        Some(SchemeRewriteSpecifier::HttpsRedirect(true)) => "https",
        _ => origin.scheme,
    };
    let port = match redirect.port_redirect {
        0 => String::new(),
        port => format!(":{port}"),
    };
    let host = match &*redirect.host_redirect {
        "" => kept_host(origin, scheme, !port.is_empty()),
        host => host,
    };
    let path = path(redirect, route, &origin.http.path)?;
    let slash = if path.starts_with('/') { "" } else { "/" };
    Ok((status(redirect), format!("{scheme}://{host}{port}{slash}{path}")))
}

/// The `Location` of a client that must come back over TLS.
pub(super) fn to_https(origin: Origin<'_>) -> String {
    // As it is written: here, Envoy leaves a port that was the old scheme's own.
    format!("https://{}{}", origin.http.authority, origin.http.path)
}

fn status(redirect: &RedirectAction) -> u32 {
    match redirect.response_code() {
        RedirectResponseCode::MovedPermanently => 301,
        RedirectResponseCode::Found => 302,
        RedirectResponseCode::SeeOther => 303,
        RedirectResponseCode::TemporaryRedirect => 307,
        RedirectResponseCode::PermanentRedirect => 308,
    }
}

/// The request's host. Its port goes when there is a new one, or when it was the old scheme's own.
fn kept_host<'a>(origin: Origin<'a>, scheme: &str, has_port: bool) -> &'a str {
    let authority = origin.http.authority.as_str();
    let host = super::virtual_host::without_port(authority);
    let port = authority.strip_prefix(host).unwrap_or_default();
    let own = match origin.forwarded {
        "https" => ":443",
        "http" => ":80",
        _ => "",
    };
    let stale = scheme != origin.forwarded && !own.is_empty() && port == own;
    if has_port || stale { host } else { authority }
}

fn path(redirect: &RedirectAction, route: &Route, whole: &str) -> Result<String, String> {
    let (path, query) = split(whole);
    let rewritten = match &redirect.path_rewrite_specifier {
        // A query of its own takes the place of the request's, and stays in any case.
        Some(PathRewriteSpecifier::PathRedirect(new)) if new.contains('?') => {
            return Ok(new.clone());
        }
        Some(PathRewriteSpecifier::PathRedirect(new)) if !new.is_empty() => new.clone(),
        Some(PathRewriteSpecifier::PrefixRewrite(new)) => rewrite::prefix(route, path, new),
        Some(PathRewriteSpecifier::RegexRewrite(new)) => rewrite::substitute(new, path)?,
        Some(PathRewriteSpecifier::PathRewrite(_)) => {
            return Err("a rewrite of the path by a template is not simulated".to_owned());
        }
        _ => path.to_owned(),
    };
    Ok(match redirect.strip_query {
        true => split(&rewritten).0.to_owned(),
        false => format!("{rewritten}{query}"),
    })
}

#[cfg(test)]
mod tests;
