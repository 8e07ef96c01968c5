use serde_json::{Value, json};

use super::downstream;
use crate::api::mesh::MeshMtls;
use crate::proto::envoy::envoy::config::core::v3::transport_socket::ConfigType;
use crate::proto::json::{Names, to_json};

fn parameters(mtls: &MeshMtls) -> Value {
    let Some(ConfigType::TypedConfig(any)) = downstream(&[], mtls, false).config_type else {
        panic!("no configuration")
    };
    let context = to_json(&any.type_url, &any.value, Names::Proto).unwrap();
    context["common_tls_context"]["tls_params"].clone()
}

#[test]
fn the_mesh_may_accept_less() {
    let usual = parameters(&MeshMtls::default());
    assert_eq!(usual["tls_minimum_protocol_version"], "TLSv1_2");
    assert_eq!(usual["cipher_suites"].as_array().unwrap().len(), 6);
    let strict = MeshMtls { only_tls13: true, cipher_suites: vec!["A".into()] };
    let strict = parameters(&strict);
    assert_eq!(strict["tls_minimum_protocol_version"], "TLSv1_3");
    assert_eq!(strict["cipher_suites"], json!(["A"]));
}
