use super::VirtualService;
use crate::api::fixture::check;

/// A sound VirtualService whose one route of HTTP has these fields.
fn http(rest: &str) -> String {
    format!("{{hosts: [a.b], http: [{{{rest}}}]}}")
}

/// The same whose route has a destination.
fn routed(rest: &str) -> String {
    http(&format!("route: [{{destination: {{host: a}}}}], {rest}"))
}

fn matched(rest: &str) -> String {
    routed(&format!("match: [{{{rest}}}]"))
}

#[test]
fn hosts() {
    let with = |rest: &str| format!("{{http: [{{redirect: {{uri: /}}}}], {rest}}}");
    check::<VirtualService>(&[
        (&with("hosts: [a, '*.b.c', '*-d.e', 1.2.3.4, '::1']"), &[]),
        (&with("hosts: ['*'], gateways: [g]"), &[]),
        (&with("hosts: ['*']"), &["error spec.hosts[0]: not allowed for the mesh"]),
        (
            &with("hosts: ['*'], gateways: [g, mesh]"),
            &["error spec.hosts[0]: not allowed for the mesh"],
        ),
        (
            &with("hosts: ['', a_b, 'a.*.b']"),
            &[
                "error spec.hosts[0]: required",
                "error spec.hosts[1]: no host name",
                "error spec.hosts[2]: no host name",
            ],
        ),
        (&with("hosts: [a.b, c.b, a.b]"), &["error spec.hosts[2]: duplicate hosts"]),
        (
            &with("hosts: [a.b.c, '*.c', d.c, '*.b.c']"),
            &[
                "error spec.hosts[2]: d.c and *.c",
                "error spec.hosts[3]: *.b.c and a.b.c",
                "error spec.hosts[3]: *.b.c and *.c",
            ],
        ),
        ("hosts: [a.b]", &["error spec: http, tls or tcp"]),
        (&with("hosts: [a], exportTo: ['*', .]"), &["error spec.exportTo[0]: cannot be combined"]),
    ]);
}

#[test]
fn gateways() {
    let with = |gateways: &str| {
        format!("{{hosts: [a.b], gateways: [{gateways}], http: [{{redirect: {{uri: /}}}}]}}")
    };
    check::<VirtualService>(&[
        (&with("mesh, g, ns/g"), &[]),
        (&with("g.ns.svc.cluster.local"), &["warning spec.gateways[0]: write ns/g"]),
        (
            &with("/g, ns/, ns/a.b, a_b"),
            &[
                "error spec.gateways[0]: invalid namespace",
                "error spec.gateways[1]: invalid gateway name",
                "error spec.gateways[2]: invalid gateway name",
                "error spec.gateways[3]: no host name",
            ],
        ),
    ]);
}

#[test]
fn delegates() {
    check::<VirtualService>(&[
        ("http: [{redirect: {uri: /}}]", &[]),
        ("{hosts: [a.b], http: [{delegate: {name: a}}]}", &[]),
        (
            "{gateways: [g], http: [{delegate: {name: a}, redirect: {uri: /}}], tcp: [{route: [{destination: {host: a}}]}]}",
            &[
                "error spec.gateways: must have no gateways",
                "error spec.tcp: must have no tcp",
                "error spec.http[0].delegate: a delegate cannot delegate",
            ],
        ),
        (
            &routed("delegate: {name: a}, redirect: {uri: /}"),
            &[
                "error spec.http[0].route: a route with delegate cannot have route",
                "error spec.http[0].redirect: a route with delegate cannot have redirect",
            ],
        ),
    ]);
}

#[test]
fn a_route_does_one_thing() {
    check::<VirtualService>(&[
        (&http(""), &["error spec.http[0]: give route, redirect or directResponse"]),
        (
            &routed("redirect: {uri: /}, rewrite: {uri: /}, fault: {abort: {httpStatus: 500}}"),
            &[
                "error spec.http[0].route: a route with redirect",
                "error spec.http[0].fault: a route with redirect",
                "error spec.http[0].rewrite: a route with redirect",
            ],
        ),
        (
            &http("redirect: {uri: /}, directResponse: {status: 200}"),
            &["error spec.http[0].directResponse: a route with redirect"],
        ),
        (
            &routed("directResponse: {status: 200}, rewrite: {uri: /}"),
            &[
                "error spec.http[0].route: a route with directResponse",
                "error spec.http[0].rewrite: a route with directResponse",
            ],
        ),
        (
            &routed("mirror: {host: a}, mirrors: [{destination: {host: a}}]"),
            &["error spec.http[0].mirrors: cannot be set together"],
        ),
    ]);
}

#[test]
fn matches() {
    check::<VirtualService>(&[
        (
            &matched(
                "uri: {prefix: ''}, headers: {a: {}, ':method': {exact: b}}, withoutHeaders: {c: {regex: '*'}}, port: 80, sourceNamespace: a, sourceLabels: {a: b}",
            ),
            &[],
        ),
        (&matched("uri: {regex: ''}"), &["error spec.http[0].match[0].uri.regex: empty"]),
        (
            &matched("uri: {regex: '(?=a)'}"),
            &["error spec.http[0].match[0].uri.regex: look-around"],
        ),
        (
            &matched("uri: {exact: a, prefix: b}"),
            &["error spec.http[0].match[0].uri.prefix: exact is set too"],
        ),
        (
            &matched(&format!("uri: {{regex: {}}}", "a".repeat(1025))),
            &["error spec.http[0].match[0].uri.regex: 1024"],
        ),
        (
            &matched("scheme: {prefix: ''}, method: {regex: '*'}, authority: {regex: '['}"),
            &[
                "error spec.http[0].match[0].scheme.prefix: empty prefix",
                "error spec.http[0].match[0].method.regex: nothing stands before",
                "error spec.http[0].match[0].authority.regex: without its ]",
            ],
        ),
        (
            &matched(
                "headers: {'a b': {regex: '*'}, '': {}}, withoutHeaders: {'a b': {prefix: ''}}, queryParams: {q: {prefix: ''}}",
            ),
            &[
                "error spec.http[0].match[0].headers[\"\"]: empty",
                "error spec.http[0].match[0].headers[\"a b\"]: no valid header name",
                "error spec.http[0].match[0].headers[\"a b\"].regex: nothing stands before",
                "error spec.http[0].match[0].withoutHeaders[\"a b\"]: no valid header name",
                "error spec.http[0].match[0].withoutHeaders[\"a b\"].prefix: empty prefix",
                "error spec.http[0].match[0].queryParams.q.prefix: empty prefix",
            ],
        ),
        (
            &matched("port: 99999, sourceLabels: {a: '*'}, gateways: [/], sourceNamespace: a.b"),
            &[
                "error spec.http[0].match[0].port: 1..65535",
                "error spec.http[0].match[0].sourceLabels.a: invalid label value",
                "error spec.http[0].match[0].gateways[0]: invalid namespace",
                "error spec.http[0].match[0].sourceNamespace: no namespace",
            ],
        ),
        (
            &matched("headers: {'@request.auth.claims.sub': {exact: a}}"),
            &["error spec.http[0].match[0].headers[\"@request.auth.claims.sub\"]: only gateways"],
        ),
        (
            "{hosts: [a.b], gateways: [g], http: [{redirect: {uri: /}, match: [{headers: {'@request.auth.claims[sub]': {exact: a}}}]}]}",
            &[],
        ),
    ]);
}

#[test]
fn header_changes() {
    let changes = |rest: &str| routed(&format!("headers: {{{rest}}}"));
    check::<VirtualService>(&[
        (
            &changes(
                "request: {set: {Host: a, b: '%REQ(:path)% 100%% %DYNAMIC_METADATA([\"a\", \"b\"])%'}, remove: [c]}, response: {add: {d: e}}",
            ),
            &[],
        ),
        (
            &changes(
                "request: {set: {':path': a, '': b}, remove: [Host, ':authority']}, response: {set: {host: a}, remove: [':status']}",
            ),
            &[
                "error spec.http[0].headers.request.set[\"\"]: empty",
                "error spec.http[0].headers.request.set[\":path\"]: : prefix",
                "error spec.http[0].headers.request.remove[0]: Host header",
                "error spec.http[0].headers.request.remove[1]: : prefix",
                "error spec.http[0].headers.response.set.host: Host header",
                "error spec.http[0].headers.response.remove[0]: : prefix",
            ],
        ),
        (
            &changes(
                "request: {set: {a: '50%', b: '%REQ(a', c: '%A(b)c%', d: '%A([b])%', e: \"a\\nb\", f: '%A([\"b\" \"c\"])%'}}",
            ),
            &[
                "error spec.http[0].headers.request.set.a: does not end",
                "error spec.http[0].headers.request.set.b: does not end",
                "error spec.http[0].headers.request.set.c: must follow",
                "error spec.http[0].headers.request.set.d: a list",
                "error spec.http[0].headers.request.set.e: control characters",
                "error spec.http[0].headers.request.set.f: a list",
            ],
        ),
        (
            &changes("request: {set: {':authority': a}, add: {HOST: b}}"),
            &["error spec.http[0].headers.request.add.HOST: multiple times"],
        ),
        (
            &routed("rewrite: {authority: a}, headers: {request: {set: {host: b}}}"),
            &["error spec.http[0].headers.request.set.host: multiple times"],
        ),
    ]);
}

#[test]
fn answers() {
    check::<VirtualService>(&[
        (&http("redirect: {port: 80, scheme: https, redirectCode: 308}"), &[]),
        (&http("redirect: {derivePort: FROM_REQUEST_PORT}"), &[]),
        (&http("redirect: {}"), &["error spec.http[0].redirect: uri, authority, scheme or port"]),
        (
            &http("redirect: {port: 99999, scheme: ftp, redirectCode: 200}"),
            &[
                "error spec.http[0].redirect.redirectCode: 3xx",
                "error spec.http[0].redirect.scheme: http or https",
                "error spec.http[0].redirect.port: 1..65535",
            ],
        ),
        (
            &http("redirect: {port: 80, derivePort: FROM_REQUEST_PORT}"),
            &["error spec.http[0].redirect.derivePort: port is set too"],
        ),
        (&http("directResponse: {status: 200, body: {bytes: aGk=}}"), &[]),
        (
            &http("directResponse: {status: 199, body: {string: a, bytes: '!'}}"),
            &[
                "error spec.http[0].directResponse.status: 200-599",
                "error spec.http[0].directResponse.body.bytes: only one of them",
                "error spec.http[0].directResponse.body.bytes: no base64",
            ],
        ),
        (
            &http(&format!(
                "directResponse: {{status: 200, body: {{string: {}}}}}",
                "a".repeat(100 * 1024 + 1)
            )),
            &["warning spec.http[0].directResponse.body: large"],
        ),
        (
            &http(&format!(
                "directResponse: {{status: 200, body: {{string: {}}}}}",
                "a".repeat(1024 * 1024 + 1)
            )),
            &["error spec.http[0].directResponse.body: 1MB"],
        ),
        (&routed("rewrite: {uriRegexRewrite: {match: a(b), rewrite: '\\1'}, authority: c}"), &[]),
        (
            &routed("rewrite: {}"),
            &["error spec.http[0].rewrite: uri, uriRegexRewrite or authority"],
        ),
        (
            &routed("rewrite: {uri: /, uriRegexRewrite: {match: a}}"),
            &[
                "error spec.http[0].rewrite.uriRegexRewrite: only one of them",
                "error spec.http[0].rewrite.uriRegexRewrite: requires both",
            ],
        ),
        (
            &routed("rewrite: {uriRegexRewrite: {match: '(', rewrite: b}}"),
            &["error spec.http[0].rewrite.uriRegexRewrite.match: without its )"],
        ),
    ]);
}

#[test]
fn retries_timeouts_and_faults() {
    check::<VirtualService>(&[
        (
            &routed(
                "timeout: 1s, retries: {attempts: 3, perTryTimeout: 1s, retryOn: '5xx,unavailable,503'}",
            ),
            &[],
        ),
        (&routed("timeout: 0s"), &["error spec.http[0].timeout: 1ms"]),
        (&routed("retries: {attempts: -1}"), &["error spec.http[0].retries.attempts: negative"]),
        (&routed("retries: {retryOn: 5xx}"), &["error spec.http[0].retries.attempts: set to 0"]),
        (
            &routed(
                "retries: {attempts: 1, retryOn: '5xx, reset,999', perTryTimeout: 1us, backoff: 0s}",
            ),
            &[
                "error spec.http[0].retries.perTryTimeout: 1ms",
                "error spec.http[0].retries.backoff: 1ms",
                "error spec.http[0].retries.retryOn: \" reset\" is not a valid retryOn",
                "error spec.http[0].retries.retryOn: \"999\" is not a valid retryOn",
            ],
        ),
        (
            &routed(
                "fault: {abort: {grpcStatus: NOT_FOUND, percentage: {value: 0.0001}}, delay: {fixedDelay: 1s}}",
            ),
            &[],
        ),
        (&routed("fault: {}"), &["error spec.http[0].fault: an abort or a delay"]),
        (&routed("fault: {abort: {}}"), &["warning spec.http[0].fault.abort: no error type"]),
        (
            &routed(
                "fault: {abort: {httpStatus: 600, percentage: {value: 0.00001}}, delay: {exponentialDelay: 1s, percentage: {value: 101}}}",
            ),
            &[
                "error spec.http[0].fault.abort.percentage.value: too small",
                "error spec.http[0].fault.abort.httpStatus: 200-599",
                "error spec.http[0].fault.delay.percentage.value: 0 to 100",
                "error spec.http[0].fault.delay.exponentialDelay: not supported",
            ],
        ),
        (
            &routed("fault: {abort: {grpcStatus: not_found, http2Error: a}}"),
            &[
                "error spec.http[0].fault.abort.http2Error: only one of them",
                "error spec.http[0].fault.abort.grpcStatus: not supported",
                "error spec.http[0].fault.abort.http2Error: not supported",
            ],
        ),
    ]);
}

#[test]
fn cors() {
    let with = |rest: &str| routed(&format!("corsPolicy: {{{rest}}}"));
    check::<VirtualService>(&[
        (
            &with(
                "allowOrigins: [{exact: a}], allowMethods: [GET, '*'], allowHeaders: ['*', X-A], maxAge: 1h",
            ),
            &[],
        ),
        (
            &with(
                "allowOrigins: [{}, {exact: ''}, {regex: '('}], allowMethods: [get], allowHeaders: [''], exposeHeaders: [a b], maxAge: 1500ms",
            ),
            &[
                "error spec.http[0].corsPolicy.allowOrigins[0]: empty origin",
                "error spec.http[0].corsPolicy.allowOrigins[1]: empty origin",
                "error spec.http[0].corsPolicy.allowOrigins[2].regex: without its )",
                "error spec.http[0].corsPolicy.allowMethods[0]: not a supported",
                "error spec.http[0].corsPolicy.allowHeaders[0]: empty",
                "error spec.http[0].corsPolicy.exposeHeaders[0]: no valid header name",
                "error spec.http[0].corsPolicy.maxAge: seconds",
            ],
        ),
    ]);
}

#[test]
fn destinations_and_mirrors() {
    check::<VirtualService>(&[
        (
            &http(
                "route: [{destination: {host: a, subset: v1, port: {number: 80}}, weight: 1}, {destination: {host: b}}]",
            ),
            &[],
        ),
        (
            &http("route: [{}, {destination: {host: '*', subset: a_b, port: {}}}]"),
            &[
                "error spec.http[0].route[0].destination.host: required",
                "error spec.http[0].route[1].destination.host: no destination",
                "error spec.http[0].route[1].destination.subset: invalid subset name",
                "error spec.http[0].route[1].destination.port.number: 1..65535",
                "error spec.http[0].route: total weight",
            ],
        ),
        (
            &http(
                "route: [{destination: {host: a}, weight: -1, headers: {request: {remove: ['']}}}]",
            ),
            &[
                "error spec.http[0].route[0].headers.request.remove[0]: empty",
                "error spec.http[0].route[0].weight: below 0",
            ],
        ),
        (
            &routed("mirror: {host: ''}, mirrorPercent: 101, mirrorPercentage: {value: -1}"),
            &[
                "error spec.http[0].mirror.host: required",
                "error spec.http[0].mirrorPercent: 0 to 100",
                "warning spec.http[0].mirrorPercent: deprecated",
                "error spec.http[0].mirrorPercentage.value: 0 to 100",
            ],
        ),
        (
            &routed("mirrors: [{percentage: {value: 200}}]"),
            &[
                "error spec.http[0].mirrors[0].destination.host: required",
                "error spec.http[0].mirrors[0].percentage.value: 0 to 100",
            ],
        ),
    ]);
}

#[test]
fn connections() {
    let tls = |rest: &str| {
        format!(
            "{{hosts: ['*.b.c', 1.2.3.4], tls: [{{route: [{{destination: {{host: a}}}}], match: [{{{rest}}}]}}]}}"
        )
    };
    check::<VirtualService>(&[
        (&tls("sniHosts: [a.b.c, '*.a.b.c'], port: 443, destinationSubnets: [10.0.0.0/8]"), &[]),
        (
            &tls("sniHosts: [1.2.3.4]"),
            &["warning spec.tls[0].match[0].sniHosts[0]: goes against the SNI spec"],
        ),
        (
            &tls("sniHosts: [d.c, '*.c', 'a_b']"),
            &[
                "error spec.tls[0].match[0].sniHosts[0]: not a subset",
                "error spec.tls[0].match[0].sniHosts[1]: not a subset",
                "error spec.tls[0].match[0].sniHosts[2]: no host name",
            ],
        ),
        (
            &tls("destinationSubnets: [a], port: 99999"),
            &[
                "error spec.tls[0].match[0].sniHosts: at least one SNI host",
                "error spec.tls[0].match[0].destinationSubnets[0]: no IP address",
                "error spec.tls[0].match[0].port: 1..65535",
            ],
        ),
        (
            "{hosts: [a.b], tls: [{}]}",
            &["error spec.tls[0].match: at least one match", "error spec.tls[0].route: required"],
        ),
        (
            "{hosts: ['*.global'], gateways: [g], tls: [{route: [{destination: {host: a}}], match: [{sniHosts: ['outbound_.80_._.a.global']}]}]}",
            &[],
        ),
        (
            "{hosts: [a.b], tcp: [{match: [{destinationSubnets: [1.2.3.4/99], port: 99999}]}]}",
            &[
                "error spec.tcp[0].match[0].destinationSubnets[0]: no CIDR block",
                "error spec.tcp[0].match[0].port: 1..65535",
                "error spec.tcp[0].route: required",
            ],
        ),
    ]);
}

#[test]
fn what_earlier_routes_take() {
    let routes = |matches: &[&str]| {
        let routes =
            matches.iter().map(|matches| format!("{{redirect: {{uri: /}}, match: [{matches}]}}"));
        format!("{{hosts: [a.b], http: [{}]}}", routes.collect::<Vec<_>>().join(", "))
    };
    let unused = &[
        "warning spec.http[1].match[0]: overlapping match of http[0]",
        "warning spec.http[1]: prior rules take all",
    ];
    for (earlier, later) in [
        ("{uri: {prefix: /a}}", "{uri: {prefix: /a}, name: other, statPrefix: x}"),
        ("{uri: {prefix: /a}}", "{uri: {prefix: /ab}}"),
        ("{uri: {prefix: /a}}", "{uri: {exact: /ab}, headers: {x: {}}}"),
        ("{uri: {prefix: /}}", "{uri: {regex: /a.*}}"),
        ("{uri: {regex: .*}}", "{headers: {x: {}}}"),
        ("{uri: {regex: /a.*}}", "{uri: {regex: /a.*}, method: {exact: GET}}"),
        ("{uri: {prefix: /A}, ignoreUriCase: true}", "{uri: {exact: /ab}}"),
        ("{}", "{port: 80, sourceLabels: {a: b}, gateways: [mesh]}"),
        ("{headers: {x: {}}}", "{headers: {x: {prefix: a}, y: {}}}"),
        ("{headers: {x: {prefix: a}}}", "{headers: {x: {exact: ab}}}"),
        ("{queryParams: {x: {exact: a}}}", "{queryParams: {x: {exact: a}}, uri: {exact: /}}"),
        ("{withoutHeaders: {x: {exact: a}}}", "{withoutHeaders: {x: {}}}"),
        ("{sourceLabels: {a: b}}", "{sourceLabels: {a: b, c: d}, sourceNamespace: e}"),
        ("{gateways: [g, mesh]}", "{gateways: [mesh]}"),
    ] {
        check::<VirtualService>(&[(&routes(&[earlier, later]), unused)]);
    }
    for (earlier, later) in [
        ("{uri: {prefix: /ab}}", "{uri: {prefix: /a}}"),
        ("{uri: {exact: /a}}", "{uri: {prefix: /a}}"),
        ("{uri: {prefix: /A}}", "{uri: {exact: /a}, ignoreUriCase: true}"),
        ("{uri: {prefix: /a}, method: {exact: GET}}", "{uri: {prefix: /ab}}"),
        ("{uri: {prefix: /a}, authority: {exact: b}}", "{uri: {prefix: /ab}}"),
        ("{uri: {prefix: /a}, port: 80}", "{uri: {prefix: /a}}"),
        ("{headers: {x: {exact: ab}}}", "{headers: {x: {prefix: a}}}"),
        ("{withoutHeaders: {x: {}}}", "{withoutHeaders: {x: {exact: a}}}"),
        ("{gateways: [mesh]}", "{}"),
        ("{uri: {regex: /a}}", "{uri: {exact: /a}}"),
    ] {
        check::<VirtualService>(&[(&routes(&[earlier, later]), &[])]);
    }
    check::<VirtualService>(&[
        (
            &routes(&["{uri: {prefix: /a}}", "{uri: {prefix: /b}}, {uri: {prefix: /ac}}"]),
            &["warning spec.http[1].match[1]: of http[0]"],
        ),
        (
            "{hosts: [a.b], http: [{redirect: {uri: /}}, {redirect: {uri: /}}, {redirect: {uri: /}, match: [{port: 80}]}]}",
            &[
                "warning spec.http[1]: only the last rule can have no matches",
                "warning spec.http[2]: a rule without matches",
            ],
        ),
        (
            "{hosts: [a.b], tcp: [{match: [{port: 80}], route: [{destination: {host: a}}]}, {match: [{port: 80}], route: [{destination: {host: a}}]}]}",
            &["warning spec.tcp[1].match[0]: tcp[0]", "warning spec.tcp[1]: prior rules"],
        ),
    ]);
}

#[test]
fn what_was_never_implemented_is_told() {
    let tcp = "hosts: [a.b], tcp: [{match: [{sourceSubnet: 10.0.0.0/8}], route: [{destination: {host: a}}]}]";
    check::<VirtualService>(&[(
        &format!("{{{tcp}}}"),
        &["warning spec.tcp[0].match[0].sourceSubnet: has no effect"],
    )]);
}
