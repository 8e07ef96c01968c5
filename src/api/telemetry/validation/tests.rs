use crate::api::fixture::check;
use crate::api::telemetry::Telemetry;

#[test]
fn everything_that_can_be_said() {
    check::<Telemetry>(&[(
        "{metrics: [{providers: [{name: prometheus}], reportingInterval: 5s, overrides: [
            {tagOverrides: {a: {value: request.method}, b: {operation: REMOVE}}, match: {customMetric: c}},
            {match: {metric: GRPC_REQUEST_MESSAGES, mode: CLIENT}, disabled: true}]}],
          accessLogging: [{filter: {expression: 'response.code >= 400'}, match: {mode: CLIENT}, providers: [{name: a}]}],
          tracing: [{providers: [{name: otlp}], randomSamplingPercentage: 54.54, customTags: {
            a: {environment: {name: N, defaultValue: d}}, b: {header: {name: x}}, c: {literal: {value: d}},
            d: {formatter: {value: '%REQ(x)%'}}}}]}",
        &[],
    )]);
}

#[test]
fn metrics() {
    check::<Telemetry>(&[
        (
            "metrics: [{providers: [{name: ''}, {}]}]",
            &[
                "error spec.metrics[0].providers[0].name: providers.name may not be empty",
                "error spec.metrics[0].providers[1].name: providers.name may not be empty",
            ],
        ),
        (
            "metrics: [{overrides: [{match: {customMetric: ''}}]}]",
            &[
                "error spec.metrics[0].overrides[0].match.customMetric: customMetric may not be empty",
            ],
        ),
        (
            "metrics: [{overrides: [{match: {customMetric: a, metric: ALL_METRICS}}]}]",
            &["error spec.metrics[0].overrides[0].match.customMetric: metric is set too"],
        ),
        (
            "metrics: [{overrides: [{tagOverrides: {a: {operation: UPSERT}, b: {}, c: null, d: {operation: REMOVE, value: x}}}]}]",
            &[
                "error spec.metrics[0].overrides[0].tagOverrides.a.value: must be set when the operation is UPSERT",
                "error spec.metrics[0].overrides[0].tagOverrides.b.value: must be set",
                "error spec.metrics[0].overrides[0].tagOverrides.c.value: must be set",
                "error spec.metrics[0].overrides[0].tagOverrides.d.value: only be set when the operation is UPSERT",
            ],
        ),
        (
            "metrics: [{overrides: [{tagOverrides: {'': {value: a}}}]}]",
            &["warning spec.metrics[0].overrides[0].tagOverrides: name may not be empty"],
        ),
    ]);
}

#[test]
fn tracing() {
    check::<Telemetry>(&[
        ("tracing: [{}, {}]", &["warning spec.tracing: multiple tracing"]),
        (
            "tracing: [{providers: [{name: a}, {name: b}]}]",
            &["warning spec.tracing[0].providers: multiple providers"],
        ),
        (
            "tracing: [{randomSamplingPercentage: 100.5}]",
            &["error spec.tracing[0].randomSamplingPercentage: [0.0, 100.0]"],
        ),
        (
            "tracing: [{customTags: {'': {literal: {value: a}}, a: {literal: {}}, b: {header: {}}, c: {environment: {name: ''}}, d: {}}}]",
            &[
                "error spec.tracing[0].customTags: the tag name may not be empty",
                "error spec.tracing[0].customTags.a.literal.value: may not be empty",
                "error spec.tracing[0].customTags.b.header.name: header tag name",
                "error spec.tracing[0].customTags.c.environment.name: environment tag name",
            ],
        ),
        (
            "tracing: [{customTags: {a: {literal: {value: b}, header: {name: c}}}}]",
            &["error spec.tracing[0].customTags.a.header: literal is set too"],
        ),
    ]);
}

#[test]
fn logging() {
    check::<Telemetry>(&[
        (
            "accessLogging: [{filter: {expression: 'a b'}}, {filter: {}}, {providers: [{}]}]",
            &[
                "error spec.accessLogging[0].filter.expression: valid CEL expression",
                "error spec.accessLogging[1].filter.expression: valid CEL expression",
                "error spec.accessLogging[2].providers[0].name: providers.name",
            ],
        ),
        (
            "{selector: {matchLabels: {a: b}}, targetRefs: [{kind: Service, name: a}]}",
            &["error spec.targetRefs: selector is set too"],
        ),
    ]);
}
