mod described;
mod forwarded;
mod inbound_listener;
mod routed;
mod secured;
mod sharing;

use std::time::Duration;

use prost::Message as _;

use super::*;
use crate::api::mesh::{OutboundPolicy, PathNormalization};
use crate::api::MeshConfig;
use crate::proto::envoy::envoy::config::listener::v3::filter::ConfigType;
use crate::proto::envoy::envoy::config::listener::v3::{Filter, FilterChain, Listener};
use crate::proto::envoy::envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
use crate::proto::envoy::envoy::extensions::filters::network::http_connection_manager::v3::http_connection_manager::RouteSpecifier;
use crate::proto::envoy::envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy;
use crate::proto::envoy::envoy::config::core::v3::CidrRange;
use crate::proto::envoy::envoy::extensions::filters::network::tcp_proxy::v3::tcp_proxy::ClusterSpecifier;
use crate::proto::envoy::envoy::extensions::filters::network::tcp_proxy::v3::tcp_proxy::weighted_cluster::ClusterWeight;
use crate::proto::envoy::envoy::r#type::tracing::v3::custom_tag::Type as Tag;
use crate::snapshot::Snapshot;
use crate::translate::capability::Capabilities;
use crate::translate::fixture::plain::{
    context, endpoint, proxy_with_extensions, scope, service, snapshot, target, with_endpoints,
};
use crate::translate::scope::{Families, Scope};
use crate::translate::security::Guards;

const V4: Families = Families { v4: true, v6: false };
const V6: Families = Families { v4: false, v6: true };
const BOTH: Families = Families { v4: true, v6: true };

fn traits() -> ListenerTraits {
    ListenerTraits {
        trace_tags: TraceTags { canonical_service: "web".into(), ..TraceTags::default() },
        ..ListenerTraits::default()
    }
}

fn decode(built: &Built) -> Vec<Listener> {
    built.resources.iter().map(|r| Listener::decode(r.body.clone()).unwrap()).collect()
}

fn outbound_of(snapshot: &Snapshot, scope: &Scope, traits: &ListenerTraits) -> Vec<Listener> {
    decode(&outbound(&context(snapshot, scope), traits, &[], &mut Memos::default()))
}

/// Of a workload without addresses, policies or anything else that is special.
fn inbound_of(snapshot: &Snapshot, scope: &Scope, targets: &[ServiceTarget]) -> Built {
    inbound(
        &context(snapshot, scope),
        &traits(),
        &[],
        targets,
        &Applied::default(),
        &Guards::default(),
        &mut Memos::default(),
    )
}

fn named(listeners: &[Listener], name: &str) -> Listener {
    let names: Vec<&str> = listeners.iter().map(|l| &*l.name).collect();
    listeners.iter().find(|l| l.name == name).unwrap_or_else(|| panic!("{names:?}")).clone()
}

fn config<M: prost::Message + Default>(filter: &Filter) -> M {
    let Some(ConfigType::TypedConfig(any)) = &filter.config_type else { panic!("{filter:?}") };
    M::decode(any.value.as_slice()).unwrap()
}

fn manager_of(chain: &FilterChain) -> HttpConnectionManager {
    config(chain.filters.last().unwrap())
}

/// `NAME? MATCH? TLS?: FILTERS`, of which the last tells where it leads.
fn line(chain: &FilterChain) -> String {
    let matched = chain.filter_chain_match.clone().unwrap_or_default();
    let mut words = vec![chain.name.clone()];
    words.extend(matched.destination_port.map(|port| format!(":{}", port.value)));
    words.push(matched.transport_protocol);
    words.push(matched.application_protocols.join(","));
    words.push(matched.server_names.join(","));
    let length = |range: &CidrRange| range.prefix_len.map_or(0, |length| length.value);
    let block = |range: &CidrRange| format!("{}/{}", range.address_prefix, length(range));
    words.push(matched.prefix_ranges.iter().map(block).collect::<Vec<_>>().join(","));
    words.extend(chain.transport_socket.as_ref().map(|_| "TLS".to_owned()));
    words.push("->".into());
    for filter in &chain.filters {
        words.push(match filter.name.rsplit('.').next().unwrap() {
            "http_connection_manager" => {
                match config::<HttpConnectionManager>(filter).route_specifier {
                    Some(RouteSpecifier::Rds(rds)) => format!("rds {}", rds.route_config_name),
                    Some(RouteSpecifier::RouteConfig(routes)) => format!("routes {}", routes.name),
                    other => panic!("{other:?}"),
                }
            }
            "tcp_proxy" => match config::<TcpProxy>(filter).cluster_specifier {
                Some(ClusterSpecifier::Cluster(cluster)) => cluster,
                Some(ClusterSpecifier::WeightedClusters(clusters)) => {
                    let share = |c: &ClusterWeight| format!("{}*{}", c.weight, c.name);
                    clusters.clusters.iter().map(share).collect::<Vec<_>>().join(" ")
                }
                other => panic!("{other:?}"),
            },
            other => other.to_owned(),
        });
    }
    words.retain(|word| !word.is_empty());
    words.join(" ")
}

/// The chains, then the default one behind `otherwise`.
fn lines(listener: &Listener) -> Vec<String> {
    let rest = listener.default_filter_chain.iter().map(|c| format!("otherwise {}", line(c)));
    listener.filter_chains.iter().map(line).chain(rest).collect()
}

fn inspectors(listener: &Listener) -> Vec<&str> {
    listener.listener_filters.iter().map(|f| f.name.rsplit('.').next().unwrap()).collect()
}

fn addresses(listener: &Listener) -> String {
    let main = listener.address.iter();
    let all = main.chain(listener.additional_addresses.iter().filter_map(|a| a.address.as_ref()));
    let text = all.map(|address| {
        let json = format!("{address:?}");
        json.split("address: \"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    });
    text.collect::<Vec<_>>().join(" ")
}

#[test]
fn what_stands_on_a_port() {
    let check = |services: &[Service], name: &str, want: &[&str], inspected: &[&str]| {
        let world = snapshot(services.to_vec());
        let listener = named(&outbound_of(&world, &scope("shop"), &traits()), name);
        assert_eq!(lines(&listener), want, "{name}");
        assert_eq!(inspectors(&listener), inspected, "{name}");
        assert!(!listener.bind_to_port.unwrap().value);
        assert!(listener.continue_on_listener_filters_timeout);
    };
    let http = "raw_buffer http/1.1,h2c -> rds";
    let rest = "otherwise PassthroughFilterChain -> stats PassthroughCluster";
    let cluster = |port: u16, name: &str| format!("outbound|{port}||{name}.shop.svc.cluster.local");

    let web = service(1, "web.shop", &["10.96.0.1"], &[("http", 80), ("tcp", 81), ("any", 82)]);
    check(
        std::slice::from_ref(&web),
        "0.0.0.0_80",
        &[&format!("{http} 80"), rest],
        &["http_inspector"],
    );
    let tcp = format!("-> stats {}", cluster(81, "web"));
    check(std::slice::from_ref(&web), "10.96.0.1_81", &[&tcp], &[]);
    let auto = format!("otherwise -> stats {}", cluster(82, "web"));
    let own = format!("{http} web.shop.svc.cluster.local:82");
    check(std::slice::from_ref(&web), "10.96.0.1_82", &[&own, &auto], &["http_inspector"]);

    // A virtual address says enough: no server names.
    let tls = service(1, "tls.shop", &["10.96.0.1"], &[("https", 443)]);
    check(&[tls], "10.96.0.1_443", &[&format!("-> stats {}", cluster(443, "tls"))], &[]);
    let mongo = service(1, "db.shop", &["10.96.0.1"], &[("mongo", 27017)]);
    let want = format!("-> stats mongo_proxy {}", cluster(27017, "db"));
    check(&[mongo], "10.96.0.1_27017", &[&want], &[]);

    // Without one, all who use the port share it.
    let pending = |age: i64, name: &str, port: &str| service(age, name, &[], &[(port, 90)]);
    let shared = [
        pending(1, "a.shop", "https"),
        pending(2, "b.shop", "http"),
        pending(3, "c.shop", "tls"),
        pending(4, "d.shop", "tcp"),
    ];
    let sni = |name: &str| format!("{name}.shop.svc.cluster.local -> stats {}", cluster(90, name));
    check(
        &shared,
        "0.0.0.0_90",
        &[
            &sni("a"),
            &format!("{http} 90"),
            &sni("c"),
            &format!("otherwise -> stats {}", cluster(90, "d")),
        ],
        &["tls_inspector", "http_inspector"],
    );
    check(&shared[..1], "0.0.0.0_90", &[&sni("a"), rest], &["tls_inspector"]);
    let alone = format!("-> stats {}", cluster(90, "d"));
    check(&shared[3..], "0.0.0.0_90", &[&alone], &[]);
}

#[test]
fn udp_and_aliases_have_no_listener() {
    let mut alias = service(1, "partner.shop", &[], &[("https", 443)]);
    alias.resolution = crate::model::Resolution::Alias;
    let world = snapshot([alias, service(2, "dns.shop", &["10.96.0.1"], &[("udp-dns", 53)])]);
    let listeners = outbound_of(&world, &scope("shop"), &traits());
    assert_eq!(listeners.len(), 1);
    assert_eq!(listeners[0].name, "virtualOutbound");
}

#[test]
fn where_listeners_bind() {
    let world = snapshot([
        service(1, "web.shop", &["10.96.0.1", "fd00::1"], &[("http", 80), ("tcp", 81)]),
        service(2, "old.shop", &["10.96.0.2"], &[("tcp", 82)]),
    ]);
    let check = |families: Families, interception: Interception, want: &[(&str, &str)]| {
        let scope = Scope { families, interception, ..scope("shop") };
        let listeners = outbound_of(&world, &scope, &traits());
        let got: Vec<(String, String)> =
            listeners.iter().map(|l| (l.name.clone(), addresses(l))).collect();
        let got: Vec<(&str, &str)> = got.iter().map(|(n, a)| (&**n, &**a)).collect();
        assert_eq!(got, want, "{families:?} {interception:?}");
    };
    let old = ("10.96.0.2_82", "10.96.0.2");
    check(
        V4,
        Interception::Redirect,
        &[
            ("0.0.0.0_80", "0.0.0.0"),
            ("10.96.0.1_81", "10.96.0.1"),
            old,
            ("virtualOutbound", "0.0.0.0"),
        ],
    );
    check(
        BOTH,
        Interception::Tproxy,
        &[
            ("0.0.0.0_80", "0.0.0.0 ::"),
            ("10.96.0.1_81", "10.96.0.1 fd00::1"),
            old,
            ("virtualOutbound", "0.0.0.0 ::"),
        ],
    );
    check(
        V6,
        Interception::Redirect,
        &[("::_80", "::"), ("fd00::1_81", "fd00::1"), ("virtualOutbound", "::")],
    );
    let (a, b, c) = ("127.0.0.1_80", "127.0.0.1_81", "127.0.0.1_82");
    let host = "127.0.0.1";
    check(V4, Interception::None, &[(a, host), (b, host), (c, host)]);
}

#[test]
fn without_interception_ports_are_bound_that_may_be() {
    let world = snapshot([service(
        1,
        "web.shop",
        &["10.96.0.1"],
        &[("http", 80), ("http-admin", 15000), ("tcp", 9000), ("any", 9001)],
    )]);
    let bare = Scope { interception: Interception::None, ..scope("shop") };
    let check = |unprivileged: bool, want: &[&str]| {
        let traits = ListenerTraits { unprivileged, ..traits() };
        let listeners = outbound_of(&world, &bare, &traits);
        let names: Vec<&str> = listeners.iter().map(|l| &*l.name).collect();
        assert_eq!(names, want);
        let bound = |l: &Listener| {
            l.bind_to_port.is_none()
                && l.max_connections_to_accept_per_socket_event.unwrap().value == 1
        };
        assert!(listeners.iter().all(bound));
        let auto = named(&listeners, "127.0.0.1_9001");
        assert_eq!(
            lines(&auto)[0],
            "raw_buffer http/1.1,h2c -> rds web.shop.svc.cluster.local:9001"
        );
    };
    check(false, &["127.0.0.1_80", "127.0.0.1_9000", "127.0.0.1_9001"]);
    check(true, &["127.0.0.1_9000", "127.0.0.1_9001"]);
    let built = inbound_of(&world, &bare, &[]);
    assert!(built.resources.is_empty(), "the application itself listens");
}

#[test]
fn a_headless_service_has_a_listener_for_each_endpoint_but_the_proxys_own() {
    let world = snapshot([
        service(1, "db.shop", &["None"], &[("tcp", 81), ("http", 80), ("any", 82)]),
        service(2, "db-read.shop", &["None"], &[("tcp", 81)]),
        service(3, "web.shop", &["10.96.0.1"], &[("tcp", 83)]),
    ]);
    let pods = [endpoint("10.0.0.1", "db-0"), endpoint("10.0.0.2", "db-1")];
    let world = with_endpoints(world, "db.shop", &pods);
    let world = with_endpoints(world, "db-read.shop", &pods);
    let world = with_endpoints(world, "web.shop", &[endpoint("10.0.0.3", "")]);
    let scope = scope("shop");
    let context = context(&world, &scope);
    let own: [IpAddr; 2] = ["10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()];
    assert_eq!(peers(&context), own);

    let built = outbound(&context, &traits(), &own[..1], &mut Memos::default());
    let names: Vec<&str> = built.resources.iter().map(|r| &*r.name).collect();
    assert_eq!(
        names,
        ["10.0.0.2_81", "0.0.0.0_80", "10.0.0.2_82", "10.96.0.1_83", "virtualOutbound"]
    );
    let tcp = named(&decode(&built), "10.0.0.2_81");
    assert_eq!(lines(&tcp), ["-> stats outbound|81||db.shop.svc.cluster.local"]);
    let auto = named(&decode(&built), "10.0.0.2_82");
    assert_eq!(lines(&auto)[0], "raw_buffer http/1.1,h2c -> rds db.shop.svc.cluster.local:82");
    assert_eq!(built.diagnostics, [], "two services over the same pods are no conflict");
}

#[test]
fn the_older_service_wins_and_both_are_told() {
    let world = snapshot([
        service(2, "new.shop", &["10.96.0.1"], &[("tcp", 80)]),
        service(1, "old.shop", &["10.96.0.1"], &[("tcp", 80)]),
    ]);
    let scope = scope("shop");
    let built = outbound(&context(&world, &scope), &traits(), &[], &mut Memos::default());
    let listener = named(&decode(&built), "10.96.0.1_80");
    assert_eq!(lines(&listener), ["-> stats outbound|80||old.shop.svc.cluster.local"]);
    let told: Vec<String> =
        built.diagnostics.iter().map(|d| d.object.as_ref().unwrap().to_string()).collect();
    assert_eq!(told, ["Service shop/new", "Service shop/old"]);
}

#[test]
fn traffic_for_the_unknown() {
    let world = snapshot([service(1, "web.shop", &["10.96.0.1"], &[("http", 80)])]);
    let check = |policy: OutboundPolicy, cluster: &str| {
        let scope = Scope { outbound_policy: policy, ..scope("shop") };
        let listeners = outbound_of(&world, &scope, &traits());
        let virtual_outbound = named(&listeners, "virtualOutbound");
        assert_eq!(
            lines(&virtual_outbound),
            [
                "virtualOutbound-blackhole :15001 -> stats BlackHoleCluster".to_owned(),
                format!("virtualOutbound-catchall-tcp -> stats {cluster}"),
            ]
        );
        assert!(virtual_outbound.use_original_dst.unwrap().value);
        let rest = named(&listeners, "0.0.0.0_80").default_filter_chain.unwrap();
        assert_eq!(line(&rest), format!("PassthroughFilterChain -> stats {cluster}"));
    };
    check(OutboundPolicy::AllowAny, "PassthroughCluster");
    check(OutboundPolicy::RegistryOnly, "BlackHoleCluster");
}

#[test]
fn explicit_proxying_has_a_listener_when_asked_for() {
    let world = snapshot([]);
    let ports = |mesh: u16, node: u16| {
        let mut world = world.clone();
        world.mesh = Arc::new(MeshConfig { proxy_http_port: mesh, ..(*world.mesh).clone() });
        let traits = ListenerTraits { http_proxy_port: node, ..traits() };
        outbound_of(&world, &scope("shop"), &traits)
    };
    assert_eq!(ports(0, 0).len(), 1);
    assert_eq!(lines(&named(&ports(15007, 0), "127.0.0.1_15007")), ["-> rds http_proxy"]);
    let own = named(&ports(15007, 15009), "127.0.0.1_15009");
    let manager = manager_of(&own.filter_chains[0]);
    assert_eq!(manager.stat_prefix, "outbound_127.0.0.1_15009;");
    assert!(manager.http_protocol_options.unwrap().allow_absolute_url.unwrap().value);
}

#[test]
fn settings_of_the_mesh_and_the_node_show() {
    let mut world = snapshot([service(
        1,
        "web.shop",
        &["10.96.0.1"],
        &[("http", 80), ("tcp", 81), ("grpc-web", 82)],
    )]);
    world.mesh = Arc::new(MeshConfig {
        protocol_detection_timeout: Duration::from_millis(100),
        path_normalization: PathNormalization::DecodeAndMergeSlashes,
        enable_tracing: false,
        metrics_providers: Vec::new(),
        ..(*world.mesh).clone()
    });
    let traits = ListenerTraits {
        http10: true,
        idle_timeout: "1m".into(),
        outbound_exact_balance: true,
        ..traits()
    };
    let listeners = outbound_of(&world, &scope("shop"), &traits);
    assert!(listeners.iter().all(|l| l.connection_balance_config.is_some()));
    let http = named(&listeners, "0.0.0.0_80");
    assert_eq!(http.listener_filters_timeout.unwrap().nanos, 100_000_000);
    let tcp = named(&listeners, "10.96.0.1_81");
    assert_eq!(tcp.listener_filters_timeout.unwrap().nanos, 0, "nothing is detected there");
    assert_eq!(
        lines(&http),
        [
            "raw_buffer http/1.0,http/1.1,h2c -> rds 80",
            "otherwise PassthroughFilterChain -> PassthroughCluster"
        ]
    );
    let manager = manager_of(&http.filter_chains[0]);
    assert_eq!(manager.tracing, None);
    assert!(manager.merge_slashes && manager.http_protocol_options.unwrap().accept_http_10);
    let idle = manager.common_http_protocol_options.unwrap().idle_timeout.unwrap();
    assert_eq!(idle.seconds, 60);
    let proxy: TcpProxy = config(&tcp.filter_chains[0].filters[0]);
    assert_eq!(proxy.idle_timeout.unwrap().seconds, 60);
    let filters = |name: &str| -> Vec<String> {
        let manager = manager_of(&named(&listeners, name).filter_chains[0]);
        manager.http_filters.into_iter().map(|f| f.name).collect()
    };
    assert!(!filters("0.0.0.0_80").contains(&"istio.stats".to_owned()));
    assert!(filters("0.0.0.0_82").contains(&"envoy.filters.http.grpc_web".to_owned()));
    assert!(!filters("0.0.0.0_80").contains(&"envoy.filters.http.grpc_web".to_owned()));
}

#[test]
fn a_stock_envoy_is_sent_none_of_istios_filters() {
    let world = snapshot([service(1, "web.shop", &["10.96.0.1"], &[("http", 80), ("tcp", 81)])]);
    let stock = proxy_with_extensions(&["envoy.filters.http.cors", "envoy.request_id.uuid"]);
    let scope = Scope { capabilities: Capabilities::of(&stock), ..scope("shop") };
    let mut listeners = outbound_of(&world, &scope, &traits());
    let targets = [target(&world.services[0], 0, 8080), target(&world.services[0], 1, 8081)];
    listeners.extend(decode(&inbound_of(&world, &scope, &targets)));
    for chain in
        listeners.iter().flat_map(|l| l.filter_chains.iter().chain(&l.default_filter_chain))
    {
        for filter in &chain.filters {
            assert!(!filter.name.starts_with("istio."), "{chain:?}");
            if filter.name.ends_with("http_connection_manager") {
                let manager: HttpConnectionManager = config(filter);
                let names: Vec<&str> = manager.http_filters.iter().map(|f| &*f.name).collect();
                assert_eq!(names, ["envoy.filters.http.cors", "envoy.filters.http.router"]);
            }
        }
    }
}

#[test]
fn spans_tell_the_workload() {
    let world = snapshot([service(1, "web.shop", &["10.96.0.1"], &[("http", 80)])]);
    let check = |tags: TraceTags, want: [&str; 5]| {
        let traits = ListenerTraits { trace_tags: tags, ..ListenerTraits::default() };
        let listeners = outbound_of(&world, &scope("shop"), &traits);
        let manager = manager_of(&named(&listeners, "0.0.0.0_80").filter_chains[0]);
        let tags = manager.tracing.unwrap().custom_tags;
        assert!(tags.is_sorted_by(|a, b| a.tag < b.tag), "{tags:?}");
        let literals: Vec<&str> = tags
            .iter()
            .filter_map(|tag| match &tag.r#type {
                Some(Tag::Literal(literal)) => Some(&*literal.value),
                _ => None,
            })
            .collect();
        assert_eq!(literals, want);
    };
    check(
        TraceTags {
            canonical_service: "web".into(),
            canonical_revision: "v1".into(),
            namespace: "shop".into(),
            cluster: "c1".into(),
            mesh: "m1".into(),
        },
        ["v1", "web", "c1", "m1", "shop"],
    );
    check(TraceTags::default(), ["latest", "unknown", "unknown", "unknown", "default"]);
}
