//! No answer shows a key: of secrets there are names, fingerprints and ends.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use istiod::debug;
use istiod::translate::ResourceType;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use super::world::{World, node};
use super::{Answer, LOOPBACK, ask};

const NAME: &str = "kubernetes://site";

#[tokio::test]
async fn no_answer_shows_a_key() {
    let key = KeyPair::generate().unwrap();
    let chain =
        CertificateParams::new(["site".to_owned()]).unwrap().self_signed(&key).unwrap().pem();
    let key = key.serialize_pem();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("site.yaml");
    let data = json!({"tls.crt": chain, "tls.key": key});
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "site", "namespace": "shop"}, "stringData": data,
    });
    std::fs::write(&file, secret.to_string()).unwrap();
    let inline = |text: &str| json!({"inline_bytes": BASE64_STANDARD.encode(text)});
    let served = json!({
        "name": NAME, "tls_certificate": {"certificate_chain": inline(&chain), "private_key": inline(&key)},
    });
    let world = World::read(&[file], &[node("edge-1", "shop", "10.1.0.5")]);
    let running =
        world.serving(&[(ResourceType::Secret, NAME, served)]).run(&[ResourceType::Secret]);
    let debugged = format!("{:?} {:?}", running.state.snapshots.load(), running.state.connections);
    let router = debug::debug_routes(running.state.clone())
        .merge(debug::metrics_routes(running.state.clone()))
        .merge(debug::ready_routes(running.state));

    let Answer(_, _, list) = ask(&router, "/debug/list", LOOPBACK).await;
    let list: Vec<String> = serde_json::from_str(&list).unwrap();
    let mut paths: Vec<String> = list
        .iter()
        .flat_map(|name| {
            let proxy = if name.contains('?') { "&" } else { "?" };
            [
                format!("/debug/{name}"),
                format!("/debug/{name}{proxy}proxyID=edge-1.shop&include_eds"),
            ]
        })
        .collect();
    let types = "/debug/config_dump?proxyID=edge-1.shop&types=sds";
    paths.extend(["/metrics", "/ready", "/version", types].map(str::to_owned));
    let mut all = vec![debugged];
    for path in &paths {
        let Answer(_, _, body) = ask(&router, path, LOOPBACK).await;
        all.push(body);
    }
    let lines = key.lines().filter(|line| !line.starts_with('-'));
    let encoded = BASE64_STANDARD.encode(&key);
    let hidden: Vec<&str> = lines.chain([&encoded[40..80]]).collect();
    for body in &all {
        assert!(!hidden.iter().any(|secret| body.contains(secret)), "{body}");
    }

    let Answer(status, _, body) = ask(&router, types, LOOPBACK).await;
    assert_eq!(status, StatusCode::OK);
    let body: Value = serde_json::from_str(&body).unwrap();
    let shown = &body["configs"][0];
    assert_eq!(shown["name"], NAME);
    assert_eq!(shown["tlsCertificate"]["privateKey"]["inlineString"], "[redacted]");
    let certificate = shown["tlsCertificate"]["certificateChain"]["inlineString"].as_str().unwrap();
    assert!(certificate.starts_with("SHA-256 "), "{certificate}");
    let dump = "/debug/config_dump?proxyID=edge-1.shop";
    let Answer(_, _, body) = ask(&router, dump, LOOPBACK).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    let section = body["configs"]
        .as_array()
        .unwrap()
        .iter()
        .find(|section| section["@type"].as_str().unwrap().ends_with("SecretsConfigDump"));
    assert_eq!(section.unwrap()["dynamicActiveSecrets"][0]["secret"]["name"], NAME);
}
