//! Names and values of headers, and how headers are changed.

use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::networking::virtual_service::{HeaderOperations, Headers};

/// What HTTP/2 sends as headers.
const PSEUDO: [&str; 5] = [":method", ":scheme", ":authority", ":path", ":status"];

/// What stands for a claim of a token instead of a header.
const CLAIM: &str = "@request.auth.claims";

/// Whether a header's name asks for a claim: `@request.auth.claims.group` or `@request.auth.claims[group]`.
pub(in crate::api) fn is_claim(name: &str) -> bool {
    let Some((start, claim)) = name.split_at_checked(CLAIM.len()) else { return false };
    let dotted = claim.starts_with('.') && claim.len() > 1;
    let square = claim.starts_with('[') && claim.ends_with(']') && claim.len() > 2;
    start.eq_ignore_ascii_case(CLAIM) && (dotted || square)
}

/// Whether a name has only what HTTP allows in one (RFC 7230).
fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// The name of a header that is looked at.
pub(in crate::api) fn matched(name: &str, at: &Place<'_>, issues: &mut Issues) {
    if !is_claim(name) && !PSEUDO.contains(&name) {
        plain(name, at, issues);
    }
}

/// The name of a header.
pub(in crate::api) fn plain(name: &str, at: &Place<'_>, issues: &mut Issues) {
    if name.is_empty() {
        issues.error(*at, "the header name is empty: name one");
    } else if !is_token(name) {
        issues.error(*at, format!("{name:?} is no valid header name: use letters, digits and -"));
    }
}

/// Whether a name means the host that was asked for.
pub(in crate::api) fn is_authority(name: &str) -> bool {
    name.eq_ignore_ascii_case("host") || name.eq_ignore_ascii_case(":authority")
}

/// How headers of requests and responses are changed.
pub(in crate::api) fn changes(headers: &Headers, at: &Place<'_>, issues: &mut Issues) {
    if let Some(request) = &headers.request {
        operations(request, true, &at.key("request"), issues);
    }
    if let Some(response) = &headers.response {
        operations(response, false, &at.key("response"), issues);
    }
}

/// How headers are changed; the host may be set and added where `authority` says so.
fn operations(operations: &HeaderOperations, authority: bool, at: &Place<'_>, issues: &mut Issues) {
    let HeaderOperations { set, add, remove } = operations;
    for (what, headers) in [("set", set), ("add", add)] {
        let at = at.key(what);
        for (name, value) in headers {
            changed(name, authority, &at.key(name), issues);
            if let Err(why) = format(value) {
                issues.error(at.key(name), format!("invalid header value {value:?}: {why}"));
            }
        }
    }
    let at = at.key("remove");
    for (index, name) in remove.iter().enumerate() {
        changed(name, false, &at.index(index), issues);
    }
}

/// The name of a header that is changed.
fn changed(name: &str, authority: bool, at: &Place<'_>, issues: &mut Issues) {
    if name.is_empty() {
        issues.error(*at, "the header name is empty: name one");
    } else if authority && is_authority(name) {
        // Whether it is set only once is the route's to say.
    } else if name.eq_ignore_ascii_case("host") {
        issues.error(*at, "the Host header cannot be changed here: use rewrite.authority");
    } else if name.starts_with(':') {
        issues
            .error(*at, format!("{name:?} cannot be changed: it is no header but has a : prefix"));
    }
}

/// A value with Envoy's commands in it, such as `%HOSTNAME%` and `%REQ(:path)%`; `%%` is one `%`.
fn format(value: &str) -> Result<(), &'static str> {
    if value.bytes().any(|b| (b.is_ascii_control()) && b != b'\t') {
        return Err("control characters are not allowed");
    }
    let mut rest = value;
    while let Some((_, command)) = rest.split_once('%') {
        rest = match command.strip_prefix('%') {
            Some(behind) => behind,
            None => behind_command(command)?,
        };
    }
    Ok(())
}

const UNENDED: &str = "a % begins a command that does not end: write %% for a single one";

/// What stands behind a command of which the first `%` was read.
fn behind_command(command: &str) -> Result<&str, &'static str> {
    let end = command.find(['%', '(']).ok_or(UNENDED)?;
    let (_, behind) = command.split_at_checked(end).ok_or(UNENDED)?;
    if let Some(behind) = behind.strip_prefix('%') {
        return Ok(behind);
    }
    let arguments = behind.strip_prefix('(').unwrap_or(behind).trim_start_matches(' ');
    let behind = match arguments.strip_prefix('[') {
        Some(list) => behind_list(list)?,
        None => behind_text(arguments, ')').ok_or(UNENDED)?,
    };
    behind.trim_start_matches(' ').strip_prefix('%').ok_or("a % must follow the ) of a command")
}

/// What stands behind a list of quoted texts and the parenthesis after it.
fn behind_list(mut list: &str) -> Result<&str, &'static str> {
    const WRONG: &str = "a list in a command is [\"…\", \"…\"]";
    loop {
        let text = list.trim_start_matches(' ').strip_prefix('"').ok_or(WRONG)?;
        let behind = behind_text(text, '"').ok_or(WRONG)?.trim_start_matches(' ');
        match behind.strip_prefix(',') {
            Some(next) => list = next,
            None => {
                let end = behind.strip_prefix(']').ok_or(WRONG)?;
                return end.trim_start_matches(' ').strip_prefix(')').ok_or(WRONG);
            }
        }
    }
}

/// What stands behind the first `end` that has no backslash before it.
fn behind_text(text: &str, end: char) -> Option<&str> {
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '\\' => {
                chars.next()?;
            }
            c if c == end => return Some(chars.as_str()),
            _ => {}
        }
    }
}
