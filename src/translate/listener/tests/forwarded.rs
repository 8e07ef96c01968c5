//! Services that stand for many hosts, whose names the proxy resolves.

use super::*;
use crate::model::{Registry, Resolution, ServiceKey};
use crate::proto::envoy::envoy::extensions::filters::http::dynamic_forward_proxy::v3::FilterConfig as ForwardHttp;
use crate::proto::envoy::envoy::extensions::filters::http::dynamic_forward_proxy::v3::filter_config::ImplementationSpecifier;
use crate::proto::envoy::envoy::extensions::filters::network::http_connection_manager::v3::HttpFilter;
use crate::proto::envoy::envoy::extensions::filters::network::http_connection_manager::v3::http_filter::ConfigType as HttpConfig;
use crate::proto::envoy::envoy::extensions::filters::network::sni_dynamic_forward_proxy::v3::FilterConfig as ForwardSni;
use crate::proto::envoy::envoy::extensions::filters::network::sni_dynamic_forward_proxy::v3::filter_config::PortSpecifier;

fn wildcard(age: i64, host: &str, address: &str, ports: &[(&str, u16)]) -> Service {
    Service {
        key: ServiceKey { hostname: host.into(), namespace: "shop".into() },
        name: host.into(),
        registry: Registry::External,
        resolution: Resolution::DynamicDns,
        mesh_external: true,
        ..service(age, "web.shop", &[address], ports)
    }
}

/// The caches of the filters directly before the router.
fn caches(listener: &Listener) -> Vec<String> {
    let manager = manager_of(&listener.filter_chains[0]);
    let router = manager.http_filters.last().unwrap();
    assert_eq!(router.name, "envoy.filters.http.router");
    let rest = &manager.http_filters[..manager.http_filters.len() - 1];
    let at = |f: &&HttpFilter| f.name == "envoy.filters.http.dynamic_forward_proxy";
    let found: Vec<_> = rest.iter().rev().take_while(at).collect();
    assert_eq!(found.len(), rest.iter().filter(at).count(), "they stand together");
    let cache = |filter: &&HttpFilter| {
        let Some(HttpConfig::TypedConfig(any)) = &filter.config_type else { panic!("{filter:?}") };
        let config = ForwardHttp::decode(any.value.as_slice()).unwrap();
        match config.implementation_specifier {
            Some(ImplementationSpecifier::DnsCacheConfig(cache)) => cache.name,
            other => panic!("{other:?}"),
        }
    };
    found.iter().rev().map(cache).collect()
}

#[test]
fn http_resolves_names_for_each_service_of_the_listener() {
    let world = snapshot([
        service(1, "web.shop", &["10.96.0.1"], &[("http", 80), ("http-b", 81)]),
        wildcard(2, "*.a.com", "240.240.0.1", &[("http", 80)]),
        wildcard(3, "*.b.com", "240.240.0.2", &[("http", 80), ("http-c", 82)]),
        wildcard(4, "exact.com", "240.240.0.3", &[("http", 83)]),
    ]);
    let mut memos = Memos::default();
    let built = outbound(&context(&world, &scope("shop")), &traits(), &[], &mut memos);
    let listeners = decode(&built);
    let check = |port: u16, want: &[&str]| {
        assert_eq!(caches(&named(&listeners, &format!("0.0.0.0_{port}"))), want, "{port}");
    };
    check(80, &["*.a.com_dfp_dns_cache", "*.b.com_dfp_dns_cache"]);
    check(81, &[]);
    check(82, &["*.b.com_dfp_dns_cache"]);
    check(83, &[]);
    assert_eq!(memos.managers.counts.built, 3, "those that resolve nothing share theirs");
    let shared = built.resources.iter().find(|r| *r.name == *"0.0.0.0_80").unwrap();
    assert!(shared.origins.contains(&world.services[2].origin), "{:?}", shared.origins);
}

#[test]
fn tls_resolves_the_server_that_it_names() {
    let world = snapshot([wildcard(1, "*.a.com", "240.240.0.1", &[("tls", 443)])]);
    let listeners = outbound_of(&world, &scope("shop"), &traits());
    let listener = named(&listeners, "240.240.0.1_443");
    let want = "*.a.com -> stats sni_dynamic_forward_proxy outbound|443||*.a.com";
    assert_eq!(lines(&listener)[0], want);
    assert_eq!(inspectors(&listener), ["tls_inspector"]);
    let forward: ForwardSni = config(&listener.filter_chains[0].filters[1]);
    assert_eq!(forward.dns_cache_config.unwrap().name, "*.a.com_dfp_dns_cache");
    assert_eq!(forward.port_specifier, Some(PortSpecifier::PortValue(443)));

    let any = snapshot([wildcard(1, "*", "240.240.0.1", &[("tls", 443)])]);
    let listeners = outbound_of(&any, &scope("shop"), &traits());
    let listener = named(&listeners, "240.240.0.1_443");
    assert_eq!(lines(&listener), ["-> stats sni_dynamic_forward_proxy outbound|443||*"]);
    assert_eq!(inspectors(&listener), ["tls_inspector"], "the name is read though none is matched");
}

#[test]
fn an_envoy_without_the_filters_is_not_sent_them() {
    let world = snapshot([wildcard(1, "*.a.com", "240.240.0.1", &[("http", 80), ("tls", 443)])]);
    let stock = proxy_with_extensions(&["envoy.filters.http.cors"]);
    let scope = Scope { capabilities: Capabilities::of(&stock), ..scope("shop") };
    let listeners = outbound_of(&world, &scope, &traits());
    assert_eq!(caches(&named(&listeners, "0.0.0.0_80")), [""; 0]);
    let tls = named(&listeners, "240.240.0.1_443");
    assert_eq!(lines(&tls)[0], "*.a.com -> outbound|443||*.a.com");
}
