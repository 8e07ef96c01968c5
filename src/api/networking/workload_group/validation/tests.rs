use super::WorkloadGroup;
use crate::api::fixture::check;

#[test]
fn groups() {
    check::<WorkloadGroup>(&[
        ("template: {}", &[]),
        ("{}", &["error spec.template: template is required"]),
        (
            "{template: {}, metadata: {labels: {'*': a}}}",
            &["error spec.metadata.labels[\"*\"]: invalid label key"],
        ),
    ]);
}

#[test]
fn probes() {
    check::<WorkloadGroup>(&[
        (
            "{template: {}, probe: {httpGet: {port: 80, scheme: HTTPS, httpHeaders: [{name: X-A}]}}}",
            &[],
        ),
        ("{template: {}, probe: {grpc: {port: 80}}}", &[]),
        ("{template: {}, probe: {}}", &["error spec.probe: no health check method"]),
        (
            "{template: {}, probe: {periodSeconds: -1, exec: {command: [a]}}}",
            &["error spec.probe.periodSeconds: non-negative"],
        ),
        ("{template: {}, probe: {exec: {}}}", &["error spec.probe.exec.command: required"]),
        (
            "{template: {}, probe: {tcpSocket: {port: 70000}}}",
            &["error spec.probe.tcpSocket.port: 1..65535"],
        ),
        (
            "{template: {}, probe: {httpGet: {scheme: http, httpHeaders: [{name: '**'}]}}}",
            &[
                "error spec.probe.httpGet.port: 1..65535",
                "error spec.probe.httpGet.scheme: HTTP or HTTPS",
                "error spec.probe.httpGet.httpHeaders[0].name: not a valid header name",
            ],
        ),
        (
            "{template: {}, probe: {tcpSocket: {port: 1}, grpc: {port: 1}}}",
            &["error spec.probe.grpc: only one of them"],
        ),
    ]);
}
