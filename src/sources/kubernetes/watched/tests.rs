use super::Watched;
use crate::api::Kind;

#[test]
fn paths_are_those_of_the_api() {
    assert_eq!(Watched::all(Kind::Pod).query().path, "/api/v1/pods");
    assert_eq!(Watched::all(Kind::Pod).within("a").query().path, "/api/v1/namespaces/a/pods");
    assert_eq!(Watched::all(Kind::Pod).within("").query().path, "/api/v1/pods");
    assert_eq!(Watched::all(Kind::Node).within("a").query().path, "/api/v1/nodes");
    let gateways = Watched::all(Kind::Gateway);
    assert_eq!(gateways.query().path, "/apis/networking.istio.io/v1/gateways");
    assert_eq!(gateways.definition().unwrap(), "gateways.networking.istio.io");
    let map = Watched::one(Kind::ConfigMap, "istio-system", "istio").within("a");
    assert_eq!(map.query().path, "/api/v1/namespaces/istio-system/configmaps");
    assert_eq!(map.query().fields.unwrap(), "metadata.name=istio");
    assert_eq!(map.definition(), None);
    let secrets = Watched::labelled(Kind::Secret, "a", "b=c");
    assert_eq!(secrets.query().path, "/api/v1/namespaces/a/secrets");
    assert_eq!(secrets.query().labels.unwrap(), "b=c");
}

#[test]
fn names_say_what_is_followed() {
    assert_eq!(Watched::all(Kind::Gateway).to_string(), "gateways.networking.istio.io");
    assert_eq!(Watched::all(Kind::Pod).within("a").to_string(), "pods in a");
    assert_eq!(Watched::one(Kind::ConfigMap, "a", "b").to_string(), "configmaps a/b");
    assert_eq!(Watched::labelled(Kind::Secret, "a", "b=c").to_string(), "secrets in a with b=c");
}
