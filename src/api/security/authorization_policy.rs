//! AuthorizationPolicy: who may do what.

pub mod validation;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::config::{Config, Spec};
use crate::api::enumeration::enumeration;
use crate::api::issue::Issues;
use crate::api::networking::common::is_default;
use crate::api::target::{TargetReference, WorkloadSelector};
use crate::api::{Kind, Meta, Object, Str, schema};

/// The spec of an AuthorizationPolicy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(
    extend("oneOf" = schema::at_most_one(&["provider"])),
    extend("x-kubernetes-validations" = schema::one_target())
)]
pub struct AuthorizationPolicy {
    /// The workloads that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<WorkloadSelector>,
    /// The object whose proxies it is for; the old form of `targetRefs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_ref: Option<TargetReference>,
    /// The objects whose proxies it is for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub target_refs: Vec<TargetReference>,
    /// Which requests it is about: those that one of the rules describes. Without rules it describes none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 512))]
    pub rules: Vec<Rule>,
    /// What happens to them.
    #[serde(skip_serializing_if = "is_default")]
    pub action: Action,
    /// Who decides over them, for the action CUSTOM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<ExtensionProvider>,
}

enumeration! {
    /// What happens to requests.
    pub enum Action {
        /// They are let through, and others are not unless another policy lets them.
        #[default]
        Allow = 0 "ALLOW",
        /// They are refused.
        Deny = 1 "DENY",
        /// They are logged.
        Audit = 2 "AUDIT",
        /// The provider decides.
        Custom = 3 "CUSTOM",
    }
}

/// Who decides over requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct ExtensionProvider {
    /// Its name among the extension providers of the mesh.
    pub name: Str,
}

/// Describes requests: all that is given must be so.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Rule {
    /// They come from one of these; empty for any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 512))]
    pub from: Vec<From>,
    /// They ask for one of these; empty for any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<To>,
    /// All of these hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<Condition>,
}

/// Where requests come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct From {
    /// The source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

/// A source of requests: all lists that are given must have it, each with one value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = schema::source_rules()))]
pub struct Source {
    /// The identity that mTLS proved, without `spiffe://`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub principals: Vec<Str>,
    /// None of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_principals: Vec<Str>,
    /// The issuer and subject of the token, `ISSUER/SUBJECT`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub request_principals: Vec<Str>,
    /// None of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_request_principals: Vec<Str>,
    /// The namespace of the identity.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub namespaces: Vec<Str>,
    /// None of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_namespaces: Vec<Str>,
    /// The service account of the identity, `[NAMESPACE/]NAME`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 320)))]
    pub service_accounts: Vec<Str>,
    /// None of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 320)))]
    pub not_service_accounts: Vec<Str>,
    /// The address of who is connected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ip_blocks: Vec<Str>,
    /// None of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_ip_blocks: Vec<Str>,
    /// The address from which the request first came.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remote_ip_blocks: Vec<Str>,
    /// None of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_remote_ip_blocks: Vec<Str>,
    /// The trust domain of the identity.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trust_domains: Vec<Str>,
    /// None of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_trust_domains: Vec<Str>,
}

/// What requests ask for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct To {
    /// The operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Operation>,
}

/// An operation: all lists that are given must have it, each with one value.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Operation {
    /// The host of the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<Str>,
    /// None of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_hosts: Vec<Str>,
    /// The port of the connection.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<Str>,
    /// None of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_ports: Vec<Str>,
    /// The method of the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<Str>,
    /// None of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_methods: Vec<Str>,
    /// The path of the request, or a template of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<Str>,
    /// None of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_paths: Vec<Str>,
}

/// A condition on one attribute of requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["key"]))]
pub struct Condition {
    /// The attribute.
    pub key: Str,
    /// One of these values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Str>,
    /// None of these values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_values: Vec<Str>,
}

impl Spec for AuthorizationPolicy {
    const KIND: Kind = Kind::AuthorizationPolicy;
    type Status = ();

    fn validate(&self, meta: &Meta, issues: &mut Issues) {
        validation::validate(self, meta, issues);
    }

    fn object(config: Arc<Config<Self>>) -> Object {
        Object::AuthorizationPolicy(config)
    }

    fn of(object: &Object) -> Option<&Arc<Config<Self>>> {
        match object {
            Object::AuthorizationPolicy(config) => Some(config),
            _ => None,
        }
    }
}

/// The annotation of a policy that only tells what it would do.
pub const DRY_RUN: &str = "istio.io/dry-run";

/// Whether a policy only tells what it would do. None if the annotation says neither, which is as if it said no.
pub fn dry_run(meta: &Meta) -> Option<bool> {
    match meta.annotation(DRY_RUN).map(|value| &**value) {
        Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Some(true),
        None | Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Some(false),
        Some(_) => None,
    }
}

/// Whether a path is a template of paths: `{*}` stands for a segment, `{**}` for any number of them.
pub fn is_path_template(path: &str) -> bool {
    path.contains("{*}") || path.contains("{**}")
}
