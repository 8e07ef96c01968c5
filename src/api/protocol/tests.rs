use super::*;

/// Of a TCP port.
fn check(app_protocol: &str, name: &str, number: u16, want: Protocol) {
    let got = Protocol::of_port(Transport::Tcp, app_protocol, name, number);
    assert_eq!(got, want, "appProtocol {app_protocol:?}, name {name:?}, port {number}");
}

#[test]
fn by_name() {
    for (name, want) in [
        ("http", Protocol::Http),
        ("HTTP", Protocol::Http),
        ("http-web", Protocol::Http),
        ("http2", Protocol::Http2),
        ("http2-a-b", Protocol::Http2),
        ("http_proxy", Protocol::HttpProxy),
        ("https", Protocol::Https),
        ("grpc", Protocol::Grpc),
        ("grpc-xds", Protocol::Grpc),
        ("grpc-web", Protocol::GrpcWeb),
        ("gRPC-Web-1", Protocol::GrpcWeb),
        ("tls", Protocol::Tls),
        ("tcp", Protocol::Tcp),
        ("udp-dns", Protocol::Udp),
        ("mongo", Protocol::Mongo),
        ("redis-a", Protocol::Redis),
        ("mysql", Protocol::Mysql),
        ("hbone", Protocol::Hbone),
        ("", Protocol::Unsupported),
        ("httpx", Protocol::Unsupported),
        ("status-port", Protocol::Unsupported),
        ("web-http", Protocol::Unsupported),
    ] {
        check("", name, 8080, want);
    }
}

#[test]
fn app_protocol_wins_over_the_name() {
    check("http", "tcp-db", 80, Protocol::Http);
    check("HTTPS", "http", 80, Protocol::Https);
    check("kubernetes.io/h2c", "tcp", 80, Protocol::Http2);
    check("kubernetes.io/ws", "tcp", 80, Protocol::Http);
    check("kubernetes.io/wss", "tcp", 80, Protocol::Https);
    check("kubernetes.io/other", "http", 80, Protocol::Unsupported);
    check("example.com/own", "http", 80, Protocol::Unsupported);
}

#[test]
fn server_first_ports_are_tcp_unless_declared() {
    for number in [25, 53, 3306, 27017] {
        check("", "db", number, Protocol::Tcp);
        check("", "http", number, Protocol::Http);
    }
    check("", "db", 5432, Protocol::Unsupported);
}

#[test]
fn udp_is_udp_whatever_is_declared() {
    assert_eq!(Protocol::of_port(Transport::Udp, "http", "http", 80), Protocol::Udp);
    assert_eq!(Protocol::of_port(Transport::Sctp, "", "http", 80), Protocol::Http);
}
