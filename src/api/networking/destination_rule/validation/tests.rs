use super::DestinationRule;
use crate::api::fixture::check;

/// A rule with this policy.
fn with(policy: &str) -> String {
    format!("{{host: a.b, trafficPolicy: {{{policy}}}}}")
}

#[test]
fn hosts_and_subsets() {
    check::<DestinationRule>(&[
        ("{host: a, subsets: [{name: v1, labels: {a: b}}, {name: v2}]}", &[]),
        ("host: '*-a.b'", &[]),
        ("{}", &["error spec.host: required"]),
        ("host: a_b", &["error spec.host: no host name"]),
        (
            "{host: a, subsets: [{name: v1}, {name: v1, labels: {a: '*'}}, {}, {name: a.b, trafficPolicy: {}}]}",
            &[
                "error spec.subsets[1].labels.a: invalid label value",
                "error spec.subsets[1].name: duplicate subset",
                "error spec.subsets[2].name: empty",
                "error spec.subsets[3].name: invalid subset name",
                "error spec.subsets[3].trafficPolicy: at least one field",
            ],
        ),
    ]);
}

#[test]
fn selectors_and_exports() {
    check::<DestinationRule>(&[
        ("{host: a, workloadSelector: {matchLabels: {a: b}}, exportTo: [.]}", &[]),
        ("{host: a, workloadSelector: {matchLabels: {a: b}}, exportTo: [shop]}", &[]),
        (
            "{host: a, workloadSelector: {}, exportTo: ['*']}",
            &[
                "error spec.exportTo[0]: own namespace",
                "warning spec.workloadSelector: without labels",
            ],
        ),
        (
            "{host: a, workloadSelector: {matchLabels: {a: 'b*'}}}",
            &["error spec.workloadSelector.matchLabels.a: wildcard"],
        ),
        ("{host: a, exportTo: ['~']}", &["error spec.exportTo[0]: services only"]),
    ]);
}

#[test]
fn policies_as_a_whole() {
    check::<DestinationRule>(&[
        (&with(""), &["error spec.trafficPolicy: at least one field"]),
        (
            &with("retryBudget: {percent: 101}"),
            &["error spec.trafficPolicy.retryBudget.percent: 0 to 100"],
        ),
        (
            &with("tunnel: {protocol: GET, targetHost: a_b, targetPort: 0}, proxyProtocol: {}"),
            &[
                "error spec.trafficPolicy.proxyProtocol: cannot be set together",
                "error spec.trafficPolicy.tunnel.protocol: CONNECT or POST",
                "error spec.trafficPolicy.tunnel.targetHost: not a valid",
                "error spec.trafficPolicy.tunnel.targetPort: 1..65535",
            ],
        ),
        (&with("tunnel: {targetHost: 1.2.3.4, targetPort: 1}"), &[]),
        (
            &with("portLevelSettings: [{}, {port: {}, tls: {}}]"),
            &[
                "error spec.trafficPolicy.portLevelSettings[0].port: required",
                "error spec.trafficPolicy.portLevelSettings[0]: at least one field",
                "error spec.trafficPolicy.portLevelSettings[1].port.number: 1..65535",
            ],
        ),
    ]);
}

#[test]
fn outliers() {
    check::<DestinationRule>(&[
        (
            &with(
                "outlierDetection: {interval: 1s, consecutiveLocalOriginFailures: 1, splitExternalLocalOriginErrors: true}",
            ),
            &[],
        ),
        (
            &with(
                "outlierDetection: {baseEjectionTime: 0s, interval: 1500us, maxEjectionPercent: 101, minHealthPercent: -1, consecutiveErrors: 1, consecutiveLocalOriginFailures: 1}",
            ),
            &[
                "error spec.trafficPolicy.outlierDetection.baseEjectionTime: 1ms or more",
                "error spec.trafficPolicy.outlierDetection.interval: finer than milliseconds",
                "error spec.trafficPolicy.outlierDetection.maxEjectionPercent: 0 to 100",
                "error spec.trafficPolicy.outlierDetection.minHealthPercent: 0 to 100",
                "warning spec.trafficPolicy.outlierDetection.consecutiveErrors: deprecated",
                "error spec.trafficPolicy.outlierDetection.consecutiveLocalOriginFailures: splitExternal",
            ],
        ),
    ]);
}

#[test]
fn pools() {
    check::<DestinationRule>(&[
        (&with("connectionPool: {tcp: {idleTimeout: 0s}}"), &[]),
        (
            &with("connectionPool: {}"),
            &["error spec.trafficPolicy.connectionPool: at least one field"],
        ),
        (
            &with(
                "connectionPool: {tcp: {maxConnections: -1, connectTimeout: 1us, tcpKeepalive: {time: 0s}}, http: {maxRetries: -1, h2UpgradePolicy: UPGRADE, useClientProtocol: true}}",
            ),
            &[
                "error spec.trafficPolicy.connectionPool.tcp.maxConnections: non-negative",
                "error spec.trafficPolicy.connectionPool.tcp.connectTimeout: 1ms",
                "error spec.trafficPolicy.connectionPool.tcp.tcpKeepalive.time: 1ms",
                "error spec.trafficPolicy.connectionPool.http.maxRetries: non-negative",
                "error spec.trafficPolicy.connectionPool.http.useClientProtocol: UPGRADE",
            ],
        ),
    ]);
}

#[test]
fn balancing() {
    check::<DestinationRule>(&[
        (
            &with("loadBalancer: {simple: RANDOM, consistentHash: {useSourceIp: true}}"),
            &["error spec.trafficPolicy.loadBalancer.consistentHash: only one of them"],
        ),
        (
            &with(
                "loadBalancer: {consistentHash: {httpCookie: {attributes: [{}, {name: a}, {name: a}]}, httpHeaderName: a}}",
            ),
            &[
                "error spec.trafficPolicy.loadBalancer.consistentHash.httpCookie: only one of them",
                "error spec.trafficPolicy.loadBalancer.consistentHash.httpCookie.name: required",
                "error spec.trafficPolicy.loadBalancer.consistentHash.httpCookie.attributes[0].name: required",
                "error spec.trafficPolicy.loadBalancer.consistentHash.httpCookie.attributes[2].name: duplicate",
            ],
        ),
        (
            &with("loadBalancer: {consistentHash: {minimumRingSize: 1, ringHash: {}}}"),
            &[
                "warning spec.trafficPolicy.loadBalancer.consistentHash.minimumRingSize: deprecated",
                "error spec.trafficPolicy.loadBalancer.consistentHash.minimumRingSize: only one of",
            ],
        ),
        (&with("loadBalancer: {consistentHash: {maglev: {tableSize: 65537}}}"), &[]),
        (
            &with("loadBalancer: {consistentHash: {maglev: {}}}"),
            &["error spec.trafficPolicy.loadBalancer.consistentHash.maglev.tableSize: required"],
        ),
        (
            &with("loadBalancer: {consistentHash: {maglev: {tableSize: 65536}}}"),
            &["error spec.trafficPolicy.loadBalancer.consistentHash.maglev.tableSize: prime"],
        ),
        (
            &with("loadBalancer: {consistentHash: {maglev: {tableSize: 5000011}}}"),
            &[
                "error spec.trafficPolicy.loadBalancer.consistentHash.maglev.tableSize: less than 5000011",
            ],
        ),
        (&with("loadBalancer: {warmup: {duration: 1s, minimumPercent: 5, aggression: 1}}"), &[]),
        (
            &with("loadBalancer: {warmup: {minimumPercent: 150, aggression: 0.5}}"),
            &[
                "error spec.trafficPolicy.loadBalancer.warmup.duration: duration is required",
                "error spec.trafficPolicy.loadBalancer.warmup.minimumPercent: 0..100",
                "error spec.trafficPolicy.loadBalancer.warmup.aggression: greater than or equal to 1",
            ],
        ),
    ]);
}

#[test]
fn localities() {
    let setting = |rest: &str| {
        with(&format!("outlierDetection: {{}}, loadBalancer: {{localityLbSetting: {{{rest}}}}}"))
    };
    let at = "spec.trafficPolicy.loadBalancer.localityLbSetting";
    let distribute =
        |from: &str, to: &str| setting(&format!("distribute: [{{from: '{from}', to: {{{to}}}}}]"));
    let error = |rest: &str| format!("error {at}.{rest}");
    check::<DestinationRule>(&[
        (&distribute("us/z1/*", "'us/z1/*': 70, 'us/z2': 30"), &[]),
        // What is special may stand before a wildcard for the rest.
        (
            &setting(
                "distribute: [{from: us/z1/*, to: {a: 100}}, {from: us/*, to: {a: 100}}, {from: '*', to: {a: 100}}]",
            ),
            &[],
        ),
        (
            &setting(
                "distribute: [{from: us/*, to: {a: 100}}, {from: us/z1, to: {a: 100}}, {from: us, to: {a: 100}}]",
            ),
            &[&error("distribute[1].from: overlaps"), &error("distribute[2].from: overlaps")],
        ),
        (
            &setting("distribute: [{from: us/z1/s1, to: {a: 100}}, {from: us/z1, to: {a: 100}}]"),
            &[&error("distribute[1].from: overlaps")],
        ),
        (&distribute("us/*/z", "a: 100"), &[&error("distribute[0].from: at the end")]),
        (&distribute("us//z", "a: 100"), &[&error("distribute[0].from: empty region")]),
        (&distribute("us", "a: 60"), &[&error("distribute[0].to: 60: it must be 100")]),
        (&distribute("us", "a: 0, b: 100"), &[&error("distribute[0].to.a: 1..100")]),
        (&distribute("us", "'a/*': 60, a/b: 40"), &[&error("distribute[0].to[\"a/b\"]: overlaps")]),
        (
            &setting("distribute: [{from: a, to: {a: 100}}], failover: [{from: a, to: b}]"),
            &[&error("failover: cannot be set together")],
        ),
        (&setting("failover: [{from: a, to: b}], failoverPriority: [a]"), &[]),
        (
            &setting(
                "failover: [{from: a, to: b}], failoverPriority: [topology.kubernetes.io/zone]",
            ),
            &[&error("failoverPriority[0]: cannot be set together")],
        ),
        (
            &setting("failover: [{from: a, to: a}, {from: a/b, to: '*'}]"),
            &[
                &error("failover[0].to: different region"),
                &error("failover[1].from: no region"),
                &error("failover[1].to: wildcard"),
            ],
        ),
        (
            &with("loadBalancer: {localityLbSetting: {failover: [{from: a, to: b}]}}"),
            &[&format!("warning {at}.failover: outlier detection must be provided")],
        ),
        (
            &with("loadBalancer: {localityLbSetting: {failoverPriority: [a]}}"),
            &[&format!("warning {at}.failoverPriority: outlier detection must be provided")],
        ),
    ]);
}

#[test]
fn tls() {
    let tls = |rest: &str| with(&format!("tls: {{{rest}}}"));
    let at = "error spec.trafficPolicy.tls";
    check::<DestinationRule>(&[
        (&tls("mode: MUTUAL, credentialName: a"), &[]),
        (&tls("mode: SIMPLE, credentialName: 'configmap://shop/a'"), &[]),
        (
            &tls("mode: MUTUAL"),
            &[
                &format!("{at}.clientCertificate: client certificate is required"),
                &format!("{at}.privateKey: private key is required"),
            ],
        ),
        (
            &tls("mode: SIMPLE, credentialName: a, caCertificates: b, caCrl: c"),
            &[
                &format!("{at}.caCertificates: cannot be set with credentialName"),
                &format!("{at}.caCrl: cannot be set with credentialName"),
            ],
        ),
        (
            &tls("mode: SIMPLE, insecureSkipVerify: true, caCertificates: a, subjectAltNames: [b]"),
            &[
                &format!("{at}.caCertificates: insecureSkipVerify"),
                &format!("{at}.subjectAltNames: insecureSkipVerify"),
            ],
        ),
        (&tls("mode: MUTUAL, insecureSkipVerify: true, credentialName: a"), &[]),
        (
            &tls("mode: SIMPLE, insecureSkipVerify: true, credentialName: a"),
            &[&format!("{at}.credentialName: insecureSkipVerify")],
        ),
        (
            &tls("mode: SIMPLE, credentialName: 'configmap://a/b'"),
            &[&format!("{at}.credentialName: must match")],
        ),
        (
            &tls("mode: SIMPLE, credentialName: 'configmap://a'"),
            &[&format!("{at}.credentialName: NAMESPACE/NAME")],
        ),
    ]);
}
