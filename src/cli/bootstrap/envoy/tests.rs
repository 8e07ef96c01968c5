use serde_json::{Value, json};

use super::{Address, Settings, bootstrap};

fn settings() -> Settings {
    Settings {
        xds: Address::Tcp("10.0.0.1".into(), 15010),
        delta: false,
        sds: Address::Unix("/run/sds".into()),
        admin_port: 15000,
        stats_port: 15090,
        status_port: 15021,
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
