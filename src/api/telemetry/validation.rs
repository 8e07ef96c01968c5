//! What a Telemetry must satisfy.

use super::metrics::{MetricsOverride, TagOperation, TagOverride};
use super::tracing::CustomTag;
use super::{AccessLogging, Metrics, ProviderRef, Telemetry, Tracing};
use crate::api::field_path::Place;
use crate::api::issue::Issues;
use crate::api::rules::targets::{Targets, targets};
use crate::api::rules::{at_most_one, cel};

/// Says what in it cannot be used, or not as it was meant.
pub(super) fn validate(spec: &Telemetry, issues: &mut Issues) {
    let at = Place::of("spec");
    let Telemetry { selector, target_ref, target_refs, tracing, metrics, access_logging } = spec;
    targets(Targets { selector, target_ref, target_refs }, &at, issues);
    let list = at.key("metrics");
    for (index, one) in metrics.iter().enumerate() {
        validate_metrics(one, &list.index(index), issues);
    }
    let list = at.key("tracing");
    if tracing.len() > 1 {
        issues.warn(list, "multiple tracing is not supported: only one of them has effect");
    }
    for (index, one) in tracing.iter().enumerate() {
        validate_tracing(one, &list.index(index), issues);
    }
    let list = at.key("accessLogging");
    for (index, one) in access_logging.iter().enumerate() {
        validate_logging(one, &list.index(index), issues);
    }
}

fn validate_providers(providers: &[ProviderRef], at: &Place<'_>, issues: &mut Issues) {
    let list = at.key("providers");
    for (index, provider) in providers.iter().enumerate() {
        if provider.name.is_empty() {
            let message =
                "providers.name may not be empty: name a provider of the mesh configuration";
            issues.error(list.index(index).key("name"), message);
        }
    }
}

fn validate_metrics(metrics: &Metrics, at: &Place<'_>, issues: &mut Issues) {
    validate_providers(&metrics.providers, at, issues);
    let list = at.key("overrides");
    for (index, one) in metrics.overrides.iter().enumerate() {
        validate_override(one, &list.index(index), issues);
    }
}

fn validate_override(one: &MetricsOverride, at: &Place<'_>, issues: &mut Issues) {
    let tags = at.key("tagOverrides");
    for (name, tag) in &one.tag_overrides {
        let at = tags.key(name);
        if name.is_empty() {
            issues.warn(tags, "tagOverrides.name may not be empty: name the tag");
        }
        validate_tag_override(tag, &at, issues);
    }
    let Some(matched) = &one.matches else { return };
    let at = at.key("match");
    let set =
        [("metric", matched.metric.is_some()), ("customMetric", matched.custom_metric.is_some())];
    at_most_one(&set, &at, issues);
    if matched.custom_metric.as_deref() == Some("") {
        issues.error(at.key("customMetric"), "customMetric may not be empty: name a metric");
    }
}

fn validate_tag_override(tag: &TagOverride, at: &Place<'_>, issues: &mut Issues) {
    let message = match (tag.operation, tag.value.is_empty()) {
        (TagOperation::Upsert, true) => {
            "tagOverrides.value must be set when the operation is UPSERT: give an expression, or REMOVE the tag"
        }
        (TagOperation::Remove, false) => {
            "tagOverrides.value may only be set when the operation is UPSERT: remove it, or the operation"
        }
        _ => return,
    };
    issues.error(at.key("value"), message);
}

fn validate_tracing(tracing: &Tracing, at: &Place<'_>, issues: &mut Issues) {
    if tracing.providers.len() > 1 {
        let message = "multiple providers is not supported in tracing: only one of them has effect";
        issues.warn(at.key("providers"), message);
    }
    validate_providers(&tracing.providers, at, issues);
    if let Some(share) = tracing.random_sampling_percentage
        && !(0.0..=100.0).contains(&share)
    {
        let message =
            format!("randomSamplingPercentage must be in the range [0.0, 100.0], and is {share}");
        issues.error(at.key("randomSamplingPercentage"), message);
    }
    let tags = at.key("customTags");
    for (name, tag) in &tracing.custom_tags {
        if name.is_empty() {
            issues.error(tags, "the tag name may not be empty: name the tag");
        }
        validate_custom_tag(tag, &tags.key(name), issues);
    }
}

fn validate_custom_tag(tag: &CustomTag, at: &Place<'_>, issues: &mut Issues) {
    let CustomTag { literal, environment, header, formatter } = tag;
    let set = [
        ("literal", literal.is_some()),
        ("environment", environment.is_some()),
        ("header", header.is_some()),
        ("formatter", formatter.is_some()),
    ];
    at_most_one(&set, at, issues);
    if literal.as_ref().is_some_and(|literal| literal.value.is_empty()) {
        let message = "the literal tag value may not be empty: give one";
        issues.error(at.key("literal").key("value"), message);
    }
    for (what, named) in [("header", header), ("environment", environment)] {
        if named.as_ref().is_some_and(|named| named.name.is_empty()) {
            let message = format!("the {what} tag name may not be empty: name the {what}");
            issues.error(at.key(what).key("name"), message);
        }
    }
}

fn validate_logging(logging: &AccessLogging, at: &Place<'_>, issues: &mut Issues) {
    if let Some(filter) = &logging.filter
        && let Err(why) = cel::check(&filter.expression)
    {
        let message = format!("must be a valid CEL expression: {why}");
        issues.error(at.key("filter").key("expression"), message);
    }
    validate_providers(&logging.providers, at, issues);
}

#[cfg(test)]
mod tests;
