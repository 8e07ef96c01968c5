//! Matches of claims in a verified token: written as a header, `@request.auth.claims.group.id` or
//! `@request.auth.claims[group][id]`.

use crate::proto::envoy::envoy::r#type::matcher::v3::list_matcher::MatchPattern as ListPattern;
use crate::proto::envoy::envoy::r#type::matcher::v3::metadata_matcher::PathSegment;
use crate::proto::envoy::envoy::r#type::matcher::v3::metadata_matcher::path_segment::Segment;
use crate::proto::envoy::envoy::r#type::matcher::v3::value_matcher::MatchPattern;
use crate::proto::envoy::envoy::r#type::matcher::v3::{
    ListMatcher, MetadataMatcher, OrMatcher, StringMatcher, ValueMatcher,
};

/// How the name of a header begins that means a claim, in any case.
const PREFIX: &str = "@request.auth.claims";

/// The filter that verified the token, and where it leaves the claims.
const FILTER: &str = "envoy.filters.http.jwt_authn";
const PAYLOAD: &str = "payload";

/// The path of the claim that a header's name means; None for a header.
pub(super) fn path(name: &str) -> Option<Vec<&str>> {
    let (head, rest) = name.split_at_checked(PREFIX.len())?;
    if !head.eq_ignore_ascii_case(PREFIX) {
        return None;
    }
    let dotted = rest.strip_prefix('.').filter(|rest| !rest.is_empty());
    let bracketed = || rest.strip_prefix('[')?.strip_suffix(']').filter(|rest| !rest.is_empty());
    match dotted {
        Some(dotted) => Some(dotted.split('.').collect()),
        None => Some(bracketed()?.split("][").collect()),
    }
}

/// Matches a claim that is a text, or a list with such a text.
pub(super) fn matcher(path: &[&str], value: StringMatcher, without: bool) -> MetadataMatcher {
    let text = ValueMatcher { match_pattern: Some(MatchPattern::StringMatch(value)) };
    let list = ListMatcher { match_pattern: Some(ListPattern::OneOf(Box::new(text.clone()))) };
    let list = ValueMatcher { match_pattern: Some(MatchPattern::ListMatch(Box::new(list))) };
    let either = OrMatcher { value_matchers: vec![list, text] };
    let segment = |key: &&str| PathSegment { segment: Some(Segment::Key((*key).to_owned())) };
    MetadataMatcher {
        filter: FILTER.to_owned(),
        path: [PAYLOAD].iter().chain(path).map(segment).collect(),
        value: Some(ValueMatcher { match_pattern: Some(MatchPattern::OrMatch(either)) }),
        invert: without,
    }
}
