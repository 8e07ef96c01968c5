//! Types that requests ask for.

use std::fmt;

use crate::api::Str;
use crate::translate::ResourceType;

/// What a request speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypeUrl {
    /// Resources that are built here.
    Known(ResourceType),
    /// A type that is not answered at all: health reports of workloads.
    Silent(Str),
    /// A question about the control plane, which is not answered from what is built.
    Debug(Str),
    /// Anything else. The answer is an empty one, so that nobody waits.
    Unknown(Str),
}

/// The type of health reports of workloads.
pub const HEALTH: &str = "type.googleapis.com/istio.v1.HealthInformation";

impl TypeUrl {
    /// From its text.
    pub fn parse(url: &str) -> TypeUrl {
        if let Some(kind) = ResourceType::of_url(url) {
            return TypeUrl::Known(kind);
        }
        if url == HEALTH {
            return TypeUrl::Silent(url.into());
        }
        if url == "istio.io/debug" || url.starts_with("istio.io/debug/") {
            return TypeUrl::Debug(url.into());
        }
        TypeUrl::Unknown(url.into())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        match self {
            TypeUrl::Known(kind) => kind.type_url(),
            TypeUrl::Silent(url) | TypeUrl::Debug(url) | TypeUrl::Unknown(url) => url,
        }
    }
}

impl fmt::Display for TypeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
