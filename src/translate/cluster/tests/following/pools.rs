//! Limits, options of HTTP and connections, and outlier detection.

use super::*;

#[test]
fn limits() {
    let check = |pool: Value, pointer: &str, want: Value| {
        let got = Case::policy(json!({ "connectionPool": pool })).cluster();
        assert_eq!(*at(&got, pointer), want, "{pool} {pointer}");
    };
    let threshold = |name: &str| format!("/circuit_breakers/thresholds/0/{name}");
    let unlimited = || json!(u32::MAX);
    check(json!({}), &threshold("max_connections"), unlimited());
    let tcp = || json!({ "tcp": { "maxConnections": 5, "connectTimeout": "30ms" } });
    check(tcp(), &threshold("max_connections"), json!(5));
    check(tcp(), &threshold("max_requests"), unlimited());
    check(tcp(), "/connect_timeout", json!("0.030s"));
    check(tcp(), HTTP_OPTIONS, Value::Null);
    let http =
        json!({ "http": { "http1MaxPendingRequests": 1, "http2MaxRequests": 2, "maxRetries": 3 } });
    check(http.clone(), &threshold("max_pending_requests"), json!(1));
    check(http.clone(), &threshold("max_requests"), json!(2));
    check(http, &threshold("max_retries"), json!(3));
    check(json!({ "http": { "maxRetries": 0 } }), &threshold("max_retries"), unlimited());
}

#[test]
fn retry_budgets() {
    let check = |budget: Value, want: Value| {
        let got = Case::policy(json!({ "retryBudget": budget })).cluster();
        assert_eq!(*at(&got, "/circuit_breakers/thresholds/0/retry_budget"), want);
    };
    let want = |percent: u32, concurrency: u32| json!({ "budget_percent": { "value": percent }, "min_retry_concurrency": concurrency });
    check(json!({ "percent": 25, "minRetryConcurrency": 5 }), want(25, 5));
    check(json!({}), want(20, 3));
}

#[test]
fn http_options_follow_pools() {
    let check = |protocol, pool: Value, upgrade: bool, want: Value| {
        let mut case = Case::policy(json!({ "connectionPool": pool }));
        case.service.ports[0].protocol = protocol;
        case.mesh.h2_upgrade = upgrade;
        assert_eq!(http_options(&case.cluster()), want, "{protocol:?} {pool} {upgrade}");
    };
    let with_common = |mut options: Value, common: Value| {
        options["common_http_protocol_options"] = common;
        options
    };
    let http1 = || json!({ "explicit_http_config": { "http_protocol_options": {} } });
    let http2 = || json!({ "explicit_http_config": { "http2_protocol_options": {} } });
    let downstream = || {
        json!({ "use_downstream_protocol_config": {
        "http_protocol_options": {}, "http2_protocol_options": {} } })
    };
    use Protocol::{Http, Http2, Tcp, Unsupported};
    let idle = json!({ "tcp": { "idleTimeout": "5m" } });
    check(Http, idle.clone(), false, with_common(http1(), json!({ "idle_timeout": "300s" })));
    check(Tcp, idle, false, with_common(http1(), json!({ "idle_timeout": "300s" })));
    let all = json!({ "tcp": { "idleTimeout": "5m", "maxConnectionDuration": "1h" },
        "http": { "idleTimeout": "9s", "maxRequestsPerConnection": 4 } });
    let common = json!({ "idle_timeout": "9s", "max_connection_duration": "3600s",
        "max_requests_per_connection": 4 });
    check(Http, all, false, with_common(http1(), common));
    // Streams are those of HTTP/2, and only where it is certain.
    let streams = json!({ "http": { "maxConcurrentStreams": 7 } });
    let limited = json!({ "explicit_http_config": { "http2_protocol_options": { "max_concurrent_streams": 7 } } });
    check(Http2, streams.clone(), false, with_common(limited, json!({})));
    check(Http, streams.clone(), false, with_common(http1(), json!({})));
    check(Unsupported, streams, false, with_common(downstream(), json!({})));
    let policy = |name: &str| json!({ "http": { "h2UpgradePolicy": name } });
    check(Http, policy("UPGRADE"), false, http2());
    check(Tcp, policy("UPGRADE"), false, http2());
    check(Unsupported, policy("UPGRADE"), false, downstream());
    check(Http, policy("DO_NOT_UPGRADE"), true, Value::Null);
    check(Http, policy("DEFAULT"), true, http2());
    check(Tcp, policy("DEFAULT"), true, Value::Null);
    let client = json!({ "http": { "useClientProtocol": true, "h2UpgradePolicy": "UPGRADE" } });
    check(Http, client.clone(), true, downstream());
    check(Http2, client, false, downstream());
}

#[test]
fn keepalive_of_the_rule_lies_over_that_of_the_mesh() {
    let pool =
        json!({ "connectionPool": { "tcp": { "tcpKeepalive": { "time": "2h", "probes": 3 } } } });
    let mut case = Case::policy(pool);
    let keepalive = "/upstream_connection_options/tcp_keepalive";
    let want = json!({ "keepalive_time": 7200, "keepalive_probes": 3 });
    assert_eq!(*at(&case.cluster(), keepalive), want);
    case.mesh.tcp_keepalive = Some(TcpKeepalive {
        probes: Some(9),
        interval: Some(std::time::Duration::from_secs(75)),
        ..TcpKeepalive::default()
    });
    let want = json!({ "keepalive_time": 7200, "keepalive_probes": 3, "keepalive_interval": 75 });
    assert_eq!(*at(&case.cluster(), keepalive), want);
}

#[test]
fn outlier_detection_says_only_what_is_given() {
    let check = |settings: Value, want: Value| {
        let got = Case::policy(json!({ "outlierDetection": settings })).cluster();
        assert_eq!(*at(&got, "/outlier_detection"), want, "{settings}");
    };
    check(json!({}), json!({ "enforcing_success_rate": 0 }));
    check(
        json!({ "consecutive5xxErrors": 7, "consecutiveGatewayErrors": 0, "interval": "5m",
            "baseEjectionTime": "15m", "maxEjectionPercent": 40 }),
        json!({ "enforcing_success_rate": 0, "consecutive_5xx": 7, "enforcing_consecutive_5xx": 100,
            "consecutive_gateway_failure": 0, "enforcing_consecutive_gateway_failure": 0,
            "interval": "300s", "base_ejection_time": "900s", "max_ejection_percent": 40 }),
    );
    let local = json!({ "consecutiveLocalOriginFailures": 4 });
    check(local, json!({ "enforcing_success_rate": 0 }));
    check(
        json!({ "splitExternalLocalOriginErrors": true, "consecutiveLocalOriginFailures": 4 }),
        json!({ "enforcing_success_rate": 0, "split_external_local_origin_errors": true,
            "consecutive_local_origin_failure": 4, "enforcing_consecutive_local_origin_failure": 100,
            "enforcing_local_origin_success_rate": 0 }),
    );
}

#[test]
fn servers_follow_the_limits_of_their_clients() {
    let inbound_of = |case: &Case| {
        let snapshot = case.world().snapshot();
        let scope = scope(&snapshot, |_| ());
        let service = Arc::new(case.service.clone());
        let targets = [ServiceTarget { service, port: 0, target_port: 8080 }];
        let built = build(&snapshot, &scope, |c| inbound(c, &[], &targets, &mut Memos::default()));
        find(&built, ResourceType::Cluster, "inbound|8080||").unwrap()
    };
    let mut case = Case::policy(json!({
        "connectionPool": {
            "tcp": { "maxConnections": 4 },
            "http": { "idleTimeout": "9s", "h2UpgradePolicy": "UPGRADE" },
        },
        "outlierDetection": {},
        "tls": { "mode": "SIMPLE" },
    }));
    case.mesh.inbound_cluster_stat_name = "%SERVICE_NAME%_%TARGET_PORT%".into();
    let got = inbound_of(&case);
    assert_eq!(at(&got, "/circuit_breakers/thresholds/0/max_connections"), &json!(4));
    assert_eq!(at(&got, "/alt_stat_name"), "web_8080;");
    let want = json!({ "common_http_protocol_options": { "idle_timeout": "9s" },
        "explicit_http_config": { "http_protocol_options": {} } });
    assert_eq!(http_options(&got), want);
    assert!(at(&got, ISTIO).get("config").is_some());
    assert!(at(&got, ISTIO).get("alpn_override").is_none());
    for absent in ["outlier_detection", "transport_socket", "eds_cluster_config"] {
        assert_eq!(got.get(absent), None, "{absent}");
    }
    // A rule that only names subsets says nothing of servers.
    case.rule = json!({ "subsets": [{ "name": "v1" }] });
    assert_eq!(at(&inbound_of(&case), ISTIO).get("config"), None);
}

#[test]
fn headers_keep_their_case_where_the_proxy_wants_it() {
    let wanted = |p: &mut Proxy| {
        let headers = json!({ "proxyHeaders": { "preserveHttp1HeaderCase": true } });
        p.metadata = json!({ "PROXY_CONFIG": headers });
    };
    let pool = |http: Value| json!({ "connectionPool": { "http": http } });
    let explicit = "/explicit_http_config/http_protocol_options";
    let downstream = "/use_downstream_protocol_config/http_protocol_options";
    let check = |protocol: Protocol, policy: Value, place: &str, want: bool| {
        let mut case = Case::policy(policy.clone());
        case.service = service("web.default", &[("port", 80, protocol)]);
        case.proxy = wanted;
        let got = case.subset("");
        let path = format!("{HTTP_OPTIONS}{place}/header_key_format/stateful_formatter/name");
        let kept = got.pointer(&path).is_some_and(|name| name == "preserve_case");
        assert_eq!(kept, want, "{protocol:?} {policy}: {got}");
    };
    check(Protocol::Http, json!({}), explicit, true);
    check(Protocol::Unsupported, json!({}), downstream, true);
    check(Protocol::Http, pool(json!({ "useClientProtocol": true })), downstream, true);
    check(Protocol::Http, pool(json!({ "h2UpgradePolicy": "UPGRADE" })), explicit, false);
    check(Protocol::Http2, pool(json!({ "useClientProtocol": true })), downstream, false);
    check(Protocol::Tcp, json!({}), explicit, false);
    let built = Case { proxy: wanted, ..Case::new(json!({})) }.clusters();
    let passthrough = find(&built, ResourceType::Cluster, "PassthroughCluster").unwrap();
    let format = format!("{HTTP_OPTIONS}{downstream}/header_key_format");
    assert!(passthrough.pointer(&format).is_some());
}
