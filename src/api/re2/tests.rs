use proptest::prelude::*;

use super::{Error, MAX_BYTES, compile};

fn matches(pattern: &str, text: &str) -> bool {
    compile(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}")).is_match(text)
}

fn refused(pattern: &str) -> String {
    match compile(pattern) {
        Ok(_) => panic!("{pattern} is taken"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_text_is_described_as_a_whole() {
    assert!(matches("/a|/b", "/a") && matches("/a|/b", "/b"));
    assert!(!matches("/a|/b", "/ab") && !matches("b", "ab"));
}

#[test]
fn what_re2_takes_means_what_it_means_there() {
    for (pattern, yes, no) in [
        ("[[]", "[", "]"),
        ("[]a]", "]", "b"),
        ("[^]a]", "b", "]"),
        ("[a&&b]", "&", "c"),
        ("[a-]", "-", "b"),
        ("[a~-]", "~", "b"),
        ("[[:alpha:]_]+", "a_B", "1"),
        ("[[:^digit:]]", "a", "1"),
        (r"\Qa.b\E+", "a.bb", "axb"),
        (r"\Qa.b", "a.b", "axb"),
        (r"\101\0", "A\0", "101"),
        (r"\x41\x{42}", "AB", "x41"),
        (r"\w+\s\d", "a 1", "é 1"),
        (r"[\w-]+", "a-b", "é"),
        (r"[^\d]", "a", "1"),
        (r"\pL\p{Greek}", "aα", "1α"),
        (r"\P{Greek}\p{^Greek}", "aa", "αa"),
        (r"\<a\>", "<a>", "a"),
        (r"\_\-\/\ \%", "_-/ %", "_"),
        ("a{,2}", "a{,2}", "a"),
        ("a{2", "a{2", "aa"),
        ("a{02}", "a{02}", "aa"),
        ("{a}", "{a}", "a"),
        ("a{2,3}?b", "aab", "ab"),
        ("(?P<x>a)(?<y>b)(?:c)", "abc", "ab"),
        ("(?i)aB(?-i)c", "ABc", "abC"),
        ("(?i:A)b", "ab", "aB"),
        ("(?s).", "\n", ""),
        ("a.", "ab", "a\n"),
        (r"a\b.*", "a b", "ab"),
        ("^*a$", "a", "b"),
        ("", "", "a"),
        ("(a|)", "", "b"),
        (r"a\.b]}", "a.b]}", "axb]}"),
    ] {
        assert!(matches(pattern, yes), "{pattern} does not match {yes:?}");
        assert!(!matches(pattern, no), "{pattern} matches {no:?}");
    }
}

#[test]
fn what_re2_does_not_take_is_refused() {
    for (pattern, why) in [
        ("(?=a)", "look-around"),
        ("(?<!a)b", "look-around"),
        (r"(a)\1", "back-references"),
        ("*a", "nothing stands before *"),
        ("(|*a)", "nothing stands before *"),
        ("a**", "another repetition"),
        ("a{2}{3}", "another repetition"),
        ("a{1001}", "1000"),
        ("a{3,2}", "not down"),
        ("(a{100}){11}", "together"),
        ("((a{10}){10}b{2}){20}", "together"),
        ("(a", "without its )"),
        ("a)", "without its ("),
        ("[a", "without its ]"),
        ("[b-a]", "counts down"),
        ("[[:nothing:]]", "no class"),
        (r"[a-\d]", "class"),
        (r"\u0041", r"\u means nothing"),
        (r"\C", r"\C means nothing"),
        (r"\Z", r"\Z means nothing"),
        (r"[\b]", r"\b means nothing"),
        (r"\p{greek}", "no class"),
        (r"\p{sc=Greek}", r"\p{"),
        (r"\p{Alphabetic}", "not known"),
        (r"\p{Letter}", "not known"),
        (r"\x4", r"\x needs"),
        (r"a\", "at the end"),
        ("(?x)a", "flags"),
        ("(?i-)a", "flags"),
        ("(?P<>a)", "name"),
        ("(?P<a>b)(?P<a>c)", "name of its own"),
    ] {
        let error = refused(pattern);
        assert!(error.contains(why), "{pattern}: {error}");
    }
}

#[test]
fn sizes_are_limited() {
    assert!(compile(&"a".repeat(MAX_BYTES)).is_ok());
    assert_eq!(compile(&"a".repeat(MAX_BYTES + 1)).unwrap_err(), Error::TooLong);
    assert_eq!(compile(r"(\pL{1000}\pL{1000}\pL{1000})").unwrap_err(), Error::TooLarge);
    assert!(compile(&format!("{}a{}", "(".repeat(500), ")".repeat(500))).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    /// The translation is never the reason why Rust's engine refuses something, but for names of classes.
    #[test]
    fn what_is_read_is_executed(pattern in r"[ab01^$.|?*+(){}\[\]\\\-:,iQExpdwL&~]{0,20}") {
        match super::translate::translate(&pattern) {
            Ok(translated) => {
                let known = !translated.contains("gc=") && !translated.contains("sc=");
                prop_assert!(!known || compile(&pattern).is_ok(), "{pattern} {translated}");
            }
            Err(_) => prop_assert!(compile(&pattern).is_err()),
        }
    }

    #[test]
    fn a_literal_describes_itself(text in "[ -~é]{0,30}") {
        let pattern = format!(r"\Q{}\E", text.replace('\\', "/"));
        prop_assert!(matches(&pattern, &text.replace('\\', "/")));
    }
}
