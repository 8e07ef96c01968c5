//! Load balancing as rules ask for it.

use super::*;

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
