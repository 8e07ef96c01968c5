//! PeerAuthentications that have no effect beside others, or where they are.

use std::sync::Arc;

use super::{is_selective, selector};
use crate::api::config::Config;
use crate::api::field_path::FieldPath;
use crate::api::issue::Issue;
use crate::api::meta::selects;
use crate::api::security::PeerAuthentication;
use crate::api::{Diagnostic, Str};

/// What is to be said of these objects, oldest first.
pub(super) fn of(
    configs: &[Arc<Config<PeerAuthentication>>],
    root_namespace: &Str,
) -> Vec<Diagnostic> {
    let mut told = Vec::new();
    for (index, config) in configs.iter().enumerate() {
        if is_selective(config) && config.meta.namespace == *root_namespace {
            told.push(in_root(config));
            continue;
        }
        let mut older = configs.iter().take(index);
        let near = |older: &&Arc<Config<_>>| older.meta.namespace == config.meta.namespace;
        if let Some(winner) = older.find(|older| near(older) && shadows(older, config)) {
            told.extend(conflict(winner, config));
        }
    }
    told
}

/// Whether an older policy selects all workloads that a younger one does. Those that only some workloads have to choose
/// between are not told: they may never meet.
fn shadows(older: &Config<PeerAuthentication>, younger: &Config<PeerAuthentication>) -> bool {
    match (is_selective(older), is_selective(younger)) {
        (true, true) => selects(selector(older), selector(younger)),
        (older, younger) => older == younger,
    }
}

fn in_root(config: &Config<PeerAuthentication>) -> Diagnostic {
    let message = "has no effect: a policy of the root namespace is for the whole mesh and cannot select workloads; remove the \
                   selector, or create the policy in the namespace of the workloads";
    Issue::error(FieldPath::of("spec").key("selector"), message).of(&config.key())
}

fn conflict(
    winner: &Config<PeerAuthentication>,
    loser: &Config<PeerAuthentication>,
) -> [Diagnostic; 2] {
    let (whom, path) = match is_selective(loser) {
        true => ("the workloads that it selects", FieldPath::of("spec").key("selector")),
        false => ("all workloads of its place", FieldPath::of("spec")),
    };
    let lost = format!(
        "has no effect: {} is older and for {whom} too; merge both, or remove one",
        winner.key()
    );
    let won = format!(
        "{} is for {whom} too and has no effect, as this one is older; merge both, or remove one",
        loser.key()
    );
    [Issue::error(path.clone(), lost).of(&loser.key()), Issue::warning(path, won).of(&winner.key())]
}
