use super::hosts;
use crate::api::Str;

fn overlaps(names: &[&str]) -> Vec<(usize, usize)> {
    let names: Vec<Str> = names.iter().map(|name| Str::from(*name)).collect();
    hosts::overlaps(&names)
}

#[test]
fn hosts_that_stand_for_one_name() {
    assert_eq!(overlaps(&["a.b", "b.a", "*.c"]), []);
    assert_eq!(overlaps(&["a.b", "c.d", "a.b"]), [(2, 0)]);
    assert_eq!(overlaps(&["*", "a"]), [(1, 0)]);
    assert_eq!(overlaps(&["a.b", "*.b"]), [(1, 0)]);
    assert_eq!(overlaps(&["b", "*.b", "*b"]), [(2, 0), (2, 1)]);
    assert_eq!(overlaps(&["*.b", "*.b"]), [(1, 0)]);
}

/// The same by comparing each with each.
#[test]
fn overlaps_are_found_however_they_are_written() {
    let parts = ["a", "b", "*", "*.a", "*a", "a.b", "*.b", "b.a", "*-a", "ab.a"];
    for first in parts {
        for second in parts {
            for third in parts {
                let names = [first, second, third];
                let found = overlaps(&names);
                for (later, earlier) in &found {
                    assert!(
                        earlier < later
                            && crate::api::host::overlap(names[*later], names[*earlier])
                    );
                }
                let any =
                    (0..3).any(|i| (0..i).any(|j| crate::api::host::overlap(names[i], names[j])));
                assert_eq!(!found.is_empty(), any, "{names:?}");
            }
        }
    }
}

#[test]
fn names_and_patterns() {
    for (host, name, pattern) in [
        ("a", true, true),
        ("a.b.", true, true),
        ("A-1.b", true, true),
        ("*", false, true),
        ("*.", false, true),
        ("*-a.b", false, true),
        ("*a.b", false, true),
        ("a*.b", false, false),
        ("a.*", false, false),
        ("", false, false),
        (".", false, false),
        ("a..b", false, false),
        ("-a", false, false),
        ("a.1", false, false),
        ("1", false, true),
        (&"a".repeat(64), false, false),
        (&"a.".repeat(128), false, false),
    ] {
        assert_eq!(
            (hosts::name(host).is_ok(), hosts::pattern(host).is_ok()),
            (name, pattern),
            "{host}"
        );
    }
}
