use prost::Message as _;

use super::*;
use crate::api::{Features, MeshConfig};
use crate::model::ProxyKind;
use crate::translate::fixture::plain;
use crate::translate::scope::{ListenerTraits, Scope};
use crate::translate::security::Guards;

/// What a side of a proxy takes for internal, in a mesh with these networks.
fn internal(networks: &str, kind: ProxyKind, side: Side, features: Features) -> Vec<String> {
    let networks = serde_yaml::from_str(networks).unwrap();
    let mut snapshot = plain::snapshot([]);
    snapshot.mesh = MeshConfig { networks, ..MeshConfig::default() }.into();
    let scope = Scope { kind, features, ..plain::scope("shop") };
    let profile = Profile::of(&plain::context(&snapshot, &scope), &ListenerTraits::default());
    let profile = Same(profile.into());
    let key = Key {
        profile,
        tags: None,
        side,
        grpc_web: false,
        guards: Guards::default(),
        forwards: Vec::new(),
    };
    let filter = ConnectionManager::new(&key).with_rds("p", "r");
    let Some(ConfigType::TypedConfig(config)) = filter.config_type else { panic!("no config") };
    let manager = HttpConnectionManager::decode(&*config.value).unwrap();
    let ranges = manager.internal_address_config.map(|config| config.cidr_ranges);
    let shown = ranges.unwrap_or_default().into_iter().map(|range| {
        format!("{}/{}", range.address_prefix, range.prefix_len.unwrap_or_default().value)
    });
    shown.collect()
}

#[test]
fn who_judges_by_the_peer_trusts_the_networks() {
    let networks = "networks: {b: {endpoints: [{fromCidr: 10.0.0.0/8}, {fromCidr: 'fd00::/8'}]}, \
                    a: {endpoints: [{fromRegistry: c}, {fromCidr: 10.0.0.0/16}, {fromCidr: 9.1.2.3/8}]}}";
    let all = ["9.1.2.3/8", "10.0.0.0/8", "10.0.0.0/16", "fd00::/8"];
    let none: [&str; 0] = [];
    let default = Features::default();
    let switched = Features { internal_networks: true, ..default };
    let by_peer = Features { sidecar_remote_address: true, ..default };
    for (kind, side, features, want) in [
        (ProxyKind::Router, Side::Gateway, default, &all[..]),
        (ProxyKind::Sidecar, Side::Inbound, default, &none),
        (ProxyKind::Sidecar, Side::Outbound, default, &none),
        (ProxyKind::Sidecar, Side::Inbound, switched, &all),
        (ProxyKind::Sidecar, Side::Outbound, switched, &all),
        (ProxyKind::Sidecar, Side::Inbound, by_peer, &none),
        (ProxyKind::Sidecar, Side::Outbound, by_peer, &all),
    ] {
        assert_eq!(internal(networks, kind, side, features), want, "{side:?} {features:?}");
        let without = "networks: {a: {endpoints: [{fromRegistry: c}]}}";
        assert_eq!(internal(without, kind, side, features), none);
    }
}
