//! What a RequestAuthentication must satisfy.

use super::{ClaimToHeader, JwtRule, RequestAuthentication};
use crate::api::Str;
use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::jwks::HttpUri;
use crate::api::jwks::document::{self, Flaw};
use crate::api::rules::durations;
use crate::api::rules::targets::{Targets, targets};

/// Says what in it has no effect, or not the one that was meant.
pub(super) fn validate(spec: &RequestAuthentication, issues: &mut Issues) {
    let at = Place::of("spec");
    let RequestAuthentication { selector, target_ref, target_refs, jwt_rules } = spec;
    targets(Targets { selector, target_ref, target_refs }, &at, issues);
    let at = at.key("jwtRules");
    for (index, rule) in jwt_rules.iter().enumerate() {
        validate_rule(rule, &at.index(index), issues);
    }
}

fn validate_rule(rule: &JwtRule, at: &Place<'_>, issues: &mut Issues) {
    if rule.issuer.is_empty() && rule.jwks_uri.is_empty() {
        let message = "issuer or jwksUri must be non-empty: name who signs the tokens";
        issues.error(at.key("issuer"), message);
    }
    validate_keys(rule, at, issues);
    let from_headers = at.key("fromHeaders");
    for (index, header) in rule.from_headers.iter().enumerate() {
        if header.name.is_empty() {
            let at = from_headers.index(index);
            issues.error(at.key("name"), "the header name is empty: name the header of the token");
        }
    }
    non_empty(&rule.audiences, "an audience", &at.key("audiences"), issues);
    non_empty(&rule.from_params, "a query parameter", &at.key("fromParams"), issues);
    non_empty(&rule.from_cookies, "a cookie name", &at.key("fromCookies"), issues);
    let claims = at.key("outputClaimToHeaders");
    for (index, claim) in rule.output_claim_to_headers.iter().enumerate() {
        validate_claim(claim, &claims.index(index), issues);
    }
    durations::positive(rule.timeout, &at.key("timeout"), issues);
}

/// Where the keys come from.
fn validate_keys(rule: &JwtRule, at: &Place<'_>, issues: &mut Issues) {
    if !rule.jwks_uri.is_empty()
        && let Err(why) = HttpUri::parse(&rule.jwks_uri)
    {
        issues.error(at.key("jwksUri"), why);
    }
    if rule.jwks.is_empty() {
        return;
    }
    let jwks = at.key("jwks");
    for flaw in document::flaws(&rule.jwks) {
        match flaw {
            Flaw::Broken(why) => issues.error(
                jwks,
                format!(
                    "{why}: no token of {:?} is accepted; write a JSON Web Key Set",
                    rule.issuer
                ),
            ),
            Flaw::Secret(index) => issues.warn(
                jwks,
                format!(
                    "the key at index {index} contains private key material, which whoever reads \
                     the configuration of a proxy can sign with: write public keys only"
                ),
            ),
        }
    }
}

fn validate_claim(claim: &ClaimToHeader, at: &Place<'_>, issues: &mut Issues) {
    let ClaimToHeader { header, claim } = claim;
    let is_header = header.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if header.is_empty() || claim.is_empty() {
        issues.error(*at, "header and claim must be non-empty: name both");
    } else if !is_header {
        let message = format!("{header:?} is no valid header name: use letters, digits, - and _");
        issues.error(at.key("header"), message);
    }
}

fn non_empty(values: &[Str], what: &str, at: &Place<'_>, issues: &mut Issues) {
    for (index, value) in values.iter().enumerate() {
        if value.is_empty() {
            issues.error(
                at.index(index),
                format!("{what} must be non-empty: name one, or remove it"),
            );
        }
    }
}

#[cfg(test)]
mod tests;
