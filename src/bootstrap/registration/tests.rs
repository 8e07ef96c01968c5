use super::*;
use crate::api::mesh::CaCertificates;

#[test]
fn roots_of_the_mesh_configuration_are_of_the_signers_that_they_name() {
    let entry = |from: RootsFrom, signers: &[&str]| CaCertificates {
        from,
        cert_signers: signers.iter().map(|signer| Str::from(*signer)).collect(),
        trust_domains: Vec::new(),
    };
    let pem = |text: &str, signers: &[&str]| entry(RootsFrom::Pem(text.into()), signers);
    let ca_certificates = vec![
        pem("all", &[]),
        pem("first", &["a.example/x", "a.example/y"]),
        pem("second", &["a.example/y"]),
        entry(RootsFrom::SpiffeBundle("https://a.example".into()), &["a.example/z"]),
    ];
    let mesh = MeshConfig { ca_certificates, ..MeshConfig::default() };
    let known = roots(None, &mesh);
    let of = |signer: &str| known.of(signer);
    assert_eq!(of("a.example/x").as_deref(), Some("first"));
    assert_eq!(of("a.example/y").as_deref(), Some("first"), "the first counts");
    assert_eq!((of("a.example/z"), of("other")), (None, None));
    let with_file = roots(Some("file".into()), &mesh);
    assert_eq!(with_file.of("a.example/x").as_deref(), Some("file"));
    assert_eq!(with_file.configured("a.example/x").as_deref(), Some("first"));
}
