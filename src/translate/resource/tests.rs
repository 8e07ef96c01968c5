use std::sync::Arc;

use bytes::Bytes;
use prost::Message;

use super::{Resource, ResourceSet, ResourceType, Resources};
use crate::api::{Kind, ObjectKey};
use crate::proto::Any;
use crate::proto::discovery::{self, DeltaDiscoveryResponse, DiscoveryResponse};

fn resource(name: &str, body: &str) -> Arc<Resource> {
    Arc::new(Resource::new(name.into(), Bytes::from(body.to_owned()), []))
}

fn set() -> ResourceSet {
    // A body longer than 127 bytes needs a length of two.
    let long = "x".repeat(300);
    ResourceSet::new(ResourceType::Route, vec![resource("b", &long), resource("a", "")])
}

#[test]
fn the_entries_of_a_set_are_those_of_a_response() {
    let set = set();
    let got = DiscoveryResponse::decode(set.sotw_entries().clone()).unwrap();
    let anys: Vec<_> = got.resources.iter().map(|r| Any::decode(r.clone()).unwrap()).collect();
    let bodies: Vec<_> = anys.iter().map(|any| (any.type_url.as_str(), any.value.len())).collect();
    let url = ResourceType::Route.type_url();
    assert_eq!(bodies, [(url, 0), (url, 300)]);
    assert_eq!(Bytes::from(got.encode_to_vec()), *set.sotw_entries());
}

#[test]
fn the_delta_entries_of_a_set_carry_names_and_versions() {
    let set = set();
    let got = DeltaDiscoveryResponse::decode(set.delta_entries().clone()).unwrap();
    let entries: Vec<_> =
        got.resources.iter().map(|r| discovery::Resource::decode(r.clone()).unwrap()).collect();
    let named: Vec<_> = entries.iter().map(|r| (r.name.as_str(), r.version.clone())).collect();
    let want: Vec<_> = set.items().iter().map(|r| (&*r.name, r.version())).collect();
    assert_eq!(named, want);
    assert_eq!(Bytes::from(got.encode_to_vec()), *set.delta_entries());
}

#[test]
fn a_set_is_sorted_and_holds_a_name_once() {
    let first = resource("a", "first");
    let set = ResourceSet::new(
        ResourceType::Cluster,
        vec![resource("b", ""), first.clone(), resource("a", "second")],
    );
    let names: Vec<_> = set.items().iter().map(|r| &*r.name).collect();
    assert_eq!(names, ["a", "b"]);
    assert!(Arc::ptr_eq(set.get("a").unwrap(), &first));
    assert!(set.get("c").is_none());
}

#[test]
fn a_version_follows_from_the_content() {
    assert_eq!(resource("a", "body").version(), resource("b", "body").version());
    assert_ne!(resource("a", "body").version(), resource("a", "other").version());
    assert_eq!(resource("a", "").version().len(), super::VERSION_LEN);
}

#[test]
fn origins_are_sorted_and_told_once() {
    let key = |name: &str| ObjectKey {
        kind: Kind::Service,
        namespace: "default".into(),
        name: name.into(),
    };
    let got = Resource::new("a".into(), Bytes::new(), [key("b"), key("a"), key("b")]);
    assert_eq!(*got.origins, [key("a"), key("b")]);
}

#[test]
fn types_are_known_by_their_urls() {
    for kind in ResourceType::ALL {
        assert_eq!(ResourceType::of_url(kind.type_url()), Some(kind));
        let set = Arc::new(ResourceSet::new(kind, vec![resource("a", "")]));
        let all = Resources::new([set.clone()]);
        assert!(Arc::ptr_eq(all.get(kind), &set), "{kind:?}");
    }
    assert_eq!(ResourceType::of_url("type.googleapis.com/other"), None);
}
