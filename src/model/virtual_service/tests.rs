use serde::Deserialize as _;
use serde_json::{Value, json};

use super::*;
use crate::api::proto_json::ProtoJson;

/// An object `NAMESPACE/NAME` with this spec.
fn object(name: &str, spec: Value) -> Object {
    let (namespace, name) = name.split_once('/').unwrap();
    let spec = VirtualService::deserialize(ProtoJson(spec)).unwrap();
    let mut config = Config { spec, ..Config::default() };
    config.meta.namespace = namespace.into();
    config.meta.name = name.into();
    Arc::new(config)
}

fn index(objects: &[Object]) -> VirtualServices {
    again(objects, &VirtualServices::default())
}

fn again(objects: &[Object], before: &VirtualServices) -> VirtualServices {
    VirtualServices::new(objects, &MeshConfig::default(), "cluster.local", before)
}

fn names(list: &[Arc<Routing>]) -> Vec<&str> {
    list.iter().map(|routing| &*routing.config.meta.name).collect()
}

/// The rules of the only object with hosts, as JSON.
fn http(index: &VirtualServices) -> Value {
    let [routing] = &**index.of_mesh() else { panic!("{:?}", names(index.of_mesh())) };
    serde_json::to_value(&routing.spec.http).unwrap()
}

#[test]
fn names_are_written_out() {
    let index = index(&[object(
        "shop/web",
        json!({
            "hosts": ["web", "*.example.com", "web.bank", "*"],
            "http": [{
                "match": [{"gateways": ["gw", "mesh", "./own", "bank/theirs"]}],
                "route": [{"destination": {"host": "api"}}],
                "mirror": {"host": "copy"},
                "mirrors": [{"destination": {"host": "copies.bank"}}],
            }],
            "tls": [{"match": [{"sniHosts": ["a"]}], "route": [{"destination": {"host": "tls"}}]}],
            "tcp": [{"match": [{"gateways": ["gw"]}], "route": [{"destination": {"host": "tcp"}}]}],
        }),
    )]);
    let [routing] = &**index.of_mesh() else { panic!("one is for sidecars") };
    let spec = serde_json::to_value(&routing.spec).unwrap();
    assert_eq!(
        spec["hosts"],
        json!(["web.shop.svc.cluster.local", "*.example.com", "web.bank", "*"])
    );
    let rule = &spec["http"][0];
    assert_eq!(rule["match"][0]["gateways"], json!(["shop/gw", "mesh", "shop/own", "bank/theirs"]));
    assert_eq!(rule["route"][0]["destination"]["host"], "api.shop.svc.cluster.local");
    assert_eq!(rule["mirror"]["host"], "copy.shop.svc.cluster.local");
    assert_eq!(rule["mirrors"][0]["destination"]["host"], "copies.bank");
    assert_eq!(spec["tls"][0]["route"][0]["destination"]["host"], "tls.shop.svc.cluster.local");
    assert_eq!(spec["tcp"][0]["match"][0]["gateways"], json!(["shop/gw"]));
}

#[test]
fn gateways_find_what_is_bound_to_them() {
    let at = |name: &str, gateways: Value| {
        object(name, json!({"hosts": ["a.example.com"], "gateways": gateways}))
    };
    let index = index(&[
        at("shop/none", json!([])),
        at("shop/mesh", json!(["mesh"])),
        at("shop/both", json!(["mesh", "gw", "gw"])),
        at("shop/old", json!(["gw.bank.svc.cluster.local", "gw.inn"])),
        object("shop/delegate", json!({"http": []})),
    ]);
    assert_eq!(names(index.of_mesh()), ["none", "mesh", "both"]);
    assert_eq!(names(index.of_gateway("shop/gw")), ["both"]);
    assert_eq!(names(index.of_gateway("bank/gw")), ["old"]);
    assert_eq!(names(index.of_gateway("inn/gw")), ["old"]);
    assert_eq!(names(index.of_gateway("shop/mesh")), [""; 0]);
}

#[test]
fn what_is_shown_to_few_comes_first() {
    let to = |name: &str, export_to: Value| {
        object(name, json!({"hosts": ["a.example.com"], "exportTo": export_to}))
    };
    let objects = [
        to("shop/all", json!(["*"])),
        to("bank/shown", json!(["shop"])),
        to("shop/own", json!(["."])),
        to("shop/hidden", json!(["~", "shop"])),
        to("shop/unset", json!([])),
    ];
    let found = index(&objects);
    assert_eq!(names(&found.visible("shop")), ["own", "shown", "all", "unset"]);
    assert_eq!(names(&found.visible("bank")), ["all", "unset"]);

    let mesh =
        MeshConfig { default_virtual_service_export_to: vec![".".into()], ..MeshConfig::default() };
    let narrowed = VirtualServices::new(&objects, &mesh, "cluster.local", &found);
    assert_eq!(names(&narrowed.visible("bank")), ["all"], "what the mesh says is followed");

    let public = index(&objects[..1]);
    assert!(Arc::ptr_eq(&public.visible("bank"), public.of_mesh()), "the list itself");
}

#[test]
fn what_did_not_change_is_kept() {
    let root = |name: &str, delegate: &str| {
        let rule = json!({"delegate": {"name": delegate}});
        object(name, json!({"hosts": ["a.example.com"], "http": [rule]}))
    };
    let mut objects = vec![
        root("shop/one", "first"),
        root("shop/two", "second"),
        object("shop/first", json!({"http": [{"timeout": "1s"}]})),
        object("shop/second", json!({"http": [{"timeout": "2s"}]})),
    ];
    let before = index(&objects);
    objects[2] = object("shop/first", json!({"http": [{"timeout": "3s"}]}));
    let after = again(&objects, &before);
    assert!(!Arc::ptr_eq(&before.of_mesh()[0], &after.of_mesh()[0]), "its delegate changed");
    assert!(Arc::ptr_eq(&before.of_mesh()[1], &after.of_mesh()[1]));
    assert_eq!(after.of_mesh()[0].spec.http[0].timeout.unwrap().0.as_secs(), 3);

    objects.remove(3);
    let without = again(&objects, &after);
    assert!(without.of_mesh()[1].spec.http.is_empty(), "its delegate is gone");
    assert_eq!(without.diagnostics.len(), 1);
}

#[test]
fn a_delegate_narrows_the_rule_that_delegates() {
    let merged = |root: Value, leaf: Value| {
        let root = json!({"hosts": ["a.example.com"], "http": [root]});
        index(&[
            object("shop/root", root),
            object("bank/leaf", json!({"http": [leaf], "exportTo": ["shop"]})),
        ])
    };
    let check = |root: Value, leaf: Value, want: Value| {
        let mut root = json!({"match": [root]});
        root["delegate"] = json!({"name": "leaf", "namespace": "bank"});
        let index = merged(root.clone(), json!({"match": [leaf]}));
        let got = http(&index);
        match want {
            Value::Null => {
                assert_eq!(got, json!([]), "{root} {leaf}");
                assert_eq!(index.diagnostics[0].path, "spec.http[0].match");
            }
            want => assert_eq!(got[0]["match"], json!([want]), "{root} {leaf}"),
        }
    };
    let uri = |how: &str, text: &str| json!({"uri": {how: text}});
    check(uri("prefix", "/a"), uri("prefix", "/a/b"), uri("prefix", "/a/b"));
    check(uri("prefix", "/a"), uri("exact", "/a/b"), uri("exact", "/a/b"));
    check(uri("prefix", "/a"), uri("prefix", "/b"), Value::Null);
    check(uri("prefix", "/a/b"), uri("prefix", "/a"), Value::Null);
    check(uri("exact", "/a"), uri("exact", "/a"), uri("exact", "/a"));
    check(uri("exact", "/a"), uri("prefix", "/a"), Value::Null);
    check(uri("regex", "/a.*"), uri("prefix", "/a"), Value::Null);
    check(uri("prefix", "/a"), uri("regex", "/a.*"), Value::Null);
    check(uri("regex", "/a.*"), json!({"port": 80}), json!({"uri": {"regex": "/a.*"}, "port": 80}));
    check(json!({"port": 80}), json!({"port": 81}), Value::Null);
    check(json!({"ignoreUriCase": true}), json!({}), Value::Null);
    check(json!({"sourceNamespace": "x"}), json!({}), Value::Null);
    let labels = |value: &str| json!({"sourceLabels": {"app": value}});
    check(labels("a"), labels("b"), Value::Null);
    check(
        json!({"sourceLabels": {"app": "a"}, "headers": {"x": {"exact": "1"}}, "name": "r"}),
        json!({"sourceLabels": {"v": "1"}, "headers": {"y": {}}, "name": "l", "statPrefix": "s"}),
        json!({
            "name": "r-l",
            "sourceLabels": {"app": "a", "v": "1"},
            "headers": {"x": {"exact": "1"}, "y": {}},
            "statPrefix": "s",
        }),
    );
    check(json!({"gateways": ["mesh"]}), json!({"gateways": ["gw"]}), Value::Null);
    check(
        json!({"queryParams": {"q": {"exact": "1"}}}),
        json!({"queryParams": {"q": {}}}),
        Value::Null,
    );
}

#[test]
fn a_delegate_takes_over_what_it_does_not_say() {
    let root = json!({"hosts": ["a.example.com"], "http": [{
        "name": "root",
        "match": [{"uri": {"prefix": "/a"}}, {"uri": {"prefix": "/b"}}],
        "delegate": {"name": "leaf"},
        "timeout": "5s",
        "retries": {"attempts": 1},
    }]});
    let leaf = json!({"http": [
        {"name": "one", "timeout": "1s", "route": [{"destination": {"host": "web"}}]},
        {"match": [{"uri": {"prefix": "/b/c"}}], "route": [{"destination": {"host": "api"}}]},
    ]});
    let index = index(&[object("shop/root", root), object("shop/leaf", leaf)]);
    let got = http(&index);
    assert_eq!(got[0]["name"], "root-one");
    assert_eq!((&got[0]["timeout"], &got[0]["retries"]["attempts"]), (&json!("1s"), &json!(1)));
    assert_eq!(got[0]["match"].as_array().unwrap().len(), 2, "those of the root");
    assert_eq!((&got[1]["name"], &got[1]["timeout"]), (&json!("root"), &json!("5s")));
    assert_eq!(got[1]["match"], json!([{"uri": {"prefix": "/b/c"}}]));

    let routing = &index.of_mesh()[0];
    let origins: Vec<String> = routing.origins.iter().map(ToString::to_string).collect();
    assert_eq!(origins, ["VirtualService shop/leaf", "VirtualService shop/root"]);
    let tell = |rule: usize, path: crate::api::field_path::FieldPath| {
        let told = routing.diagnose(rule, crate::api::issue::Issue::error(path, "x"));
        format!("{} {}", told.object.unwrap(), told.path)
    };
    let path = crate::api::field_path::FieldPath::of;
    assert_eq!(tell(0, path("retries")), "VirtualService shop/root spec.http[0].retries");
    assert_eq!(tell(0, path("timeout")), "VirtualService shop/leaf spec.http[0].timeout");
    assert_eq!(tell(0, path("match").index(1)), "VirtualService shop/root spec.http[0].match[1]");
    assert_eq!(tell(1, path("match").index(0)), "VirtualService shop/leaf spec.http[1].match[0]");
}

#[test]
fn delegates_that_cannot_be_are_told() {
    let root = json!({"hosts": ["a.example.com"], "http": [
        {"delegate": {"name": "missing"}},
        {"delegate": {"name": "hidden", "namespace": "bank"}},
        {"delegate": {"name": "further"}},
        {"route": [{"destination": {"host": "web"}}]},
    ]});
    let index = index(&[
        object("shop/root", root),
        object("bank/hidden", json!({"http": [{}], "exportTo": ["."]})),
        object("shop/further", json!({"http": [{"delegate": {"name": "missing"}}]})),
    ]);
    assert_eq!(http(&index).as_array().unwrap().len(), 1);
    let told: Vec<String> = index
        .diagnostics
        .iter()
        .map(|d| format!("{} {}", d.object.clone().unwrap(), d.path))
        .collect();
    assert_eq!(
        told,
        [
            "VirtualService shop/root spec.http[0].delegate",
            "VirtualService shop/root spec.http[1].delegate",
            "VirtualService shop/further spec.http[0].delegate",
        ]
    );
}

#[test]
fn regular_expressions_are_read_once() {
    let rule = json!({
        "match": [
            {"uri": {"regex": "("}, "headers": {"a": {"regex": "*"}, "b": {"regex": "[[]"}}},
            {"queryParams": {"q": {"regex": "a{2,1}"}}},
        ],
        "corsPolicy": {"allowOrigins": [{"regex": ")"}]},
        "rewrite": {"uriRegexRewrite": {"match": "(?=a)", "rewrite": ""}},
    });
    let index = index(&[object("shop/web", json!({"hosts": ["a"], "http": [rule]}))]);
    let refused: Vec<&str> = index.of_mesh()[0].refused.keys().map(|pattern| &**pattern).collect();
    assert_eq!(refused, ["(", "(?=a)", ")", "a{2,1}"]);
}
