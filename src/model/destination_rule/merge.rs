//! Several rules of one namespace for one host become one.
//!
//! Rules are merged if they have the same visibility and select the same workloads; otherwise they stay apart. The order
//! of the input decides who wins, and both sides of a conflict are told.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::MergedRule;
use super::index::HostIndex;
use crate::api::config::Config;
use crate::api::field_path::FieldPath;
use crate::api::host::resolve;
use crate::api::issue::Issue;
use crate::api::networking::DestinationRule;
use crate::api::{Code, Diagnostic, Features, MeshConfig, Str};
use crate::model::Visibility;

type Source = Arc<Config<DestinationRule>>;

/// The sources of each rule, by host.
pub(super) type Hosts = BTreeMap<Str, Vec<Vec<Source>>>;

/// What `exportTo` means for the objects of its own namespace.
const OWN_NAMESPACE: &str = ".";

/// Merges, and keeps what was merged before.
pub(super) struct Merger<'a> {
    domain: &'a str,
    /// Rules without `exportTo` are for their own namespace.
    private_by_default: bool,
    /// Only rules of one visibility merge.
    by_visibility: bool,
    /// By the addresses of the sources, which they keep alive.
    known: HashMap<Vec<usize>, Arc<MergedRule>>,
    diagnostics: BTreeSet<Diagnostic>,
}

impl<'a> Merger<'a> {
    pub(super) fn new<'b>(
        mesh: &MeshConfig,
        domain: &'a str,
        features: &Features,
        before: impl Iterator<Item = &'b Arc<MergedRule>>,
    ) -> Merger<'a> {
        let default = &mesh.default_destination_rule_export_to;
        Merger {
            domain,
            private_by_default: default.iter().any(|to| **to == *OWN_NAMESPACE),
            by_visibility: features.merge_rules_by_visibility,
            known: before.map(|rule| (addresses(&rule.sources), rule.clone())).collect(),
            diagnostics: BTreeSet::new(),
        }
    }

    /// Who may see a rule. One that selects workloads is for those of its own namespace.
    pub(super) fn visibility(&self, config: &Config<DestinationRule>) -> Visibility {
        let exports = exports(config);
        if exports.is_empty() && !self.private_by_default {
            return Visibility::Public;
        }
        let own = exports.is_empty().then_some(OWN_NAMESPACE);
        Visibility::of(exports.into_iter().chain(own), &config.meta.namespace)
    }

    /// Adds a rule: to those that it merges with, or as one of its own.
    ///
    /// As Istio has it, a rule that more namespaces see than one before is merged into that one all the same, and so is
    /// one for all workloads into one for some of them, where both are private. It then works there only.
    pub(super) fn add(&mut self, hosts: &mut Hosts, config: &Source) {
        let host = resolve(&config.spec.host, &config.meta.namespace, self.domain);
        let rules = hosts.entry(host).or_default();
        let mut alone = true;
        let mut narrower = None;
        for sources in rules.iter_mut() {
            let Some(first) = sources.first().cloned() else { continue };
            let (old, new) = (exports(&first), exports(config));
            let same = !self.by_visibility || old == new;
            let wider = !old.is_empty() && new.is_superset(&old);
            let (a, b) = (&first.spec.workload_selector, &config.spec.workload_selector);
            if !(same || wider) || a.is_some() && b.is_some() && a != b {
                alone = true;
                continue;
            }
            sources.push(config.clone());
            if a == b {
                alone = false;
            } else if self.by_visibility {
                alone = !same;
            }
            if !same || a != b {
                narrower = Some(first);
            }
        }
        if alone {
            rules.push(vec![config.clone()]);
        } else if let Some(first) = narrower {
            self.tell_narrowed(&first, config);
        }
    }

    /// The rules, merged.
    pub(super) fn index(&mut self, hosts: Hosts) -> HostIndex {
        let merged = hosts.into_iter().map(|(host, rules)| {
            let rules: Vec<_> =
                rules.into_iter().map(|sources| self.merged(&host, sources)).collect();
            self.tell_shadowed(&rules);
            (host, rules)
        });
        HostIndex::new(merged.collect::<Vec<_>>())
    }

    /// What there is to be said, sorted.
    pub(super) fn diagnostics(self) -> Vec<Diagnostic> {
        self.diagnostics.into_iter().collect()
    }

    fn merged(&mut self, host: &Str, sources: Vec<Source>) -> Arc<MergedRule> {
        let visibility = match sources.first() {
            Some(first) => self.visibility(first),
            None => Visibility::Namespaces(Vec::new()),
        };
        let addresses = addresses(&sources);
        let known = self.known.get(&addresses);
        let known = known.filter(|rule| rule.visibility == visibility && rule.host == *host);
        let rule = known.cloned().unwrap_or_else(|| {
            let (spec, diagnostics) = merge(host, &sources);
            Arc::new(MergedRule { host: host.clone(), visibility, spec, sources, diagnostics })
        });
        self.diagnostics.extend(rule.diagnostics.iter().cloned());
        self.known.insert(addresses, rule.clone());
        rule
    }

    fn tell_narrowed(&mut self, first: &Source, config: &Source) {
        let message = format!(
            "works only where {} does, which is for the same host and which it is merged into; \
             give both the same exportTo, or merge them by hand",
            first.key()
        );
        self.diagnostics.insert(Issue::error(FieldPath::of("spec"), message).of(&config.key()));
        let message = format!(
            "{} for the same host is merged into it, and works only where this one does",
            config.key()
        );
        self.diagnostics.insert(Issue::warning(FieldPath::of("spec"), message).of(&first.key()));
    }

    /// Of rules for all workloads that were not merged, the last one that a client sees counts.
    fn tell_shadowed(&mut self, rules: &[Arc<MergedRule>]) {
        let mut general = rules.iter().filter(|rule| !rule.has_selector());
        while let Some(rule) = general.next() {
            let covers = |later: &&Arc<MergedRule>| covers(&later.visibility, &rule.visibility);
            let Some(winner) = general.clone().rfind(covers) else { continue };
            let (Some(loser), Some(winner)) = (rule.sources.first(), winner.sources.first()) else {
                continue;
            };
            let path = || FieldPath::of("spec").key("exportTo");
            let message = format!(
                "has no effect: {} for the same host is seen by the same namespaces and comes later; \
                 give both the same exportTo, so that they are merged",
                winner.key()
            );
            self.diagnostics.insert(Issue::error(path(), message).of(&loser.key()));
            let message = format!(
                "takes the place of {} for the same host, which has another exportTo; \
                 give both the same, so that they are merged",
                loser.key()
            );
            self.diagnostics.insert(Issue::warning(path(), message).of(&winner.key()));
        }
    }
}

/// Subsets of all, where the first of a name counts, and the first policy; otherwise what the first object says. And what
/// is to be said of what does not count.
fn merge(host: &Str, sources: &[Source]) -> (DestinationRule, Vec<Diagnostic>) {
    let first = sources.first().map(|first| first.spec.clone());
    let mut spec = DestinationRule { host: host.clone(), ..first.unwrap_or_default() };
    spec.traffic_policy = None;
    spec.subsets.clear();
    let mut diagnostics = Vec::new();
    let mut policy_of: Option<&Source> = None;
    let mut subset_of: HashMap<&str, &Source> = HashMap::new();
    for source in sources {
        let path = FieldPath::of("spec");
        match (&source.spec.traffic_policy, policy_of) {
            (Some(policy), None) => {
                spec.traffic_policy = Some(policy.clone());
                policy_of = Some(source);
            }
            (Some(_), Some(winner)) => {
                let path = path.clone().key("trafficPolicy");
                diagnostics.extend(conflict(winner, source, path, "the policy", Code::Other));
            }
            (None, _) => {}
        }
        for (index, subset) in source.spec.subsets.iter().enumerate() {
            if let Some(winner) = subset_of.get(&*subset.name) {
                let path = path.clone().key("subsets").index(index);
                let what = format!("subset {:?}", &*subset.name);
                diagnostics.extend(conflict(winner, source, path, &what, Code::DuplicateSubset));
                continue;
            }
            subset_of.insert(&subset.name, source);
            spec.subsets.push(subset.clone());
        }
    }
    (spec, diagnostics)
}

/// Two objects say something of one host that only one can say.
fn conflict(
    winner: &Source,
    loser: &Source,
    path: FieldPath,
    what: &str,
    code: Code,
) -> impl Iterator<Item = Diagnostic> {
    let same = Arc::ptr_eq(winner, loser);
    let message = match same {
        true => format!("{what} is already defined above and is ignored here"),
        false => format!(
            "{what} of the host is already set by {}, which comes first, and is ignored here: \
             set it in one object only",
            winner.key()
        ),
    };
    let code = if same { Code::Other } else { code };
    let lost = Issue::error(path, message).of(&loser.key()).coded(code);
    let won = (!same).then(|| {
        let message = format!(
            "{what} of the host is also set by {}, where it is ignored: set it in one object only",
            loser.key()
        );
        Issue::warning(FieldPath::of("spec"), message).of(&winner.key())
    });
    [lost].into_iter().chain(won)
}

/// Whether only the own namespace sees it.
pub(super) fn is_private(visibility: &Visibility, namespace: &str) -> bool {
    match visibility {
        Visibility::Public => false,
        Visibility::Namespaces(list) => list.len() == 1 && visibility.includes(namespace),
    }
}

/// Whether whoever sees `narrow` sees `wide` too.
fn covers(wide: &Visibility, narrow: &Visibility) -> bool {
    match (wide, narrow) {
        (Visibility::Public, _) => true,
        (Visibility::Namespaces(_), Visibility::Public) => false,
        (Visibility::Namespaces(_), Visibility::Namespaces(list)) => {
            list.iter().all(|namespace| wide.includes(namespace))
        }
    }
}

/// `exportTo` as written; rules that select workloads are never exported.
fn exports(config: &Config<DestinationRule>) -> BTreeSet<&str> {
    match config.spec.workload_selector {
        Some(_) => BTreeSet::from([OWN_NAMESPACE]),
        None => config.spec.export_to.iter().map(|to| &**to).collect(),
    }
}

fn addresses(sources: &[Source]) -> Vec<usize> {
    sources.iter().map(|source| Arc::as_ptr(source).addr()).collect()
}
