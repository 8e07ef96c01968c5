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
    fn paths_name_objects() {
        let path = "/apis/networking.istio.io/v1/namespaces/shop/virtual-service/web";
        let want = ObjectKey::new(Kind::VirtualService, "shop", "web");
        assert_eq!(key(path), Some(want));
        assert_eq!(key("/apis/networking.istio.io/v1/namespaces/shop/unheard-of/web"), None);
        assert_eq!(key("web"), None);
    }
}
