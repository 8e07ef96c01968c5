use std::time::Duration;

use prost::Message;
use serde_json::json;

use super::{address, config_source, extension, metadata, name, value};
use crate::proto::envoy::envoy::config::core::v3::config_source::ConfigSourceSpecifier;
use crate::proto::envoy::envoy::config::core::v3::grpc_service::TargetSpecifier;
use crate::proto::envoy::envoy::config::core::v3::socket_address::PortSpecifier;
use crate::proto::envoy::google::protobuf::value::Kind;
use crate::proto::udpa::TypedStruct;

#[test]
fn durations_keep_their_parts_and_stay_in_range() {
    let check = |input: Duration, seconds: i64, nanos: i32| {
        let got = value::duration(input);
        assert_eq!((got.seconds, got.nanos), (seconds, nanos), "{input:?}");
    };
    check(Duration::ZERO, 0, 0);
    check(Duration::from_millis(1_500), 1, 500_000_000);
    check(Duration::MAX, 315_576_000_000, 0);
}

#[test]
fn cluster_names_are_istios() {
    let host = "reviews.default.svc.cluster.local";
    assert_eq!(name::outbound_cluster(9080, "", host), format!("outbound|9080||{host}"));
    assert_eq!(name::outbound_cluster(9080, "v1", host), format!("outbound|9080|v1|{host}"));
    assert_eq!(name::sni(9080, "", host), format!("outbound_.9080_._.{host}"));
    assert_eq!(name::inbound_cluster(8080), "inbound|8080||");
}

#[test]
fn port_zero_is_explicit() {
    let got = address::socket_address("127.0.0.6", 0);
    assert_eq!(got.port_specifier, Some(PortSpecifier::PortValue(0)));
}

#[test]
fn secrets_come_from_the_agent_and_are_waited_for() {
    let secret = config_source::sds_secret_config(config_source::ROOT_CERTIFICATE);
    assert_eq!(secret.name, "ROOTCA");
    let source = secret.sds_config.unwrap();
    assert_eq!(source.initial_fetch_timeout, Some(value::seconds(0)));
    let Some(ConfigSourceSpecifier::ApiConfigSource(api)) = source.config_source_specifier else {
        panic!("{source:?}")
    };
    let Some(TargetSpecifier::EnvoyGrpc(target)) = &api.grpc_services[0].target_specifier else {
        panic!("{api:?}")
    };
    assert_eq!(target.cluster_name, "sds-grpc");
}

#[test]
fn json_becomes_a_struct_of_the_same_shape() {
    let got = metadata::structure(json!({ "a": [1, "x", null], "b": { "c": true } }));
    let Some(Kind::ListValue(list)) = &got.fields["a"].kind else { panic!("{got:?}") };
    let kinds: Vec<_> = list.values.iter().map(|v| v.kind.clone().unwrap()).collect();
    assert_eq!(kinds, [Kind::NumberValue(1.0), Kind::StringValue("x".into()), Kind::NullValue(0)]);
    let Some(Kind::StructValue(b)) = &got.fields["b"].kind else { panic!("{got:?}") };
    assert_eq!(b.fields["c"].kind, Some(Kind::BoolValue(true)));
}

#[test]
fn metadata_exchange_is_a_typed_struct() {
    let any = extension::tcp_metadata_exchange(&[]);
    assert_eq!(any.type_url, "type.googleapis.com/udpa.type.v1.TypedStruct");
    let inner = TypedStruct::decode(any.value.as_slice()).unwrap();
    assert!(inner.type_url.ends_with("/envoy.tcp.metadataexchange.config.MetadataExchange"));
    assert_eq!(
        inner.value.unwrap().fields["protocol"].kind,
        Some(Kind::StringValue("istio-peer-exchange".into()))
    );
}
