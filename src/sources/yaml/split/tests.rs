use super::split;

/// The documents of a text as (first line, line of the content, text).
fn check(text: &str, want: &[(usize, usize, &str)]) {
    let got: Vec<_> = split(text).map(|d| (d.first_line, d.line, d.text)).collect();
    assert_eq!(got, want, "{text:?}");
}

#[test]
fn markers_split_and_empty_documents_vanish() {
    check("", &[]);
    check("---\n---\n# x\n...\n", &[]);
    check("a: 1", &[(1, 1, "a: 1")]);
    check("a: 1\n---\nb: 2\n", &[(1, 1, "a: 1\n"), (2, 3, "\nb: 2\n")]);
    check("# head\n\na: 1\n--- # b\n\nb: 2", &[(1, 3, "# head\n\na: 1\n"), (4, 6, " # b\n\nb: 2")]);
    check("--- {a: 1}\n--- {b: 2}\n", &[(1, 1, " {a: 1}\n"), (2, 2, " {b: 2}\n")]);
    check("a: 1\n...\nb: 2\n", &[(1, 1, "a: 1\n"), (2, 3, "\nb: 2\n")]);
    check("a: 1\r\n---\r\nb: 2\r\n", &[(1, 1, "a: 1\r\n"), (2, 3, "\r\nb: 2\r\n")]);
}

#[test]
fn what_only_looks_like_a_marker_does_not_split() {
    for text in ["a: |\n  ---\n  b", "----\na", "---a: 1", "a: ---"] {
        check(text, &[(1, 1, text)]);
    }
}

#[test]
fn directives_and_byte_order_marks_are_no_content() {
    check("%YAML 1.2\n---\na: 1", &[(2, 3, "\na: 1")]);
    check("\u{feff}a: 1", &[(1, 1, "a: 1")]);
}
