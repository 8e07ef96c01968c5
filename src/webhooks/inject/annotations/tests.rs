use super::*;

#[test]
fn each_annotation_has_what_it_takes_and_what_not() {
    for (name, good, bad) in [
        (
            "istio.io/reroute-virtual-interfaces",
            &["", "net1, net2"][..],
            &["1net", "a,,b", "sixteencharacters"][..],
        ),
        ("prometheus.istio.io/merge-metrics", &["true", "F", "0"], &["", "yes"]),
        (
            "proxy.istio.io/config",
            &["", "{}", "{discoveryAddress: 'a:1'}"],
            &[
                "[]",
                "{concurrency: x}",
                "{discoveryAddress: a}",
                "{statusPort: 70000}",
                "{drainDuration: 0.5s}",
                "{discoveryAddress: ''}",
            ],
        ),
        (
            "readiness.status.sidecar.istio.io/periodSeconds",
            &["0", "4294967295"],
            &["-1", "+1", "", "4294967296"],
        ),
        ("sidecar.istio.io/interceptionMode", &["REDIRECT", "TPROXY", "NONE"], &["", "redirect"]),
        ("sidecar.istio.io/proxyCPU", &["100m", "1", "0.5", "1e3"], &["", "1x", "1\n"]),
        ("status.sidecar.istio.io/port", &["0", " 15020 ", "65535"], &["", "65536", "x"]),
        ("traffic.sidecar.istio.io/includeInboundPorts", &["*", "", "1, 2"], &["1,", "1-2"]),
        ("traffic.sidecar.istio.io/excludeInboundPorts", &["", "1"], &["*"]),
        (
            "traffic.sidecar.istio.io/includeOutboundIPRanges",
            &["*", "", "10.0.0.1/8,::/0"],
            &["bad", "10.0.0.0/33", "10.0.0.1/8,"],
        ),
        ("traffic.sidecar.istio.io/excludeOutboundIPRanges", &["", "10.0.0.0/8"], &["*"]),
    ] {
        let check = |value: &str| validate(&BTreeMap::from([(name.to_owned(), value.to_owned())]));
        for value in good {
            assert_eq!(check(value), Ok(()), "{name}={value:?}");
        }
        for value in bad {
            let said = check(value).expect_err(&format!("{name}={value:?}"));
            assert!(said.contains(name), "{said}");
        }
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let both = ["sidecar.istio.io/proxyCPU", "sidecar.istio.io/proxyMemory"];
    let both = both.map(|name| (name.to_owned(), "x".to_owned()));
    let said = validate(&BTreeMap::from(both)).unwrap_err();
    assert!(said.contains("proxyCPU") && said.contains("proxyMemory"), "{said}");
}
