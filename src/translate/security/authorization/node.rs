//! Permissions and principals of Envoy's RBAC, as far as they are made alike.

use crate::proto::envoy::envoy::config::rbac::v3::permission::{self, Rule};
use crate::proto::envoy::envoy::config::rbac::v3::principal::{self, Identifier};
use crate::proto::envoy::envoy::config::rbac::v3::{Permission, Principal};

/// What holds for a request, or does not.
pub trait Node: Sized {
    /// All of these hold.
    fn all(nodes: Vec<Self>) -> Self;
    /// One of these holds.
    fn one(nodes: Vec<Self>) -> Self;
    /// This does not hold.
    fn not(node: Self) -> Self;
    /// Holds always.
    fn any() -> Self;
}

impl Node for Permission {
    fn all(rules: Vec<Permission>) -> Permission {
        permission(Rule::AndRules(permission::Set { rules }))
    }

    fn one(rules: Vec<Permission>) -> Permission {
        permission(Rule::OrRules(permission::Set { rules }))
    }

    fn not(rule: Permission) -> Permission {
        permission(Rule::NotRule(Box::new(rule)))
    }

    fn any() -> Permission {
        permission(Rule::Any(true))
    }
}

impl Node for Principal {
    fn all(ids: Vec<Principal>) -> Principal {
        principal(Identifier::AndIds(principal::Set { ids }))
    }

    fn one(ids: Vec<Principal>) -> Principal {
        principal(Identifier::OrIds(principal::Set { ids }))
    }

    fn not(id: Principal) -> Principal {
        principal(Identifier::NotId(Box::new(id)))
    }

    fn any() -> Principal {
        principal(Identifier::Any(true))
    }
}

/// A permission by its rule.
pub fn permission(rule: Rule) -> Permission {
    Permission { rule: Some(rule) }
}

/// A principal by its identifier.
pub fn principal(identifier: Identifier) -> Principal {
    Principal { identifier: Some(identifier) }
}
