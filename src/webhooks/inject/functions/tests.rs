use super::*;

fn call(name: &str, arguments: &[Value]) -> String {
    let library = crate::webhooks::inject::library(BTreeMap::new());
    print::plain(&library.call(name, arguments).unwrap())
}

fn t(text: &str) -> Value {
    Value::text(text)
}

#[test]
fn ports_are_put_together() {
    for (port, excluded, want) in [
        (t("15020"), "", "15020"),
        (Value::Float(15020.0), "4,5", "4,5,15020"),
        (t("4"), "4, 5", "4, 5"),
        (t("0"), "4, 5", "4, 5"),
        (t("6"), "4, 5,", "4,5,6"),
    ] {
        assert_eq!(call("excludeInboundPort", &[port, t(excluded)]), want);
    }
}

#[test]
fn networks_are_added_once_in_the_form_that_there_is() {
    for (existing, want) in [
        ("", "default/istio-cni"),
        ("a, b", "a, b, default/istio-cni"),
        ("default/istio-cni", "default/istio-cni"),
        (r#"[{"name":"a"}]"#, r#"[{"name":"a"}, {"name": "istio-cni", "namespace": "default"}]"#),
        (
            r#"[{"name":"istio-cni","namespace":"default"}]"#,
            r#"[{"name":"istio-cni","namespace":"default"}]"#,
        ),
    ] {
        assert_eq!(call("appendMultusNetwork", &[t(existing), t("default/istio-cni")]), want);
    }
}

#[test]
fn the_rest_is_as_in_istio() {
    assert_eq!(call("directory", &[t("/a/b/c")]), "/a/b/");
    assert_eq!(call("contains", &[t("/"), t("a/b")]), "true");
    assert_eq!(call("indent", &[Value::Int(2), t("a\nb")]), "a\n  b");
    assert_eq!(call("valueOrDefault", &[Value::Missing, t("d")]), "d");
    assert_eq!(call("fromJSON", &[t("{")]), "{}");
    assert_eq!(call("strdict", &[t("a"), t("b"), t("c")]), "map[a:b c:]");
    assert_eq!(call("formatDuration", &[t("90s")]), "1m30s");
    let json = serde_json::json!({"a": null, "b": {"c": null}, "d": [null, 1]});
    assert_eq!(call("omitNil", &[Value::of_json(&json)]), "map[d:[1]]");
    assert_eq!(
        call("toYaml", &[Value::of_json(&serde_json::json!({"a": [1, "x"]}))]),
        "a:\n- 1\n- x\n"
    );
}

#[test]
fn a_proxy_config_is_written_without_what_is_usual() {
    let mut config = Json::Object(defaults::proxy());
    config["concurrency"] = 0.into();
    config["interceptionMode"] = "REDIRECT".into();
    let message = typed(&config, &Type::Struct("ProxyConfig"));
    assert_eq!(call("protoToJSON", &[message]), r#"{"concurrency":0}"#);
}
