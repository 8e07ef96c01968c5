//! What a connection manager does to a path before routes are matched.

use crate::proto::envoy::envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
use crate::proto::envoy::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::PathWithEscapedSlashesAction as Escaped;

/// A path after normalization.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Normalized {
    /// Goes on with this path.
    Path(String),
    /// The client is sent to this path.
    Redirect(String),
    /// Is refused.
    Refused,
}

/// The path and what follows it: a query, a fragment.
pub(super) fn split(path: &str) -> (&str, &str) {
    path.split_at(path.find(['?', '#']).unwrap_or(path.len()))
}

/// Normalizes as the connection manager says.
pub(super) fn normalize(manager: &HttpConnectionManager, whole: &str) -> Normalized {
    let (path, rest) = split(whole);
    let mut path = path.to_owned();
    let escaped = path.to_ascii_lowercase();
    let mut redirected = false;
    if escaped.contains("%2f") || escaped.contains("%5c") {
        match manager.path_with_escaped_slashes_action() {
            Escaped::RejectRequest => return Normalized::Refused,
            action @ (Escaped::UnescapeAndRedirect | Escaped::UnescapeAndForward) => {
                for (code, slash) in [("%2F", "/"), ("%2f", "/"), ("%5C", "\\"), ("%5c", "\\")] {
                    path = path.replace(code, slash);
                }
                redirected = action == Escaped::UnescapeAndRedirect;
            }
            Escaped::KeepUnchanged | Escaped::ImplementationSpecificDefault => {}
        }
    }
    if manager.normalize_path.as_ref().is_some_and(|flag| flag.value) {
        path = without_dots(&decode_unreserved(&path.replace('\\', "/")));
    }
    if manager.merge_slashes {
        while path.contains("//") {
            path = path.replace("//", "/");
        }
    }
    let whole = format!("{path}{rest}");
    if redirected { Normalized::Redirect(whole) } else { Normalized::Path(whole) }
}

/// Decodes what need not be encoded: letters, digits and `-._~`.
fn decode_unreserved(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let code = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let unreserved = |c: &char| c.is_ascii_alphanumeric() || "-._~".contains(*c);
        match code.map(char::from).filter(unreserved) {
            Some(c) => {
                out.push(c);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push('%');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Resolves `.` and `..`; slashes that follow each other stay.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    for (at, segment) in segments.iter().enumerate() {
        let last = at + 1 == segments.len();
        match *segment {
            "." | ".." => {
                if *segment == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests;
