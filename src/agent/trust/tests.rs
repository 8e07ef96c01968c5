use super::*;
use crate::agent::material::tests::Ca;
use crate::proto::Any;

fn response(texts: &[&str]) -> DiscoveryResponse {
    let texts = texts.iter().map(|text| (*text).to_owned()).collect();
    let config = ProxyConfig { ca_certificates_pem: texts };
    DiscoveryResponse {
        version_info: "7".to_owned(),
        nonce: "n".to_owned(),
        type_url: TYPE_URL.to_owned(),
        resources: vec![Any { type_url: TYPE_URL.to_owned(), value: config.encode_to_vec() }],
        ..DiscoveryResponse::default()
    }
}

#[test]
fn roots_are_taken_and_what_is_none_is_refused_and_changes_nothing() {
    let (sender, feed) = watch::channel(None);
    let (one, two) = (Ca::new().root, Ca::new().root);
    // With and without a newline at the end.
    let told = response(&[one.trim_end(), &two]);
    assert_eq!(take(&told, &sender), Ok(()));
    let want = Material::Roots(Roots::new(format!("{one}{two}").as_bytes()).unwrap());
    assert_eq!(feed.borrow().as_deref(), Some(&want));
    let accepted = answer(&told, Ok(()));
    assert_eq!((&*accepted.version_info, &*accepted.response_nonce), ("7", "n"));
    assert_eq!(accepted.error_detail, None);
    let broken = response(&["none"]);
    let taken = take(&broken, &sender);
    assert!(taken.is_err());
    assert_eq!(feed.borrow().as_deref(), Some(&want));
    assert!(answer(&broken, taken).error_detail.unwrap().message.contains("no root certificate"));
    assert_eq!(take(&response(&[]), &sender), Ok(()));
    assert_eq!(*feed.borrow(), None, "the mesh has no roots beside those that come otherwise");
}

#[test]
fn the_agent_has_a_name_of_its_own_and_the_identity_of_its_workload() {
    let envoy = json!({
        "id": "sidecar~10.0.0.1~web.v2.shop~shop.svc.cluster.local",
        "metadata": { "NAMESPACE": "shop", "SERVICE_ACCOUNT": "web", "LABELS": { "app": "web" } },
    });
    let want = json!({
        "id": "sidecar~10.0.0.1~web.v2-agent.shop~shop.svc.cluster.local",
        "metadata": { "NAMESPACE": "shop", "SERVICE_ACCOUNT": "web" },
    });
    assert_eq!(node(&envoy), want);
}
