use serde_json::{Value, json};

use super::{Address, Settings, XdsTls, bootstrap};

fn settings() -> Settings {
    Settings {
        xds: Address::Tcp("10.0.0.1".into(), 15010),
        xds_tls: None,
        xds_headers: Vec::new(),
        delta: false,
        sds: Address::Unix("/run/sds".into()),
        admin_port: 15000,
        stats_port: 15090,
        status_port: 15021,
        agent_port: 0,
    }
}

fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

#[test]
fn addresses_are_read_and_written() {
    let check = |text: &str, want: Option<Address>| {
        let read = text.parse::<Address>();
        assert_eq!(read.clone().ok(), want, "{text}");
        if let Ok(address) = read {
            assert_eq!(address.to_string(), text);
        }
    };
    check("istiod:15010", Some(Address::Tcp("istiod".into(), 15010)));
    check("127.0.0.1:1", Some(Address::Tcp("127.0.0.1".into(), 1)));
    check("[::1]:15010", Some(Address::Tcp("::1".into(), 15010)));
    check("unix:/run/socket", Some(Address::Unix("/run/socket".into())));
    check("unix:", None);
    check("istiod", None);
    check("istiod:0", None);
    check(":15010", None);
    check("istiod:65536", None);
}

#[test]
fn delta_changes_the_api_type_only() {
    let plain = bootstrap(&json!({}), &settings());
    let mut delta = bootstrap(&json!({}), &Settings { delta: true, ..settings() });
    let pointer = "/dynamic_resources/ads_config/api_type";
    assert_eq!(at(&delta, pointer), "DELTA_GRPC");
    *delta.pointer_mut(pointer).unwrap() = json!("GRPC");
    assert_eq!(delta, plain);
}

#[test]
fn servers_are_where_the_settings_say() {
    let check = |xds: &str, kind: &str, want: Value| {
        let made = bootstrap(&json!({}), &Settings { xds: xds.parse().unwrap(), ..settings() });
        let cluster = at(&made, "/static_resources/clusters/2");
        assert_eq!(at(cluster, "/name"), "xds-grpc");
        assert_eq!(at(cluster, "/type"), kind, "{xds}");
        let endpoint = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address";
        assert_eq!(*at(cluster, endpoint), want);
    };
    let socket = |host, port| json!({ "socket_address": { "address": host, "port_value": port } });
    check("10.0.0.1:15010", "STATIC", socket("10.0.0.1", 15010));
    check("[::1]:15010", "STATIC", socket("::1", 15010));
    check("istiod.istio-system:15010", "STRICT_DNS", socket("istiod.istio-system", 15010));
    check("unix:/run/xds", "STATIC", json!({ "pipe": { "path": "/run/xds" } }));
}

#[test]
fn a_port_of_zero_leaves_its_listener_out() {
    let check = |stats_port, status_port, want: &[&str]| {
        let made = bootstrap(&json!({}), &Settings { stats_port, status_port, ..settings() });
        let listeners = at(&made, "/static_resources/listeners").as_array().unwrap();
        let names: Vec<&str> = listeners.iter().filter_map(|l| at(l, "/name").as_str()).collect();
        assert_eq!(names, want);
    };
    check(15090, 15021, &["prometheus", "agent"]);
    check(0, 15021, &["agent"]);
    check(0, 0, &[]);
}

#[test]
fn tls_takes_its_secrets_from_the_secret_server() {
    let check = |server_name: &str, san_type: &str| {
        let tls = XdsTls {
            server_name: server_name.into(),
            certificate: "default".into(),
            roots: "file-root:/r.pem".into(),
        };
        let made = bootstrap(&json!({}), &Settings { xds_tls: Some(tls), ..settings() });
        let cluster = at(&made, "/static_resources/clusters/2");
        let config = at(cluster, "/transport_socket/typed_config");
        assert_eq!(at(config, "/sni"), server_name);
        let context = at(config, "/common_tls_context");
        assert_eq!(at(context, "/tls_certificate_sds_secret_configs/0/name"), "default");
        let validation = at(context, "/combined_validation_context");
        let roots = at(validation, "/validation_context_sds_secret_config");
        assert_eq!(at(roots, "/name"), "file-root:/r.pem");
        let services = at(roots, "/sds_config/api_config_source/grpc_services");
        assert_eq!(at(services, "/0/envoy_grpc/cluster_name"), "sds-grpc");
        let san = at(validation, "/default_validation_context/match_typed_subject_alt_names/0");
        assert_eq!(*san, json!({ "san_type": san_type, "matcher": { "exact": server_name } }));
    };
    check("istiod.istio-system.svc", "DNS");
    check("10.0.0.1", "IP_ADDRESS");
}

#[test]
fn readiness_is_the_agents_where_there_is_one() {
    let made = bootstrap(&json!({}), &Settings { agent_port: 15020, ..settings() });
    let filter = "/filter_chains/0/filters/0/typed_config/route_config/virtual_hosts/0/routes/0";
    let listener = at(&made, "/static_resources/listeners/1");
    let route = json!({ "cluster": "agent", "prefix_rewrite": "/healthz/ready" });
    assert_eq!(*at(at(listener, filter), "/route"), route);
    assert_eq!(at(&made, "/static_resources/clusters/3/name"), "agent");
}

#[test]
fn headers_go_with_the_stream() {
    let headers = vec![("tenant".to_owned(), "a".to_owned())];
    let made = bootstrap(&json!({}), &Settings { xds_headers: headers, ..settings() });
    let service = at(&made, "/dynamic_resources/ads_config/grpc_services/0");
    assert_eq!(*at(service, "/initial_metadata"), json!([{ "key": "tenant", "value": "a" }]));
}
