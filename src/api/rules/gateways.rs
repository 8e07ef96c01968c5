//! Names of gateways in VirtualServices.

use crate::api::Str;
use crate::api::field_path::Place;
use crate::api::issue::Issues;

use super::hosts;

/// `NAME`, `NAMESPACE/NAME` or `mesh`.
pub(in crate::api) fn names(names: &[Str], at: &Place<'_>, issues: &mut Issues) {
    for (index, name) in names.iter().enumerate() {
        gateway(name, &at.index(index), issues);
    }
}

fn gateway(text: &str, at: &Place<'_>, issues: &mut Issues) {
    if let Some((namespace, name)) = text.split_once('/') {
        for (what, part) in [("namespace", namespace), ("gateway name", name)] {
            if !hosts::is_label(part) {
                issues.error(*at, format!("invalid {what} {part:?}: write NAMESPACE/NAME"));
                return;
            }
        }
        return;
    }
    if let Err(why) = hosts::name(text) {
        issues.error(*at, why);
        return;
    }
    let mut parts = text.split('.');
    if let (Some(name), Some(namespace)) = (parts.next(), parts.next()) {
        let message =
            format!("{text:?} is the legacy form of a gateway's name: write {namespace}/{name}");
        issues.warn(*at, message);
    }
}
