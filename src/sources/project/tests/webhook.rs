//! The recorded answers of the real validating webhook: what it refuses has an error here, what it takes has none, and
//! where it warns there is a warning.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::project;
use crate::api::{Kind, Severity};
use crate::skip::skipped;
use crate::sources::project::{Issue, Rejection};

/// The kinds whose specs have types.
const KINDS: [Kind; 9] = [
    Kind::Gateway,
    Kind::VirtualService,
    Kind::DestinationRule,
    Kind::ServiceEntry,
    Kind::WorkloadEntry,
    Kind::WorkloadGroup,
    Kind::Sidecar,
    Kind::PeerAuthentication,
    Kind::AuthorizationPolicy,
];

/// A recorded answer.
#[derive(Debug, Deserialize)]
struct Answer {
    object: Value,
    allowed: bool,
    message: String,
    warnings: Vec<String>,
}

impl Answer {
    fn is_ours(&self) -> bool {
        let text = |name: &str| self.object.get(name).and_then(Value::as_str).unwrap_or_default();
        Kind::of(text("apiVersion"), text("kind")).is_some_and(|kind| KINDS.contains(&kind))
    }
}

fn said(object: Value) -> Vec<Issue> {
    match project(object) {
        Ok(projected) => projected.issues,
        Err(Rejection::Invalid { issue, .. }) => vec![issue],
        Err(Rejection::Unread { kind, .. }) => panic!("{kind} is not read"),
    }
}

#[test]
fn what_the_webhook_said_is_said() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/goldens/validate");
    if !folder.is_dir() {
        skipped(format_args!("{} is not there", folder.display()));
        return;
    }
    let mut compared = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let answers: Vec<Answer> =
            serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for answer in answers.into_iter().filter(Answer::is_ours) {
            let issues = said(answer.object.clone());
            let of = |severity| issues.iter().filter(|issue| issue.severity == severity).count();
            let context = format!("{}: {answer:#?}\nsaid {issues:#?}", path.display());
            assert_eq!(answer.allowed, of(Severity::Error) == 0, "{context}");
            assert_eq!(answer.message.is_empty(), answer.allowed, "{context}");
            assert_eq!(answer.warnings.len(), of(Severity::Warning), "{context}");
            compared += 1;
        }
    }
    assert!(compared >= 35, "only {compared} answers were recorded");
}
