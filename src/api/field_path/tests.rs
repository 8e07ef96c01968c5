use super::FieldPath;

#[test]
fn paths_are_written_as_people_write_them() {
    let path = FieldPath::of("spec").key("ports").index(0).key("port");
    assert_eq!(path.to_string(), "spec.ports[0].port");
    let label = FieldPath::of("metadata").key("labels").key("a.b/c");
    assert_eq!(label.to_string(), "metadata.labels[\"a.b/c\"]");
    assert_eq!(FieldPath::root().to_string(), "");
    let base = FieldPath::of("items").index(2);
    assert_eq!(path.below(&base).to_string(), "items[2].spec.ports[0].port");
}

#[test]
fn what_is_shown_can_be_read() {
    let path = FieldPath::of("metadata").key("labels").key("app.kubernetes.io/\"name\"");
    let deep = FieldPath::of("spec").key("http").index(2).key("route").index(0).key("port");
    for path in [FieldPath::root(), path, deep, FieldPath::root().index(1).key("a")] {
        assert_eq!(FieldPath::parse(&path.to_string()), Some(path.clone()), "{path}");
    }
    for text in ["spec..http", "spec[", "spec[x]", "spec[\"a\""] {
        assert_eq!(FieldPath::parse(text), None, "{text}");
    }
}
