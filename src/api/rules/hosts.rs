//! Names of hosts: DNS names, wildcards, and both with a namespace before them.

use crate::api::Str;
use crate::api::field_path::Place;
use crate::api::issue::Issues;

use super::addresses::is_ip;

/// The longest DNS label, in bytes (RFC 1035).
const MAX_LABEL: usize = 63;
/// The longest DNS name, in bytes.
const MAX_NAME: usize = 255;

/// Whether it is a DNS label, in any case.
pub(in crate::api) fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    bytes.len() <= MAX_LABEL
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
}

/// Whether it is a label with a `*` before it (`*`, `*-web`), or without.
fn is_wildcard_label(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('*') else { return is_label(text) };
    text.len() <= MAX_LABEL && (rest.is_empty() || is_label(rest.strip_prefix('-').unwrap_or(rest)))
}

/// Whether a wildcard stands for a part of a label, as in `*web.com`.
pub(in crate::api) fn is_partial_wildcard(host: &str) -> bool {
    host.contains('*') && host != "*" && !host.starts_with("*.")
}

/// A DNS name without a wildcard, or why it is none.
pub(in crate::api) fn name(host: &str) -> Result<(), String> {
    length(host)?;
    labels(host, host)
}

/// A DNS name whose first label may be or begin with a wildcard, or why it is none.
pub(in crate::api) fn pattern(host: &str) -> Result<(), String> {
    length(host)?;
    let (first, rest) = match host.split_once('.') {
        Some((first, rest)) => (first, Some(rest)),
        None => (host, None),
    };
    if !is_wildcard_label(first) {
        return Err(not_a_label(host, first));
    }
    rest.map_or(Ok(()), |rest| labels(host, rest))
}

fn length(host: &str) -> Result<(), String> {
    match host.len() {
        0 => Err("is empty: a host name is required".to_owned()),
        1..=MAX_NAME => Ok(()),
        _ => Err(format!("the host name is too long: at most {MAX_NAME} characters are allowed")),
    }
}

fn labels(host: &str, rest: &str) -> Result<(), String> {
    // A dot at the end makes a name unambiguous.
    let labels = rest.strip_suffix('.').unwrap_or(rest);
    let last = rest.rsplit('.').next().unwrap_or_default();
    if last.parse::<i64>().is_ok() {
        return Err(format!("{host:?} is no host name: its last part is a number"));
    }
    if rest.is_empty() {
        return Ok(());
    }
    match labels.split('.').find(|label| !is_label(label)) {
        Some(label) => Err(not_a_label(host, label)),
        None => Ok(()),
    }
}

fn not_a_label(host: &str, label: &str) -> String {
    format!(
        "{host:?} is no host name: its part {label:?} is not made of at most {MAX_LABEL} letters, digits and -, \
         with a letter or digit at both ends"
    )
}

/// Whose objects have hosts with namespaces before them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api) enum Scoped {
    /// `[NAMESPACE/]HOST`, also an address.
    Gateway,
    /// `NAMESPACE/HOST`, also of no namespace at all (`~`).
    Sidecar,
}

/// A host with its namespace.
pub(in crate::api) fn scoped(host: &str, kind: Scoped, at: &Place<'_>, issues: &mut Issues) {
    let host = match host.split_once('/') {
        Some((namespace, host)) => {
            if !is_namespace(namespace, kind) {
                issues.error(
                    *at,
                    format!("{namespace:?} is no namespace: write NAMESPACE/HOST, with * or . for all or the own one"),
                );
                return;
            }
            host
        }
        None if kind == Scoped::Gateway => host,
        None => {
            issues.error(
                *at,
                format!("{host:?} has no namespace: write NAMESPACE/HOST, such as */{host}"),
            );
            return;
        }
    };
    if kind == Scoped::Gateway && is_ip(host) {
        return;
    }
    if host != "*" && !host.is_empty() && !host.contains('.') {
        issues.error(
            *at,
            format!("{host:?} is a short name, which is not allowed here: write the full name"),
        );
    } else if let Err(why) = pattern(host) {
        issues.error(*at, why);
    } else if is_partial_wildcard(host) {
        issues.error(*at, partial(host));
    }
}

fn is_namespace(text: &str, kind: Scoped) -> bool {
    matches!(text, "*" | ".") || (text == "~" && kind == Scoped::Sidecar) || is_label(text)
}

/// What to say of a wildcard for a part of a label.
pub(in crate::api) fn partial(host: &str) -> String {
    format!(
        "{host:?} has a partial wildcard: a * stands for whole parts of a name, as in *.example.com"
    )
}

/// The hosts that stand for a name that an earlier one stands for too, each with such an earlier one.
pub(in crate::api) fn overlaps(hosts: &[Str]) -> Vec<(usize, usize)> {
    // Read backwards, what a wildcard covers begins with it, and so stands right behind it in the order.
    let backwards = |text: &str| text.bytes().rev().collect::<Vec<u8>>();
    let mut order: Vec<(Vec<u8>, bool, usize)> = hosts
        .iter()
        .enumerate()
        .map(|(index, host)| match host.strip_prefix('*') {
            Some(suffix) => (backwards(suffix), false, index),
            None => (backwards(host), true, index),
        })
        .collect();
    order.sort();
    let mut found = Vec::new();
    let mut covering: Vec<(&[u8], usize)> = Vec::new();
    let mut before: Option<(&[u8], usize)> = None;
    for (text, exact, index) in &order {
        while covering.pop_if(|(wildcard, _)| !text.starts_with(wildcard)).is_some() {}
        let same = before.filter(|(before, _)| *exact && before == text);
        if let Some((_, other)) = covering.last().copied().or(same) {
            found.push((*index.max(&other), *index.min(&other)));
        }
        match exact {
            true => before = Some((text, *index)),
            false => covering.push((text, *index)),
        }
    }
    found.sort();
    found
}
