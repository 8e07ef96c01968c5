//! One VirtualService, resolved, and where each of its rules was written.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::config::Config;
use crate::api::field_path::{FieldPath, Step};
use crate::api::issue::Issue;
use crate::api::networking::VirtualService;
use crate::api::networking::virtual_service::HttpRoute;
use crate::api::{Diagnostic, ObjectKey, Str, re2};
use crate::model::Visibility;

/// One VirtualService, with what it delegates to.
#[derive(Clone, Debug, PartialEq)]
pub struct Routing {
    /// The object itself: it names the routing in resources.
    pub config: Arc<Config<VirtualService>>,
    /// Its spec: hosts (also of destinations), gateways and delegates resolved.
    pub spec: VirtualService,
    /// Who may see it.
    pub visibility: Visibility,
    /// The object and those that it delegates to, sorted.
    pub origins: Vec<ObjectKey>,
    /// Where each rule of `spec.http` was written.
    pub rules: Vec<RuleOrigin>,
    /// The regular expressions in `spec.http` that RE2 does not take, and why.
    pub refused: BTreeMap<Str, String>,
}

/// Where a rule of HTTP was written.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleOrigin {
    /// The VirtualService, or the one that it delegates to.
    pub object: ObjectKey,
    /// The rule's place in `http` of that object.
    pub rule: usize,
    /// The place of the rule that delegates; the rule's own where none does.
    pub root: usize,
    /// For each match of the rule, its place in that object.
    pub matches: Vec<usize>,
    /// The fields that are not of that object, but of the rule that delegates.
    pub inherited: Vec<&'static str>,
}

impl Routing {
    /// The keys of labels by which its routes tell clients apart.
    pub fn label_keys(&self) -> impl Iterator<Item = &Str> {
        let http = self.spec.http.iter().flat_map(|r| &r.matches).map(|m| &m.source_labels);
        let tls = self.spec.tls.iter().flat_map(|r| &r.matches).map(|m| &m.source_labels);
        let tcp = self.spec.tcp.iter().flat_map(|r| &r.matches).map(|m| &m.source_labels);
        http.chain(tls).chain(tcp).flat_map(|labels| labels.keys())
    }

    /// An issue of a field inside a rule of `spec.http`, told of the object and the place where it was written.
    pub fn diagnose(&self, rule: usize, issue: Issue) -> Diagnostic {
        let place = |index: usize| FieldPath::of("spec").key("http").index(index);
        let Some(origin) = self.rules.get(rule) else {
            let path = issue.path.below(&place(rule));
            return Issue { path, ..issue }.of(&self.config.key());
        };
        let field = match issue.path.steps() {
            [Step::Key(field), ..] => field.as_str(),
            _ => "",
        };
        if origin.inherited.contains(&field) {
            let path = issue.path.below(&place(origin.root));
            return Issue { path, ..issue }.of(&self.config.key());
        }
        let path = origin.written(&issue.path).below(&place(origin.rule));
        Issue { path, ..issue }.of(&origin.object)
    }
}

impl RuleOrigin {
    /// A path inside the rule, as the user wrote it: merged matches have other places.
    fn written(&self, path: &FieldPath) -> FieldPath {
        match path.steps() {
            [Step::Key(key), Step::Index(index), rest @ ..] if key == "match" => {
                let index = self.matches.get(*index).copied().unwrap_or(*index);
                let base = FieldPath::of("match").index(index);
                rest.iter().fold(base, |path, step| match step {
                    Step::Key(key) => path.key(key),
                    Step::Index(index) => path.index(*index),
                })
            }
            _ => path.clone(),
        }
    }
}

/// The regular expressions in these rules that RE2 does not take, and why. `*` alone is none: it stands for all.
pub(super) fn refused(rules: &[HttpRoute]) -> BTreeMap<Str, String> {
    let mut refused = BTreeMap::new();
    let patterns = rules.iter().flat_map(patterns).filter(|pattern| &***pattern != "*");
    for pattern in patterns {
        if let Err(error) = re2::compile(pattern) {
            refused.insert(pattern.clone(), error.to_string());
        }
    }
    refused
}

fn patterns(rule: &HttpRoute) -> impl Iterator<Item = &Str> {
    let matches = rule.matches.iter().flat_map(|one| {
        let single = [&one.uri, &one.scheme, &one.method, &one.authority];
        let maps = [&one.headers, &one.without_headers, &one.query_params];
        single.into_iter().flatten().chain(maps.into_iter().flat_map(|map| map.values()))
    });
    let origins = rule.cors_policy.iter().flat_map(|policy| &policy.allow_origins);
    let rewrite = rule.rewrite.iter().filter_map(|rewrite| rewrite.uri_regex_rewrite.as_ref());
    let texts = matches.chain(origins).filter_map(|one| one.regex.as_ref());
    texts.chain(rewrite.map(|rewrite| &rewrite.matches))
}
