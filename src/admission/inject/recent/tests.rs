use serde_json::json;

use super::*;

fn entry(namespace: &str, name: &str, generate_name: &str) -> Entry {
    let review = Review {
        namespace: namespace.into(),
        object: json!({"metadata": {"name": name, "generateName": generate_name}}),
        ..Review::default()
    };
    Entry::of(&review, "/inject")
}

#[test]
fn pods_are_found_by_the_names_that_they_may_get() {
    let recent = Recent::default();
    recent.add(entry("shop", "", "web-5d8f-"));
    recent.add(entry("shop", "db-0", ""));
    recent.add(entry("other", "web-5d8f-x", ""));
    for (asked, want) in [
        (Some("web-5d8f-abc"), &["shop/web-5d8f-*"][..]),
        (Some("web-5d8f-x"), &["other/web-5d8f-x", "shop/web-5d8f-*"]),
        (Some("shop/web-5d8f-x"), &["shop/web-5d8f-*"]),
        (Some("web-5d8f-x.other"), &["other/web-5d8f-x"]),
        (Some("db"), &[]),
        (None, &["other/web-5d8f-x", "shop/db-0", "shop/web-5d8f-*"]),
    ] {
        let found: Vec<_> = recent.of(asked).iter().map(|entry| entry.pod()).collect();
        assert_eq!(found, want, "{asked:?}");
    }
}

#[test]
fn what_is_kept_is_bounded() {
    let recent = Recent::default();
    for number in 0..MAX_ENTRIES + 5 {
        recent.add(entry("shop", &format!("p{number}"), ""));
    }
    let all = recent.of(None);
    assert_eq!(all.len(), MAX_ENTRIES);
    assert_eq!(all[0].name, format!("p{}", MAX_ENTRIES + 4));
    assert_eq!(entry("shop", &"ä".repeat(100_000), "").name.chars().count(), MAX_TEXT + 1);
}
