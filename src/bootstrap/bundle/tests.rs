use std::time::Duration;

use super::*;
use crate::api::mesh::CaCertificates;
use crate::ca::certificate::Certificate;
use crate::ca::fixture::{DAY, root, self_signed};
use crate::sources::bundles::Fetched;

const URL: &str = "https://spire.example/bundle";

fn pem(text: &str, domains: &[&str]) -> CaCertificates {
    CaCertificates {
        from: RootsFrom::Pem(text.into()),
        cert_signers: Vec::new(),
        trust_domains: domains.iter().map(|domain| Str::from(*domain)).collect(),
    }
}

fn endpoint(url: &str) -> CaCertificates {
    CaCertificates { from: RootsFrom::SpiffeBundle(url.into()), ..pem("", &[]) }
}

fn mesh(entries: Vec<CaCertificates>) -> Arc<MeshConfig> {
    Arc::new(MeshConfig { ca_certificates: entries, ..MeshConfig::default() })
}

fn der(text: &str) -> Vec<u8> {
    Certificate::all(text).unwrap()[0].der.to_vec()
}

fn fetched(roots: &[&str], failure: Option<&str>) -> Bundles {
    let roots: Vec<Vec<u8>> = roots.iter().map(|root| der(root)).collect();
    let fetched = Fetched { roots: roots.into(), failure: failure.map(Str::from) };
    Bundles::from([(URL.into(), fetched)])
}

#[test]
fn all_who_may_say_so_add_roots_and_one_that_is_none_costs_no_other() {
    let issuer = self_signed(&root("own", DAY));
    let (given, spiffe) = (root("given", DAY).certificate, root("spiffe", DAY).certificate);
    let mesh =
        mesh(vec![pem("no PEM", &[]), pem(&given, &["theirs"]), endpoint(URL), pem("", &["x"])]);
    let bundles = fetched(&[&spiffe], Some("is away"));
    let (bundle, wrong) = assemble(Some(&issuer), Some((&mesh, &bundles)));
    let said: Vec<_> = bundle.anchors().iter().map(|a| (&*a.text, a.voucher.kind())).collect();
    let want =
        [(&*issuer.root_pem, "IstioCA"), (&*given, "MeshConfig"), (&*spiffe, "SpiffeEndpoints")];
    assert_eq!(said, want);
    assert_eq!(bundle.anchors()[1].domains, [Str::from("theirs")]);
    let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
    assert_eq!(
        wrong,
        [
            "error: caCertificates[0].pem: there is no certificate in it: it is left out of the roots of the mesh",
            "warning: caCertificates[2].spiffeBundleUrl: cannot be fetched, and is tried again: is away",
        ]
    );
}

#[tokio::test]
async fn proxies_and_the_secure_port_follow_every_change() {
    let issuer = Arc::new(self_signed(&root("own", DAY)));
    let (given, spiffe) = (root("given", DAY).certificate, root("spiffe", DAY).certificate);
    let (_ca, state) = watch::channel(State::Ready(issuer.clone()));
    let (configure, mesh_config) = watch::channel(mesh(vec![pem(&given, &[])]));
    let (fetch, fetched_bundles) = watch::channel(Bundles::new());
    let (wanted, wants) = watch::channel(BTreeSet::new());
    let (anchors, mut told) = watch::channel(None);
    let (diagnostics, _shown) = watch::channel(Arc::from([]));
    let (bundle, made) = watch::channel(Arc::default());
    let metrics = Arc::new(Metrics::new("test"));
    let others =
        Others { mesh: mesh_config, fetched: fetched_bundles, wanted, anchors, diagnostics };
    let bundling = Bundling { ca: Some(state), others: Some(others), metrics: metrics.clone() };
    tokio::spawn(bundling.run(bundle));
    let mut until = async |want: Vec<&str>| {
        let mut want: Vec<&str> = want;
        want.sort_unstable();
        let is = |told: &Option<Arc<[Str]>>| {
            told.as_ref().is_some_and(|told| told.iter().map(|text| &**text).eq(want.clone()))
        };
        tokio::time::timeout(Duration::from_secs(5), told.wait_for(is)).await.unwrap().unwrap();
    };
    until(vec![&issuer.root_pem, &given]).await;
    assert_eq!(made.borrow().roots_of("cluster.local").len(), 2);
    assert!(wants.borrow().is_empty());
    configure.send_replace(mesh(vec![endpoint(URL)]));
    until(vec![&issuer.root_pem]).await;
    assert!(wants.borrow().contains(URL));
    fetch.send_replace(fetched(&[&spiffe], None));
    until(vec![&issuer.root_pem, &spiffe]).await;
    let text = metrics.render();
    assert!(text.contains("istiod_trust_anchors{source=\"SpiffeEndpoints\"} 1"), "{text}");
    assert!(text.contains("istiod_trust_anchors{source=\"MeshConfig\"} 0"), "{text}");
    assert!(text.contains("istiod_certificate_expiry_timestamp{certificate=\"trust-bundle\"}"));
}
