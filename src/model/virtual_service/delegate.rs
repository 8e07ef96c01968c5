//! Delegation: a rule that names another VirtualService is replaced by the rules of that one, narrowed.
//!
//! Each rule of the delegate must ask for a part of what the rule asks for that delegates: its matches are combined with
//! one of those that it fits into. A rule that fits nowhere is left out. What a rule of the delegate leaves open is
//! taken from the rule that delegates. There is one level only.

use std::collections::BTreeMap;

use super::resolve::resolve;
use super::routing::{Routing, RuleOrigin, refused};
use super::{Object, Settings, visibility};
use crate::api::config::Config;
use crate::api::field_path::FieldPath;
use crate::api::issue::Issue;
use crate::api::networking::VirtualService;
use crate::api::networking::virtual_service::{HttpMatch, HttpRoute, StringMatch};
use crate::api::{Diagnostic, Kind, ObjectKey, Str};
use crate::model::Visibility;

/// The namespaces and names of the objects that the rules delegate to, in the order of these rules.
pub(super) fn keys(config: &Config<VirtualService>) -> impl Iterator<Item = (&str, &str)> {
    config.spec.http.iter().filter_map(|rule| rule.delegate.as_ref()).map(|delegate| {
        let own = &config.meta.namespace;
        let namespace = if delegate.namespace.is_empty() { own } else { &delegate.namespace };
        (&**namespace, &*delegate.name)
    })
}

/// The routing of an object, whose names are resolved in `spec`, with these delegates, in the order of [`keys`].
pub(super) fn merge(
    config: &Object,
    mut spec: VirtualService,
    visible: Visibility,
    delegates: &[Option<&Object>],
    settings: &Settings,
    diagnostics: &mut Vec<Diagnostic>,
) -> Routing {
    let key = config.key();
    let (mut http, mut rules, mut origins) = (Vec::new(), Vec::new(), vec![key.clone()]);
    let mut found = keys(config).zip(delegates);
    for (index, mut rule) in std::mem::take(&mut spec.http).into_iter().enumerate() {
        if rule.delegate.take().is_none() {
            let matches = (0..rule.matches.len()).collect();
            let (object, inherited) = (key.clone(), Vec::new());
            rules.push(RuleOrigin { object, rule: index, root: index, matches, inherited });
            http.push(rule);
            continue;
        }
        let Some(((namespace, name), delegate)) = found.next() else { continue };
        let wanted = ObjectKey::new(Kind::VirtualService, namespace, name);
        let mut lost = |message: String| {
            let path = FieldPath::of("spec").key("http").index(index).key("delegate");
            diagnostics.push(Issue::error(path, message).of(&key));
        };
        let Some(delegate) = delegate else {
            lost(format!(
                "the rule is left out: there is no {wanted} without hosts; create it, or name another"
            ));
            continue;
        };
        if !visibility(delegate, settings).includes(&config.meta.namespace) {
            lost(format!(
                "the rule is left out: {wanted} is not exported to the namespace {}; add it to its exportTo",
                config.meta.namespace
            ));
            continue;
        }
        for (place, leaf) in resolve(delegate, &settings.domain).http.into_iter().enumerate() {
            let path = FieldPath::of("spec").key("http").index(place);
            if leaf.delegate.is_some() {
                let message = format!(
                    "the rule is left out: {key} delegates to this object, which cannot delegate further"
                );
                diagnostics.push(Issue::error(path.key("delegate"), message).of(&wanted));
                continue;
            }
            let Some((merged, matches, inherited)) = merge_rule(&rule, leaf) else {
                let message = format!(
                    "the rule is left out for {key}: it asks for requests that spec.http[{index}] there does not \
                     delegate; its matches must be narrower than those"
                );
                diagnostics.push(Issue::error(path.key("match"), message).of(&wanted));
                continue;
            };
            let object = wanted.clone();
            rules.push(RuleOrigin { object, rule: place, root: index, matches, inherited });
            http.push(merged);
        }
        origins.push(wanted);
    }
    origins.sort();
    origins.dedup();
    let refused = refused(&http);
    spec.http = http;
    Routing { config: config.clone(), spec, visibility: visible, origins, rules, refused }
}

/// A rule of a delegate as part of the rule that delegates, with the places of its matches and the fields that it took
/// over; None when it does not fit.
fn merge_rule(
    root: &HttpRoute,
    leaf: HttpRoute,
) -> Option<(HttpRoute, Vec<usize>, Vec<&'static str>)> {
    let mut inherited = Vec::new();
    let (mut rule, mut places) = (leaf, Vec::new());
    if rule.matches.is_empty() && !root.matches.is_empty() {
        inherited.push("match");
        rule.matches.clone_from(&root.matches);
    } else if !root.matches.is_empty() {
        let leaves = std::mem::take(&mut rule.matches);
        for (place, leaf) in leaves.iter().enumerate() {
            let before = rule.matches.len();
            let fits = root.matches.iter().filter(|root| !conflict(root, leaf));
            rule.matches.extend(fits.map(|root| merge_match(root, leaf)));
            if rule.matches.len() == before {
                return None;
            }
            places.resize(rule.matches.len(), place);
        }
    }
    if places.is_empty() {
        places = (0..rule.matches.len()).collect();
    }
    rule.name = joined(&root.name, &rule.name);
    macro_rules! inherit {
        ($($field:ident $name:literal $empty:ident;)*) => { $(
            if rule.$field.$empty() && !root.$field.$empty() {
                inherited.push($name);
                rule.$field.clone_from(&root.$field);
            }
        )* };
    }
    inherit! {
        rewrite "rewrite" is_none;
        direct_response "directResponse" is_none;
        timeout "timeout" is_none;
        retries "retries" is_none;
        fault "fault" is_none;
        mirror "mirror" is_none;
        mirror_percent "mirrorPercent" is_none;
        mirror_percentage "mirrorPercentage" is_none;
        cors_policy "corsPolicy" is_none;
        mirrors "mirrors" is_empty;
        headers "headers" is_none;
    }
    Some((rule, places, inherited))
}

fn joined(root: &Str, leaf: &Str) -> Str {
    match (&**root, &**leaf) {
        ("", _) => leaf.clone(),
        (_, "") => root.clone(),
        _ => format!("{root}-{leaf}").into(),
    }
}

/// Both at once. Where both say something of one thing, the delegate's is the narrower.
fn merge_match(root: &HttpMatch, leaf: &HttpMatch) -> HttpMatch {
    let or_else = |leaf: &Option<StringMatch>, root: &Option<StringMatch>| {
        leaf.as_ref().or(root.as_ref()).cloned()
    };
    let text = |leaf: &Str, root: &Str| if leaf.is_empty() { root.clone() } else { leaf.clone() };
    HttpMatch {
        name: joined(&root.name, &leaf.name),
        uri: or_else(&leaf.uri, &root.uri),
        scheme: or_else(&leaf.scheme, &root.scheme),
        method: or_else(&leaf.method, &root.method),
        authority: or_else(&leaf.authority, &root.authority),
        headers: over(&root.headers, &leaf.headers),
        without_headers: over(&root.without_headers, &leaf.without_headers),
        query_params: over(&root.query_params, &leaf.query_params),
        port: if leaf.port == 0 { root.port } else { leaf.port },
        source_labels: over(&root.source_labels, &leaf.source_labels),
        source_namespace: text(&leaf.source_namespace, &root.source_namespace),
        gateways: if leaf.gateways.is_empty() { &root.gateways } else { &leaf.gateways }.clone(),
        ignore_uri_case: leaf.ignore_uri_case,
        stat_prefix: text(&leaf.stat_prefix, &root.stat_prefix),
    }
}

fn over<V: Clone>(root: &BTreeMap<Str, V>, leaf: &BTreeMap<Str, V>) -> BTreeMap<Str, V> {
    root.iter().chain(leaf).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// Whether a match of a delegate asks for what the match that delegates excludes.
fn conflict(root: &HttpMatch, leaf: &HttpMatch) -> bool {
    let texts = [
        (&root.uri, &leaf.uri),
        (&root.scheme, &leaf.scheme),
        (&root.method, &leaf.method),
        (&root.authority, &leaf.authority),
    ];
    let maps = [
        (&root.headers, &leaf.headers),
        (&root.without_headers, &leaf.without_headers),
        (&root.query_params, &leaf.query_params),
    ];
    let in_map = |(root, leaf): (&BTreeMap<Str, StringMatch>, &BTreeMap<Str, StringMatch>)| {
        leaf.iter().any(|(key, leaf)| root.get(key).is_some_and(|root| !narrower(root, leaf)))
    };
    let labels = |(key, value): (&Str, &Str)| {
        root.source_labels.get(key).is_some_and(|expected| expected != value)
    };
    texts.iter().any(|(root, leaf)| match (root, leaf) {
        (Some(root), Some(leaf)) => !narrower(root, leaf),
        _ => false,
    }) || maps.into_iter().any(in_map)
        || root.ignore_uri_case != leaf.ignore_uri_case
        || (root.port > 0 && leaf.port > 0 && root.port != leaf.port)
        || (!root.source_namespace.is_empty() && root.source_namespace != leaf.source_namespace)
        || leaf.source_labels.iter().any(labels)
        || (!root.gateways.is_empty() && leaf.gateways.iter().any(|g| !root.gateways.contains(g)))
}

/// Whether all texts that `leaf` takes are ones that `root` takes. Of regular expressions nobody can tell.
fn narrower(root: &StringMatch, leaf: &StringMatch) -> bool {
    let set = |text: &Option<Str>| text.clone().filter(|text| !text.is_empty());
    let exact = (set(&root.exact), set(&leaf.exact));
    match (exact, (set(&root.prefix), set(&leaf.prefix))) {
        _ if set(&root.regex).is_some() || set(&leaf.regex).is_some() => false,
        ((Some(root), Some(leaf)), _) => root == leaf,
        ((Some(_), None), _) => false,
        ((None, _), (Some(root), Some(leaf))) => leaf.starts_with(&*root),
        ((None, Some(leaf)), (Some(root), None)) => leaf.starts_with(&*root),
        _ => false,
    }
}
