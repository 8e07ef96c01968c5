//! What requests ask for: attributes that become permissions.

use super::attribute::{Alternatives, Attribute, block, each};
use super::metadata::{self, list, one, text};
use super::node::permission;
use super::text::Text;
use crate::api::Str;
use crate::api::security::authorization_policy::is_path_template;
use crate::proto::encode::any;
use crate::proto::envoy::envoy::config::core::v3::TypedExtensionConfig;
use crate::proto::envoy::envoy::config::rbac::v3::Permission;
use crate::proto::envoy::envoy::config::rbac::v3::permission::Rule;
use crate::proto::envoy::envoy::extensions::path::r#match::uri_template::v3::UriTemplateMatchConfig;
use crate::proto::envoy::envoy::r#type::matcher::v3::{PathMatcher, ValueMatcher, path_matcher};

/// Such an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked<'a> {
    /// The host of the request.
    Host,
    /// Its method.
    Method,
    /// Its path, without the query.
    Path,
    /// The address of the workload.
    DestinationIp,
    /// Its port.
    DestinationPort,
    /// The server name in TLS.
    ServerName,
    /// What a filter left in the dynamic metadata.
    Metadata {
        /// The filter.
        filter: &'a str,
        /// The key.
        key: &'a str,
    },
    /// A key of metadata that names none.
    Malformed,
}

impl<'a> Asked<'a> {
    /// By the key of a condition; None if it is no such attribute.
    pub fn of_key(key: &'a str) -> Option<Asked<'a>> {
        Some(match key {
            "destination.ip" => Asked::DestinationIp,
            "destination.port" => Asked::DestinationPort,
            "connection.sni" => Asked::ServerName,
            _ => {
                let named = key.strip_prefix("experimental.")?;
                if !named.starts_with("envoy.filters.") {
                    return None;
                }
                let named = named.strip_suffix(']').unwrap_or(named);
                match named.split_once('[') {
                    Some((filter, key)) => Asked::Metadata { filter, key },
                    None => Asked::Malformed,
                }
            }
        })
    }
}

impl Attribute for Asked<'_> {
    type Node = Permission;

    fn is_http(&self) -> bool {
        matches!(self, Asked::Host | Asked::Method | Asked::Path)
    }

    fn alternatives(&self, values: &[Str]) -> Alternatives<Permission> {
        match *self {
            Asked::Host => each(values, |value| {
                Some(permission(Rule::Header(Text::of(value).header(":authority", true))))
            }),
            Asked::Method => each(values, |value| {
                Some(permission(Rule::Header(Text::of(value).header(":method", false))))
            }),
            Asked::Path => each(values, |value| Some(permission(path(value)))),
            Asked::DestinationIp => {
                each(values, |value| Some(permission(Rule::DestinationIp(block(value)?))))
            }
            Asked::DestinationPort => {
                each(values, |value| Some(permission(Rule::DestinationPort(port(value)?))))
            }
            Asked::ServerName => each(values, |value| {
                Some(permission(Rule::RequestedServerName(Text::of(value).matcher())))
            }),
            Asked::Metadata { filter, key } => {
                let values = values.iter().map(|value| left_by_filter(value)).collect();
                let matcher = metadata::matcher(filter, [key], one(values));
                #[allow(deprecated, reason = "what Istio sends, and Envoys of all ages read")]
                Alternatives::Whole(Some(permission(Rule::Metadata(matcher))))
            }
            Asked::Malformed => Alternatives::Whole(None),
        }
    }
}

fn path(value: &str) -> Rule {
    if !is_path_template(value) {
        let path = path_matcher::Rule::Path(Text::of(value).matcher());
        return Rule::UrlPath(PathMatcher { rule: Some(path) });
    }
    let template = value.replace("{**}", "**").replace("{*}", "*");
    Rule::UriTemplate(TypedExtensionConfig {
        name: "uri-template".into(),
        typed_config: Some(any(&UriTemplateMatchConfig { path_template: template })),
    })
}

fn port(value: &str) -> Option<u32> {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    value.parse::<u16>().ok().filter(|_| digits).map(u32::from)
}

/// A text; in brackets, one of a list.
fn left_by_filter(value: &str) -> ValueMatcher {
    let is_list = value.starts_with('[') && value.ends_with(']');
    let plain = if is_list { value.trim_matches(['[', ']']) } else { value };
    let matched = text(Text::of(plain).matcher());
    if is_list { list(matched) } else { matched }
}
