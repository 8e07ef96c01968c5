//! Host names as Istio's kinds write them: short names, wildcards, and which of two is meant.

use std::cmp::Ordering;

use super::Str;

/// The full name of a host that an object of `namespace` writes. A name without dots is a Kubernetes service of
/// that namespace; everything else is taken as it is.
pub fn resolve(host: &str, namespace: &str, domain: &str) -> Str {
    if host.contains('.') || host.contains('*') || host.is_empty() {
        return host.into();
    }
    format!("{host}.{namespace}.svc.{domain}").into()
}

/// Whether a host stands for several: `*`, `*.example.com`.
pub fn is_wildcard(host: &str) -> bool {
    host.starts_with('*')
}

/// Whether every name that `host` stands for is one that `pattern` stands for.
pub fn covers(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(suffix) => match host.strip_prefix('*') {
            Some(rest) => rest.len() >= suffix.len() && rest.ends_with(suffix),
            None => host.ends_with(suffix),
        },
        None => pattern == host,
    }
}

/// Whether there is a name that both stand for.
pub fn overlap(a: &str, b: &str) -> bool {
    covers(a, b) || covers(b, a)
}

/// The most specific first: full names before wildcards, then longer ones, then by the alphabet.
pub fn by_specificity(a: &str, b: &str) -> Ordering {
    is_wildcard(a).cmp(&is_wildcard(b)).then_with(|| b.len().cmp(&a.len())).then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests;
