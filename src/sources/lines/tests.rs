use super::Lines;
use crate::api::field_path::FieldPath;

const BLOCK: &str = "\
# a comment
kind: Service
metadata:
  name: web   # spec:
  labels:
    \"app\": a

spec:
  text: |
    ports:
    - port: 1
  ports:
  - port: 80
    name: http
  -   name: x
      deep:
        - - a
          - b
  - {port: 81}
status:
    x: 1
";

const JSON: &str = "\
{
  \"kind\": \"Service\",
  \"spec\": {
    \"ports\": [
      {
        \"port\": 80
      },
      {
        \"port\": 81
      }
    ]
  }
}
";

#[test]
fn fields_are_found_where_they_stand() {
    let spec = || FieldPath::of("spec");
    let port = |i| spec().key("ports").index(i);
    let cases = [
        (BLOCK, FieldPath::root(), 1),
        (BLOCK, FieldPath::of("metadata").key("name"), 3),
        (BLOCK, FieldPath::of("metadata").key("labels").key("app"), 5),
        (BLOCK, spec(), 7),
        (BLOCK, spec().key("ports"), 11),
        (BLOCK, port(0).key("port"), 12),
        (BLOCK, port(0).key("name"), 13),
        (BLOCK, port(1).key("deep").index(0).index(1), 17),
        (BLOCK, port(2).key("port"), 18),
        (BLOCK, FieldPath::of("status").key("x"), 20),
        // What is not found is said to be where its surroundings are.
        (BLOCK, FieldPath::of("metadata").key("namespace"), 2),
        (BLOCK, port(9), 11),
        (BLOCK, FieldPath::of("data"), 1),
        (JSON, spec().key("ports"), 3),
        (JSON, port(0).key("port"), 5),
        (JSON, port(1).key("port"), 8),
        ("{a: {b: 1}}", FieldPath::of("a").key("b"), 0),
        ("", FieldPath::of("a"), 0),
    ];
    for (text, path, line) in cases {
        assert_eq!(Lines::new(text).find(&path), line, "{path}");
    }
}

#[test]
fn elements_of_lists_are_found() {
    let ports = FieldPath::of("spec").key("ports");
    assert_eq!(Lines::new(BLOCK).elements(&ports), [12, 14, 18]);
    assert_eq!(Lines::new(JSON).elements(&ports), [4, 7]);
    assert_eq!(Lines::new("items: [a, b]").elements(&FieldPath::of("items")), [0usize; 0]);
}
