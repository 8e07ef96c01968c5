use super::Sidecar;
use crate::api::fixture::check;

#[test]
fn as_a_whole() {
    check::<Sidecar>(&[
        ("{egress: [{hosts: ['*/*']}], workloadSelector: {labels: {a: b}}}", &[]),
        ("outboundTrafficPolicy: {}", &[]),
        ("{}", &["error spec: says nothing"]),
        (
            "{egress: [{hosts: ['*/*']}], workloadSelector: {}}",
            &["warning spec.workloadSelector: without labels"],
        ),
        ("inboundConnectionPool: {}", &["error spec.inboundConnectionPool: at least one field"]),
    ]);
}

#[test]
fn outbound_traffic() {
    let with = |rest: &str| format!("outboundTrafficPolicy: {{{rest}}}");
    check::<Sidecar>(&[
        (&with("mode: ALLOW_ANY, egressProxy: {host: a.b, port: {number: 80}}"), &[]),
        (
            &with("egressProxy: {host: a.b}"),
            &["error spec.outboundTrafficPolicy.egressProxy: ALLOW_ANY"],
        ),
        (
            &with("mode: ALLOW_ANY, egressProxy: {host: '*.b', subset: a_b}"),
            &[
                "error spec.outboundTrafficPolicy.egressProxy.host: no host name",
                "error spec.outboundTrafficPolicy.egressProxy.subset: invalid subset name",
                "error spec.outboundTrafficPolicy.egressProxy.port: required",
            ],
        ),
    ]);
}

#[test]
fn ingress() {
    let with = |port: &str, rest: &str| format!("ingress: [{{port: {{{port}}}, {rest}}}]");
    let http = "number: 80, protocol: HTTP, name: http";
    let endpoint = |text: &str| with(http, &format!("defaultEndpoint: '{text}'"));
    for endpoint in
        ["127.0.0.1:1", "0.0.0.0:1", "[::1]:1", "[::]:1", ":1", "unix:///a"].map(endpoint)
    {
        check::<Sidecar>(&[(&endpoint, &[])]);
    }
    for endpoint in
        ["1.2.3.4:1", "localhost:1", "::1:1", "127.0.0.1", "127.0.0.1:a", ""].map(endpoint)
    {
        let wrong = endpoint.contains("''");
        let said: &[&str] =
            if wrong { &[] } else { &["error spec.ingress[0].defaultEndpoint: no endpoint"] };
        check::<Sidecar>(&[(&endpoint, said)]);
    }
    check::<Sidecar>(&[
        ("ingress: [{}]", &["error spec.ingress[0].port: port is required"]),
        (&endpoint("127.0.0.1:99999"), &["error spec.ingress[0].defaultEndpoint: 1..65535"]),
        (&endpoint("unix://a"), &["error spec.ingress[0].defaultEndpoint: absolute path"]),
        (
            &with("number: 0, protocol: X, name: a_b, targetPort: 1", "bind: a"),
            &[
                "error spec.ingress[0].port.number: 1..65535",
                "error spec.ingress[0].port.protocol: unsupported",
                "error spec.ingress[0].port.targetPort: no effect",
                "error spec.ingress[0].port.name: invalid port name",
                "error spec.ingress[0].bind: no IP address",
            ],
        ),
        (
            "ingress: [{port: {number: 1, protocol: TCP}}, {port: {number: 1, protocol: TCP}, bind: 1.2.3.4}]",
            &["error spec.ingress[1].port.number: must be unique"],
        ),
        (
            &with("number: 80, protocol: TCP", "connectionPool: {http: {maxRetries: -1}}"),
            &[
                "error spec.ingress[0].connectionPool.http.maxRetries: non-negative",
                "warning spec.ingress[0].connectionPool.http: not HTTP",
            ],
        ),
    ]);
}

#[test]
fn tls_of_ingress() {
    check::<Sidecar>(&[
        (
            "ingress: [{port: {number: 1, protocol: TLS}, tls: {mode: SIMPLE, privateKey: a, serverCertificate: b}}]",
            &[],
        ),
        (
            "ingress: [{port: {number: 1, protocol: HTTP}, tls: {mode: AUTO_PASSTHROUGH, httpsRedirect: true, subjectAltNames: [a]}}]",
            &[
                "error spec.ingress[0].tls: HTTPS and TLS",
                "error spec.ingress[0].tls.subjectAltNames: not supported",
                "error spec.ingress[0].tls.httpsRedirect: not supported",
                "error spec.ingress[0].tls.mode: AUTO_PASSTHROUGH is not supported",
            ],
        ),
    ]);
}

#[test]
fn egress() {
    check::<Sidecar>(&[
        (
            "egress: [{port: {number: 1, protocol: HTTP}, bind: 127.0.0.1, hosts: [./a.b]}, {hosts: ['~/*']}]",
            &[],
        ),
        (
            "egress: [{port: {protocol: HTTP}, bind: 'unix://@a', captureMode: NONE, hosts: [./a.b]}]",
            &[],
        ),
        (
            "egress: [{hosts: [a.b]}, {hosts: []}]",
            &[
                "error spec.egress[0].port: only the last listener",
                "error spec.egress[0].hosts[0]: no namespace",
                "error spec.egress[1].hosts: at least one host",
            ],
        ),
        (
            "egress: [{port: {number: 1}, hosts: ['*/*']}, {port: {number: 1}, hosts: ['*/*']}]",
            &["error spec.egress[1].port.number: must be unique"],
        ),
        (
            "egress: [{port: {name: a}, bind: 1.2.3.4, captureMode: IPTABLES, hosts: ['*/*']}]",
            &[
                "error spec.egress[0].bind: unix socket",
                "error spec.egress[0].captureMode: DEFAULT or NONE",
            ],
        ),
        (
            "egress: [{hosts: [a/b.c, a/b.c, shop/*, ./d.e, '*/*', '*/*']}]",
            &[
                "warning spec.egress[0].hosts[1]: duplicate egress host",
                "warning spec.egress[0].hosts[3]: duplicate egress host",
                "warning spec.egress[0].hosts[5]: duplicate egress host",
                "warning spec.egress[0].hosts: imports everything",
            ],
        ),
        (
            "egress: [{hosts: [a/b, '*/*.b.c', a/*b.c, a_b/c.d]}]",
            &[
                "error spec.egress[0].hosts[0]: short name",
                "error spec.egress[0].hosts[2]: partial wildcard",
                "error spec.egress[0].hosts[3]: no namespace",
            ],
        ),
    ]);
}
