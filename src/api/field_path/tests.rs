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
