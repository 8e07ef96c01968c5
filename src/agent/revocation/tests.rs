use super::*;
use crate::agent::material::Roots;
use crate::agent::material::tests::Ca;

/// A list that anybody may have signed.
fn list() -> String {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut signer = rcgen::CertificateParams::default();
    signer.key_usages = vec![rcgen::KeyUsagePurpose::CrlSign];
    let params = rcgen::CertificateRevocationListParams {
        this_update: rcgen::date_time_ymd(2020, 1, 1),
        next_update: rcgen::date_time_ymd(2049, 1, 1),
        crl_number: 1_u64.into(),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: rcgen::KeyIdMethod::Sha256,
    };
    params.signed_by(&rcgen::Issuer::new(signer, key)).unwrap().pem().unwrap()
}

#[tokio::test]
async fn lists_go_with_the_roots_and_follow_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca-crl.pem");
    let roots = Roots::new(Ca::new().root.as_bytes()).unwrap();
    let (_sender, of_mesh) = watch::channel(Some(Arc::new(Material::Roots(roots.clone()))));
    let mut feed = beside(of_mesh, file.clone(), Duration::from_millis(10));
    let mut until = async |want: Material| {
        let told = feed.wait_for(|held| held.as_deref() == Some(&want));
        drop(tokio::time::timeout(Duration::from_secs(5), told).await.unwrap().unwrap());
    };
    until(Material::Roots(roots.clone())).await;
    let one = list();
    std::fs::write(&file, &one).unwrap();
    until(Material::Roots(roots.clone().revoking(one.clone().into_bytes()))).await;
    std::fs::write(&file, "broken").unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    until(Material::Roots(roots.clone().revoking(one.into_bytes()))).await;
    std::fs::write(&file, "").unwrap();
    until(Material::Roots(roots)).await;
}
