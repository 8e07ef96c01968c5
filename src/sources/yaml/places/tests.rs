use std::path::PathBuf;

use super::super::{Content, load_placed};
use super::*;
use crate::api::{Code, Kind, Severity};

const FILE: &str = "\
kind: Namespace
apiVersion: v1
metadata:
  name: shop
---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  ports:
  - port: 80
";

fn locate(kind: Kind, namespace: &str, name: &str, path: &str) -> Option<String> {
    let content = Content::Bytes(FILE.as_bytes().into());
    let files = Files::from([(PathBuf::from("mesh.yaml"), content)]);
    let (_, places, _) = load_placed(&[], files);
    assert_eq!(places.count(), 2);
    let told = places.locate(vec![Diagnostic {
        severity: Severity::Warning,
        location: None,
        object: Some(ObjectKey::new(kind, namespace, name)),
        path: path.to_owned(),
        message: String::new(),
        code: Code::Other,
    }]);
    told[0].location.as_ref().map(|location| location.to_string())
}

#[test]
fn what_is_found_later_is_placed_too() {
    let check = |path: &str, line: usize| {
        let got = locate(Kind::Service, "default", "web", path);
        assert_eq!(got, Some(format!("mesh.yaml:{line}")), "{path}");
    };
    check("", 6);
    check("spec.ports[0].port", 12);
    check("spec.missing", 10);
    assert_eq!(locate(Kind::Namespace, "", "shop", "metadata.name"), Some("mesh.yaml:4".into()));
    assert_eq!(locate(Kind::Service, "default", "other", ""), None);
}
