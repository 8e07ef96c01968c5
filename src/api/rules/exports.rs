//! `exportTo`: the namespaces that see an object.

use std::collections::BTreeSet;

use crate::api::Str;
use crate::api::field_path::Place;
use crate::api::issue::Issues;

use super::hosts::is_label;

/// Of which kind the object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api) enum Of {
    /// Nobody (`~`) may see it but the proxies of its endpoints.
    Service,
    /// Somebody must see it.
    Configuration,
}

/// The namespaces: no duplicates, and none beside all (`*`) or none (`~`) of them.
pub(in crate::api) fn export_to(
    exports: &[Str],
    of: Of,
    namespace: &str,
    at: &Place<'_>,
    issues: &mut Issues,
) {
    let mut seen = BTreeSet::new();
    for (index, export) in exports.iter().enumerate() {
        let at = at.index(index);
        let own = if &**export == "." { namespace } else { export };
        if !seen.insert(own) {
            let message = match own == namespace {
                true => format!(
                    "duplicate entry: {namespace:?} is the own namespace, which . stands for"
                ),
                false => format!("duplicate entry {export:?}: remove one of them"),
            };
            issues.error(at, message);
            continue;
        }
        match &**export {
            "." => {}
            "*" | "~" if exports.len() > 1 => issues.error(
                at,
                format!(
                    "{export:?} cannot be combined with other entries: keep it alone, or remove it"
                ),
            ),
            "*" => {}
            "~" if of == Of::Service => {}
            "~" => issues
                .error(at, "~ (nobody) is allowed for services only: name a namespace, . or *"),
            name if is_label(name) => {}
            name => {
                issues.error(
                    at,
                    format!("{name:?} is no namespace: only ., * or a namespace's name is allowed"),
                );
            }
        }
    }
}
