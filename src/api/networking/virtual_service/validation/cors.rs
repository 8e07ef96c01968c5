//! What the rules for browsers on other origins' pages must satisfy.

use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::networking::virtual_service::{CorsPolicy, StringMatch};
use crate::api::rules::{durations, headers, texts};

/// The methods of HTTP, and `*` for all.
const METHODS: [&str; 10] =
    ["*", "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];

/// What browsers on pages of other origins may do.
pub(super) fn validate(policy: &CorsPolicy, at: &Place<'_>, issues: &mut Issues) {
    let origins = at.key("allowOrigins");
    for (index, origin) in policy.allow_origins.iter().enumerate() {
        validate_origin(origin, &origins.index(index), issues);
    }
    let methods = at.key("allowMethods");
    for (index, method) in policy.allow_methods.iter().enumerate() {
        if !METHODS.contains(&&**method) {
            issues
                .error(methods.index(index), format!("{method:?} is not a supported HTTP method"));
        }
    }
    for (field, names) in
        [("allowHeaders", &policy.allow_headers), ("exposeHeaders", &policy.expose_headers)]
    {
        let at = at.key(field);
        for (index, name) in names.iter().enumerate().filter(|(_, name)| &***name != "*") {
            headers::plain(name, &at.index(index), issues);
        }
    }
    let age = at.key("maxAge");
    durations::positive(policy.max_age, &age, issues);
    if policy.max_age.is_some_and(|age| age.0.as_millis() > 0 && age.0.subsec_nanos() > 0) {
        issues.error(age, "is accurate to seconds only: give whole ones");
    }
}

fn validate_origin(origin: &StringMatch, at: &Place<'_>, issues: &mut Issues) {
    let StringMatch { exact, prefix, regex } = origin;
    let given = [exact, prefix, regex].into_iter().flatten().any(|text| !text.is_empty());
    match given {
        true => texts::path(origin, at, issues),
        false => issues.error(*at, "an empty origin matches nothing: give exact, prefix or regex"),
    }
}
