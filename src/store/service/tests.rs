use std::sync::Arc;

use super::*;
use crate::api::core::{ServicePort, Transport};
use crate::model::service::by_age;
use crate::store::fixtures::{cluster, config, ip, meta, namespace, service, service_port};

fn derived(object: &core::Service) -> Service {
    derive(object, &cluster(), None, Vec::new(), &MeshConfig::default(), &config())
}

fn annotated(key: &str, value: &str) -> core::Service {
    let mut object = service("shop", "web", "app=web");
    object.meta.annotations.insert(key.into(), value.into());
    object
}

#[test]
fn host_names_lead_back() {
    let id = ClusterRef::OWN.id(&"shop".into(), &"web".into());
    let host = hostname(&id, "cluster.local");
    assert_eq!(&*host, "web.shop.svc.cluster.local");
    assert_eq!(of_hostname(&host, "cluster.local"), Some(id));
    for other in ["web.shop", "web.shop.svc.other", "svc.cluster.local", "web.svc.cluster.local"] {
        assert_eq!(of_hostname(other, "cluster.local"), None, "{other}");
    }
}

#[test]
fn a_virtual_address_means_that_the_control_plane_tells_endpoints() {
    let object = core::Service {
        cluster_ips: vec![ip("10.0.0.1"), ip("fd00::1")],
        ..service("shop", "web", "")
    };
    let service = derived(&object);
    assert_eq!(service.resolution, Resolution::ClientSideLb);
    assert_eq!(service.addresses_in("Kubernetes"), [ip("10.0.0.1"), ip("fd00::1")]);
    assert!(!service.mesh_external);
}

#[test]
fn a_headless_service_passes_through() {
    let object =
        core::Service { headless: true, cluster_ips: vec![], ..service("shop", "web", "") };
    let service = derived(&object);
    assert!(service.is_headless());
    assert!(service.addresses_in("Kubernetes").is_empty());
}

#[test]
fn an_external_name_is_an_alias() {
    let object = core::Service {
        kind: ServiceType::ExternalName,
        external_name: "partner.example.com.".into(),
        cluster_ips: vec![],
        ..service("shop", "partner", "")
    };
    let service = derived(&object);
    assert_eq!(service.resolution, Resolution::Alias);
    assert_eq!(&*service.external_name, "partner.example.com");
    assert!(service.mesh_external);
}

#[test]
fn ports_keep_their_order_and_udp() {
    let udp =
        ServicePort { transport: Transport::Udp, ..service_port("dns", 53, TargetPort::default()) };
    let named = service_port("grpc-api", 90, TargetPort::Name("api".into()));
    let object = core::Service { ports: vec![udp, named], ..service("shop", "web", "") };
    let ports = derived(&object).ports;
    let seen: Vec<_> = ports.iter().map(|p| (p.number, p.protocol, p.target.clone())).collect();
    assert_eq!(
        seen,
        [
            (53, Protocol::Udp, TargetPort::Number(53)),
            (90, Protocol::Grpc, TargetPort::Name("api".into())),
        ]
    );
}

#[test]
fn visibility_is_the_annotation_or_the_default_of_the_mesh() {
    let mesh = MeshConfig { default_service_export_to: vec![".".into()], ..MeshConfig::default() };
    let of = |object: &core::Service, mesh: &MeshConfig| {
        derive(object, &cluster(), None, Vec::new(), mesh, &config()).visibility
    };
    let only = |names: &[&str]| Visibility::Namespaces(names.iter().map(|n| (*n).into()).collect());
    let plain = service("shop", "web", "");
    assert_eq!(of(&plain, &MeshConfig::default()), Visibility::Public);
    assert_eq!(of(&plain, &mesh), only(&["shop"]));
    for (value, want) in [
        (".", only(&["shop"])),
        ("b, a ,.", only(&["a", "b", "shop"])),
        ("a,*", Visibility::Public),
        ("~", only(&[])),
    ] {
        assert_eq!(of(&annotated(EXPORT_TO, value), &mesh), want, "{value}");
    }
}

#[test]
fn annotations_name_accounts() {
    let mut object = annotated(KUBERNETES_ACCOUNTS, "b, a");
    object.meta.annotations.insert(CANONICAL_ACCOUNTS.into(), "spiffe://x/ns/y/sa/z".into());
    assert_eq!(
        derived(&object).service_accounts.iter().map(|a| &**a).collect::<Vec<_>>(),
        [
            "spiffe://cluster.local/ns/shop/sa/a",
            "spiffe://cluster.local/ns/shop/sa/b",
            "spiffe://x/ns/y/sa/z",
        ]
    );
}

#[test]
fn traffic_distribution_is_the_most_specific_that_means_something() {
    let check = |own: &str, field: &str, of_namespace: &str, want: &str| {
        let mut object = annotated(TRAFFIC_DISTRIBUTION, own);
        object.traffic_distribution = field.into();
        let mut ns = namespace("shop", "");
        ns.meta.annotations.insert(TRAFFIC_DISTRIBUTION.into(), of_namespace.into());
        let got =
            derive(&object, &cluster(), Some(&ns), Vec::new(), &MeshConfig::default(), &config());
        assert_eq!(&*got.traffic_distribution, want, "{own:?} {field:?} {of_namespace:?}");
    };
    check("", "", "", "");
    check("", "", "preferclose", "PreferClose");
    check("", "PreferSameZone", "PreferClose", "PreferSameZone");
    check("PreferSameNode", "PreferSameZone", "PreferClose", "PreferSameNode");
    check("any", "", "PreferClose", "Any");
    check("nonsense", "", "PreferClose", "PreferClose");
}

#[test]
fn the_oldest_service_comes_first() {
    let named = |name: &str, namespace: &str, created: Option<&str>| {
        let mut object = service(namespace, name, "");
        object.meta = meta(namespace, name);
        object.meta.created = created.map(|text| text.parse().expect("a time"));
        Arc::new(derived(&object))
    };
    let mut services = [
        named("a", "x", Some("2026-01-02T00:00:00Z")),
        named("b", "y", Some("2026-01-01T00:00:00Z")),
        named("b", "x", Some("2026-01-01T00:00:00Z")),
        named("z", "x", None),
    ];
    services.sort_by(|a, b| by_age(a, b));
    let order: Vec<String> =
        services.iter().map(|s| format!("{}.{}", s.name, s.key.namespace)).collect();
    assert_eq!(order, ["z.x", "b.x", "b.y", "a.x"]);
}
