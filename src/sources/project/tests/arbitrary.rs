//! Whatever stands in a spec, validation says something about fields of it, and always the same.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::project;
use crate::sources::project::{Projected, Rejection};

/// An object of each kind that has about every field.
const SEEDS: [&str; 10] = [
    "{kind: Gateway, spec: {selector: {istio: ingress}, servers: [{port: {number: 443, name: https, protocol: HTTPS, targetPort: 1}, \
     bind: 10.0.0.1, hosts: ['*.a.b', ns/c.d, ./1.2.3.4], tls: {mode: MUTUAL, httpsRedirect: true, serverCertificate: a, privateKey: b, \
     caCertificates: c, caCrl: d, credentialName: e, credentialNames: [f], tlsCertificates: [{serverCertificate: g}], \
     minProtocolVersion: TLSV1_1, cipherSuites: [ALL, X]}}, {port: {protocol: HTTP, name: uds}, bind: 'unix:///a', hosts: ['*']}]}}",
    "{kind: VirtualService, spec: {hosts: [a, '*.b.c', a.b.c], gateways: [mesh, ns/g, g.ns], exportTo: [., '*'], http: [{name: x, \
     match: [{uri: {prefix: /a}, headers: {h: {regex: 'a.*'}, '@request.auth.claims.a': {exact: b}}, withoutHeaders: {i: {}}, \
     queryParams: {q: {prefix: a}}, port: 80, sourceLabels: {a: b}, sourceNamespace: n, gateways: [mesh], ignoreUriCase: true}, \
     {uri: {exact: /ab}, method: {exact: GET}}, {uri: {regex: '/[a-z]{1,3}(?P<x>b)'}}], route: [{destination: {host: a, subset: s, \
     port: {number: 80}}, weight: 1, headers: {request: {set: {a: '%REQ(b)%'}, remove: [c]}}}, {destination: {host: b}, weight: 2}], \
     timeout: 1s, retries: {attempts: 2, perTryTimeout: 1s, retryOn: '5xx,503', backoff: 1ms}, fault: {abort: {httpStatus: 500, \
     percentage: {value: 1}}, delay: {fixedDelay: 1s}}, mirror: {host: a}, mirrorPercent: 1, mirrorPercentage: {value: 1}, mirrors: \
     [{destination: {host: b}}], corsPolicy: {allowOrigins: [{exact: a}], allowMethods: [GET], allowHeaders: [a], maxAge: 1s}, \
     rewrite: {uri: /, authority: a, uriRegexRewrite: {match: a, rewrite: b}}, headers: {request: {add: {host: a}}}}, {redirect: {uri: /, \
     port: 1, derivePort: FROM_REQUEST_PORT, scheme: http, redirectCode: 301}}, {directResponse: {status: 200, body: {string: a, bytes: aa}}}, \
     {delegate: {name: a}}], tls: [{match: [{sniHosts: [a.b.c, 'outbound_.80_._.a.b.c', 1.2.3.4], destinationSubnets: [10.0.0.0/8], \
     port: 443}], route: [{destination: {host: a}}]}], tcp: [{match: [{port: 1}, {port: 1}], route: [{destination: {host: a}}]}]}}",
    "{kind: DestinationRule, spec: {host: '*.a.b', exportTo: [., '~'], workloadSelector: {matchLabels: {a: b}}, subsets: [{name: v1, \
     labels: {a: b}}, {name: v2, trafficPolicy: {tls: {mode: MUTUAL, credentialName: 'configmap://a/b', insecureSkipVerify: true}}}], \
     trafficPolicy: {loadBalancer: {simple: RANDOM, consistentHash: {httpCookie: {name: a, ttl: 0s, attributes: [{name: a}]}, maglev: \
     {tableSize: 65537}, minimumRingSize: 1}, warmup: {duration: 1s, minimumPercent: 1, aggression: 1}, localityLbSetting: {distribute: \
     [{from: a/b/*, to: {a/*: 50, b: 50}}], failover: [{from: a, to: b}], failoverPriority: [a]}}, connectionPool: {tcp: \
     {maxConnections: 1, connectTimeout: 1s, tcpKeepalive: {time: 1s}}, http: {maxRetries: 1, idleTimeout: 1s}}, outlierDetection: \
     {interval: 1s, consecutiveErrors: 1, maxEjectionPercent: 1}, portLevelSettings: [{port: {number: 1}, tls: {}}], tunnel: \
     {protocol: POST, targetHost: a.b, targetPort: 1}, proxyProtocol: {version: V1}, retryBudget: {percent: 1}}}}",
    "{kind: ServiceEntry, spec: {hosts: ['*.a.b', c.d], addresses: [10.0.0.0/8, 'fd00::1'], ports: [{number: 80, name: http, protocol: \
     HTTP, targetPort: 81}, {number: 81, name: tcp}], location: MESH_INTERNAL, resolution: DYNAMIC_DNS, endpoints: [{address: 'unix:///a', \
     ports: {http: 1}, labels: {a: b}, network: n}], workloadSelector: {labels: {a: b}}, exportTo: ['*']}}",
    "{kind: WorkloadEntry, spec: {address: 'fe80::1%a', ports: {http: 80}, labels: {a.b/c: d}, network: n, locality: a/b, weight: 1}}",
    "{kind: WorkloadGroup, spec: {metadata: {labels: {a: b}}, template: {ports: {a: 1}}, probe: {periodSeconds: 1, httpGet: {port: 80, \
     scheme: HTTP, httpHeaders: [{name: a, value: b}]}, tcpSocket: {port: 1}, exec: {command: [a]}, grpc: {port: 1}}}}",
    "{kind: Sidecar, spec: {workloadSelector: {labels: {a: b}}, ingress: [{port: {number: 80, name: a, protocol: TLS}, bind: 1.2.3.4, \
     defaultEndpoint: '[::1]:80', tls: {mode: SIMPLE}, connectionPool: {http: {maxRetries: 1}}}], egress: [{port: {number: 1, protocol: \
     TCP}, bind: 'unix://@a', captureMode: NONE, hosts: [./*, a/b.c, '*/*']}, {hosts: ['~/*']}], inboundConnectionPool: {tcp: {}}, \
     outboundTrafficPolicy: {mode: ALLOW_ANY, egressProxy: {host: a.b, port: {number: 1}}}}}",
    "{kind: PeerAuthentication, spec: {selector: {matchLabels: {a: b}}, mtls: {mode: STRICT}, portLevelMtls: {'80': {mode: DISABLE}}}}",
    "{kind: RequestAuthentication, spec: {selector: {matchLabels: {a: b}}, targetRef: {kind: Service, name: a}, targetRefs: [{group: \
     gateway.networking.k8s.io, kind: Gateway, name: a, namespace: b}], jwtRules: [{issuer: a, audiences: [b], jwksUri: 'https://a/b', \
     jwks: '{\"keys\": []}', fromHeaders: [{name: a, prefix: 'b '}], fromParams: [a], fromCookies: [a], outputPayloadToHeader: a, \
     forwardOriginalToken: true, outputClaimToHeaders: [{header: a, claim: b.c}], timeout: 1s, spaceDelimitedClaims: [a]}]}}",
    "{kind: AuthorizationPolicy, spec: {selector: {matchLabels: {a: b}}, targetRefs: [{kind: Service, name: a}], action: CUSTOM, provider: \
     {name: a}, rules: [{from: [{source: {principals: ['*'], notPrincipals: [a*], requestPrincipals: ['*a'], namespaces: [a], \
     serviceAccounts: [a/b], ipBlocks: [10.0.0.0/8], remoteIpBlocks: ['::1'], trustDomains: [a]}}], to: [{operation: {hosts: ['*.a'], \
     ports: ['80'], methods: [GET], paths: [/a*, '/{*}/b/{**}'], notPaths: ['*']}}], when: [{key: 'request.headers[a]', values: [b], \
     notValues: ['*']}, {key: source.ip, values: [10.0.0.0/8]}]}]}}",
];

/// Of a kind.
fn api_version(object: &Value) -> Value {
    let is_of_security = |kind: &str| kind.ends_with("Authentication") || kind.ends_with("Policy");
    match object["kind"].as_str().is_some_and(is_of_security) {
        true => json!("security.istio.io/v1"),
        false => json!("networking.istio.io/v1"),
    }
}

/// Values that are often almost right.
const VALUES: &[&str] = &[
    "",
    "*",
    "*.",
    ".",
    "/",
    "~/",
    "*/*",
    "%",
    "%%%",
    "%A(",
    "[",
    "a{1000}",
    "unix://",
    "unix://@",
    "::1",
    "1.2.3.4/99",
    "configmap://",
    "-1s",
    "0s",
    "1ns",
    "99999h",
    "@request.auth.claims[",
    "outbound_",
    "é",
    "\u{0}",
    "TLS",
    "DNS",
];

fn replacement() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => prop::sample::select(VALUES).prop_map(|text| json!(text)),
        2 => "[ -~é]{0,12}".prop_map(|text| json!(text)),
        2 => prop_oneof![Just(0.0), Just(-1.0), Just(1e308), Just(65536.0), Just(0.5)].prop_map(|n| json!(n)),
        1 => any::<i64>().prop_map(|n| json!(n)),
        1 => prop::sample::select(vec![json!(null), json!([]), json!({}), json!(true), json!([{}])]),
    ]
}

/// How one place of a document is changed; which, the number says.
#[derive(Clone, Debug)]
enum Change {
    Replace(Value),
    Remove,
    Double,
}

fn change() -> impl Strategy<Value = (usize, Change)> {
    let change = prop_oneof![
        4 => replacement().prop_map(Change::Replace),
        1 => Just(Change::Remove),
        1 => Just(Change::Double),
    ];
    (0..400usize, change)
}

/// Changes the place with this number, counting each value in order. Returns what is left to count.
fn apply(value: &mut Value, mut at: usize, change: &Change) -> Result<(), usize> {
    if at == 0 {
        if let Change::Replace(new) = change {
            *value = new.clone();
        }
        return Ok(());
    }
    at -= 1;
    match value {
        Value::Array(items) => {
            for index in 0..items.len() {
                match (at, change) {
                    (0, Change::Remove) => {
                        items.remove(index);
                        return Ok(());
                    }
                    (0, Change::Double) => {
                        items.insert(index, items[index].clone());
                        return Ok(());
                    }
                    _ => match apply(&mut items[index], at, change) {
                        Ok(()) => return Ok(()),
                        Err(left) => at = left,
                    },
                }
            }
        }
        Value::Object(fields) => {
            for key in fields.keys().cloned().collect::<Vec<_>>() {
                match (at, change) {
                    (0, Change::Remove) => {
                        fields.remove(&key);
                        return Ok(());
                    }
                    (0, Change::Double) => {
                        let copy = fields[&key].clone();
                        fields.insert(format!("{key} %*"), copy);
                        return Ok(());
                    }
                    _ => match apply(&mut fields[&key], at, change) {
                        Ok(()) => return Ok(()),
                        Err(left) => at = left,
                    },
                }
            }
        }
        _ => {}
    }
    Err(at)
}

fn object() -> impl Strategy<Value = Value> {
    let changes = prop::collection::vec(change(), 0..6);
    (prop::sample::select(&SEEDS[..]), changes).prop_map(|(seed, changes)| {
        let mut object: Value = serde_yaml::from_str(seed).unwrap();
        for (at, change) in changes {
            // Beyond the end nothing changes.
            let _ = apply(&mut object["spec"], at, &change);
        }
        object["apiVersion"] = api_version(&object);
        object["metadata"] = json!({"name": "a.b", "annotations": {"istio.io/dry-run": "true"}});
        object
    })
}

#[test]
fn seeds_are_of_their_kinds() {
    for seed in SEEDS {
        let mut object: Value = serde_yaml::from_str(seed).unwrap();
        object["apiVersion"] = api_version(&object);
        object["metadata"] = json!({"name": "a"});
        let projected = project(object).unwrap();
        let unknown = projected.issues.iter().find(|issue| issue.message.contains("unknown field"));
        assert_eq!(unknown, None, "{seed}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn validation_takes_everything(object in object()) {
        let said = project(object.clone());
        prop_assert_eq!(&said, &project(object));
        let issues = match said {
            Ok(Projected { issues, .. }) => issues,
            Err(Rejection::Invalid { issue, .. }) => vec![issue],
            Err(Rejection::Unread { .. }) => panic!("it is read"),
        };
        for issue in issues {
            let path = issue.path.to_string();
            prop_assert!(path.starts_with("spec") || path.starts_with("metadata"), "{path}");
            prop_assert!(!issue.message.is_empty());
        }
    }
}
