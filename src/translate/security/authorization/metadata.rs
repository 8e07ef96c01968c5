//! Matchers of dynamic metadata: what filters before this one found out about a request.

use super::text::Text;
use crate::api::Str;
use crate::proto::envoy::envoy::r#type::matcher::v3::list_matcher::MatchPattern as ListPattern;
use crate::proto::envoy::envoy::r#type::matcher::v3::metadata_matcher::PathSegment;
use crate::proto::envoy::envoy::r#type::matcher::v3::metadata_matcher::path_segment::Segment;
use crate::proto::envoy::envoy::r#type::matcher::v3::value_matcher::MatchPattern;
use crate::proto::envoy::envoy::r#type::matcher::v3::{
    ListMatcher, MetadataMatcher, OrMatcher, StringMatcher, ValueMatcher,
};
use crate::translate::security::authentication::{FILTER, PAYLOAD};

/// A claim of the request's token.
pub fn claim<'a>(path: impl IntoIterator<Item = &'a str>, value: ValueMatcher) -> MetadataMatcher {
    matcher(FILTER, [PAYLOAD].into_iter().chain(path), value)
}

/// What a filter left at a path.
pub fn matcher<'a>(
    filter: &str,
    path: impl IntoIterator<Item = &'a str>,
    value: ValueMatcher,
) -> MetadataMatcher {
    let segment = |key: &str| PathSegment { segment: Some(Segment::Key(key.into())) };
    MetadataMatcher {
        filter: filter.into(),
        path: path.into_iter().map(segment).collect(),
        value: Some(value),
        invert: false,
    }
}

/// A text.
pub fn text(matcher: StringMatcher) -> ValueMatcher {
    value(MatchPattern::StringMatch(matcher))
}

/// A text that one of these values describes.
pub fn texts(values: &[Str]) -> ValueMatcher {
    one(values.iter().map(|value| text(Text::of(value).matcher())).collect())
}

/// One of these.
pub fn one(mut values: Vec<ValueMatcher>) -> ValueMatcher {
    match (values.len(), values.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            values.extend(last);
            value(MatchPattern::OrMatch(OrMatcher { value_matchers: values }))
        }
    }
}

/// A list that has such an element.
pub fn list(element: ValueMatcher) -> ValueMatcher {
    let list = ListMatcher { match_pattern: Some(ListPattern::OneOf(Box::new(element))) };
    value(MatchPattern::ListMatch(Box::new(list)))
}

/// Such a value, or a list that has one.
pub fn itself_or_in_list(element: ValueMatcher) -> ValueMatcher {
    one(vec![list(element.clone()), element])
}

fn value(pattern: MatchPattern) -> ValueMatcher {
    ValueMatcher { match_pattern: Some(pattern) }
}
