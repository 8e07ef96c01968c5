use std::collections::HashMap;

use envoy_types::pb::envoy::config::cluster::v3::Cluster;
use envoy_types::pb::envoy::config::core::v3::Metadata;
use envoy_types::pb::envoy::config::endpoint::v3::{
    ClusterLoadAssignment, LbEndpoint, LocalityLbEndpoints, lb_endpoint,
};
use envoy_types::pb::envoy::config::route::v3::{Route, RouteConfiguration, VirtualHost};
use envoy_types::pb::google::protobuf::value::Kind;
use envoy_types::pb::google::protobuf::{ListValue, Struct, Value};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use prost::{Message, Name};

use super::encode;

/// A copy whose maps were filled in another order and hash with other seeds.
trait Rebuilt {
    fn rebuilt(&self) -> Self;
}

impl<V: Rebuilt> Rebuilt for HashMap<String, V> {
    fn rebuilt(&self) -> Self {
        let mut entries: Vec<_> = self.iter().collect();
        entries.sort_by(|a, b| b.0.cmp(a.0));
        entries.into_iter().map(|(k, v)| (k.clone(), v.rebuilt())).collect()
    }
}

impl<V: Rebuilt> Rebuilt for Vec<V> {
    fn rebuilt(&self) -> Self {
        self.iter().map(Rebuilt::rebuilt).collect()
    }
}

impl<V: Rebuilt> Rebuilt for Option<V> {
    fn rebuilt(&self) -> Self {
        self.as_ref().map(Rebuilt::rebuilt)
    }
}

impl Rebuilt for crate::proto::Any {
    fn rebuilt(&self) -> Self {
        match Struct::decode(self.value.as_slice()) {
            Ok(inner) if self.type_url.ends_with("google.protobuf.Struct") => {
                super::any(&inner.rebuilt())
            }
            _ => self.clone(),
        }
    }
}

impl Rebuilt for Struct {
    fn rebuilt(&self) -> Self {
        Struct { fields: self.fields.rebuilt() }
    }
}

impl Rebuilt for Value {
    fn rebuilt(&self) -> Self {
        let kind = self.kind.clone().map(|kind| match kind {
            Kind::StructValue(inner) => Kind::StructValue(inner.rebuilt()),
            Kind::ListValue(list) => Kind::ListValue(ListValue { values: list.values.rebuilt() }),
            other => other,
        });
        Value { kind }
    }
}

impl Rebuilt for Metadata {
    fn rebuilt(&self) -> Self {
        Metadata {
            filter_metadata: self.filter_metadata.rebuilt(),
            typed_filter_metadata: self.typed_filter_metadata.rebuilt(),
        }
    }
}

impl Rebuilt for RouteConfiguration {
    fn rebuilt(&self) -> Self {
        let mut copy = self.clone();
        copy.typed_per_filter_config = self.typed_per_filter_config.rebuilt();
        for host in &mut copy.virtual_hosts {
            for route in &mut host.routes {
                route.metadata = route.metadata.rebuilt();
                route.typed_per_filter_config = route.typed_per_filter_config.rebuilt();
            }
        }
        copy
    }
}

impl Rebuilt for Cluster {
    fn rebuilt(&self) -> Self {
        let mut copy = self.clone();
        copy.metadata = self.metadata.rebuilt();
        copy.typed_extension_protocol_options = self.typed_extension_protocol_options.rebuilt();
        if let Some(assignment) = &mut copy.load_assignment {
            for endpoint in assignment.endpoints.iter_mut().flat_map(|l| &mut l.lb_endpoints) {
                endpoint.metadata = endpoint.metadata.rebuilt();
            }
        }
        copy
    }
}

/// Many rebuilt copies give the same bytes, and these mean the same message.
fn check<M: Message + Name + Rebuilt + Default + PartialEq>(message: &M) {
    let bytes = encode(message);
    assert_eq!(bytes.len(), message.encoded_len());
    assert!(M::decode(bytes.clone()).unwrap() == *message, "decodes to another message");
    for _ in 0..4 {
        assert!(encode(&message.rebuilt()) == bytes, "other bytes for {}", M::full_name());
    }
}

fn structs() -> impl Strategy<Value = Struct> {
    let leaf = prop_oneof![
        proptest::bool::ANY.prop_map(Kind::BoolValue),
        "[a-z]{0,6}".prop_map(Kind::StringValue),
        (0..1000u32).prop_map(|n| Kind::NumberValue(n.into())),
    ];
    let value = leaf.prop_recursive(4, 64, 8, |inner| {
        let value = inner.prop_map(|kind| Value { kind: Some(kind) });
        prop_oneof![
            btree_map("[a-z]{0,3}", value.clone(), 0..8)
                .prop_map(|m| Kind::StructValue(Struct { fields: m.into_iter().collect() })),
            vec(value, 0..4).prop_map(|values| Kind::ListValue(ListValue { values })),
        ]
    });
    btree_map("[a-zA-Z.]{0,4}", value.prop_map(|kind| Value { kind: Some(kind) }), 0..12)
        .prop_map(|m| Struct { fields: m.into_iter().collect() })
}

fn anys() -> impl Strategy<Value = HashMap<String, crate::proto::Any>> {
    btree_map("[a-z.]{0,5}", structs().prop_map(|s| super::any(&s)), 0..10)
        .prop_map(|m| m.into_iter().collect())
}

fn metadata() -> impl Strategy<Value = Metadata> {
    (btree_map("[a-z.]{0,5}", structs(), 0..10), anys()).prop_map(|(filters, typed)| Metadata {
        filter_metadata: filters.into_iter().collect(),
        typed_filter_metadata: typed,
    })
}

fn routes() -> impl Strategy<Value = RouteConfiguration> {
    let route = (metadata(), anys()).prop_map(|(metadata, typed)| Route {
        name: "r".into(),
        metadata: Some(metadata),
        typed_per_filter_config: typed,
        ..Route::default()
    });
    let host = vec(route, 0..3).prop_map(|routes| VirtualHost {
        name: "h".into(),
        routes,
        ..VirtualHost::default()
    });
    (vec(host, 0..3), anys()).prop_map(|(virtual_hosts, typed)| RouteConfiguration {
        name: "80".into(),
        virtual_hosts,
        typed_per_filter_config: typed,
        ..RouteConfiguration::default()
    })
}

fn clusters() -> impl Strategy<Value = Cluster> {
    (metadata(), anys(), vec(metadata(), 0..4)).prop_map(|(own, typed, endpoints)| {
        let lb_endpoints = endpoints.into_iter().map(|metadata| LbEndpoint {
            metadata: Some(metadata),
            host_identifier: Some(lb_endpoint::HostIdentifier::EndpointName("e".into())),
            ..LbEndpoint::default()
        });
        Cluster {
            name: "outbound|80||a".into(),
            metadata: Some(own),
            typed_extension_protocol_options: typed,
            load_assignment: Some(ClusterLoadAssignment {
                cluster_name: "x".into(),
                endpoints: vec![LocalityLbEndpoints {
                    lb_endpoints: lb_endpoints.collect(),
                    ..LocalityLbEndpoints::default()
                }],
                ..ClusterLoadAssignment::default()
            }),
            ..Cluster::default()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn a_struct_is_always_the_same_bytes(message in structs()) {
        check(&message);
    }

    #[test]
    fn metadata_is_always_the_same_bytes(message in metadata()) {
        check(&message);
    }

    #[test]
    fn a_route_configuration_is_always_the_same_bytes(message in routes()) {
        check(&message);
    }

    #[test]
    fn a_cluster_is_always_the_same_bytes(message in clusters()) {
        check(&message);
    }

    #[test]
    fn any_bytes_are_sorted_without_panic(mut bytes in vec(any::<u8>(), 0..200)) {
        let before = bytes.len();
        super::maps::sort(&mut bytes, "envoy.config.core.v3.Metadata");
        prop_assert_eq!(bytes.len(), before);
    }
}

#[test]
fn entries_stand_in_the_order_of_their_keys() {
    let value = |text: &str| Value { kind: Some(Kind::StringValue(text.into())) };
    let names = ["b", "", "aa", "a", "c"];
    let message = Struct { fields: names.iter().map(|n| (n.to_string(), value(n))).collect() };
    let bytes = encode(&message);
    let mut keys = Vec::new();
    let mut rest = bytes.as_ref();
    while !rest.is_empty() {
        // Tag, length, then the entry: tag of the key, its length, the key; prost leaves out an empty key.
        let entry = &rest[2..2 + rest[1] as usize];
        keys.push(match entry {
            [0x0a, length, key @ ..] => {
                String::from_utf8_lossy(&key[..*length as usize]).into_owned()
            }
            _ => String::new(),
        });
        rest = &rest[2 + rest[1] as usize..];
    }
    assert_eq!(keys, ["", "a", "aa", "b", "c"]);
}
