//! Where resources tell which object decided them: the path of an object in Envoy's metadata under `istio`.

use crate::api::{Kind, ObjectKey};
use crate::proto::envoy::envoy::config::core::v3::Metadata;
use crate::proto::envoy::google::protobuf::value;

/// The object that the metadata names.
pub(super) fn decided_by(metadata: Option<&Metadata>) -> Option<ObjectKey> {
    let istio = metadata?.filter_metadata.get("istio")?;
    match istio.fields.get("config")?.kind.as_ref()? {
        value::Kind::StringValue(path) => key(path),
        _ => None,
    }
}

/// The AuthorizationPolicy, and which of its rules, that a policy of RBAC is made from:
/// `[…]ns[NAMESPACE]-policy[NAME]-rule[INDEX][…]`.
pub(super) fn policy(name: &str) -> Option<(ObjectKey, usize)> {
    let (_, rest) = name.split_once("ns[")?;
    let (namespace, rest) = rest.split_once("]-policy[")?;
    let (name, rest) = rest.split_once("]-rule[")?;
    let (rule, _) = rest.split_once(']')?;
    Some((ObjectKey::new(Kind::AuthorizationPolicy, namespace, name), rule.parse().ok()?))
}

/// `/apis/GROUP/VERSION/namespaces/NAMESPACE/KIND/NAME`, the kind in lower case with hyphens.
fn key(path: &str) -> Option<ObjectKey> {
    let mut parts = path.trim_start_matches('/').split('/');
    let (Some("apis"), Some(group), Some(_), Some("namespaces")) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return None;
    };
    let (namespace, kind, name) = (parts.next()?, parts.next()?, parts.next()?);
    let kind = kind.replace('-', "");
    let kind =
        Kind::ALL.iter().find(|k| k.group() == group && k.name().eq_ignore_ascii_case(&kind))?;
    Some(ObjectKey::new(*kind, namespace, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_of_rbac_name_objects() {
        let want = |rule| Some((ObjectKey::new(Kind::AuthorizationPolicy, "shop", "web"), rule));
        assert_eq!(policy("ns[shop]-policy[web]-rule[2]"), want(2));
        let custom =
            "istio-ext-authz-ask-ns[shop]-policy[web]-rule[0]-deny-due-to-bad-CUSTOM-action";
        assert_eq!(policy(custom), want(0));
        assert_eq!(policy("mine"), None);
    }

    #[test]
    fn paths_name_objects() {
        let path = "/apis/networking.istio.io/v1/namespaces/shop/virtual-service/web";
        let want = ObjectKey::new(Kind::VirtualService, "shop", "web");
        assert_eq!(key(path), Some(want));
        assert_eq!(key("/apis/networking.istio.io/v1/namespaces/shop/unheard-of/web"), None);
        assert_eq!(key("web"), None);
    }
}
