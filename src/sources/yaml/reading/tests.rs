use std::path::PathBuf;
use std::sync::Arc;

use super::{Documents, MAX_DIAGNOSTICS, Reading};
use crate::api::Object;
use crate::sources::intern::Interner;

fn read(file: &Arc<PathBuf>, content: &[u8]) -> Reading {
    super::read(file, content, &mut Documents::new(), &mut Interner::default())
}

/// Everything that a reading says, a line each.
fn told(name: &str, text: &str) -> Vec<String> {
    let Reading { objects, failures, warnings } =
        read(&Arc::new(PathBuf::from(name)), text.as_bytes());
    let objects = objects.iter().map(|p| format!("{}: {}", p.location, p.object.key()));
    let failures = failures.iter().map(|f| f.diagnostic.to_string());
    objects.chain(failures).chain(warnings.iter().map(ToString::to_string)).collect()
}

#[test]
fn a_bad_document_costs_only_itself() {
    let text = "\
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  ports:
  - port: http
---
apiVersion: v1
kind: Service
metadata: {name: [broken
---
apiVersion: v1
kind: Pod
metadata: {namespace: shop}
---
apiVersion: apps/v1
kind: Deployment
---
just text
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: last}
autoMount: true
";
    assert_eq!(
        told("shop.yaml", text),
        [
            "shop.yaml:1: Namespace shop",
            "shop.yaml:26: ServiceAccount default/last",
            "error: shop.yaml:11: Service default/web: spec.ports[0].port: invalid type: string \"http\", expected i32",
            "error: shop.yaml:16: did not find expected ',' or ']', while parsing a flow sequence at line 15 column 18",
            "error: shop.yaml:19: metadata.name: missing: every object needs a name",
            "error: shop.yaml:24: not an object: expected apiVersion, kind, metadata",
            "warning: shop.yaml:21: objects of kind Deployment (apps/v1) are not read",
            "warning: shop.yaml:29: ServiceAccount default/last: autoMount: unknown field, which has no effect: check its spelling and its place",
        ]
    );
}

#[test]
fn lists_are_unpacked() {
    let text = "\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Namespace
  metadata:
    name: a
- apiVersion: v1
  kind: PodList
  items:
  - metadata: {name: b}
  - metadata:
      name: c
    spec:
      hostNetwork: maybe
";
    assert_eq!(
        told("list.yaml", text),
        [
            "list.yaml:4: Namespace a",
            "list.yaml:8: Pod default/b",
            "error: list.yaml:15: Pod default/c: spec.hostNetwork: invalid type: string \"maybe\", expected a boolean",
        ]
    );
    let json = r#"{"apiVersion": "security.istio.io/v1", "kind": "PeerAuthenticationList", "items": [{"metadata": {"name": "a"}}]}"#;
    assert_eq!(told("list.json", json), ["list.json:1: PeerAuthentication default/a"]);
    assert_eq!(told("empty.json", " \n"), [""; 0]);
}

#[test]
fn files_that_are_no_text_fail_as_a_whole() {
    let file = Arc::new(PathBuf::from("a.yaml"));
    let reading = read(&file, b"a: 1\n\xff");
    assert_eq!(reading.failures[0].key, None);
    assert_eq!(
        reading.failures[0].diagnostic.to_string(),
        "error: a.yaml:2: not UTF-8: save it as such"
    );
    let large = vec![b'#'; super::MAX_FILE_BYTES + 1];
    let message = read(&file, &large).failures[0].diagnostic.to_string();
    assert_eq!(message, "error: a.yaml: larger than 64 MiB: split it");
}

#[test]
fn sound_documents_are_read_once_and_move_with_their_text() {
    let file = Arc::new(PathBuf::from("a.yaml"));
    let namespace =
        |name: &str| format!("---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n");
    let broken = "---\nkind: Namespace\n";
    let (mut known, mut strings) = (Documents::new(), Interner::default());
    let mut read = |text: &str, known: &mut Documents| {
        super::read(&file, text.as_bytes(), known, &mut strings)
    };
    let first = read(&format!("{}{broken}{}", namespace("a"), namespace("b")), &mut known);
    assert_eq!((first.objects.len(), known.len()), (2, 2));
    // The documents move: the same objects, shared, on other lines; what is wrong is told again.
    let text = format!("{broken}{}# more\n{}", namespace("b"), namespace("c"));
    let second = read(&text, &mut known);
    let lines: Vec<_> = second.objects.iter().map(|p| p.location.to_string()).collect();
    assert_eq!(lines, ["a.yaml:4", "a.yaml:9"]);
    assert_eq!(second.failures.len(), 1);
    assert_eq!(known.len(), 2);
    let again = read(&text, &mut known);
    assert_eq!(again, second);
    let shared = |a: &Object, b: &Object| match (a, b) {
        (Object::Namespace(a), Object::Namespace(b)) => Arc::ptr_eq(a, b),
        _ => false,
    };
    assert!(shared(&again.objects[0].object, &second.objects[0].object));
}

#[test]
fn a_list_full_of_mistakes_does_not_take_for_ever() {
    // Each item would be looked for in the whole text: that would be some 10^9 lines.
    let items = "- {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {hostNetwork: x}}\n"
        .repeat(30_000);
    let text = format!("apiVersion: v1\nkind: List\nitems:\n{items}");
    let reading = read(&Arc::new(PathBuf::from("a.yaml")), text.as_bytes());
    assert_eq!(reading.failures.len(), 30_000);
    let last = reading.failures[29_999].diagnostic.location.clone().unwrap();
    assert_eq!(last.line, 30_003);
}

#[test]
fn an_error_is_told_behind_any_number_of_warnings() {
    let spec = |hosts: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: Sidecar\nmetadata: {{name: a}}\nspec:\n  egress:\n  - port: {{number: 1}}\n    \
             hosts: [{hosts}]\n  - hosts: [b]\n"
        )
    };
    let said = told("a.yaml", &spec(&"./*, ".repeat(MAX_DIAGNOSTICS + 50)));
    let errors: Vec<&String> = said.iter().filter(|line| line.starts_with("error")).collect();
    // The object, as many as are told, and the error.
    assert_eq!((said.len(), errors.len()), (MAX_DIAGNOSTICS + 2, 1), "{errors:?}");
    assert!(errors[0].contains("spec.egress[1].hosts[0]"), "{errors:?}");
}
