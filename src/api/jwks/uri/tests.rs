use super::*;

#[test]
fn addresses() {
    for (text, tls, host, port) in [
        ("http://a", false, "a", 80),
        ("https://a.b/c:d@e", true, "a.b", 443),
        ("HTTPS://a.b:8443?c", true, "a.b", 8443),
        ("http://a:/", false, "a", 80),
        ("http://[::1]:8080/x", false, "::1", 8080),
        ("http://[fe80::1]", false, "fe80::1", 80),
        ("http://127.0.0.1#a", false, "127.0.0.1", 80),
    ] {
        let expected = HttpUri { tls, host: host.to_owned(), port };
        assert_eq!(HttpUri::parse(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_none_is_told() {
    for (text, part) in [
        ("", "no supported scheme"),
        ("a.b/c", "no supported scheme"),
        ("file:///etc/passwd", "no supported scheme"),
        ("hTPp\\\u{8}lah", "is no URL"),
        ("http://a b/", "is no URL"),
        ("http://", "no usable host"),
        ("http:///a", "no usable host"),
        ("http://:80/", "no usable host"),
        ("http://[::1", "no usable host"),
        ("http://[a]/", "no usable host"),
        ("http://[::1]80/", "no usable host"),
        ("http://a:b/", "no port"),
        ("http://a:70000/", "no port"),
        ("http://a:80:80/", "no port"),
        ("http://user:secret@a/", "credentials"),
    ] {
        let said = HttpUri::parse(text).unwrap_err();
        assert!(said.contains(part), "{text:?}: {said}");
    }
}

#[test]
fn an_address_may_be_a_number() {
    let ip = |text: &str| HttpUri::parse(text).unwrap().ip().map(|ip| ip.to_string());
    assert_eq!(ip("http://[::ffff:127.0.0.1]/").as_deref(), Some("::ffff:127.0.0.1"));
    assert_eq!(ip("http://10.0.0.1/").as_deref(), Some("10.0.0.1"));
    assert_eq!(ip("http://a/"), None);
}
