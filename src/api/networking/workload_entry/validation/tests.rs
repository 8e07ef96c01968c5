use super::WorkloadEntry;
use crate::api::fixture::check;

#[test]
fn instances() {
    check::<WorkloadEntry>(&[
        ("{address: 1.2.3.4, ports: {http: 80}, labels: {app: a, 'a.b/c': ''}}", &[]),
        ("address: 'fe80::1%eth0'", &[]),
        ("address: 'unix://@a'", &[]),
        ("address: vm.example.com", &[]),
        ("{}", &["error spec.address: address is required"]),
        ("network: net", &["warning spec.address: unset with network \"net\""]),
        ("address: a b", &["error spec.address: not a valid IP address or a full host name"]),
        ("address: 'unix:///dir/'", &["error spec.address: absolute path to a file"]),
        ("{address: 'unix:///a', ports: {a: 1}}", &["error spec.ports: must not have ports"]),
        (
            "{address: 1.2.3.4, ports: {a_b: 1, c: 0}}",
            &["error spec.ports.a_b: invalid port name", "error spec.ports.c: 1..65535"],
        ),
        (
            "{address: 1.2.3.4, labels: {'-a': b, c: 'd e'}}",
            &[
                "error spec.labels.-a: invalid label key",
                "error spec.labels.c: invalid label value",
            ],
        ),
    ]);
}
