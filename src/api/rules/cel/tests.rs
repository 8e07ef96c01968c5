use proptest::prelude::*;

use super::check;

#[test]
fn expressions_are_told_from_other_texts() {
    for sound in [
        "true",
        "response.code >= 400",
        "connection.mtls && request.url_path.contains('v1beta3')",
        "!has(request.auth.principal) || request.headers['x'] in [\"a\", 'b',]",
        "a ? b : c ? d : e",
        "{'a': 1, 'b': 2u}.a == 0x1F",
        "google.protobuf.Duration{seconds: 1}",
        "[1, 2.5e3, .5].exists(x, x > -1)",
        "r'\\d+' + \"\"\"a\n'b\"\"\" + b'\\x41\\377'",
        "a // what follows is a comment",
        "--1 - -1",
        "filter_state['upstream_peer'].labels[?'app'].orValue(\"\")",
        "-9223372036854775808",
        "f()",
        ".a.b",
    ] {
        assert_eq!(check(sound), Ok(()), "{sound}");
    }
    for broken in [
        "",
        "  ",
        "response.code >=",
        "response.code >= 400)",
        "(a",
        "a b",
        "a = b",
        "a & b",
        "'a",
        "'a\nb'",
        "'\\q'",
        "a.",
        "a.1",
        "a[",
        "f(a,)",
        "f(,)",
        "{a}",
        "a ? b",
        "if",
        "99999999999999999999",
        "@a",
        "a !b",
    ] {
        assert!(check(broken).is_err(), "{broken}");
    }
}

#[test]
fn depth_and_length_are_limited() {
    assert!(check(&"(".repeat(60_000)).unwrap_err().contains("nested"));
    assert!(check(&"[".repeat(60_000)).unwrap_err().contains("nested"));
    assert!(check(&format!("{}a{}", "(".repeat(100), ")".repeat(100))).is_ok());
    assert!(check(&"a".repeat(70_000)).unwrap_err().contains("longer"));
    assert!(check(&format!("a{}", " + a".repeat(10_000))).is_ok());
}

proptest! {
    #[test]
    fn no_text_does_harm(text in "[a-z0-9.()\\[\\]{}'\"\\\\ ?:+!<=&|rbué\n-]{0,40}") {
        let _ = check(&text);
    }
}
