use prost::Message;

use super::*;
use crate::api::MeshConfig;
use crate::model::ProxyKind;
use crate::translate::fixture::{World, proxy};
use crate::translate::{ResourceType, Translator, View};

fn told(view: &View) -> Option<Vec<String>> {
    let resource = view.get(ResourceType::ProxyConfig, "")?;
    Some(ProxyConfig::decode(resource.body.clone()).unwrap().ca_certificates_pem)
}

#[test]
fn everybody_is_told_the_roots_where_there_are_several() {
    let mut snapshot = World::new(MeshConfig::default()).snapshot();
    let mut translator = Translator::default();
    let sidecar = Arc::new(proxy(ProxyKind::Sidecar, "web.shop", "10.0.0.1"));
    let router = Arc::new(proxy(ProxyKind::Router, "gate.shop", "10.0.0.2"));
    assert_eq!(told(&translator.view(&snapshot, &sidecar)), None);
    snapshot.trust_anchors = Some(["a".into(), "b".into()].into());
    snapshot.generation += 1;
    let views = [&sidecar, &router].map(|proxy| translator.view(&snapshot, proxy));
    for view in &views {
        assert_eq!(told(view), Some(vec!["a".to_owned(), "b".to_owned()]));
    }
    let [one, other] = views.map(|view| view.get(ResourceType::ProxyConfig, "").unwrap().clone());
    assert!(Arc::ptr_eq(&one, &other));
    snapshot.trust_anchors = Some(["b".into()].into());
    snapshot.generation += 1;
    assert_eq!(told(&translator.view(&snapshot, &sidecar)), Some(vec!["b".to_owned()]));
}
