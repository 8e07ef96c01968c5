use bytes::Bytes;
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::proto::discovery::{DeltaDiscoveryRequest, DiscoveryRequest, InitialVersion};
use crate::translate::ResourceType;

fn bytes(names: &[&str]) -> Vec<Bytes> {
    names.iter().map(|n| Bytes::copy_from_slice(n.as_bytes())).collect()
}

fn sotw(names: &[&str]) -> Request {
    let request = DiscoveryRequest {
        version_info: "v".into(),
        node: Bytes::from_static(b"node"),
        resource_names: bytes(names),
        type_url: ResourceType::Endpoint.type_url().into(),
        response_nonce: "7".into(),
        error_detail: Some(ErrorDetail { code: 13, message: "no".into() }),
    };
    Request::decode(Protocol::Sotw, request.encode_to_vec().into()).unwrap()
}

#[test]
fn reads_every_field_of_sotw() {
    let request = sotw(&["b", "a", "b"]);
    assert_eq!(request.node.as_deref(), Some(&b"node"[..]));
    assert_eq!(request.type_url, TypeUrl::Known(ResourceType::Endpoint));
    assert_eq!(&*request.nonce, b"7");
    assert_eq!(request.error.as_ref().map(|e| &*e.message), Some("no"));
    assert_eq!(request.names().collect::<Vec<_>>(), ["b", "a", "b"]);
    assert_eq!(request.unsubscribed().count(), 0);
    assert_eq!(request.initial_versions().count(), 0);
}

#[test]
fn reads_every_field_of_delta() {
    let request = DeltaDiscoveryRequest {
        type_url: "x".into(),
        resource_names_subscribe: bytes(&["a"]),
        resource_names_unsubscribe: bytes(&["b", "c"]),
        initial_resource_versions: vec![InitialVersion { key: "d".into(), value: "1".into() }],
        ..DeltaDiscoveryRequest::default()
    };
    let request = Request::decode(Protocol::Delta, request.encode_to_vec().into()).unwrap();
    assert_eq!(request.type_url, TypeUrl::Unknown("x".into()));
    assert_eq!(request.node, None);
    assert_eq!(request.error, None);
    assert_eq!(request.names().collect::<Vec<_>>(), ["a"]);
    assert_eq!(request.unsubscribed().collect::<Vec<_>>(), ["b", "c"]);
    assert_eq!(request.initial_versions().collect::<Vec<_>>(), [("d", &b"1"[..])]);
}

#[test]
fn the_fingerprint_tells_lists_apart() {
    let of = |names: &[&str]| sotw(names).fingerprint();
    assert_eq!(of(&["a", "b"]), of(&["a", "b"]));
    assert_ne!(of(&["a", "b"]), of(&["b", "a"]));
    assert_ne!(of(&["ab"]), of(&["a", "b"]));
    assert_ne!(of(&[]), of(&[""]));
}

#[test]
fn refuses_what_is_malformed() {
    let check = |message: &[u8], want: &str| {
        let message = Bytes::copy_from_slice(message);
        let status = Request::decode(Protocol::Delta, message).unwrap_err();
        assert_eq!(status.code(), tonic::Code::InvalidArgument);
        assert!(status.message().contains(want), "{:?}, not {want:?}", status.message());
    };
    check(&[0x1a, 5, b'a'], "longer than the message");
    check(&[0x1a, 1, 0xff], "not UTF-8");
    check(&[0x2a, 3, 0x0a, 1, 0xff], "not UTF-8");
    check(&[0x2a, 2, 0x0a, 9], "longer than the message");
    check(&[0xff], "varint");
    check(&[0x1a, 0].repeat(MAX_NAMES + 1), "more than 200000 resource names");
}

/// Text of any length, or now and then bytes that are none.
fn name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => "[a-z]{0,3}|.{0,4}|[a-zé]{120,300}".prop_map(String::into_bytes),
        1 => proptest::collection::vec(prop_oneof![Just(0xc3u8), Just(0xa9), any::<u8>()], 0..4),
    ]
}

proptest! {
    #[test]
    fn never_panics(message in proptest::collection::vec(any::<u8>(), 0..300), delta: bool) {
        let protocol = if delta { Protocol::Delta } else { Protocol::Sotw };
        if let Ok(request) = Request::decode(protocol, message.into()) {
            let _ = (request.names().count(), request.unsubscribed().count());
            let _ = (request.initial_versions().count(), request.fingerprint());
        }
    }

    #[test]
    fn names_are_text_or_refused(names in proptest::collection::vec(name(), 1..6)) {
        let request = DiscoveryRequest {
            resource_names: names.iter().map(|name| Bytes::from(name.clone())).collect(),
            ..DiscoveryRequest::default()
        };
        let valid = names.iter().all(|name| str::from_utf8(name).is_ok());
        let request = Request::decode(Protocol::Sotw, request.encode_to_vec().into());
        prop_assert_eq!(request.is_ok(), valid);
        if let Ok(request) = request {
            prop_assert!(request.names().map(str::as_bytes).eq(names.iter().map(Vec::as_slice)));
        }
    }

    #[test]
    fn reads_what_prost_writes(names in proptest::collection::vec(".{0,5}", 0..20)) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let request = sotw(&names);
        prop_assert_eq!(request.names().collect::<Vec<_>>(), names);
    }
}
