//! What redirects, fixed responses and rewrites must satisfy.

use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::networking::virtual_service::{DirectResponse, HttpRedirect, HttpRewrite};
use crate::api::rules::{at_most_one, ports, texts};

/// From this on a body slows the control plane down.
const LARGE_BODY: usize = 100 << 10;
/// A larger body is refused.
const MAX_BODY: usize = 1 << 20;

/// A status that an answer may have.
pub(super) fn status(status: i64, at: &Place<'_>, issues: &mut Issues) {
    if !(200..=599).contains(&status) {
        issues.error(*at, format!("HTTP status {status} is not in the range 200-599"));
    }
}

/// A redirect.
pub(super) fn redirect(redirect: &HttpRedirect, at: &Place<'_>, issues: &mut Issues) {
    let HttpRedirect { uri, authority, port, derive_port, scheme, redirect_code } = redirect;
    at_most_one(&[("port", port.is_some()), ("derivePort", derive_port.is_some())], at, issues);
    let texts = [uri, authority, scheme];
    if texts.iter().all(|text| text.is_empty()) && port.is_none() && derive_port.is_none() {
        issues.error(*at, "a redirect changes something: give uri, authority, scheme or port");
    }
    if *redirect_code != 0 && !(300..=399).contains(redirect_code) {
        issues.error(
            at.key("redirectCode"),
            format!("{redirect_code} is not a valid redirect code: it must be 3xx"),
        );
    }
    if !matches!(&**scheme, "" | "http" | "https") {
        issues.error(
            at.key("scheme"),
            format!("invalid scheme {scheme:?}: it must be http or https"),
        );
    }
    ports::optional(port.unwrap_or_default(), &at.key("port"), issues);
}

/// A fixed response.
pub(super) fn direct_response(response: &DirectResponse, at: &Place<'_>, issues: &mut Issues) {
    status(response.status.into(), &at.key("status"), issues);
    let Some(body) = &response.body else { return };
    let at = at.key("body");
    at_most_one(&[("string", body.string.is_some()), ("bytes", body.bytes.is_some())], &at, issues);
    let mut size = body.string.as_ref().map_or(0, |text| text.len());
    if let Some(text) = &body.bytes {
        match decoded_len(text) {
            Some(bytes) => size = size.max(bytes),
            None => issues.error(at.key("bytes"), "is no base64: encode the bytes, or use string"),
        }
    }
    if size > MAX_BODY {
        issues.error(at, "the body is too large: it must be less than 1MB");
    } else if size > LARGE_BODY {
        issues.warn(at, "a large body may slow the control plane and all proxies down: serve it from a workload");
    }
}

/// How many bytes a text in base64 has, in any of the forms that protobuf takes.
fn decoded_len(text: &str) -> Option<usize> {
    let digits = text.trim_end_matches('=');
    let known = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_');
    let sound =
        digits.bytes().all(known) && text.len() - digits.len() <= 2 && digits.len() % 4 != 1;
    sound.then_some(digits.len() * 3 / 4)
}

/// A rewrite.
pub(super) fn rewrite(rewrite: &HttpRewrite, at: &Place<'_>, issues: &mut Issues) {
    let HttpRewrite { uri, authority, uri_regex_rewrite } = rewrite;
    at_most_one(
        &[("uri", !uri.is_empty()), ("uriRegexRewrite", uri_regex_rewrite.is_some())],
        at,
        issues,
    );
    if uri.is_empty() && authority.is_empty() && uri_regex_rewrite.is_none() {
        issues.error(*at, "a rewrite changes something: give uri, uriRegexRewrite or authority");
    }
    let Some(regex) = uri_regex_rewrite else { return };
    let at = at.key("uriRegexRewrite");
    if regex.matches.is_empty() || regex.rewrite.is_empty() {
        issues.error(at, "uriRegexRewrite requires both match and rewrite");
    } else {
        texts::regex(&regex.matches, &at.key("match"), issues);
    }
}
