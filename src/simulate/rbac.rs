//! Filters of authorisation: RBAC, and what asks others.
//!
//! <https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/rbac/v3/rbac.proto>. Rules that count decide; shadow rules
//! only note which policy describes the request, for a filter behind them or for statistics.

mod policy;
mod subject;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use prost::Message;

pub(super) use self::subject::Subject;
use super::explanation::{Outcome, Passed, Step, StepKind, Trail};
use super::provenance;
use super::verdict::Verdict;
use crate::proto::Any;
use crate::proto::envoy::envoy::config::core::v3::grpc_service::TargetSpecifier;
use crate::proto::envoy::envoy::config::core::v3::http_uri::HttpUpstreamType;
use crate::proto::envoy::envoy::config::rbac::v3::rbac::Action;
use crate::proto::envoy::envoy::config::rbac::v3::{Policy, Rbac};
use crate::proto::envoy::envoy::extensions::filters::http::ext_authz::v3::ExtAuthz;
use crate::proto::envoy::envoy::extensions::filters::http::ext_authz::v3::ext_authz::Services;
use crate::proto::envoy::envoy::extensions::filters::http::rbac::v3::Rbac as HttpRbac;
use crate::proto::envoy::envoy::extensions::filters::network::ext_authz::v3::ExtAuthz as TcpExtAuthz;
use crate::proto::envoy::envoy::extensions::filters::network::rbac::v3::Rbac as TcpRbac;
use crate::proto::envoy::envoy::r#type::matcher::v3::MetadataMatcher;

const HTTP_RBAC: &str = "envoy.extensions.filters.http.rbac.v3.RBAC";
const TCP_RBAC: &str = "envoy.extensions.filters.network.rbac.v3.RBAC";
const HTTP_EXT_AUTHZ: &str = "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz";
const TCP_EXT_AUTHZ: &str = "envoy.extensions.filters.network.ext_authz.v3.ExtAuthz";

/// What RBAC of HTTP answers.
const FORBIDDEN: u32 = 403;

/// What a filter of authorisation does with a request; None if it is no such filter. Errors are refusals.
pub(super) fn apply(
    name: &str,
    config: &Any,
    subject: &mut Subject<'_>,
    trail: &mut Trail,
) -> Option<Result<(), Outcome>> {
    let bytes = config.value.as_slice();
    let filter = match config.type_url.rsplit('/').next()? {
        HTTP_RBAC => {
            let HttpRbac { rules, shadow_rules, shadow_rules_stat_prefix, .. } =
                HttpRbac::decode(bytes).ok()?;
            Filter { name, rules, shadow_rules, prefix: shadow_rules_stat_prefix }
        }
        TCP_RBAC => {
            let TcpRbac { rules, shadow_rules, shadow_rules_stat_prefix, .. } =
                TcpRbac::decode(bytes).ok()?;
            Filter { name, rules, shadow_rules, prefix: shadow_rules_stat_prefix }
        }
        HTTP_EXT_AUTHZ => {
            let filter = ExtAuthz::decode(bytes).ok()?;
            let cluster = filter.services.as_ref().and_then(cluster);
            return Some(ask(
                name,
                filter.filter_enabled_metadata.as_ref(),
                cluster,
                subject,
                trail,
            ));
        }
        TCP_EXT_AUTHZ => {
            let TcpExtAuthz { grpc_service, filter_enabled_metadata, .. } =
                TcpExtAuthz::decode(bytes).ok()?;
            let cluster = grpc_service.map(Services::GrpcService).as_ref().and_then(cluster);
            return Some(ask(name, filter_enabled_metadata.as_ref(), cluster, subject, trail));
        }
        _ => return None,
    };
    Some(filter.apply(subject, trail))
}

struct Filter<'a> {
    name: &'a str,
    rules: Option<Rbac>,
    shadow_rules: Option<Rbac>,
    prefix: String,
}

impl Filter<'_> {
    fn apply(&self, subject: &mut Subject<'_>, trail: &mut Trail) -> Result<(), Outcome> {
        if let Some(shadow) = &self.shadow_rules {
            self.note(shadow, subject, trail)?;
        }
        let Some(rules) = &self.rules else { return Ok(()) };
        let action = rules.action();
        let found = find(rules, subject);
        let mut step = Step::new(StepKind::Authorization, action.as_str_name(), "");
        step.origins =
            rules.policies.keys().filter_map(|key| Some(provenance::policy(key)?.0)).collect();
        step.origins.sort();
        step.origins.dedup();
        step.passed_over = found.passed;
        let end = match (action, &found.first) {
            (_, Found::Unknown(name, why)) => {
                step.reason = format!("{}: {why}", shown(name));
                Some(Outcome::unknown(format!(
                    "whether {} describes the request: {why}",
                    shown(name)
                )))
            }
            (Action::Deny, Found::Policy(name, is)) => {
                step.reason = format!("{} refuses it{}", shown(name), because(is));
                step.decided_by = provenance::policy(name).map(|(key, _)| key);
                Some(refused(subject, format!("{} refuses it", shown(name))))
            }
            (Action::Allow, Found::Policy(name, is)) => {
                step.reason = format!("{} lets it through{}", shown(name), because(is));
                step.decided_by = provenance::policy(name).map(|(key, _)| key);
                None
            }
            (Action::Log, Found::Policy(name, is)) => {
                step.reason = format!("{} logs it{}", shown(name), because(is));
                None
            }
            (Action::Allow, Found::Nothing) => {
                step.reason = "no policy lets it through".to_owned();
                Some(refused(subject, "policies with ALLOW apply, and none lets it through"))
            }
            (Action::Deny, Found::Nothing) => {
                step.reason = "no policy refuses it".to_owned();
                None
            }
            (Action::Log, Found::Nothing) => {
                step.reason = "no policy logs it".to_owned();
                None
            }
        };
        trail.push(step);
        end.map_or(Ok(()), Err)
    }

    /// Notes which policy describes the request, and tells it where that is all that the policy does.
    fn note(
        &self,
        shadow: &Rbac,
        subject: &mut Subject<'_>,
        trail: &mut Trail,
    ) -> Result<(), Outcome> {
        match find(shadow, subject).first {
            Found::Nothing => {}
            Found::Unknown(name, why) => {
                return Err(Outcome::unknown(format!(
                    "whether {} describes the request: {why}",
                    shown(&name)
                )));
            }
            Found::Policy(name, is) => {
                if self.prefix.starts_with("istio_dry_run_") {
                    let what = match shadow.action() {
                        Action::Deny => "would refuse it",
                        Action::Allow => "would let it through",
                        Action::Log => "would log it",
                    };
                    trail.fact(format!(
                        "{} {what}{}, but is a dry run",
                        shown(&name),
                        because(&is)
                    ));
                }
                let key = format!("{}shadow_effective_policy_id", self.prefix);
                subject.notes.insert((self.name.to_owned(), key), name);
            }
        }
        Ok(())
    }
}

/// The policy that describes a request, of several the first by name.
struct Search {
    first: Found,
    passed: Vec<Passed>,
}

enum Found {
    Policy(String, String),
    Unknown(String, String),
    Nothing,
}

fn find(rules: &Rbac, subject: &Subject<'_>) -> Search {
    let sorted: BTreeMap<&String, &Policy> = rules.policies.iter().collect();
    let (mut passed, mut unknown) = (Vec::new(), None);
    for (name, policy) in sorted {
        match policy::describes(policy, subject) {
            Verdict::Yes(is) => return Search { first: Found::Policy(name.clone(), is), passed },
            Verdict::No(why) => passed.push(Passed::new(shown(name), why)),
            Verdict::Unknown(why) => unknown = unknown.or(Some((name.clone(), why))),
        }
    }
    let first = unknown.map_or(Found::Nothing, |(name, why)| Found::Unknown(name, why));
    Search { first, passed }
}

/// A filter that asks somebody, if the request was noted. What is answered is not known; it is taken to be yes.
fn ask(
    name: &str,
    when: Option<&MetadataMatcher>,
    cluster: Option<String>,
    subject: &Subject<'_>,
    trail: &mut Trail,
) -> Result<(), Outcome> {
    let noted = when.map_or(Verdict::Yes(String::new()), |when| subject.metadata(when));
    let cluster = cluster.unwrap_or_else(|| "nobody".to_owned());
    match noted {
        Verdict::No(_) => Ok(()),
        Verdict::Unknown(why) => {
            Err(Outcome::unknown(format!("whether {name} asks {cluster}: {why}")))
        }
        Verdict::Yes(_) => {
            let note = subject.notes.values().find(|note| note.starts_with("istio-ext-authz-"));
            let by = note.map_or_else(String::new, |note| format!(", because of {}", shown(note)));
            let reason = format!("{cluster} is asked{by}; its answer is taken to be yes");
            let mut step = Step::new(StepKind::Authorization, "CUSTOM", reason);
            step.decided_by = note.and_then(|note| Some(provenance::policy(note)?.0));
            trail.push(step);
            Ok(())
        }
    }
}

fn cluster(services: &Services) -> Option<String> {
    match services {
        Services::GrpcService(grpc) => match grpc.target_specifier.as_ref()? {
            TargetSpecifier::EnvoyGrpc(envoy) => Some(envoy.cluster_name.clone()),
            TargetSpecifier::GoogleGrpc(google) => Some(google.target_uri.clone()),
        },
        Services::HttpService(http) => {
            match http.server_uri.as_ref()?.http_upstream_type.as_ref()? {
                HttpUpstreamType::Cluster(cluster) => Some(cluster.clone()),
            }
        }
    }
}

/// A policy for people.
fn shown(name: &str) -> String {
    match provenance::policy(name) {
        Some((key, rule)) if name.ends_with("-deny-due-to-bad-CUSTOM-action") => {
            format!("{key} (rule {rule}), whose provider cannot be asked,")
        }
        Some((key, rule)) => format!("{key} (rule {rule})"),
        None => format!("the policy {name}"),
    }
}

fn because(is: &str) -> String {
    if is.is_empty() { String::new() } else { format!(": {is}") }
}

fn refused(subject: &Subject<'_>, reason: impl Into<String>) -> Outcome {
    match subject.http {
        Some(_) => Outcome::failed(FORBIDDEN, reason),
        None => Outcome::refused(reason),
    }
}
