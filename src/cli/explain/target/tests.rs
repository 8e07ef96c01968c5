use super::{Url, header, http, tcp};

fn url(method: &str, secure: bool, host: &str, port: Option<u16>, path: &str) -> Url {
    Url { method: method.into(), secure, host: host.into(), port, path: path.into() }
}

#[test]
fn requests_are_read() {
    for (text, want) in [
        ("GET http://web", url("GET", false, "web", None, "/")),
        ("http://web/a?b", url("GET", false, "web", None, "/a?b")),
        ("post https://web.shop:8443?x", url("POST", true, "web.shop", Some(8443), "/?x")),
        ("PUT http://[::1]:80/a:b", url("PUT", false, "::1", Some(80), "/a:b")),
    ] {
        assert_eq!(http(text), Ok(want), "{text}");
    }
    for text in ["", "GET", "GET web/a", "GET ftp://web", "GET http://", "GET http://web:x/"] {
        assert!(http(text).is_err(), "{text}");
    }
}

#[test]
fn ports_and_authorities_follow_the_scheme() {
    for (text, port, authority) in [
        ("http://web", 80, "web"),
        ("http://web:80", 80, "web"),
        ("https://web:80", 80, "web:80"),
        ("https://[::1]", 443, "[::1]"),
        ("http://[::1]:8080", 8080, "[::1]:8080"),
    ] {
        let url = http(text).unwrap();
        assert_eq!((url.port(), url.authority().as_str()), (port, authority), "{text}");
    }
}

#[test]
fn connections_and_headers_are_read() {
    assert_eq!(tcp("db:3306"), Ok(url("", false, "db", Some(3306), "")));
    assert!(tcp("db").is_err() && tcp(":1").is_err() && tcp("db:99999").is_err());
    assert_eq!(header("A-b:  c: d "), Ok(("A-b".to_owned(), "c: d".to_owned())));
    assert!(header("x").is_err() && header(": x").is_err());
}
