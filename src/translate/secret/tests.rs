use prost::Message;
use serde_json::json;

use super::*;
use crate::api::{Kind, MeshConfig};
use crate::model::credential::Credential;
use crate::model::credential::fixture::{certificate as issue, revoked, secret as object};
use crate::model::proxy::Extension;
use crate::model::{Proxy, ProxyKind};
use crate::proto::envoy::envoy::extensions::transport_sockets::tls::v3::private_key_provider::ConfigType;
use crate::proto::json::{Names, to_json};
use crate::proto::private_key_providers::cryptomb::CryptoMbPrivateKeyMethodConfig;
use crate::translate::fixture;

const URL: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";

fn key() -> ObjectKey {
    ObjectKey::new(Kind::Secret, "edge", "site")
}

fn credential(values: &[(&str, &str)]) -> Credential {
    Credential::of_secret(&object("edge", "site", values), None)
}

fn gateway() -> Proxy {
    fixture::proxy(ProxyKind::Router, "edge.edge", "10.0.0.1")
}

/// The proxy with this ProxyConfig.
fn provider(config: serde_json::Value, extensions: Option<&[&str]>) -> Option<Provider> {
    let mut proxy = gateway();
    proxy.metadata = json!({"PROXY_CONFIG": {"privateKeyProvider": config}});
    let listed = |name: &&str| Extension { name: (*name).into(), type_urls: vec![] };
    proxy.extensions = extensions.map(|names| names.iter().map(listed).collect());
    Provider::of_proxy(&proxy, &MeshConfig::default())
}

#[test]
fn a_certificate_and_roots_are_inline() {
    let pair = issue("site", 2020, 2090);
    let list = revoked();
    let held = credential(&[
        ("tls.crt", &pair.chain),
        ("tls.key", &pair.key),
        ("ca.crt", &pair.chain),
        ("ca.crl", &list),
    ]);
    let made =
        certificate(&"kubernetes://site".into(), &held.certificate.good.unwrap(), None, &key());
    let inline = |text: &str| DataSource {
        specifier: Some(Specifier::InlineBytes(text.as_bytes().to_vec())),
        ..DataSource::default()
    };
    let content = TlsCertificate {
        certificate_chain: Some(inline(&pair.chain)),
        private_key: Some(inline(&pair.key)),
        ..TlsCertificate::default()
    };
    let want =
        Secret { name: "kubernetes://site".into(), r#type: Some(Type::TlsCertificate(content)) };
    assert_eq!(Secret::decode(&*made.body).unwrap(), want);
    assert_eq!(*made.origins, [key()]);
    let made = roots(&"kubernetes://site-cacert".into(), &held.roots.good.unwrap(), &key());
    let content = CertificateValidationContext {
        trusted_ca: Some(inline(&pair.chain)),
        crl: Some(inline(&list)),
        ..CertificateValidationContext::default()
    };
    let want = Secret {
        name: "kubernetes://site-cacert".into(),
        r#type: Some(Type::ValidationContext(content)),
    };
    assert_eq!(Secret::decode(&*made.body).unwrap(), want);
}

#[test]
fn a_provider_has_the_key_in_place_of_the_proxy() {
    let pair = issue("site", 2020, 2090);
    let held =
        credential(&[("tls.crt", &pair.chain), ("tls.key", &pair.key)]).certificate.good.unwrap();
    for (name, fallback) in [("cryptomb", true), ("qat", false)] {
        let provider = provider(json!({name: {"pollDelay": "0.002s", "fallback": fallback}}), None);
        let made = certificate(&"s".into(), &held, provider.as_ref(), &key());
        let Some(Type::TlsCertificate(made)) = Secret::decode(&*made.body).unwrap().r#type else {
            panic!("a certificate")
        };
        assert_eq!(made.private_key, None);
        let made = made.private_key_provider.unwrap();
        assert_eq!((&*made.provider_name, made.fallback), (name, fallback));
        let Some(ConfigType::TypedConfig(config)) = made.config_type else {
            panic!("a configuration")
        };
        assert!(config.type_url.contains(&format!("private_key_providers.{name}.v3alpha.")));
        // Both have the same fields.
        let config = CryptoMbPrivateKeyMethodConfig::decode(&*config.value).unwrap();
        assert_eq!(config.poll_delay.unwrap().nanos, 2_000_000);
        let Some(Specifier::InlineBytes(bytes)) = config.private_key.unwrap().specifier else {
            panic!("a key")
        };
        assert_eq!(bytes, pair.key.as_bytes());
    }
}

#[test]
fn a_provider_that_the_proxy_lacks_is_not_used() {
    let asked = || json!({"qat": {"pollDelay": "0.01s"}});
    assert!(provider(asked(), Some(&["envoy.tls.key_providers.qat"])).is_some());
    assert!(provider(asked(), Some(&["envoy.tls.key_providers.cryptomb"])).is_none());
    assert!(provider(json!({}), None).is_none());
    let mesh = json!({"defaultConfig": {"privateKeyProvider": {"qat": {}}}});
    let mesh = MeshConfig { raw: mesh, ..MeshConfig::default() };
    assert!(Provider::of_proxy(&gateway(), &mesh).is_some());
}

#[test]
fn what_is_shown_of_a_secret_has_no_key() {
    let pair = issue("site", 2020, 2090);
    let held =
        credential(&[("tls.crt", &pair.chain), ("tls.key", &pair.key), ("ca.crt", &pair.chain)]);
    let cryptomb = provider(json!({"cryptomb": {"pollDelay": "0.002s"}}), None);
    let good = held.certificate.good.unwrap();
    for provider in [None, cryptomb.as_ref()] {
        let shown = redacted(&certificate(&"s".into(), &good, provider, &key()).body);
        let shown = to_json(URL, &shown, Names::Camel).unwrap();
        assert_eq!(shown["tlsCertificate"]["privateKey"]["inlineString"], "[redacted]");
        let chain = shown["tlsCertificate"]["certificateChain"]["inlineString"].as_str().unwrap();
        assert!(
            chain.starts_with("SHA-256 ") && chain.ends_with("valid until 2090-01-01T00:00:00Z")
        );
        assert!(!shown.to_string().contains(pair.key.lines().nth(1).unwrap()));
    }
    let shown = redacted(&roots(&"r".into(), &held.roots.good.unwrap(), &key()).body);
    let shown = to_json(URL, &shown, Names::Camel).unwrap();
    assert!(
        shown["validationContext"]["trustedCa"]["inlineString"].as_str().unwrap().contains("2090")
    );
    let resource = certificate(&"s".into(), &good, None, &key());
    let debug = format!("{resource:?}");
    assert!(debug.contains("bytes") && !debug.contains("PRIVATE"), "{debug}");
}
