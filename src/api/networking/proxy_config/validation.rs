//! What a ProxyConfig must satisfy.

use super::ProxyConfig;
use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::rules::targets;

/// Says what in it cannot be used, or not as it was meant.
pub(super) fn validate(spec: &ProxyConfig, issues: &mut Issues) {
    let at = Place::of("spec");
    targets::selector(&spec.selector, &at, issues);
    if let Some(threads) = spec.concurrency.filter(|threads| *threads < 0) {
        let message = format!(
            "concurrency must be greater than or equal to 0, and is {threads}: 0 is one thread on each core"
        );
        issues.error(at.key("concurrency"), message);
    }
}

#[cfg(test)]
mod tests;
