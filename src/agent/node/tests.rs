use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Place, Role, downward, host_of, node, server_name};
use crate::agent::proxy_config::ProxyConfig;
use crate::settings::agent::AgentSettings;

const NAMESPACE: (&str, &str) = ("POD_NAMESPACE", "shop");

fn made(environment: &[(&str, &str)], config: &str, place: Place) -> anyhow::Result<Value> {
    let owned = environment.iter().map(|(name, text)| (name.to_string(), text.to_string()));
    let (settings, _) = AgentSettings::read(owned);
    let config = ProxyConfig::read(("", ""), ("", config), &BTreeMap::new(), Map::new())?;
    node(&settings, &config, &place)
}

fn place() -> Place {
    Place {
        role: Role::Sidecar,
        domain: String::new(),
        addresses: vec!["10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()],
        host_name: "vm-1".into(),
        labels: None,
        annotations: BTreeMap::new(),
    }
}

#[test]
fn a_machine_is_named_after_itself() {
    let made = made(&[NAMESPACE, ("SERVICE_ACCOUNT", "web")], "", place()).unwrap();
    assert_eq!(made["id"], "sidecar~10.0.0.1~vm-1.shop~shop.svc.cluster.local");
    assert_eq!(made["cluster"], "istio-proxy.shop");
    let metadata = &made["metadata"];
    assert_eq!(metadata["NAME"], "vm-1");
    assert_eq!(metadata["SERVICE_ACCOUNT"], "web");
    assert_eq!(metadata["INSTANCE_IPS"], "10.0.0.1,10.0.0.2");
    assert_eq!(metadata["PILOT_SAN"], json!(["istiod.istio-system.svc"]));
    assert_eq!(metadata["PROXY_CONFIG"]["statusPort"], 15020);
}

#[test]
fn the_environment_says_who_it_is() {
    let environment = [
        NAMESPACE,
        ("POD_NAME", "web-1"),
        ("INSTANCE_IP", "10.0.0.2"),
        ("ISTIO_META_CLUSTER_ID", "east"),
        ("ISTIO_META_A", "environment"),
        ("ISTIO_METAJSON_LABELS", r#"{"app":"web","istio-locality":"r.z.s"}"#),
        ("ISTIO_METAJSON_MORE", r#"{"OWNER":"me"}"#),
    ];
    let config =
        "{discoveryAddress: 'c:1', proxyMetadata: {ISTIO_META_A: config, ISTIO_META_B: config}}";
    let router = Place { role: Role::Router, domain: "d".into(), ..place() };
    let made = made(&environment, config, router).unwrap();
    assert_eq!(made["id"], "router~10.0.0.2~web-1.shop~d");
    assert_eq!(made["cluster"], "web.shop");
    assert_eq!(made["locality"], json!({ "region": "r", "zone": "z", "sub_zone": "s" }));
    let metadata = &made["metadata"];
    assert_eq!(metadata["INSTANCE_IPS"], "10.0.0.2,10.0.0.1");
    assert_eq!(metadata["CLUSTER_ID"], "east");
    assert_eq!((&metadata["A"], &metadata["B"]), (&json!("environment"), &json!("config")));
    assert_eq!(metadata["OWNER"], "me");
    assert_eq!(metadata["STATIC_LABELS"]["app"], "web");
}

#[test]
fn labels_of_the_pod_win() {
    let labels = [("app", "pod"), ("pod-template-hash", "1")];
    let labels = labels.map(|(k, v)| (k.to_string(), v.to_string())).into();
    let environment = [NAMESPACE, ("ISTIO_METAJSON_LABELS", r#"{"app":"a","b":"b"}"#)];
    let made = made(&environment, "", Place { labels: Some(labels), ..place() }).unwrap();
    assert_eq!(made["metadata"]["LABELS"], json!({ "app": "pod", "b": "b" }));
}

#[test]
fn mistakes_are_named() {
    let check = |environment: &[(&str, &str)], want: &str| {
        let error = format!("{:#}", made(environment, "", place()).unwrap_err());
        assert!(error.contains(want), "{error}");
    };
    check(&[], "POD_NAMESPACE");
    check(&[NAMESPACE, ("INSTANCE_IP", "x")], "INSTANCE_IP");
    check(&[NAMESPACE, ("ISTIO_METAJSON_LABELS", "[]")], "ISTIO_METAJSON_LABELS");
}

#[test]
fn the_downward_api_is_read() {
    let read = downward("app=\"web\"\nnote=\"a=\\\"b\\\"\"\n\n").unwrap();
    let want = [("app", "web"), ("note", "a=\"b\"")];
    assert!(read.iter().map(|(k, v)| (&**k, &**v)).eq(want));
    assert!(downward("app=web").is_err());
}

#[test]
fn servers_are_named_by_what_was_asked_for_or_their_host() {
    assert_eq!(host_of("istiod:15012"), "istiod");
    assert_eq!(host_of("[::1]:15012"), "::1");
    assert_eq!(server_name("", "istiod"), "istiod");
    assert_eq!(server_name("san", "istiod"), "san");
    assert_eq!(server_name("", "localhost"), "istiod.istio-system.svc");
}
