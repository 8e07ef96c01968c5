//! Clusters of services that follow DestinationRules.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{HTTP_OPTIONS, ISTIO, router, unchanged};
use crate::api::mesh::{TcpKeepalive, TlsDefaults};
use crate::api::{Kind, MeshConfig, ObjectKey};
use crate::model::{Protocol, Proxy, Registry, Resolution, Service, ServiceTarget, TlsMode};
use crate::translate::cluster::{Memos, inbound, outbound};
use crate::translate::fixture::{World, at, build, endpoint, find, scope, service, workload};
use crate::translate::resource::ResourceType;

const HOST: &str = "web.default.svc.cluster.local";
const TLS: &str = "/transport_socket/typed_config";

/// A service with a rule, and who looks at it.
struct Case {
    service: Service,
    rule: Value,
    mesh: MeshConfig,
    proxy: fn(&mut Proxy),
    endpoints: TlsMode,
}

impl Case {
    fn new(rule: Value) -> Case {
        Case {
            service: service("web.default", &[("http", 80, Protocol::Http)]),
            rule,
            mesh: MeshConfig::default(),
            proxy: unchanged,
            endpoints: TlsMode::Istio,
        }
    }

    fn policy(policy: Value) -> Case {
        Case::new(json!({ "trafficPolicy": policy }))
    }

    fn world(&self) -> World {
        let mut world = World::new(self.mesh.clone());
        let mut pod = workload("web-1.default", "", "");
        pod.tls_mode = self.endpoints;
        world.serve(&self.service, vec![endpoint("10.1.0.1", 80, &Arc::new(pod))]);
        world.apply(self.service.clone());
        world.rule("web.default", HOST, self.rule.clone());
        world
    }

    fn clusters(&self) -> crate::translate::translator::Built {
        let snapshot = self.world().snapshot();
        let scope = scope(&snapshot, self.proxy);
        build(&snapshot, &scope, |context| outbound(context, &mut Memos::default()))
    }

    fn subset(&self, subset: &str) -> Value {
        let name = format!("outbound|80|{subset}|{HOST}");
        find(&self.clusters(), ResourceType::Cluster, &name).unwrap()
    }

    fn cluster(&self) -> Value {
        self.subset("")
    }
}

/// The HTTP options of a cluster, without their type.
fn http_options(cluster: &Value) -> Value {
    let mut options = at(cluster, HTTP_OPTIONS).clone();
    if let Some(fields) = options.as_object_mut() {
        fields.remove("@type");
    }
    options
}

#[test]
fn load_balancers() {
    let check = |balancer: Value, policy: &str, field: &str, config: Value| {
        let got = Case::policy(json!({ "loadBalancer": balancer })).cluster();
        let got_policy = got.get("lb_policy").map_or("ROUND_ROBIN", |p| p.as_str().unwrap());
        let configs: Vec<_> = got
            .as_object()
            .unwrap()
            .iter()
            .filter(|(key, _)| key.ends_with("_lb_config") && *key != "common_lb_config")
            .map(|(key, value)| (key.as_str(), value.clone()))
            .collect();
        let want = if field.is_empty() { vec![] } else { vec![(field, config)] };
        assert_eq!((got_policy, configs), (policy, want), "{balancer}");
    };
    let none = || Value::Null;
    check(json!({}), "LEAST_REQUEST", "", none());
    check(json!({ "simple": "UNSPECIFIED" }), "LEAST_REQUEST", "", none());
    check(json!({ "simple": "LEAST_CONN" }), "LEAST_REQUEST", "", none());
    check(json!({ "simple": "RANDOM", "warmupDurationSecs": "9s" }), "RANDOM", "", none());
    check(json!({ "simple": "ROUND_ROBIN" }), "ROUND_ROBIN", "", none());
    check(json!({ "simple": "PASSTHROUGH" }), "CLUSTER_PROVIDED", "", none());
    check(
        json!({ "simple": "ROUND_ROBIN", "warmup": { "duration": "30s" } }),
        "ROUND_ROBIN",
        "round_robin_lb_config",
        json!({ "slow_start_config": { "slow_start_window": "30s",
            "aggression": { "default_value": 1, "runtime_key": "(" },
            "min_weight_percent": { "value": 10 } } }),
    );
    check(
        json!({ "warmupDurationSecs": "9s" }),
        "LEAST_REQUEST",
        "least_request_lb_config",
        json!({ "slow_start_config": { "slow_start_window": "9s" } }),
    );
    let hash = |more: Value| {
        let mut hash = json!({ "httpHeaderName": "x" });
        hash.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "consistentHash": hash })
    };
    let ring = |size: &str| json!({ "minimum_ring_size": size });
    check(hash(json!({})), "RING_HASH", "ring_hash_lb_config", ring("1024"));
    check(hash(json!({ "minimumRingSize": 7 })), "RING_HASH", "ring_hash_lb_config", ring("7"));
    check(hash(json!({ "ringHash": {} })), "RING_HASH", "", none());
    let sized = json!({ "ringHash": { "minimumRingSize": 9 } });
    check(hash(sized), "RING_HASH", "ring_hash_lb_config", ring("9"));
    check(hash(json!({ "maglev": {} })), "MAGLEV", "", none());
    let table = json!({ "table_size": "11" });
    check(hash(json!({ "maglev": { "tableSize": 11 } })), "MAGLEV", "maglev_lb_config", table);
}

#[test]
fn a_rule_may_leave_the_choice_to_the_client() {
    let mut case = Case::policy(json!({ "loadBalancer": { "simple": "PASSTHROUGH" } }));
    let got = case.cluster();
    assert_eq!(at(&got, "/type"), "ORIGINAL_DST");
    assert_eq!(got.get("eds_cluster_config"), None);
    assert_eq!(at(&got, "/transport_socket/name"), "envoy.transport_sockets.tls");
    case.endpoints = TlsMode::Disabled;
    assert_eq!(case.cluster().get("transport_socket"), None);
    // A subset cannot take it back.
    case.rule["subsets"] =
        json!([{ "name": "v1", "trafficPolicy": { "loadBalancer": { "simple": "RANDOM" } } }]);
    assert_eq!(at(&case.subset("v1"), "/lb_policy"), "CLUSTER_PROVIDED");
}

#[test]
fn localities_are_weighed_where_it_has_an_effect() {
    let check = |policy: Value, mesh: Value, service: &str, want: Value| {
        let mut case = Case::policy(policy.clone());
        case.service.traffic_distribution = service.into();
        case.mesh.locality_lb_setting = serde_json::from_value(mesh.clone()).unwrap();
        assert_eq!(*at(&case.cluster(), "/common_lb_config"), want, "{policy} {mesh} {service}");
    };
    let balancer = |setting: Value| json!({ "loadBalancer": { "localityLbSetting": setting } });
    let with_outlier = |mut policy: Value, percent: u32| {
        policy["outlierDetection"] = json!({ "minHealthPercent": percent });
        policy
    };
    let distribute = json!({ "distribute": [{ "from": "a/*", "to": { "a/*": 100 } }] });
    let failover = json!({ "failover": [{ "from": "a", "to": "b" }] });
    let priority = json!({ "failoverPriority": ["x"] });
    let off = json!({ "enabled": false, "failoverPriority": ["x"] });
    let none = || json!({});
    let weighed = || json!({ "locality_weighted_lb_config": {} });
    let both = |panic: Value| json!({ "locality_weighted_lb_config": {}, "healthy_panic_threshold": panic });
    check(none(), none(), "", none());
    check(balancer(distribute.clone()), none(), "", weighed());
    check(balancer(failover.clone()), none(), "", none());
    check(with_outlier(balancer(failover.clone()), 0), none(), "", both(json!({})));
    check(with_outlier(balancer(priority), 30), none(), "", both(json!({ "value": 30 })));
    check(
        with_outlier(balancer(off.clone()), 0),
        failover.clone(),
        "",
        json!({ "healthy_panic_threshold": {} }),
    );
    check(with_outlier(none(), 0), failover.clone(), "", both(json!({})));
    check(none(), failover, "", none());
    check(none(), distribute.clone(), "", weighed());
    check(none(), json!({ "enabled": false }), "", none());
    // What the service asks for counts where the rule does not speak of localities.
    check(with_outlier(none(), 30), none(), "PreferClose", both(json!({})));
    check(balancer(off), distribute, "PreferClose", json!({ "healthy_panic_threshold": {} }));
}

#[test]
fn sessions_stay_with_endpoints_that_go() {
    let mut case = Case::new(json!({ "subsets": [{ "name": "v1" }] }));
    let label = "istio.io/persistent-session".into();
    case.service.labels.insert(label, "cookie".into());
    let statuses = json!({ "statuses": ["HEALTHY", "DRAINING", "UNKNOWN", "DEGRADED"] });
    let path = "/common_lb_config/override_host_status";
    assert_eq!(*at(&case.cluster(), path), statuses);
    assert_eq!(*at(&case.subset("v1"), path), Value::Null);
}

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

fn exact(names: &[&str]) -> Value {
    names.iter().map(|name| json!({ "exact": name })).collect()
}

const VALIDATION: &str = "/common_tls_context/combined_validation_context";

#[test]
fn tls_of_rules() {
    let tls = |settings: Value| Case::policy(json!({ "tls": settings })).cluster();
    let sans = format!("{TLS}{VALIDATION}/default_validation_context/match_subject_alt_names");
    let roots = format!("{TLS}{VALIDATION}/validation_context_sds_secret_config/name");
    let own = format!("{TLS}/common_tls_context/tls_certificate_sds_secret_configs/0/name");
    let override_ = format!("{ISTIO}/alpn_override");

    let got = tls(json!({ "mode": "DISABLE" }));
    assert_eq!(got.get("transport_socket"), None);
    assert_eq!(got.get("transport_socket_matches"), None);
    assert_eq!(*at(&got, &override_), Value::Null);

    let got = tls(json!({ "mode": "ISTIO_MUTUAL" }));
    assert_eq!(*at(&got, &sans), exact(&["spiffe://cluster.local/ns/default/sa/web"]));
    assert_eq!(at(&got, &format!("{TLS}/sni")), "outbound_.80_._.web.default.svc.cluster.local");
    assert_eq!(at(&got, &roots), "ROOTCA");
    assert_eq!(*at(&got, &override_), Value::Null);
    let got = tls(json!({ "mode": "ISTIO_MUTUAL", "sni": "x", "subjectAltNames": ["y"] }));
    assert_eq!((at(&got, &sans), at(&got, &format!("{TLS}/sni"))), (&exact(&["y"]), &json!("x")));

    let got = tls(json!({ "mode": "SIMPLE" }));
    assert_eq!(at(&got, &roots), "file-root:system");
    assert_eq!(*at(&got, &own), Value::Null);
    assert_eq!(at(&got, &override_), "false");
    assert_eq!(*at(&got, &sans), Value::Null);
    let upstream =
        |cluster: &Value| http_options(cluster)["upstream_http_protocol_options"].clone();
    assert_eq!(upstream(&got), json!({ "auto_sni": true, "auto_san_validation": true }));

    let got = tls(json!({ "mode": "SIMPLE", "subjectAltNames": ["y"], "caCrl": "/crl" }));
    assert_eq!(upstream(&got), json!({ "auto_sni": true }));
    assert_eq!(*at(&got, &sans), exact(&["y"]));
    let crl = format!("{TLS}{VALIDATION}/default_validation_context/crl/filename");
    assert_eq!(at(&got, &crl), "/crl");

    let got = tls(json!({ "mode": "SIMPLE", "insecureSkipVerify": true }));
    assert_eq!(upstream(&got), json!({ "auto_sni": true }));
    let validation = format!("{TLS}/common_tls_context/validation_context");
    assert_eq!(*at(&got, &validation), json!({}));

    let files = json!({ "mode": "MUTUAL", "clientCertificate": "/c", "privateKey": "/k",
        "caCertificates": "/ca", "sni": "x" });
    let got = tls(files);
    assert_eq!(
        (at(&got, &own), at(&got, &roots)),
        (&json!("file-cert:/c~/k"), &json!("file-root:/ca"))
    );
    assert_eq!(http_options(&got), Value::Null);
    // Mutual TLS without a certificate is none.
    assert_eq!(tls(json!({ "mode": "MUTUAL" })).get("transport_socket"), None);
}

#[test]
fn names_that_a_server_may_have_come_from_its_entry() {
    let mut case = Case::policy(json!({ "tls": { "mode": "SIMPLE" } }));
    case.service.registry = Registry::External;
    case.service.mesh_external = true;
    case.service.service_accounts = vec!["entry".into()];
    let sans = format!("{TLS}{VALIDATION}/default_validation_context/match_subject_alt_names");
    let got = case.cluster();
    assert_eq!(*at(&got, &sans), exact(&["entry", "spiffe://cluster.local/ns/default/sa/web"]));
    assert_eq!(at(&got, &format!("{ISTIO}/external")), &json!(true));
}

#[test]
fn credentials_are_for_gateways_and_for_who_is_selected() {
    let check = |name: &str, more: Value, proxy: fn(&mut Proxy), want: Option<&str>| {
        let mut spec =
            json!({ "trafficPolicy": { "tls": { "mode": "MUTUAL", "credentialName": name } } });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let got = Case { proxy, ..Case::new(spec) }.cluster();
        let own = format!("{TLS}/common_tls_context/tls_certificate_sds_secret_configs/0");
        let own = at(&got, &own);
        assert_eq!(own.get("name").and_then(Value::as_str), want, "{name} {more}");
        assert_eq!(got.get("transport_socket").is_some(), want.is_some());
        assert_eq!(at(&got, &format!("{ISTIO}/alpn_override")), "false");
        if want.is_some() {
            let roots =
                at(&got, &format!("{TLS}{VALIDATION}/validation_context_sds_secret_config/name"));
            assert!(roots.as_str().unwrap().ends_with("-cacert"), "{roots}");
        }
    };
    let selector = || json!({ "workloadSelector": {} });
    check("c", json!({}), unchanged, None);
    check("c", selector(), unchanged, Some("kubernetes://c"));
    check("c", json!({}), router, Some("kubernetes://c"));
    check("kubernetes-gateway://a/b", json!({}), router, Some("kubernetes-gateway://a/b"));
    check("configmap://a/b", json!({}), unchanged, Some("configmap://a/b"));
    check("sds://x", selector(), unchanged, Some("kubernetes://x"));
    check("sds://x", selector(), |p| p.metadata = json!({ "credential": "true" }), Some("sds://x"));
}

#[test]
fn a_proxy_s_own_certificates_replace_those_of_the_mesh() {
    let files = |p: &mut Proxy| {
        p.metadata = json!({ "TLS_CLIENT_CERT_CHAIN": "/c", "TLS_CLIENT_KEY": "/k",
            "TLS_CLIENT_ROOT_CERT": "/r" });
    };
    let check = |policy: Value, external: bool, want: Option<&str>| {
        let mut case = Case { proxy: files, ..Case::policy(policy.clone()) };
        case.service.mesh_external = external;
        let got = case.cluster();
        let own = format!("{TLS}/common_tls_context/tls_certificate_sds_secret_configs/0/name");
        assert_eq!(at(&got, &own).as_str(), want, "{policy}");
        assert_eq!(got.get("transport_socket_matches"), None);
    };
    check(json!({}), false, Some("file-cert:/c~/k"));
    check(json!({ "tls": { "mode": "ISTIO_MUTUAL" } }), false, Some("file-cert:/c~/k"));
    check(json!({ "tls": { "mode": "ISTIO_MUTUAL" } }), true, Some("default"));
    check(json!({ "tls": { "mode": "SIMPLE" } }), false, None);
}

#[test]
fn the_mesh_limits_what_tls_of_rules_offers() {
    let mut case = Case::policy(json!({ "tls": { "mode": "SIMPLE" } }));
    case.mesh.tls_defaults =
        TlsDefaults { ecdh_curves: vec!["P-256".into()], cipher_suites: vec!["AES".into()] };
    let parameters = format!("{TLS}/common_tls_context/tls_params");
    let got = at(&case.cluster(), &parameters).clone();
    assert_eq!((&got["ecdh_curves"], &got["cipher_suites"]), (&json!(["P-256"]), &json!(["AES"])));
    case.rule = json!({ "trafficPolicy": { "tls": { "mode": "ISTIO_MUTUAL" } } });
    assert_eq!(at(&case.cluster(), &parameters).get("ecdh_curves"), None);
}

#[test]
fn the_proxy_protocol_comes_before_everything() {
    let check = |tls: Value, inner: &str, path: &str| {
        let policy = json!({ "proxyProtocol": { "version": "V2" }, "tls": tls });
        let got = Case::policy(policy).cluster();
        let socket = at(&got, path);
        assert_eq!(at(socket, "/name"), "envoy.transport_sockets.upstream_proxy_protocol");
        assert_eq!(at(socket, "/typed_config/config/version"), "V2");
        assert_eq!(at(socket, "/typed_config/transport_socket/name"), inner);
    };
    let (plain, tls) = ("envoy.transport_sockets.raw_buffer", "envoy.transport_sockets.tls");
    check(json!({ "mode": "DISABLE" }), plain, "/transport_socket");
    check(json!({ "mode": "SIMPLE" }), tls, "/transport_socket");
    check(Value::Null, tls, "/transport_socket_matches/0/transport_socket");
    check(Value::Null, plain, "/transport_socket_matches/1/transport_socket");
}

#[test]
fn each_subset_has_a_cluster() {
    let mut case = Case::new(json!({
        "trafficPolicy": { "connectionPool": { "tcp": { "maxConnections": 1 } } },
        "subsets": [
            { "name": "v1" },
            { "name": "v2", "trafficPolicy": { "tls": { "mode": "SIMPLE", "sni": "x" } } },
        ],
    }));
    case.service.mesh_external = true;
    let got = case.subset("v1");
    let name = "outbound|80|v1|web.default.svc.cluster.local";
    assert_eq!(at(&got, "/eds_cluster_config/service_name"), name);
    assert_eq!(at(&got, "/circuit_breakers/thresholds/0/max_connections"), &json!(1));
    let metadata = at(&got, ISTIO);
    let path = "/apis/networking.istio.io/v1/namespaces/default/destination-rule/web";
    assert_eq!((&metadata["subset"], &metadata["config"]), (&json!("v1"), &json!(path)));
    assert_eq!(metadata.get("external"), None, "only the cluster of all endpoints tells it");
    assert_eq!(at(&case.subset("v2"), &format!("{TLS}/sni")), "x");
    case.service.mesh_external = false;
    let sni = "/transport_socket_matches/0/transport_socket/typed_config/sni";
    assert_eq!(at(&case.subset("v1"), sni), "outbound_.80_.v1_.web.default.svc.cluster.local");
    let built = case.clusters();
    let cluster = built.resources.iter().find(|r| *r.name == *name).unwrap();
    let rule =
        ObjectKey { kind: Kind::DestinationRule, namespace: "default".into(), name: "web".into() };
    assert!(cluster.origins.contains(&rule), "{:?}", cluster.origins);
}

#[test]
fn statistics_are_kept_under_the_names_of_the_mesh() {
    let check = |pattern: &str, registry, want: &str| {
        let mut case = Case::new(json!({ "subsets": [{ "name": "v1" }] }));
        case.mesh.outbound_cluster_stat_name = pattern.into();
        case.service.registry = registry;
        assert_eq!(at(&case.subset("v1"), "/alt_stat_name"), want, "{pattern}");
    };
    use Registry::{External, Kubernetes};
    let pattern =
        "%SERVICE%_%SERVICE_NAME%_%SUBSET_NAME%_%SERVICE_PORT%_%SERVICE_PORT_NAME%_%TARGET_PORT%";
    check(pattern, Kubernetes, "web.default_web_v1_80_http_0;");
    check("%SERVICE%", External, "web.default.svc.cluster.local;");
    check("%SERVICE_FQDN%", Kubernetes, "web.default.svc.cluster.local;");
    check("", Kubernetes, "outbound|80|v1|web.default.svc.cluster.local;");
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
fn a_rule_touches_its_own_clusters_only() {
    let mut world = World::default();
    for name in ["a.default", "b.default"] {
        let service = service(name, &[("http", 80, Protocol::Http), ("tcp", 81, Protocol::Tcp)]);
        world.apply(service);
        let subsets = json!({ "subsets": [{ "name": "v1" }] });
        world.rule(name, &format!("{name}.svc.cluster.local"), subsets);
    }
    let mut memos = Memos::default();
    let mut clusters = |world: &mut World| {
        let snapshot = world.snapshot();
        let scope = scope(&snapshot, unchanged);
        let before = memos.counts().built;
        let built = build(&snapshot, &scope, |context| outbound(context, &mut memos));
        (built, memos.counts().built - before)
    };
    let (first, built) = clusters(&mut world);
    assert_eq!(built, 8);
    let spec = json!({ "trafficPolicy": { "loadBalancer": { "simple": "RANDOM" } },
        "subsets": [{ "name": "v1" }] });
    world.rule("b.default", "b.default.svc.cluster.local", spec);
    let (second, built) = clusters(&mut world);
    assert_eq!(built, 4, "two ports with a subset each");
    let same = |name: &str| {
        let find = |built: &crate::translate::translator::Built| {
            built.resources.iter().find(|r| *r.name == *name).unwrap().clone()
        };
        Arc::ptr_eq(&find(&first), &find(&second))
    };
    assert!(same("outbound|80|v1|a.default.svc.cluster.local"));
    assert!(!same("outbound|80|v1|b.default.svc.cluster.local"));
}

#[test]
fn a_headless_service_stays_as_it_is() {
    let mut case =
        Case::policy(json!({ "loadBalancer": { "consistentHash": { "useSourceIp": true } },
        "connectionPool": { "tcp": { "maxConnections": 2 } } }));
    case.service.resolution = Resolution::Passthrough;
    let got = case.cluster();
    assert_eq!(
        (at(&got, "/type"), at(&got, "/lb_policy")),
        (&json!("ORIGINAL_DST"), &json!("CLUSTER_PROVIDED"))
    );
    assert_eq!(at(&got, "/circuit_breakers/thresholds/0/max_connections"), &json!(2));
    case.proxy = router;
    assert_eq!(at(&case.cluster(), "/lb_policy"), "RING_HASH");
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

#[test]
fn a_server_of_credentials_has_a_cluster() {
    let name = "sds-external";
    let find_in = |proxy: fn(&mut Proxy)| {
        let built = Case { proxy, ..Case::new(json!({})) }.clusters();
        find(&built, ResourceType::Cluster, name)
    };
    assert_eq!(find_in(unchanged), None);
    let got = find_in(|p| p.metadata = json!({ "credential": "true" })).unwrap();
    let path = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/pipe/path";
    assert_eq!(at(&got, path), "./var/run/secrets/credential-uds/socket");
}
