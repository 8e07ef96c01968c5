use serde_json::json;

use super::*;

#[test]
fn what_is_written_is_read_again() {
    for object in [
        json!({"a": {}, "b": [], "c": null, "d": 1.5, "e": -3, "f": true, "g": ""}),
        json!({"l": [{"a": 1, "b": [1, [2, {"c": 3}], []]}, {"x": {"y": "z"}}, "s", {}], "m": {"n": {"o": ["p"]}}}),
        json!({"t": "two\nlines\n", "u": "tab\t\"quote\" \\ ä \u{1}", "v": "a: b # c", "w": " s ", "x": "- a", "1": "k"}),
    ] {
        let text = document(&object);
        assert_eq!(serde_yaml::from_str::<Json>(&text).unwrap(), object, "{text}");
    }
}

#[test]
fn what_a_reader_could_mistake_is_in_quotes() {
    for text in
        ["yes", "On", "n", "1_000", "1:30", "=", "<<", "2020-01-01", "0o7", ".5", "~", "", "Null"]
    {
        assert_eq!(document(&json!({"a": text})), format!("a: {text:?}\n"));
    }
    assert_eq!(
        document(&json!({"a": "istio-proxy", "b": ["/var/run"]})),
        "a: istio-proxy\nb:\n- /var/run\n"
    );
}
