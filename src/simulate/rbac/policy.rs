//! A policy of RBAC: what is asked for, and who asks.

use prost::Message;

use super::subject::{Subject, block, text};
use crate::api::re2;
use crate::proto::envoy::envoy::config::core::v3::TypedExtensionConfig;
use crate::proto::envoy::envoy::config::rbac::v3::permission::Rule;
use crate::proto::envoy::envoy::config::rbac::v3::principal::Identifier;
use crate::proto::envoy::envoy::config::rbac::v3::{Permission, Policy, Principal};
use crate::proto::envoy::envoy::config::route::v3::HeaderMatcher;
use crate::proto::envoy::envoy::extensions::path::r#match::uri_template::v3::UriTemplateMatchConfig;
use crate::proto::envoy::envoy::r#type::matcher::v3::{PathMatcher, path_matcher};
use crate::simulate::header;
use crate::simulate::request::Http;
use crate::simulate::verdict::Verdict;

/// The characters of a segment that a template's asterisk stands for (Envoy's uri_template).
const SEGMENT: &str = "a-zA-Z0-9\\-._~%!$&'()+,;:@=";

/// Whether the policy describes the request.
pub(super) fn describes(policy: &Policy, subject: &Subject<'_>) -> Verdict {
    if policy.condition.is_some() || policy.checked_condition.is_some() {
        return Verdict::Unknown("it has a condition of CEL, which is not simulated".to_owned());
    }
    let asked = Verdict::one(policy.permissions.iter().map(|p| permission(p, subject)));
    Verdict::all([asked, Verdict::one(policy.principals.iter().map(|p| principal(p, subject)))])
}

#[allow(deprecated, reason = "what Istio sends")]
fn permission(wanted: &Permission, subject: &Subject<'_>) -> Verdict {
    let Some(rule) = &wanted.rule else { return Verdict::No("it wants nothing".to_owned()) };
    match rule {
        Rule::AndRules(set) => Verdict::all(set.rules.iter().map(|rule| permission(rule, subject))),
        Rule::OrRules(set) => Verdict::one(set.rules.iter().map(|rule| permission(rule, subject))),
        Rule::NotRule(rule) => permission(rule, subject).not(),
        Rule::Any(_) => anything(),
        Rule::Header(wanted) => of_header(wanted, subject),
        Rule::UrlPath(wanted) => of_path(wanted, subject),
        Rule::UriTemplate(wanted) => of_template(wanted, subject),
        Rule::DestinationIp(wanted) => {
            block("the destination", wanted, subject.request.destination.ip())
        }
        Rule::DestinationPort(wanted) => {
            let port = subject.request.destination.port();
            let held = u32::from(port) == *wanted;
            Verdict::of(held, format!("the port is {port}"), wanted.to_string())
        }
        Rule::Metadata(wanted) => subject.metadata(wanted),
        Rule::RequestedServerName(wanted) => subject.server_name(wanted),
        Rule::DestinationPortRange(_) | Rule::Matcher(_) | Rule::SourcedMetadata(_) => unknown(),
    }
}

#[allow(deprecated, reason = "what Istio sends")]
fn principal(wanted: &Principal, subject: &Subject<'_>) -> Verdict {
    let Some(id) = &wanted.identifier else { return Verdict::No("it wants nobody".to_owned()) };
    match id {
        Identifier::AndIds(set) => Verdict::all(set.ids.iter().map(|id| principal(id, subject))),
        Identifier::OrIds(set) => Verdict::one(set.ids.iter().map(|id| principal(id, subject))),
        Identifier::NotId(id) => principal(id, subject).not(),
        Identifier::Any(_) => anything(),
        Identifier::Authenticated(wanted) => match &wanted.principal_name {
            Some(name) => subject.identity(name),
            None => unknown(),
        },
        Identifier::DirectRemoteIp(wanted) => {
            block("the client's address", wanted, subject.request.source.ip())
        }
        Identifier::RemoteIp(wanted) => block("the original address", wanted, subject.remote),
        Identifier::Header(wanted) => of_header(wanted, subject),
        Identifier::UrlPath(wanted) => of_path(wanted, subject),
        Identifier::Metadata(wanted) => subject.metadata(wanted),
        Identifier::SourceIp(_)
        | Identifier::FilterState(_)
        | Identifier::SourcedMetadata(_)
        | Identifier::Custom(_) => unknown(),
    }
}

/// Nothing is wanted, so that there is nothing to tell.
fn anything() -> Verdict {
    Verdict::Yes(String::new())
}

fn unknown() -> Verdict {
    Verdict::Unknown("it looks at something that is not simulated".to_owned())
}

fn no_http() -> Verdict {
    Verdict::No("it is no HTTP request".to_owned())
}

fn of_header(wanted: &HeaderMatcher, subject: &Subject<'_>) -> Verdict {
    let Some(http) = subject.http else { return no_http() };
    match header::check(wanted, http) {
        Ok(()) => {
            Verdict::Yes(format!("{} is {:?}", wanted.name, http.values(&wanted.name).join(",")))
        }
        Err(why) => Verdict::No(why),
    }
}

fn path_of(http: &Http) -> &str {
    http.path.split(['?', '#']).next().unwrap_or_default()
}

fn of_path(wanted: &PathMatcher, subject: &Subject<'_>) -> Verdict {
    match (subject.http, &wanted.rule) {
        (None, _) => no_http(),
        (Some(http), Some(path_matcher::Rule::Path(wanted))) => {
            text("the path", wanted, path_of(http))
        }
        (Some(_), None) => Verdict::No("it wants no path".to_owned()),
    }
}

fn of_template(wanted: &TypedExtensionConfig, subject: &Subject<'_>) -> Verdict {
    let Some(http) = subject.http else { return no_http() };
    let config = wanted.typed_config.as_ref().map(|any| any.value.as_slice()).unwrap_or_default();
    let Ok(UriTemplateMatchConfig { path_template }) = UriTemplateMatchConfig::decode(config)
    else {
        return unknown();
    };
    let pattern = path_template.split('/').map(segment).collect::<Vec<_>>().join("/");
    match re2::compile(&pattern) {
        Ok(regex) => {
            let path = path_of(http);
            Verdict::of(regex.is_match(path), format!("the path is {path:?}"), path_template)
        }
        Err(error) => Verdict::Unknown(format!("the template {path_template}: {error}")),
    }
}

fn segment(segment: &str) -> String {
    match segment {
        "*" => format!("[{SEGMENT}]+"),
        "**" => format!("[{SEGMENT}/]*"),
        literal => regex::escape(literal),
    }
}
