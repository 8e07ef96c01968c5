//! What VirtualServices are bound to: Gateways that do not exist, and matches for those that the object is not bound to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::World;
use crate::api::config::Config;
use crate::api::field_path::FieldPath;
use crate::api::issue::Issue;
use crate::api::networking::{Gateway, VirtualService};
use crate::api::{Diagnostic, Str};
use crate::model::Routing;
use crate::model::virtual_service::MESH;

/// See the module.
pub(super) fn check(world: World<'_>, gateways: &[Arc<Config<Gateway>>]) -> Vec<Diagnostic> {
    let mut by_name: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for gateway in gateways {
        by_name.entry(&gateway.meta.name).or_default().insert(&gateway.meta.namespace);
    }
    let mut told = Vec::new();
    for routing in world.virtual_services.all() {
        unknown(routing, &by_name, &mut told);
        unbound(routing, &mut told);
    }
    told
}

fn unknown(
    routing: &Routing,
    by_name: &BTreeMap<&str, BTreeSet<&str>>,
    told: &mut Vec<Diagnostic>,
) {
    for (index, gateway) in routing.spec.gateways.iter().enumerate() {
        let Some((namespace, name)) = gateway.split_once('/') else { continue };
        let namespaces = by_name.get(name);
        if namespaces.is_some_and(|all| all.contains(namespace)) {
            continue;
        }
        let remedy = match namespaces.and_then(|all| all.first()) {
            Some(other) => format!("{other}/{name} may be meant"),
            None => "create it, or correct the name".to_owned(),
        };
        let message =
            format!("there is no Gateway {gateway}, so that nothing is routed for it; {remedy}");
        let path = FieldPath::of("spec").key("gateways").index(index);
        told.push(Issue::warning(path, message).of(&routing.config.key()));
    }
}

/// A match may narrow what the object is bound to, and cannot bind it to more.
fn unbound(routing: &Routing, told: &mut Vec<Diagnostic>) {
    let spec = &routing.spec;
    let issue = |gateways: &[Str], matched: FieldPath| {
        let at = gateways.iter().position(|gateway| !is_bound(spec, gateway))?;
        let message = format!(
            "{} has no effect here, as the object is not bound to it: add it to spec.gateways",
            gateways.get(at)?
        );
        Some(Issue::warning(matched.key("gateways").index(at), message))
    };
    for (index, rule) in spec.http.iter().enumerate() {
        for (place, one) in rule.matches.iter().enumerate() {
            let found = issue(&one.gateways, FieldPath::of("match").index(place));
            told.extend(found.map(|issue| routing.diagnose(index, issue)));
        }
    }
    let mut stream = |kind: &str, index: usize, place: usize, gateways: &[Str]| {
        let path = FieldPath::of("spec").key(kind).index(index).key("match").index(place);
        told.extend(issue(gateways, path).map(|issue| issue.of(&routing.config.key())));
    };
    for (index, rule) in spec.tls.iter().enumerate() {
        let matches = rule.matches.iter().enumerate();
        matches.for_each(|(place, one)| stream("tls", index, place, &one.gateways));
    }
    for (index, rule) in spec.tcp.iter().enumerate() {
        let matches = rule.matches.iter().enumerate();
        matches.for_each(|(place, one)| stream("tcp", index, place, &one.gateways));
    }
}

fn is_bound(spec: &VirtualService, gateway: &Str) -> bool {
    match spec.gateways.is_empty() {
        true => **gateway == *MESH,
        false => spec.gateways.contains(gateway),
    }
}
