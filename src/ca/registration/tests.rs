use super::*;

#[test]
fn clients_name_signers_below_the_domain_only() {
    let signers = |domain: &str, default: &str| Signers {
        domain: domain.to_owned(),
        default: default.to_owned(),
    };
    for (domain, default, wanted, want) in [
        ("", "kubernetes.io/kube-apiserver-client", "", Ok("kubernetes.io/kube-apiserver-client")),
        ("a.example", "b.example/x", "", Ok("b.example/x")),
        ("a.example", "b.example/x", "y", Ok("a.example/y")),
        ("a.example", "", "y", Ok("a.example/y")),
        ("", "b.example/x", "y", Err("certSignerDomain is required for signer y")),
        ("a.example", "", "", Err("there is no signer: K8S_SIGNER is empty")),
    ] {
        let got = signers(domain, default).named(wanted);
        match want {
            Ok(want) => assert_eq!(got.unwrap(), want),
            Err(want) => {
                let why = got.unwrap_err();
                assert_eq!(why.kind(), "CERT_GEN_ERROR");
                assert!(why.to_string().starts_with(want), "{why}");
            }
        }
    }
}
