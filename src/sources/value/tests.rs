use serde_json::{Value, json};

use super::{SyntaxError, from_json, from_yaml};

fn message(text: &str) -> String {
    from_yaml(text).unwrap_err().message
}

#[test]
fn yaml_becomes_json() {
    let cases = [
        ("", Value::Null),
        ("# nothing", Value::Null),
        ("a: 1", json!({"a": 1})),
        ("{\"a\": [true, null, -1.5]}", json!({"a": [true, null, -1.5]})),
        ("{a: b}", json!({"a": "b"})),
        // YAML 1.2: these are no booleans and no numbers.
        ("[yes, on, 0644, 'true', !!str 1]", json!(["yes", "on", "0644", "true", "1"])),
        ("2026-11-21T09:19:21Z", json!("2026-11-21T09:19:21Z")),
        ("8080: a\ntrue: b\n1.5: c", json!({"8080": "a", "true": "b", "1.5": "c"})),
        ("a: &x {k: 1}\nb: *x", json!({"a": {"k": 1}, "b": {"k": 1}})),
        ("a: |\n  x\n  y\n", json!({"a": "x\ny\n"})),
        ("18446744073709551615", json!(u64::MAX)),
    ];
    for (text, want) in cases {
        assert_eq!(from_yaml(text), Ok(want), "{text}");
    }
}

#[test]
fn merge_keys_are_applied() {
    let cases = [
        ("b: &b {x: 1, y: 2}\nm: {<<: *b, y: 3}", json!({"x": 1, "y": 3})),
        ("b: &b {x: 1}\nc: &c {x: 2, z: 3}\nm: {<<: [*b, *c]}", json!({"x": 1, "z": 3})),
        ("b: &b {<<: {deep: 1}}\nm: {<<: *b}", json!({"deep": 1})),
    ];
    for (text, want) in cases {
        assert_eq!(from_yaml(text).unwrap()["m"], want, "{text}");
    }
    assert!(message("m: {<<: 1}").contains("<< merges maps only"));
}

#[test]
fn what_json_cannot_hold_is_an_error() {
    for (text, want) in [
        ("a: .nan", "infinity and NaN"),
        ("a: !mine b", "tags (!name)"),
        ("{a: 1, b: 2, a: 3}", "the key \"a\" comes twice"),
        ("{\"a\": 1, \"a\": 3}", "the key \"a\" comes twice"),
        ("? [a]\n: b", "a string as the key"),
        ("a: *b", "unknown anchor"),
    ] {
        assert!(message(text).contains(want), "{text}: {}", message(text));
    }
}

#[test]
fn errors_tell_the_line_once() {
    let SyntaxError { line, message } = from_yaml("a: 1\nb: [\nc: ]x").unwrap_err();
    assert_eq!(line, Some(3));
    assert!(!message.contains("line 3"), "{message}");
    let SyntaxError { line, message } = from_json("{\n\"a\": }").unwrap_err();
    assert_eq!((line, message.as_str()), (Some(2), "expected value"));
    assert_eq!(from_json("{} {}").unwrap_err().message, "trailing characters");
}

#[test]
fn depth_is_limited_by_an_error() {
    for text in [
        "[".repeat(100_000),
        "{a: ".repeat(100_000),
        "{\"a\":".repeat(100_000),
        "- ".repeat(100_000),
        format!("{}1{}", "[".repeat(500), "]".repeat(500)),
        (0..400).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect(),
    ] {
        let error = from_yaml(&text).unwrap_err().message;
        let known = ["brackets are open", "recursion limit exceeded"];
        assert!(known.iter().any(|k| error.contains(k)), "{error}");
    }
    let json = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(from_json(&json).unwrap_err().message, "recursion limit exceeded");
}

#[test]
fn aliases_cannot_make_a_document_huge() {
    let doubling: String =
        (1..30).map(|i| format!("a{i}: &a{i} [*a{0}, *a{0}]\n", i - 1)).collect();
    let wide = format!("a: &a [{}]\nb: [{}]\n", "1,".repeat(20_000), "*a,".repeat(20_000));
    let long = format!("a: &a '{}'\nb: [{}]\n", "x".repeat(100_000), "*a,".repeat(20_000));
    let merged = format!(
        "a: &a {{{}}}\nb: [{}]\n",
        (0..2_000).map(|i| format!("k{i}: 1,")).collect::<String>(),
        "{<<: *a},".repeat(5_000)
    );
    for text in [format!("a0: &a0 [x]\n{doubling}"), wide, long, merged] {
        let error = message(&text);
        let known = ["aliases make the document too large", "repetition limit exceeded"];
        assert!(known.iter().any(|k| error.contains(k)), "{error}");
    }
}

#[test]
fn documents_without_aliases_never_meet_the_limit_of_size() {
    let wide = format!("[{}]", "1,".repeat(300_000));
    assert!(from_yaml(&wide).is_ok());
    let escapes = format!("\"{}\"", "\\L".repeat(300_000));
    assert!(from_yaml(&escapes).is_ok());
}
