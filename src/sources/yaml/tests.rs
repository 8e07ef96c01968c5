//! The source as a whole, on text and on the recorded reference.

use std::path::{Path, PathBuf};

use super::load;
use crate::api::{Diagnostic, Object, Severity};

/// Where the recorded reference lies, if it does.
fn reference() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/reference");
    match path.is_dir() {
        true => Some(path),
        false => {
            eprintln!("skipped: {} is not there", path.display());
            None
        }
    }
}

fn errors(diagnostics: &[Diagnostic]) -> Vec<String> {
    let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error);
    errors.map(Diagnostic::to_string).collect()
}

#[test]
fn the_reference_cluster_reads_without_a_word() {
    let Some(reference) = reference() else { return };
    let (objects, diagnostics) = load(&[reference.join("cluster.yaml")]);
    assert_eq!(diagnostics, []);
    let of = |kind: fn(&Object) -> bool| objects.iter().filter(|o| kind(o)).count();
    assert_eq!(of(|o| matches!(o, Object::Service(_))), 23);
    assert_eq!(of(|o| matches!(o, Object::Pod(_))), 31);
    assert_eq!(of(|o| matches!(o, Object::EndpointSlice(_))), 21);
    assert_eq!(objects.len(), 103);
}

#[test]
fn every_reference_scenario_reads_without_an_error() {
    let Some(reference) = reference() else { return };
    for group in [reference.clone(), reference.join("random")] {
        for entry in std::fs::read_dir(group).unwrap() {
            let config = entry.unwrap().path().join("config.yaml");
            if config.exists() {
                let (_, diagnostics) = load(std::slice::from_ref(&config));
                assert_eq!(errors(&diagnostics), [""; 0], "{}", config.display());
            }
        }
    }
}
