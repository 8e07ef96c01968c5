use super::Gateway;
use crate::api::fixture::{assert_issues, check, object};

/// A sound server, with what is to be tested in place of its parts.
fn server(port: &str, rest: &str) -> String {
    format!("servers: [{{port: {port}, hosts: ['*'], {rest}}}]")
}

const HTTP: &str = "{number: 80, name: http, protocol: HTTP}";
const HTTPS: &str = "{number: 443, name: https, protocol: HTTPS}";

#[test]
fn servers() {
    check::<Gateway>(&[
        (
            "servers: [{port: {number: 80, name: a, protocol: GRPC-Web}, hosts: [a.b, '*/c.d', ./e.f, ns/1.2.3.4]}]",
            &[],
        ),
        (
            &server(HTTP, "defaultEndpoint: '127.0.0.1:80'"),
            &["warning spec.servers[0].defaultEndpoint: has no effect"],
        ),
        ("{}", &["error spec.servers: at least one server"]),
        (
            "servers: [{}]",
            &[
                "error spec.servers[0].hosts: at least one host",
                "error spec.servers[0].port: port is required",
            ],
        ),
        (
            "servers: [{port: {number: 80, name: a, protocol: HTTP}, hosts: [a, '~/a.b', '/a.b', ns/, '*a.b', 'a_b.c']}]",
            &[
                "error spec.servers[0].hosts[0]: short name",
                "error spec.servers[0].hosts[1]: no namespace",
                "error spec.servers[0].hosts[2]: no namespace",
                "error spec.servers[0].hosts[3]: empty",
                "error spec.servers[0].hosts[4]: partial wildcard",
                "error spec.servers[0].hosts[5]: a_b",
            ],
        ),
        (
            "servers: [{port: {number: 99999, protocol: nothing, targetPort: 1}, hosts: [a.b]}]",
            &[
                "error spec.servers[0].port.protocol: unsupported protocol \"nothing\"",
                "error spec.servers[0].port.number: 1..65535",
                "error spec.servers[0].port.targetPort: no effect",
                "error spec.servers[0].port.name: required",
            ],
        ),
        (
            "servers: [{port: {number: 80, name: a, protocol: HTTP}, hosts: [a.b]}, {port: {number: 81, name: a, protocol: HTTP}, hosts: [a.b]}]",
            &["error spec.servers[1].port.name: duplicate"],
        ),
    ]);
}

#[test]
fn binding() {
    check::<Gateway>(&[
        (&server(HTTP, "bind: 10.0.0.1"), &[]),
        (&server(HTTP, "bind: web"), &["error spec.servers[0].bind: no IP address"]),
        (&server("{name: a, protocol: HTTP}", "bind: 'unix:///a/b'"), &[]),
        (&server("{name: a, protocol: HTTP}", "bind: 'unix://@a'"), &[]),
        (
            &server("{name: a, protocol: HTTP}", "bind: 'unix://a'"),
            &["error spec.servers[0].bind: absolute path"],
        ),
        (&server(HTTP, "bind: 'unix:///a'"), &["error spec.servers[0].port.number: must be 0"]),
    ]);
}

#[test]
fn the_name_is_a_label() {
    let mut gateway = object::<Gateway>(&server(HTTP, ""));
    gateway.meta.name = "a.b".into();
    assert_issues(&gateway, &["error metadata.name: invalid gateway name"]);
}

#[test]
fn tls_where_it_is_spoken() {
    check::<Gateway>(&[
        (&server(HTTPS, "tls: {credentialName: a, mode: SIMPLE}"), &[]),
        (&server(HTTPS, ""), &["error spec.servers[0].tls: required for HTTPS"]),
        (&server(HTTP, "tls: {httpsRedirect: true}"), &[]),
        (
            &server(HTTP, "tls: {mode: SIMPLE, credentialName: a}"),
            &["error spec.servers[0].tls: plain HTTP"],
        ),
        (
            &server("{number: 1, name: a, protocol: TCP}", "tls: {}"),
            &["error spec.servers[0].tls: plain TCP"],
        ),
        (
            &server(HTTPS, "tls: {mode: SIMPLE, credentialName: a, httpsRedirect: true}"),
            &["warning spec.servers[0].tls.httpsRedirect: only HTTP"],
        ),
    ]);
}

#[test]
fn certificates() {
    check::<Gateway>(&[
        (
            &server(
                HTTPS,
                "tls: {mode: MUTUAL, serverCertificate: a, privateKey: b, caCertificates: c, caCrl: d}",
            ),
            &[],
        ),
        (
            &server(HTTPS, "tls: {mode: MUTUAL}"),
            &[
                "error spec.servers[0].tls.caCertificates: client CA bundle",
                "error spec.servers[0].tls.serverCertificate: requires a server certificate",
                "error spec.servers[0].tls.privateKey: requires a private key",
            ],
        ),
        (
            &server(
                HTTPS,
                "tls: {mode: SIMPLE, tlsCertificates: [{serverCertificate: a}, {privateKey: b}, {serverCertificate: a, privateKey: b}]}",
            ),
            &[
                "warning spec.servers[0].tls.tlsCertificates: at most 2",
                "error spec.servers[0].tls.tlsCertificates[0].privateKey: requires",
                "error spec.servers[0].tls.tlsCertificates[1].serverCertificate: requires",
            ],
        ),
        (
            &server(HTTPS, "tls: {mode: SIMPLE, credentialName: a, credentialNames: [b]}"),
            &["error spec.servers[0].tls.credentialNames: only one of"],
        ),
        (
            &server(HTTPS, "tls: {mode: SIMPLE, serverCertificate: a, privateKey: b, caCrl: c}"),
            &["error spec.servers[0].tls.caCrl: not supported"],
        ),
        (
            &server(HTTPS, "tls: {mode: ISTIO_MUTUAL, privateKey: a, credentialName: b}"),
            &[
                "error spec.servers[0].tls.privateKey: ISTIO_MUTUAL",
                "error spec.servers[0].tls.credentialName: ISTIO_MUTUAL",
            ],
        ),
        (
            &server(HTTPS, "tls: {mode: PASSTHROUGH, credentialName: a}"),
            &["warning spec.servers[0].tls.credentialName: ignored"],
        ),
        (
            &server(HTTPS, "tls: {mode: PASSTHROUGH, credentialName: a, caCrl: b}"),
            &[
                "warning spec.servers[0].tls.credentialName: ignored",
                "error spec.servers[0].tls.caCrl: not supported with credentialName",
            ],
        ),
    ]);
}

#[test]
fn ciphers_and_versions() {
    check::<Gateway>(&[
        (
            &server(
                HTTPS,
                "tls: {mode: SIMPLE, credentialName: a, cipherSuites: [AES128-SHA, NONE, AES128-SHA, '!ALL', ALL]}",
            ),
            &[
                "warning spec.servers[0].tls.cipherSuites[1]: invalid cipher suite \"NONE\"",
                "warning spec.servers[0].tls.cipherSuites[2]: duplicate cipher suite \"AES128-SHA\"",
            ],
        ),
        (
            &server(HTTPS, "tls: {mode: SIMPLE, credentialName: a, minProtocolVersion: TLSV1_1}"),
            &["warning spec.servers[0].tls.minProtocolVersion: cipherSuites"],
        ),
        (
            &server(
                HTTPS,
                "tls: {mode: SIMPLE, credentialName: a, minProtocolVersion: TLSV1_1, cipherSuites: [AES128-SHA]}",
            ),
            &[],
        ),
    ]);
}
