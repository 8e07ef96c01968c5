mod arbitrary;
mod recorded;

use serde_json::json;

use super::*;

fn validator() -> Validator {
    Validator::new(Arc::new(Metrics::new("test")))
}

fn review(operation: &str, object: Json) -> Review {
    let body = json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {"uid": "u", "operation": operation, "namespace": "here", "object": object},
    });
    Review::read(body.to_string().as_bytes()).unwrap()
}

fn refused(object: Json) -> String {
    validator().answer(&review("CREATE", object)).refused.unwrap_or_default()
}

fn sound() -> Json {
    json!({"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": {"name": "a"},
        "spec": {"host": "a.b"}})
}

#[test]
fn only_writes_are_judged() {
    let broken = json!({"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": {"name": "a"}});
    for (operation, allowed) in
        [("CREATE", false), ("UPDATE", false), ("DELETE", true), ("CONNECT", true)]
    {
        let answer = validator().answer(&review(operation, broken.clone()));
        assert_eq!(answer.refused.is_none(), allowed, "{operation}");
    }
    assert_eq!(validator().answer(&review("DELETE", Json::Null)), Answer::default());
}

#[test]
fn what_cannot_be_read_is_refused_in_the_reference_s_order() {
    for (object, begins) in [
        (Json::Null, "cannot decode configuration: "),
        (json!([]), "cannot decode configuration: "),
        (json!({"apiVersion": 1}), "cannot decode configuration: apiVersion: "),
        (json!({}), "unrecognized type "),
        (json!({"apiVersion": "v1", "kind": "Pod"}), "unrecognized type v1, Kind=Pod"),
        (json!({"apiVersion": "networking.istio.io/v1", "kind": "Gateways"}), "unrecognized type "),
        (
            json!({"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": 5}),
            "cannot decode configuration: metadata: ",
        ),
        (
            json!({"apiVersion": "networking.istio.io/v1", "kind": "Gateway",
                "metadata": {"labels": {"a": 1}}}),
            "cannot decode configuration: metadata.labels.a: ",
        ),
        (
            json!({"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "spec": {"servers": 1}}),
            "error decoding configuration: spec.servers: ",
        ),
        (
            json!({"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "spec": []}),
            "error decoding configuration: spec: ",
        ),
        (
            json!({"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": {"name": "a"}}),
            "configuration is invalid: spec.servers: ",
        ),
    ] {
        let message = refused(object.clone());
        assert!(message.starts_with(begins), "{object}: {message}");
    }
}

#[test]
fn versions_of_later_releases_follow_the_same_rules() {
    let mut object = sound();
    object["apiVersion"] = json!("networking.istio.io/v2");
    assert_eq!(refused(object.clone()), "");
    object["spec"] = json!({});
    assert!(refused(object).contains("spec.host"));
}

#[test]
fn names_may_come_from_the_request_or_from_the_api_server() {
    let mut object = sound();
    object["metadata"] = json!({"generateName": "a-"});
    assert_eq!(refused(object.clone()), "");
    object["metadata"] = json!({});
    assert_eq!(refused(object.clone()), "");
    // Whether a name is sound is for the API server to say.
    object["metadata"] = json!({"name": "An_Object."});
    assert_eq!(refused(object), "");
    let gateway = |name: &str| {
        json!({"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": {"name": name},
            "spec": {"servers": [{"hosts": ["*"], "port": {"number": 80, "name": "a", "protocol": "HTTP"}}]}})
    };
    assert_eq!(refused(gateway("An")), "");
    assert!(refused(gateway("a.b")).contains("invalid gateway name"));
}

#[test]
fn fields_beside_the_spec_are_refused_and_those_in_it_are_warnings() {
    let mut object = sound();
    object["specs"] = json!({});
    let message = refused(object);
    assert!(message.contains("unknown field \"specs\" on DestinationRule here/a"), "{message}");

    let mut object = sound();
    object["spec"]["trafficPolicy"] = json!({"tls": {"mode": "DISABLE", "modes": 1}, "host": "x",
        "portLevelSetting": [], "simple": "RANDOM"});
    let answer = validator().answer(&review("CREATE", object));
    let unknown = "unknown field, which has no effect";
    assert_eq!(
        answer.warnings,
        [
            format!("spec.trafficPolicy.host: {unknown}: it is a field of spec: move it there"),
            format!(
                "spec.trafficPolicy.portLevelSetting: {unknown}: portLevelSettings may be meant"
            ),
            format!(
                "spec.trafficPolicy.simple: {unknown}: it is a field of loadBalancer: move it there"
            ),
            format!("spec.trafficPolicy.tls.modes: {unknown}: mode may be meant"),
        ]
    );
}

/// Whoever writes one is told once what that means, and besides only what is wrong with it.
#[test]
fn envoy_filters_depend_on_details() {
    let filter = |patch: Json| {
        json!({"apiVersion": "networking.istio.io/v1alpha3", "kind": "EnvoyFilter",
            "metadata": {"name": "a"}, "spec": {"configPatches": [patch]}})
    };
    let remove = json!({"operation": "REMOVE"});
    for (patch, warnings) in [
        (json!({"applyTo": "CLUSTER", "patch": remove}), 1),
        // Nothing is said of patches of waypoints, also where an API server would refuse them.
        (json!({"applyTo": "HTTP_FILTER", "match": {"context": "WAYPOINT", "listener": {}}}), 1),
        (
            json!({"applyTo": "HTTP_FILTER", "match": {"context": "WAYPOINT", "waypoint": {"portNumber": 65536}}}),
            1,
        ),
        (
            json!({"applyTo": "CLUSTER", "patch": {"operation": "MERGE", "value": {"nam": "a", "b": 1}}}),
            2,
        ),
    ] {
        let answer = validator().answer(&review("CREATE", filter(patch.clone())));
        assert_eq!(answer.refused, None, "{patch}");
        assert_eq!(answer.warnings.len(), warnings, "{patch}: {:?}", answer.warnings);
        assert!(answer.warnings[0].contains("internal implementation details"));
    }
    let wrong = filter(
        json!({"applyTo": "CLUSTER", "patch": {"operation": "ADD", "value": {"type": "NONE"}}}),
    );
    assert!(refused(wrong).contains("spec.configPatches[0].patch.value.type: "));
}

#[test]
fn what_happened_is_counted() {
    let validator = validator();
    let mut asked = review("CREATE", sound());
    asked.resource.group = "g".into();
    asked.resource.resource = "r".into();
    asked.resource.version = "v".into();
    validator.answer(&asked);
    let metrics = &validator.metrics;
    assert_eq!(metrics.validation_passed.with(&["g", "r", "v"]).get(), 1);
    asked.object["spec"] = json!({});
    let failed = || metrics.validation_failed.with(&["g", "invalid_resource", "r", "v"]).get();
    validator.answer(&asked);
    assert_eq!(failed(), 1);
    asked.dry_run = true;
    validator.answer(&asked);
    assert_eq!(failed(), 1);
    asked.dry_run = false;
    asked.operation = "DELETE".into();
    validator.answer(&asked);
    assert_eq!(metrics.validation_failed.with(&["g", "unsupported_operation", "r", "v"]).get(), 1);
}

/// What the mesh knows is a warning, whatever it is.
#[test]
fn the_mesh_refuses_nothing() {
    #[derive(Debug)]
    struct Strict;
    impl Mesh for Strict {
        fn consider(&self, object: &Object) -> Vec<Diagnostic> {
            let other = crate::api::ObjectKey::new(Kind::VirtualService, "there", "b");
            let path = FieldPath::of("spec").key("http");
            vec![
                Issue::warning(FieldPath::root(), "names what is not there").of(&object.key()),
                Issue::error(path, "loses").of(&other),
            ]
        }
    }
    let answer = validator().within(Arc::new(Strict)).answer(&review("CREATE", sound()));
    assert_eq!(answer.refused, None);
    assert_eq!(
        answer.warnings,
        ["VirtualService there/b: spec.http: has no effect: loses", "names what is not there"]
    );
}
