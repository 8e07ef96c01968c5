//! TLS and TCP routes of VirtualServices on outbound listeners.

use super::*;
use crate::api::networking::{DestinationRule, VirtualService};
use crate::api::{Features, Meta};
use crate::model::{Rules, VirtualServices};
use crate::proto::envoy::google::protobuf::value::Kind as Value;

const DOMAIN: &str = "cluster.local";

fn meta(name: &str) -> Meta {
    Meta { name: name.into(), namespace: "shop".into(), ..Meta::default() }
}

/// The services with VirtualServices of these specs, named `v0`, `v1` and so on.
fn world(specs: &[&str]) -> Snapshot {
    let virtual_service = |(index, spec): (usize, &&str)| {
        let spec = serde_json::from_str(spec).unwrap();
        Arc::new(Config::<VirtualService> { meta: meta(&format!("v{index}")), spec, status: () })
    };
    let configs: Vec<_> = specs.iter().enumerate().map(virtual_service).collect();
    let before = VirtualServices::default();
    let mesh = MeshConfig::default();
    let world = snapshot([
        service(1, "db.shop", &["10.96.0.1"], &[("tcp", 90)]),
        service(2, "tls.shop", &["10.96.0.2"], &[("tls", 443)]),
        service(3, "two.shop", &["10.96.0.3"], &[("tcp", 91), ("tcp-b", 92)]),
        service(4, "none.shop", &[], &[("tls", 444)]),
    ]);
    let all = VirtualServices::new(&configs, &mesh, DOMAIN, &before);
    Snapshot { virtual_services: Arc::new(all), ..world }
}

fn cluster(port: u16, name: &str) -> String {
    format!("outbound|{port}||{name}.shop.svc.cluster.local")
}

#[track_caller]
fn check(specs: &[&str], listener: &str, want: &[String]) {
    let labelled = Scope { labels: [("app".into(), "web".into())].into(), ..scope("shop") };
    let listeners = outbound_of(&world(specs), &labelled, &traits());
    assert_eq!(lines(&named(&listeners, listener)), want, "{specs:?}");
}

const UNKNOWN: &str = "otherwise PassthroughFilterChain -> stats PassthroughCluster";

#[test]
fn tcp_routes() {
    let check = |spec: &str, want: &[String]| check(&[spec], "10.96.0.1_90", want);
    let own = format!("-> stats {}", cluster(90, "db"));
    let other = format!("-> stats {}", cluster(91, "two"));
    let to = r#""route": [{"destination": {"host": "two", "port": {"number": 91}}}]"#;
    let rule = |matches: &str| format!(r#"{{"hosts": ["db"], "tcp": [{{{matches} {to}}}]}}"#);
    check(&rule(""), std::slice::from_ref(&other));
    check(&rule(r#""match": [{"port": 90}],"#), std::slice::from_ref(&other));
    check(&rule(r#""match": [{"port": 91}],"#), std::slice::from_ref(&own));
    check(&rule(r#""match": [{"gateways": ["mesh"]}],"#), std::slice::from_ref(&other));
    check(&rule(r#""match": [{"gateways": ["shop/gw"]}],"#), std::slice::from_ref(&own));
    check(&rule(r#""match": [{"sourceLabels": {"app": "web"}}],"#), std::slice::from_ref(&other));
    check(&rule(r#""match": [{"sourceLabels": {"app": "api"}}],"#), std::slice::from_ref(&own));
    check(&rule(r#""match": [{"sourceNamespace": "shop"}],"#), std::slice::from_ref(&other));
    check(&rule(r#""match": [{"sourceNamespace": "bank"}],"#), std::slice::from_ref(&own));
    check(
        &rule(r#""match": [{"destinationSubnets": ["10.2.0.0/16", "10.1.0.0/16"]}],"#),
        &[format!("10.1.0.0/16,10.2.0.0/16 {other}"), format!("otherwise {own}")],
    );
    // Without a port it is that of the listener, unless the service has one only.
    let two = r#"{"hosts": ["db"], "tcp": [{"route": [{"destination": {"host": "two"}}]}]}"#;
    check(two, &[format!("-> stats {}", cluster(90, "two"))]);
    let tls = r#"{"hosts": ["db"], "tcp": [{"route": [{"destination": {"host": "tls"}}]}]}"#;
    check(tls, &[format!("-> stats {}", cluster(443, "tls"))]);
    let weighted = r#"{"hosts": ["db"], "tcp": [{"route": [
        {"destination": {"host": "db"}, "weight": 90}, {"destination": {"host": "tls"}, "weight": 10},
        {"destination": {"host": "two"}, "weight": 0}]}]}"#;
    check(weighted, &[format!("-> stats 90*{} 10*{}", cluster(90, "db"), cluster(443, "tls"))]);
}

#[test]
fn tls_routes() {
    let to = r#""route": [{"destination": {"host": "db"}}]"#;
    let db = format!("-> stats {}", cluster(90, "db"));
    let check = |specs: &[&str], want: &[String]| check(specs, "10.96.0.2_443", want);
    let rule = |matches: &str| {
        format!(r#"{{"hosts": ["tls", "*.tls"], "tls": [{{"match": [{matches}], {to}}}]}}"#)
    };
    let named = r#"{"sniHosts": ["b.tls", "a.tls"]}"#;
    check(&[&rule(named)], &[format!("a.tls,b.tls {db}"), UNKNOWN.to_owned()]);
    let twice = format!(r#"{named}, {{"sniHosts": ["b.tls", "a.tls"], "port": 443}}"#);
    check(&[&rule(&twice)], &[format!("a.tls,b.tls {db}"), UNKNOWN.to_owned()]);
    check(&[&rule(r#"{"sniHosts": ["*"]}"#)], std::slice::from_ref(&db));
    let elsewhere = r#"{"sniHosts": ["a.tls"], "port": 444}"#;
    check(&[&rule(elsewhere)], &[format!("-> stats {}", cluster(443, "tls"))]);
    let subnets = r#"{"sniHosts": ["a.tls"], "destinationSubnets": ["10.1.0.0/16"]}"#;
    check(&[&rule(subnets)], &[format!("a.tls 10.1.0.0/16 {db}"), UNKNOWN.to_owned()]);
    // A server name means one thing, whatever else is said of it.
    let two = rule(r#"{"sniHosts": ["a.tls"]}, {"sniHosts": ["a.tls", "b.tls"]}"#);
    check(&[&two], &[format!("a.tls {db}"), format!("b.tls {db}"), UNKNOWN.to_owned()]);
}

#[test]
fn a_tls_service_without_address_is_told_by_its_name() {
    let own = format!("none.shop.svc.cluster.local -> stats {}", cluster(444, "none"));
    check(&[], "0.0.0.0_444", &[own, UNKNOWN.to_owned()]);
}

#[test]
fn chains_tell_where_they_come_from() {
    let spec = r#"{"hosts": ["db"], "tcp": [{"route": [{"destination": {"host": "tls"}}]}]}"#;
    let world = world(&[spec]);
    let built = outbound(&context(&world, &scope("shop")), &traits(), &[], &mut Memos::default());
    let listener = built.resources.iter().find(|r| *r.name == *"10.96.0.1_90").unwrap();
    let origins: Vec<String> = listener.origins.iter().map(ToString::to_string).collect();
    assert_eq!(origins, ["Service shop/db", "Service shop/tls", "VirtualService shop/v0"]);
    let chain = Listener::decode(listener.body.clone()).unwrap().filter_chains.remove(0);
    let metadata = &chain.metadata.unwrap().filter_metadata["istio"];
    let path = "/apis/networking.istio.io/v1/namespaces/shop/virtual-service/v0";
    assert_eq!(metadata.fields["config"].kind, Some(Value::StringValue(path.into())));
}

#[test]
fn the_rule_of_the_destination_shapes_connections() {
    let rule = serde_json::json!({
        "host": "db",
        "trafficPolicy": {
            "connectionPool": {"tcp": {"idleTimeout": "30s", "maxConnectionDuration": "1h"}},
            "loadBalancer": {"consistentHash": {"useSourceIp": true}},
            "tunnel": {"protocol": "POST", "targetHost": "far.example.com", "targetPort": 8443},
        },
    });
    let spec = serde_json::from_value(rule).unwrap();
    let rule = Config::<DestinationRule> { meta: meta("r"), spec, status: () };
    let (mesh, features) = (MeshConfig::default(), Features::default());
    let rules = Rules::new(&[Arc::new(rule)], &mesh, DOMAIN, &features, &Rules::default());
    let world = Snapshot { destination_rules: Arc::new(rules), ..world(&[]) };
    let listener = named(&outbound_of(&world, &scope("shop"), &traits()), "10.96.0.1_90");
    let proxy: TcpProxy = config_of(&listener);
    assert_eq!(proxy.idle_timeout.unwrap().seconds, 30);
    assert_eq!(proxy.max_downstream_connection_duration.unwrap().seconds, 3600);
    assert_eq!(proxy.hash_policy.len(), 1);
    let tunnel = proxy.tunneling_config.unwrap();
    assert_eq!((tunnel.hostname.as_str(), tunnel.use_post), ("far.example.com:8443", true));
}

fn config_of(listener: &Listener) -> TcpProxy {
    config(listener.filter_chains[0].filters.last().unwrap())
}
