//! Redirects.

use crate::api::field_path::FieldPath;
use crate::api::issue::Issue;
use crate::api::networking::virtual_service::{DerivePort, HttpRedirect};
use crate::proto::envoy::envoy::config::route::v3::RedirectAction;
use crate::proto::envoy::envoy::config::route::v3::redirect_action::{
    PathRewriteSpecifier, RedirectResponseCode, SchemeRewriteSpecifier,
};
use crate::proto::envoy::envoy::config::route::v3::route::Action;

/// A redirect on a listener of `port` that ends TLS or not. None, with an issue, for a status that Envoy does not know.
pub(super) fn convert(
    redirect: &HttpRedirect,
    port: u16,
    tls: bool,
    issues: &mut Vec<Issue>,
) -> Option<Action> {
    let code = match redirect.redirect_code {
        0 | 301 => RedirectResponseCode::MovedPermanently,
        302 => RedirectResponseCode::Found,
        303 => RedirectResponseCode::SeeOther,
        307 => RedirectResponseCode::TemporaryRedirect,
        308 => RedirectResponseCode::PermanentRedirect,
        other => {
            let path = FieldPath::of("redirect").key("redirectCode");
            let why = format!("the route is left out: {other} is none of 301, 302, 303, 307, 308");
            issues.push(Issue::error(path, why));
            return None;
        }
    };
    let scheme = (!redirect.scheme.is_empty())
        .then(|| SchemeRewriteSpecifier::SchemeRedirect(redirect.scheme.to_string()));
    Some(Action::Redirect(RedirectAction {
        host_redirect: redirect.authority.to_string(),
        port_redirect: new_port(redirect, port, tls),
        response_code: code.into(),
        scheme_rewrite_specifier: scheme,
        path_rewrite_specifier: Some(PathRewriteSpecifier::PathRedirect(redirect.uri.to_string())),
        ..RedirectAction::default()
    }))
}

/// The port that the redirect names; 0 for that of the scheme, which is never written out.
fn new_port(redirect: &HttpRedirect, port: u16, tls: bool) -> u32 {
    let new = match (redirect.port, redirect.derive_port) {
        (Some(port), _) => port,
        (None, Some(DerivePort::FromRequestPort)) => u32::from(port),
        (None, _) => 0,
    };
    let scheme = match (&*redirect.scheme, tls) {
        ("", true) => "https",
        ("", false) => "http",
        (scheme, _) => scheme,
    };
    match (new, scheme) {
        (80, "http") | (443, "https") => 0,
        _ => new,
    }
}
