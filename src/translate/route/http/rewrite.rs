//! Rewrites of path and host.

use super::text::{self, Refused};
use crate::api::field_path::FieldPath;
use crate::api::issue::Issue;
use crate::api::networking::virtual_service::{HttpRewrite, RegexRewrite};
use crate::api::re2;
use crate::proto::envoy::envoy::config::route::v3::RouteAction;
use crate::proto::envoy::envoy::config::route::v3::route_action::HostRewriteSpecifier;
use crate::proto::envoy::envoy::r#type::matcher::v3::{RegexMatchAndSubstitute, RegexMatcher};

/// Puts a rewrite into an action. None, with an issue, when Envoy would not take it: requests must not arrive as they
/// were.
pub(super) fn put(
    rewrite: &HttpRewrite,
    refused: &Refused,
    action: &mut RouteAction,
    issues: &mut Vec<Issue>,
) -> Option<()> {
    if let Some(regex) = &rewrite.uri_regex_rewrite {
        match substitute(regex, refused) {
            Ok(substitute) => action.regex_rewrite = Some(substitute),
            Err(why) => {
                let path = FieldPath::of("rewrite").key("uriRegexRewrite");
                issues.push(Issue::error(path, format!("the route is left out: {why}")));
                return None;
            }
        }
    } else {
        action.prefix_rewrite = rewrite.uri.to_string();
    }
    if !rewrite.authority.is_empty() {
        put_host(rewrite.authority.to_string(), action);
    }
    Some(())
}

/// Requests are for this host.
pub(super) fn put_host(host: String, action: &mut RouteAction) {
    if text::is_header_value(&host) {
        action.host_rewrite_specifier = Some(HostRewriteSpecifier::HostRewriteLiteral(host));
    }
}

fn substitute(
    rewrite: &RegexRewrite,
    refused: &Refused,
) -> Result<RegexMatchAndSubstitute, String> {
    let regex = text::regex(&rewrite.matches, refused)?.to_owned();
    let groups = re2::compile(&regex).map_err(|error| error.to_string())?.captures_len() - 1;
    check(&rewrite.rewrite, groups)?;
    Ok(RegexMatchAndSubstitute {
        pattern: Some(RegexMatcher { regex, ..RegexMatcher::default() }),
        substitution: rewrite.rewrite.to_string(),
    })
}

/// Behind a backslash stands a digit, of a group that there is, or another backslash.
fn check(substitution: &str, groups: usize) -> Result<(), String> {
    let mut chars = substitution.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            continue;
        }
        match chars.next() {
            Some('\\') => {}
            Some(digit) if digit.is_ascii_digit() => {
                let group = digit.to_digit(10).unwrap_or_default() as usize;
                if group > groups {
                    return Err(format!("there is no group {group} in the regular expression"));
                }
            }
            _ => return Err("a backslash must stand before a digit or a backslash".to_owned()),
        }
    }
    Ok(())
}
