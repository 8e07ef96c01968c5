use super::*;
use crate::proto::envoy::envoy::config::core::v3::TransportSocket;
use crate::translate::cluster::protocol::HttpVersion;

#[test]
fn envoy_is_told_to_verify_names_or_that_nobody_does() {
    // Whether it is secure, and what requests decide of TLS: the name, and its verification.
    let check = |version, tls: Option<&str>, want: (bool, Option<(bool, bool)>)| {
        let tls: Option<ClientTls> = tls.map(|text| serde_json::from_str(text).unwrap());
        let transport_socket = tls.as_ref().map(|_| TransportSocket::default());
        let cluster = Cluster { transport_socket, ..Cluster::default() };
        let mut http = HttpOptions { version, ..HttpOptions::default() };
        let secure = verify_names(&cluster, &mut http, tls.as_ref());
        let upstream = http.upstream.map(|o| (o.auto_sni, o.auto_san_validation));
        assert_eq!((secure, upstream), want, "{version:?} {tls:?}");
    };
    check(HttpVersion::Default, None, (true, None));
    check(HttpVersion::Two, None, (true, Some((true, true))));
    let simple = r#"{"mode": "SIMPLE"}"#;
    check(HttpVersion::Default, Some(simple), (true, Some((true, true))));
    let named = r#"{"mode": "SIMPLE", "subjectAltNames": ["a.com"]}"#;
    check(HttpVersion::Default, Some(named), (true, Some((true, true))));
    let fixed = r#"{"mode": "SIMPLE", "sni": "a.com"}"#;
    check(HttpVersion::Default, Some(fixed), (false, Some((false, true))));
    let blind = r#"{"mode": "SIMPLE", "sni": "a.com", "insecureSkipVerify": true}"#;
    check(HttpVersion::Default, Some(blind), (false, None));
}
