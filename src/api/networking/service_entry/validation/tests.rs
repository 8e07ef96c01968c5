use super::ServiceEntry;
use crate::api::fixture::{assert_issues, check, object};

#[test]
fn hosts_and_addresses() {
    check::<ServiceEntry>(&[
        (
            "{hosts: ['*.a.com', b.com], addresses: [1.2.3.4, 10.0.0.0/8, 'fd00::/64'], ports: [{name: a, number: 1}]}",
            &[],
        ),
        ("{}", &["error spec.hosts: at least one host"]),
        ("hosts: ['*']", &["error spec.hosts[0]: all hosts"]),
        ("hosts: ['*x']", &["warning spec.hosts[0]: partial wildcard"]),
        (
            "hosts: [a.1, 'a..b']",
            &["error spec.hosts[0]: a number", "error spec.hosts[1]: no host name"],
        ),
        (
            "{hosts: [a.b], addresses: [x, 1.2.3.4/33, 1.2.3.4/08]}",
            &[
                "error spec.addresses[0]: no IP address",
                "error spec.addresses[1]: no CIDR block",
                "error spec.addresses[2]: no CIDR block",
            ],
        ),
        (
            "{hosts: [a.b], addresses: [10.0.0.0/8], resolution: DNS, ports: [{name: a, number: 1, protocol: HTTP}]}",
            &["error spec.addresses[0]: only for resolution NONE and STATIC"],
        ),
    ]);
}

#[test]
fn selectors() {
    check::<ServiceEntry>(&[
        ("{hosts: [a.b], resolution: STATIC, workloadSelector: {labels: {a: b}}}", &[]),
        (
            "{hosts: [a.b], workloadSelector: {}}",
            &[
                "warning spec.workloadSelector: without labels",
                "warning spec.workloadSelector: resolution NONE",
            ],
        ),
        (
            "{hosts: [a.b], resolution: STATIC, workloadSelector: {labels: {a: 'b*', '': c}}, endpoints: [{address: 1.2.3.4}]}",
            &[
                "error spec.workloadSelector.labels[\"\"]: empty key",
                "error spec.workloadSelector.labels.a: wildcard",
                "error spec.workloadSelector: only one of workloadSelector and endpoints",
            ],
        ),
    ]);
}

#[test]
fn ports() {
    check::<ServiceEntry>(&[
        (
            "{hosts: [a.b], addresses: [1.2.3.4], ports: [{name: a, number: 1}, {name: a, number: 1, targetPort: 99999, protocol: X}]}",
            &[
                "error spec.ports[1].name: already defined",
                "error spec.ports[1].number: already defined",
                "error spec.ports[1].targetPort: 1..65535",
                "error spec.ports[1].protocol: unsupported protocol",
            ],
        ),
        (
            "{hosts: [a.b], ports: [{name: '', number: 0, protocol: HTTP}, {name: b, number: 2, protocol: TCP}]}",
            &[
                "error spec.ports[0].name: invalid port name",
                "error spec.ports[0].number: 1..65535",
                "warning spec.ports[1].protocol: addresses are required",
            ],
        ),
        ("{hosts: [a.b], resolution: STATIC, ports: [{name: b, number: 2, protocol: TCP}]}", &[]),
        (
            "{hosts: [a.b, c.d], resolution: STATIC, ports: [{name: b, number: 2, protocol: HTTP}, {name: c, number: 3, protocol: MONGO}]}",
            &["error spec.ports[1].protocol: multiple hosts"],
        ),
    ]);
}

#[test]
fn who_wants_no_allocated_address_needs_one_for_tcp() {
    let mut entry = object::<ServiceEntry>(
        "{hosts: [a.b], resolution: STATIC, ports: [{name: b, number: 2, protocol: TCP}]}",
    );
    entry.meta.labels.insert("networking.istio.io/enable-autoallocate-ip".into(), "False".into());
    assert_issues(&entry, &["warning spec.ports[0].protocol: addresses are required"]);
}

#[test]
fn fixed_endpoints() {
    check::<ServiceEntry>(&[
        (
            "{hosts: [a.b], endpoints: [{address: 1.2.3.4}]}",
            &["error spec.endpoints: resolution NONE"],
        ),
        (
            "{hosts: [a.b], resolution: STATIC, ports: [{name: http, number: 80, protocol: HTTP}], endpoints: [{address: 'unix:///a'}, {address: a.b}, {}, {network: n}, {address: 1.2.3.4, ports: {x: 1}}]}",
            &[
                "error spec.endpoints[1].address: not a valid IP address",
                "error spec.endpoints[2].address: required",
                "warning spec.endpoints[3].address: unset with network",
                "error spec.endpoints[4].ports.x: not defined",
            ],
        ),
        (
            "{hosts: [a.b], resolution: STATIC, endpoints: [{address: 'unix:///a'}]}",
            &["error spec.endpoints[0].address: exactly 1 service port"],
        ),
    ]);
}

#[test]
fn endpoints_by_dns() {
    check::<ServiceEntry>(&[
        ("{hosts: [a.b], resolution: DNS, endpoints: [{address: c.d}, {address: 1.2.3.4}]}", &[]),
        ("{hosts: ['*.a.b'], resolution: DNS, endpoints: [{address: c.d}]}", &[]),
        ("{hosts: ['*.a.b'], resolution: DNS}", &["error spec.hosts[0]: cannot be resolved"]),
        (
            "{hosts: [a.b], resolution: DNS, endpoints: [{address: 'unix:///a'}]}",
            &["error spec.endpoints[0].address: not a valid full host name"],
        ),
        (
            "{hosts: [a.b], resolution: DNS_ROUND_ROBIN, endpoints: [{address: c.d}, {address: e.f}]}",
            &["error spec.endpoints: at most 1 endpoint"],
        ),
        (
            "{hosts: [a.b, c.d], addresses: [1.2.3.4], resolution: DNS, ports: [{name: a, number: 1, protocol: TLS}]}",
            &["warning spec.hosts: one host only"],
        ),
    ]);
}

#[test]
fn hosts_found_when_a_request_comes() {
    check::<ServiceEntry>(&[
        (
            "{hosts: ['*.a.b', '*x.a.b'], resolution: DYNAMIC_DNS, ports: [{name: a, number: 1, protocol: TLS}]}",
            &[],
        ),
        (
            "{hosts: [a.b], addresses: [1.2.3.4], resolution: DYNAMIC_DNS, endpoints: [{address: 1.2.3.4}], ports: [{name: a, number: 1, protocol: TCP}]}",
            &[
                "error spec.hosts[0]: must be a wildcard",
                "error spec.addresses: cannot be set",
                "error spec.endpoints: cannot be set",
                "error spec.ports[0].protocol: HTTP, HTTP2, GRPC or TLS",
            ],
        ),
    ]);
    let mut entry = object::<ServiceEntry>(
        "{hosts: ['*.a.b'], resolution: DYNAMIC_DNS, location: MESH_INTERNAL}",
    );
    assert_issues(&entry, &[]);
    entry.meta.labels.insert("istio.io/use-waypoint".into(), "None".into());
    assert_issues(&entry, &[]);
    entry.meta.labels.insert("istio.io/use-waypoint".into(), "waypoint".into());
    assert_issues(&entry, &["error spec.location: waypoints"]);
}

#[test]
fn exports() {
    check::<ServiceEntry>(&[
        ("{hosts: [a.b], exportTo: [., other]}", &[]),
        ("{hosts: [a.b], exportTo: ['~']}", &[]),
        ("{hosts: [a.b], exportTo: ['~', other]}", &["error spec.exportTo[0]: cannot be combined"]),
        ("{hosts: [a.b], exportTo: [a, '*']}", &["error spec.exportTo[1]: cannot be combined"]),
        (
            "{hosts: [a.b], exportTo: [., shop, a, a, a_b]}",
            &[
                "error spec.exportTo[1]: own namespace",
                "error spec.exportTo[3]: duplicate entry",
                "error spec.exportTo[4]: no namespace",
            ],
        ),
    ]);
}
