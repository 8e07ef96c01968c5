//! RequestAuthentication: which tokens (JWT) in requests are believed.

pub mod validation;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::config::{Config, Spec};
use crate::api::duration::GoDuration;
use crate::api::issue::Issues;
use crate::api::target::{TargetReference, WorkloadSelector};
use crate::api::{Kind, Meta, Object, Str, schema};

/// The spec of a RequestAuthentication.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("x-kubernetes-validations" = schema::one_target()))]
pub struct RequestAuthentication {
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
    /// Whose tokens are believed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4096))]
    pub jwt_rules: Vec<JwtRule>,
}

/// An issuer whose tokens are believed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(
    extend("x-kubernetes-validations" = schema::key_sources()),
    transform = schema::old_spelling("jwksUri", "jwks_uri")
)]
pub struct JwtRule {
    /// The issuer.
    #[schemars(length(min = 1))]
    pub issuer: Str,
    /// One of these must be among the token's audiences; empty for any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(length(min = 1)))]
    pub audiences: Vec<Str>,
    /// Where the issuer's keys are fetched; empty to ask the issuer.
    #[serde(skip_serializing_if = "str::is_empty")]
    #[schemars(length(min = 1, max = 2048), extend("x-kubernetes-validations" = schema::http_url()))]
    pub jwks_uri: Str,
    /// The issuer's keys themselves.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub jwks: Str,
    /// The headers in which tokens are looked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub from_headers: Vec<JwtHeader>,
    /// The query parameters in which tokens are looked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(length(min = 1)))]
    pub from_params: Vec<Str>,
    /// The cookies in which tokens are looked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(length(min = 1)))]
    pub from_cookies: Vec<Str>,
    /// The header in which the application gets a believed token's payload; empty for none.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub output_payload_to_header: Str,
    /// The application gets the token too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub forward_original_token: bool,
    /// Claims that the application gets as headers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub output_claim_to_headers: Vec<ClaimToHeader>,
    /// How long fetching the keys may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<GoDuration>,
    /// Claims that are lists written as one text with spaces.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1)))]
    pub space_delimited_claims: Vec<Str>,
}

/// A header in which tokens are looked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["name"]))]
pub struct JwtHeader {
    /// Its name.
    #[schemars(length(min = 1))]
    pub name: Str,
    /// What stands before the token.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub prefix: Str,
}

/// A claim that becomes a header.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("required" = ["header", "claim"]))]
pub struct ClaimToHeader {
    /// The header's name.
    #[schemars(length(min = 1), regex(pattern = "^[-_A-Za-z0-9]+$"))]
    pub header: Str,
    /// The claim's name; dots lead into nested claims.
    #[schemars(length(min = 1))]
    pub claim: Str,
}

impl Spec for RequestAuthentication {
    const KIND: Kind = Kind::RequestAuthentication;
    type Status = ();

    fn validate(&self, _meta: &Meta, issues: &mut Issues) {
        validation::validate(self, issues);
    }

    fn object(config: Arc<Config<Self>>) -> Object {
        Object::RequestAuthentication(config)
    }

    fn of(object: &Object) -> Option<&Arc<Config<Self>>> {
        match object {
            Object::RequestAuthentication(config) => Some(config),
            _ => None,
        }
    }
}
