use serde_json::{Value, json};

use super::{Profile, downstream};
use crate::api::MeshConfig;
use crate::api::mesh::{CaCertificates, MeshMtls, RootsFrom};
use crate::model::ProxyKind;
use crate::proto::envoy::envoy::config::core::v3::transport_socket::ConfigType;
use crate::proto::json::{Names, to_json};
use crate::translate::fixture::plain::{context, scope};
use crate::translate::fixture::{World, proxy};
use crate::translate::scope::{ListenerTraits, SecretSources};

/// The TLS that workloads of a mesh end.
fn ended(mesh: MeshConfig, secrets: SecretSources) -> Value {
    let world = World::new(mesh).snapshot();
    let profile = Profile::of(&context(&world, &scope("shop")), &ListenerTraits::default());
    let profile = Profile { secrets, ..profile };
    let Some(ConfigType::TypedConfig(any)) = downstream(&profile, false).config_type else {
        panic!("no configuration")
    };
    to_json(&any.type_url, &any.value, Names::Proto).unwrap()["common_tls_context"].clone()
}

#[test]
fn the_mesh_may_accept_less() {
    let parameters = |mesh_mtls| {
        let mesh = MeshConfig { mesh_mtls, ..MeshConfig::default() };
        ended(mesh, SecretSources::default())["tls_params"].clone()
    };
    let usual = parameters(MeshMtls::default());
    assert_eq!(usual["tls_minimum_protocol_version"], "TLSv1_2");
    assert_eq!(usual["cipher_suites"].as_array().unwrap().len(), 6);
    let strict = parameters(MeshMtls { only_tls13: true, cipher_suites: vec!["A".into()] });
    assert_eq!(strict["tls_minimum_protocol_version"], "TLSv1_3");
    assert_eq!(strict["cipher_suites"], json!(["A"]));
}

#[test]
fn callers_are_of_the_mesh_of_its_aliases_or_of_those_whose_roots_it_has() {
    let mesh = MeshConfig {
        trust_domain: "a".into(),
        trust_domain_aliases: vec!["c".into(), "a".into(), "b".into()],
        ca_certificates: vec![CaCertificates {
            from: RootsFrom::Pem("".into()),
            cert_signers: vec![],
            trust_domains: vec!["d".into(), "c".into(), "".into()],
        }],
        ..MeshConfig::default()
    };
    let ended = ended(mesh, SecretSources::default());
    let names = &ended["combined_validation_context"]["default_validation_context"]["match_subject_alt_names"];
    let want =
        ["a", "c", "b", "d"].map(|domain| json!({ "prefix": format!("spiffe://{domain}/") }));
    assert_eq!(*names, json!(want));
}

#[test]
fn a_workload_may_have_files_instead() {
    let check = |metadata: Value, want: [&str; 3]| {
        let mut proxy = proxy(ProxyKind::Sidecar, "web.shop", "10.0.0.1");
        proxy.metadata = metadata;
        let ended = ended(MeshConfig::default(), SecretSources::of(&proxy));
        let certificate = &ended["tls_certificate_sds_secret_configs"][0];
        let roots = &ended["combined_validation_context"]["validation_context_sds_secret_config"];
        let cluster = "/sds_config/api_config_source/grpc_services/0/envoy_grpc/cluster_name";
        let got = [&certificate["name"], &roots["name"], certificate.pointer(cluster).unwrap()];
        assert_eq!(got.map(|text| text.as_str().unwrap()), want);
    };
    check(json!({}), ["default", "ROOTCA", "sds-grpc"]);
    let mut own = json!({ "TLS_SERVER_CERT_CHAIN": "/c", "TLS_SERVER_KEY": "/k" });
    check(own.clone(), ["file-cert:/c~/k", "ROOTCA", "sds-grpc"]);
    own["TLS_SERVER_ROOT_CERT"] = json!("/r");
    own["file-credential"] = json!("true");
    check(own, ["file-cert:/c~/k", "file-root:/r", "sds-files-grpc"]);
    check(json!({ "TLS_SERVER_CERT_CHAIN": "/c" }), ["default", "ROOTCA", "sds-grpc"]);
}
