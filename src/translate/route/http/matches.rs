//! Matches of requests.

use super::claims;
use super::text::{self, Refused, Wanted};
use crate::api::field_path::FieldPath;
use crate::api::issue::Issue;
use crate::api::networking::virtual_service::{HttpMatch, StringMatch};
use crate::proto::envoy::envoy::config::route::v3::header_matcher::HeaderMatchSpecifier;
use crate::proto::envoy::envoy::config::route::v3::query_parameter_matcher::QueryParameterMatchSpecifier;
use crate::proto::envoy::envoy::config::route::v3::route_match::PathSpecifier;
use crate::proto::envoy::envoy::config::route::v3::{
    HeaderMatcher, QueryParameterMatcher, Route, RouteMatch,
};
use crate::proto::envoy::envoy::r#type::matcher::v3::{MetadataMatcher, RegexMatcher};
use crate::translate::common::value::boolean;

/// A match with its place in the rule; none matches everything. None when Envoy would not take it, and an issue says
/// why.
pub(super) fn convert(
    part: Option<(usize, &HttpMatch)>,
    refused: &Refused,
    issues: &mut Vec<Issue>,
) -> Option<RouteMatch> {
    let mut out = RouteMatch {
        path_specifier: Some(PathSpecifier::Prefix("/".into())),
        ..RouteMatch::default()
    };
    let Some((index, one)) = part else { return Some(out) };
    let at = FieldPath::of("match").index(index);
    let mut fill = || -> Result<(), (FieldPath, String)> {
        if let Some(uri) = &one.uri {
            let path = path(uri, refused).map_err(|why| (at.clone().key("uri"), why))?;
            out.path_specifier = path.or(out.path_specifier.take());
        }
        out.case_sensitive = Some(boolean(!one.ignore_uri_case));
        for (field, all, without) in
            [("headers", &one.headers, false), ("withoutHeaders", &one.without_headers, true)]
        {
            for (name, value) in all {
                let at = || at.clone().key(field).key(name);
                match header_or_claim(name, value, without, refused).map_err(|why| (at(), why))? {
                    Part::Header(header) => out.headers.push(header),
                    Part::Claim(claim) => out.dynamic_metadata.push(claim),
                }
            }
        }
        out.headers.sort_by(|a, b| a.name.cmp(&b.name));
        let pseudo = [
            ("method", ":method", &one.method),
            ("authority", ":authority", &one.authority),
            ("scheme", ":scheme", &one.scheme),
        ];
        for (field, name, value) in pseudo {
            let Some(value) = value else { continue };
            let header = header(name, value, false, refused);
            out.headers.push(header.map_err(|why| (at.clone().key(field), why))?);
        }
        for (name, value) in &one.query_params {
            let parameter = parameter(name, value, refused);
            let at = || at.clone().key("queryParams").key(name);
            out.query_parameters.push(parameter.map_err(|why| (at(), why))?);
        }
        Ok(())
    };
    match fill() {
        Ok(()) => Some(out),
        Err((path, why)) => {
            issues.push(Issue::error(path, format!("the match is left out: {why}")));
            None
        }
    }
}

/// Whether no request gets past a route.
pub(super) fn is_everything(route: &Route) -> bool {
    let Some(one) = &route.r#match else { return false };
    let all_paths = match &one.path_specifier {
        Some(PathSpecifier::Prefix(prefix)) => prefix == "/",
        Some(PathSpecifier::SafeRegex(regex)) => regex.regex == ".*",
        _ => false,
    };
    all_paths
        && one.headers.is_empty()
        && one.query_parameters.is_empty()
        && one.dynamic_metadata.is_empty()
}

/// None for a match that says nothing.
fn path(uri: &StringMatch, refused: &Refused) -> Result<Option<PathSpecifier>, String> {
    Ok(match (&uri.exact, &uri.prefix, &uri.regex) {
        (Some(exact), ..) => Some(PathSpecifier::Path(exact.to_string())),
        (None, Some(prefix), _) => Some(PathSpecifier::Prefix(prefix.to_string())),
        (None, None, Some(pattern)) => {
            let regex = text::regex(pattern, refused)?.to_owned();
            Some(PathSpecifier::SafeRegex(RegexMatcher { regex, ..RegexMatcher::default() }))
        }
        (None, None, None) => None,
    })
}

enum Part {
    Header(HeaderMatcher),
    Claim(MetadataMatcher),
}

fn header_or_claim(
    name: &str,
    value: &StringMatch,
    without: bool,
    refused: &Refused,
) -> Result<Part, String> {
    match claims::path(name) {
        Some(claim) => {
            let matcher = text::matcher(value, refused)?;
            Ok(Part::Claim(claims::matcher(&claim, matcher, without)))
        }
        None => header(name, value, without, refused).map(Part::Header),
    }
}

fn header(
    name: &str,
    value: &StringMatch,
    without: bool,
    refused: &Refused,
) -> Result<HeaderMatcher, String> {
    if !text::is_header_name(name) {
        return Err("this cannot be the name of a header".to_owned());
    }
    let (specifier, absent_is_empty) = match text::wanted(value, refused)? {
        Wanted::Present => (HeaderMatchSpecifier::PresentMatch(true), false),
        Wanted::Like(matcher) => (HeaderMatchSpecifier::StringMatch(matcher), without),
    };
    Ok(HeaderMatcher {
        name: name.to_owned(),
        invert_match: without,
        treat_missing_header_as_empty: absent_is_empty,
        header_match_specifier: Some(specifier),
    })
}

/// The longest name of a query parameter that Envoy takes.
const MAX_PARAMETER_BYTES: usize = 1024;

fn parameter(
    name: &str,
    value: &StringMatch,
    refused: &Refused,
) -> Result<QueryParameterMatcher, String> {
    if name.is_empty() || name.len() > MAX_PARAMETER_BYTES {
        return Err(format!(
            "the name of a query parameter must have 1 to {MAX_PARAMETER_BYTES} bytes"
        ));
    }
    let specifier = match text::wanted(value, refused)? {
        Wanted::Present => QueryParameterMatchSpecifier::PresentMatch(true),
        Wanted::Like(matcher) => QueryParameterMatchSpecifier::StringMatch(matcher),
    };
    Ok(QueryParameterMatcher {
        name: name.to_owned(),
        query_parameter_match_specifier: Some(specifier),
    })
}
