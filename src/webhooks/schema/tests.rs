use serde_json::json;

use super::canonical::canonical;
use super::*;

#[test]
fn the_tables_are_whole() {
    for shape in SHAPES.values() {
        assert!(!shape.fields.is_empty() || shape.sort == Sort::Message, "{}", shape.name);
        for field in &shape.fields {
            let mut of = &field.of;
            while let Type::Pointer(to) | Type::List(to) | Type::Map(to) = of {
                of = to;
            }
            if let Type::Struct(name) = of {
                assert!(Shape::named(name).is_some(), "{}.{}: {name}", shape.name, field.name);
            }
        }
    }
    let volume = Shape::named("Volume").unwrap();
    assert!(volume.embeds("VolumeSource") && volume.field("EmptyDir").is_some());
    let containers = Shape::named("PodSpec").unwrap().field("Containers").unwrap();
    assert_eq!(
        (containers.json, containers.merge, containers.always),
        ("containers", Some("name"), true)
    );
}

#[test]
fn what_is_unknown_or_empty_goes_and_the_rest_stays() {
    let pod = Type::Struct("Pod");
    let given = json!({"kind": "Pod", "x": 1, "metadata": {"labels": {}, "name": ""},
        "spec": {"containers": [{"name": "a", "resources": {}, "tty": false, "ports": [{"containerPort": 0}],
            "readinessProbe": {"httpGet": {"port": "p"}}}], "volumes": [{"name": "v", "emptyDir": null}],
            "securityContext": {"runAsUser": 0}}});
    let want = json!({"kind": "Pod", "metadata": {}, "spec": {"containers": [{"name": "a", "resources": {},
            "ports": [{"containerPort": 0}], "readinessProbe": {"httpGet": {"port": "p"}}}],
            "volumes": [{"name": "v"}], "securityContext": {"runAsUser": 0}}});
    assert_eq!(canonical(given, &pod), Ok(want));
    let wrong = canonical(json!({"spec": {"containers": [{}, {"env": [{"value": 5}]}]}}), &pod);
    assert_eq!(
        wrong.unwrap_err().to_string(),
        "spec.containers[1].env[0].value: is a number where a string belongs"
    );
}

#[test]
fn amounts_are_written_as_kubernetes_does() {
    for (text, want) in [
        ("2000m", "2"),
        ("1024Mi", "1Gi"),
        ("100m", "100m"),
        ("0.5", "500m"),
        ("0.5Gi", "512Mi"),
        ("1000", "1k"),
        ("1500", "1500"),
        ("1e3", "1e3"),
        ("512", "512"),
        ("0", "0"),
        ("1.5Gi", "1536Mi"),
        ("1000Ki", "1000Ki"),
        ("-1", "-1"),
        ("1000000Mi", "1000000Mi"),
        ("4000m", "4"),
        ("0.5Ki", "512"),
    ] {
        assert_eq!(quantity::canonical(text).as_deref(), Ok(want), "{text}");
    }
    for text in ["", "m", "1x", "1..2", "--1", "."] {
        assert!(quantity::canonical(text).is_err(), "{text}");
    }
}

#[test]
fn json_has_gos_order_and_omissions() {
    let json = json!({"ports": [{"name": "a<b", "containerPort": 80}], "name": "x", "image": "i"});
    let value = typed::typed(&json, &Type::Struct("Container"));
    let want = r#"{"name":"x","image":"i","ports":[{"name":"a\u003cb","containerPort":80}],"resources":{}}"#;
    assert_eq!(json::escaped(&value), want);
    let mesh = json!({"enableAutoMtls": true, "connectTimeout": "10s"});
    let value = typed::typed(&mesh, &Type::Struct("MeshConfig"));
    assert_eq!(json::raw(&value), r#"{"connectTimeout":"10s","enableAutoMtls":true}"#);
}
