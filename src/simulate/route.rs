//! The route of a request: the first of the virtual host that matches in all that it asks for.

use super::explanation::{Passed, Step, StepKind};
use super::header;
use super::matchers::{full_match, holds, runtime_percent, wants};
use super::path::split;
use super::provenance::decided_by;
use super::request::Http;
use crate::proto::envoy::envoy::config::route::v3::route_match::{
    PathSpecifier, TlsContextMatchOptions,
};
use crate::proto::envoy::envoy::config::route::v3::{
    CookieMatcher, Route, RouteMatch, VirtualHost,
};

/// What besides the request decides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    /// The client presented a certificate to this proxy.
    pub certificate: bool,
}

/// The first route that matches, and the step that tells of it.
///
/// # Errors
/// The routes, each with why it does not match.
pub(super) fn choose<'a>(
    host: &'a VirtualHost,
    http: &Http,
    peer: Peer,
) -> Result<(&'a Route, Step), Vec<Passed>> {
    let mut passed = Vec::new();
    for (at, route) in host.routes.iter().enumerate() {
        match check(route.r#match.as_ref(), http, peer) {
            Ok(()) => {
                let reason = route.r#match.as_ref().map(reason).unwrap_or_default();
                let mut step = Step::new(StepKind::Route, label(at, route), reason);
                step.decided_by = decided_by(route.metadata.as_ref());
                step.passed_over = passed;
                return Ok((route, step));
            }
            Err(reason) => passed.push(Passed::new(label(at, route), reason)),
        }
    }
    Err(passed)
}

/// `NUMBER "NAME"`, and the object that it comes from where that tells it apart.
fn label(at: usize, route: &Route) -> String {
    let name = if route.name.is_empty() { String::new() } else { format!(" {:?}", route.name) };
    match decided_by(route.metadata.as_ref()) {
        Some(key) => format!("{at}{name} ({key})"),
        None => format!("{at}{name}"),
    }
}

fn check(wanted: Option<&RouteMatch>, http: &Http, peer: Peer) -> Result<(), String> {
    let wanted = wanted.ok_or("it matches nothing")?;
    check_path(wanted, http)?;
    let percent = runtime_percent(wanted.runtime_fraction.as_ref());
    if percent <= 0.0 {
        return Err("it is switched off (0 % of requests)".to_owned());
    }
    wanted.headers.iter().try_for_each(|matcher| header::check(matcher, http))?;
    wanted
        .query_parameters
        .iter()
        .try_for_each(|matcher| header::check_query(matcher, &http.path))?;
    wanted.cookies.iter().try_for_each(|matcher| check_cookie(matcher, http))?;
    if wanted.grpc.is_some() && !is_grpc(http) {
        return Err("the request is not gRPC (content-type application/grpc)".to_owned());
    }
    if let Some(options) = &wanted.tls_context {
        check_certificate(options, peer)?;
    }
    match (wanted.dynamic_metadata.first(), wanted.filter_state.first()) {
        (Some(matcher), _) => {
            let path: Vec<String> = matcher.path.iter().map(segment).collect();
            Err(format!(
                "it asks for metadata of {} ({}), which a filter sets and is not simulated",
                matcher.filter,
                path.join(".")
            ))
        }
        (None, Some(matcher)) => {
            Err(format!("it asks for the filter state {}, which is not simulated", matcher.key))
        }
        (None, None) => Ok(()),
    }
}

fn segment(
    segment: &crate::proto::envoy::envoy::r#type::matcher::v3::metadata_matcher::PathSegment,
) -> String {
    use crate::proto::envoy::envoy::r#type::matcher::v3::metadata_matcher::path_segment::Segment;
    match &segment.segment {
        Some(Segment::Key(key)) => key.clone(),
        None => String::new(),
    }
}

fn check_path(wanted: &RouteMatch, http: &Http) -> Result<(), String> {
    let (path, _) = split(&http.path);
    let sensitive = wanted.case_sensitive.as_ref().is_none_or(|flag| flag.value);
    let fold = |text: &str| if sensitive { text.to_owned() } else { text.to_ascii_lowercase() };
    let case = if sensitive { "" } else { " in any case" };
    let (held, want) = match &wanted.path_specifier {
        Some(PathSpecifier::Prefix(prefix)) => {
            (fold(path).starts_with(&fold(prefix)), format!("the prefix {prefix}{case}"))
        }
        Some(PathSpecifier::Path(exact)) => (fold(path) == fold(exact), format!("{exact}{case}")),
        Some(PathSpecifier::SafeRegex(regex)) => {
            (full_match(&regex.regex, path)?, format!("the regex {:?}", regex.regex))
        }
        Some(PathSpecifier::PathSeparatedPrefix(prefix)) => {
            let (folded, wanted) = (fold(path), fold(prefix));
            let rest = folded.strip_prefix(wanted.as_str());
            let held = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            (held, format!("{prefix} or what is below it{case}"))
        }
        Some(PathSpecifier::ConnectMatcher(_)) => {
            (http.method == "CONNECT", "the method CONNECT".to_owned())
        }
        Some(PathSpecifier::PathMatchPolicy(policy)) => {
            return Err(format!("the path matcher {} is not simulated", policy.name));
        }
        None => return Err("it matches no path".to_owned()),
    };
    if held { Ok(()) } else { Err(format!("path {path}; wanted is {want}")) }
}

fn check_cookie(matcher: &CookieMatcher, http: &Http) -> Result<(), String> {
    let name = &matcher.name;
    let cookies = http.get("cookie").unwrap_or_default();
    let mut pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
    let value = pairs.find(|(known, _)| known == name).map(|(_, value)| value);
    let held = match (&matcher.string_match, value) {
        (Some(wanted), Some(value)) => holds(wanted, value)?,
        (_, value) => value.is_some(),
    };
    if held != matcher.invert_match {
        return Ok(());
    }
    let want = matcher.string_match.as_ref().map(wants).unwrap_or_default();
    let but = if matcher.invert_match { "anything but " } else { "" };
    Err(format!("cookie {name} is {value:?}; wanted is {but}{want}"))
}

fn check_certificate(options: &TlsContextMatchOptions, peer: Peer) -> Result<(), String> {
    let asked = |flag: &Option<crate::proto::envoy::google::protobuf::BoolValue>| {
        flag.as_ref().map(|flag| flag.value)
    };
    for wanted in [asked(&options.presented), asked(&options.validated)].into_iter().flatten() {
        if wanted != peer.certificate {
            let is = if peer.certificate { "presented one" } else { "presented none" };
            return Err(format!("it asks about the client's certificate; the client {is}"));
        }
    }
    Ok(())
}

fn is_grpc(http: &Http) -> bool {
    let kind = http.get("content-type").unwrap_or_default();
    let rest = kind.strip_prefix("application/grpc");
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['+', ';']))
}

/// What the chosen route asked for.
fn reason(wanted: &RouteMatch) -> String {
    let mut told = vec![match &wanted.path_specifier {
        Some(PathSpecifier::Prefix(prefix)) => format!("prefix {prefix}"),
        Some(PathSpecifier::Path(path)) => format!("path {path}"),
        Some(PathSpecifier::SafeRegex(regex)) => format!("regex {:?}", regex.regex),
        Some(PathSpecifier::PathSeparatedPrefix(prefix)) => format!("path {prefix} or below"),
        Some(PathSpecifier::ConnectMatcher(_)) => "method CONNECT".to_owned(),
        Some(PathSpecifier::PathMatchPolicy(_)) | None => String::new(),
    }];
    told.extend(wanted.headers.iter().map(|matcher| format!("header {}", matcher.name)));
    let parameters = wanted.query_parameters.iter();
    told.extend(parameters.map(|matcher| format!("query parameter {}", matcher.name)));
    told.extend(wanted.cookies.iter().map(|matcher| format!("cookie {}", matcher.name)));
    let percent = runtime_percent(wanted.runtime_fraction.as_ref());
    if percent < 100.0 {
        told.push(format!("{percent} % of requests"));
    }
    told.join(", ")
}

#[cfg(test)]
mod tests;
