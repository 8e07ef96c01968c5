use super::restrict;
use crate::api::features::Compliance;
use crate::proto::envoy::envoy::extensions::transport_sockets::tls::v3::TlsParameters;
use crate::proto::envoy::envoy::extensions::transport_sockets::tls::v3::tls_parameters::TlsProtocol;

fn asked() -> TlsParameters {
    TlsParameters {
        tls_minimum_protocol_version: TlsProtocol::TlSv10.into(),
        tls_maximum_protocol_version: TlsProtocol::TlSv13.into(),
        cipher_suites: ["AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384"]
            .map(str::to_owned)
            .into(),
        ecdh_curves: vec!["X25519".into()],
        ..TlsParameters::default()
    }
}

#[test]
fn nothing_is_taken_where_nothing_is_asked() {
    assert_eq!(restrict(None, Compliance::None), None);
    assert_eq!(restrict(Some(asked()), Compliance::None), Some(asked()));
}

#[test]
fn fips_leaves_tls_1_2_and_few_suites() {
    let left = restrict(Some(asked()), Compliance::Fips140v2).unwrap();
    assert_eq!(left.tls_minimum_protocol_version(), TlsProtocol::TlSv12);
    assert_eq!(left.tls_maximum_protocol_version(), TlsProtocol::TlSv12);
    assert_eq!(left.cipher_suites, ["ECDHE-RSA-AES256-GCM-SHA384"]);
    assert!(left.ecdh_curves.is_empty());
    // Without any, an Envoy that is built to comply has its own.
    assert!(restrict(None, Compliance::Fips140v2).unwrap().cipher_suites.is_empty());
}

#[test]
fn post_quantum_keys_need_tls_1_3() {
    for parameters in [None, Some(asked())] {
        let left = restrict(parameters, Compliance::Pqc).unwrap();
        assert_eq!(left.tls_minimum_protocol_version(), TlsProtocol::TlSv13);
        assert_eq!(left.cipher_suites.len(), 4);
        assert_eq!(left.ecdh_curves, ["X25519MLKEM768"]);
    }
}
