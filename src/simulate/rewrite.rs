//! Rewrites of paths and hosts.

use super::path::split;
use super::request::Http;
use crate::api::re2;
use crate::proto::envoy::envoy::config::route::v3::route_action::HostRewriteSpecifier;
use crate::proto::envoy::envoy::config::route::v3::route_match::PathSpecifier;
use crate::proto::envoy::envoy::config::route::v3::{Route, RouteAction};
use crate::proto::envoy::envoy::r#type::matcher::v3::RegexMatchAndSubstitute;

/// The path that the upstream sees.
///
/// # Errors
/// When a rewrite is not simulated or not valid.
pub(super) fn path(action: &RouteAction, route: &Route, whole: &str) -> Result<String, String> {
    let (path, query) = split(whole);
    if let Some(policy) = &action.path_rewrite_policy {
        return Err(format!("the rewrite of the path by {} is not simulated", policy.name));
    }
    let rewritten = match (&*action.prefix_rewrite, &action.regex_rewrite) {
        ("", None) => path.to_owned(),
        ("", Some(rewrite)) => substitute(rewrite, path)?,
        (new, _) => prefix(route, path, new),
    };
    Ok(format!("{rewritten}{query}"))
}

/// The host that the upstream is asked for. A cluster's own word comes first.
pub(super) fn host(
    action: &RouteAction,
    of_cluster: Option<&str>,
    http: &Http,
) -> Result<String, String> {
    if let Some(host) = of_cluster {
        return Ok(host.to_owned());
    }
    let unchanged = || http.authority.clone();
    Ok(match &action.host_rewrite_specifier {
        Some(
            HostRewriteSpecifier::HostRewriteLiteral(host)
            | HostRewriteSpecifier::HostRewrite(host),
        ) => host.clone(),
        Some(HostRewriteSpecifier::AutoHostRewrite(flag)) if flag.value => {
            "the host name of the endpoint".to_owned()
        }
        Some(HostRewriteSpecifier::HostRewriteHeader(name)) => {
            http.get(name).filter(|host| !host.is_empty()).map_or_else(unchanged, str::to_owned)
        }
        Some(HostRewriteSpecifier::HostRewritePathRegex(rewrite)) => {
            substitute(rewrite, split(&http.path).0)?
        }
        _ => unchanged(),
    })
}

/// Replaces what the route matched of a path: the prefix, or all of it.
pub(super) fn prefix(route: &Route, path: &str, new: &str) -> String {
    let matched = match route.r#match.as_ref().and_then(|m| m.path_specifier.as_ref()) {
        Some(PathSpecifier::Prefix(prefix) | PathSpecifier::PathSeparatedPrefix(prefix)) => {
            prefix.len()
        }
        _ => path.len(),
    };
    format!("{new}{}", path.get(matched..).unwrap_or_default())
}

/// Replaces all matches of a regex. `\1` in the substitution is what the first group matched.
pub(super) fn substitute(rewrite: &RegexMatchAndSubstitute, text: &str) -> Result<String, String> {
    let pattern = rewrite.pattern.as_ref().map_or("", |pattern| &pattern.regex);
    let regex =
        re2::compile_part(pattern).map_err(|error| format!("the regex {pattern:?}: {error}"))?;
    let replace = |groups: &regex::Captures<'_>| {
        let mut out = String::new();
        let mut rest = rewrite.substitution.chars();
        while let Some(c) = rest.next() {
            match (c, c == '\\') {
                (_, true) => match rest.next() {
                    Some(digit) if digit.is_ascii_digit() => {
                        let number = digit.to_digit(10).unwrap_or_default() as usize;
                        out.push_str(groups.get(number).map_or("", |group| group.as_str()));
                    }
                    Some(other) => out.push(other),
                    None => out.push('\\'),
                },
                (c, false) => out.push(c),
            }
        }
        out
    };
    Ok(regex.replace_all(text, replace).into_owned())
}

#[cfg(test)]
mod tests;
