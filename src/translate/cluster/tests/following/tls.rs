//! TLS to servers, and what comes before it.

use super::*;

fn exact(names: &[&str]) -> Value {
    names.iter().map(|name| json!({ "exact": name })).collect()
}

const VALIDATION: &str = "/common_tls_context/combined_validation_context";

#[test]
fn tls_of_rules() {
    let tls = |settings: Value| Case::policy(json!({ "tls": settings })).cluster();
    let sans = format!("{TLS}{VALIDATION}/default_validation_context/match_subject_alt_names");
    let roots = format!("{TLS}{VALIDATION}/validation_context_sds_secret_config/name");
    let own = format!("{TLS}/common_tls_context/tls_certificate_sds_secret_configs/0/name");
    let override_ = format!("{ISTIO}/alpn_override");

    let got = tls(json!({ "mode": "DISABLE" }));
    assert_eq!(got.get("transport_socket"), None);
    assert_eq!(got.get("transport_socket_matches"), None);
    assert_eq!(*at(&got, &override_), Value::Null);

    let got = tls(json!({ "mode": "ISTIO_MUTUAL" }));
    assert_eq!(*at(&got, &sans), exact(&["spiffe://cluster.local/ns/default/sa/web"]));
    assert_eq!(at(&got, &format!("{TLS}/sni")), "outbound_.80_._.web.default.svc.cluster.local");
    assert_eq!(at(&got, &roots), "ROOTCA");
    assert_eq!(*at(&got, &override_), Value::Null);
    let got = tls(json!({ "mode": "ISTIO_MUTUAL", "sni": "x", "subjectAltNames": ["y"] }));
    assert_eq!((at(&got, &sans), at(&got, &format!("{TLS}/sni"))), (&exact(&["y"]), &json!("x")));

    let got = tls(json!({ "mode": "SIMPLE" }));
    assert_eq!(at(&got, &roots), "file-root:system");
    assert_eq!(*at(&got, &own), Value::Null);
    assert_eq!(at(&got, &override_), "false");
    assert_eq!(*at(&got, &sans), Value::Null);
    let upstream =
        |cluster: &Value| http_options(cluster)["upstream_http_protocol_options"].clone();
    assert_eq!(upstream(&got), json!({ "auto_sni": true, "auto_san_validation": true }));

    let got = tls(json!({ "mode": "SIMPLE", "subjectAltNames": ["y"], "caCrl": "/crl" }));
    assert_eq!(upstream(&got), json!({ "auto_sni": true }));
    assert_eq!(*at(&got, &sans), exact(&["y"]));
    let crl = format!("{TLS}{VALIDATION}/default_validation_context/crl/filename");
    assert_eq!(at(&got, &crl), "/crl");

    let got = tls(json!({ "mode": "SIMPLE", "insecureSkipVerify": true }));
    assert_eq!(upstream(&got), json!({ "auto_sni": true }));
    let validation = format!("{TLS}/common_tls_context/validation_context");
    assert_eq!(*at(&got, &validation), json!({}));

    let files = json!({ "mode": "MUTUAL", "clientCertificate": "/c", "privateKey": "/k",
        "caCertificates": "/ca", "sni": "x" });
    let got = tls(files);
    assert_eq!(
        (at(&got, &own), at(&got, &roots)),
        (&json!("file-cert:/c~/k"), &json!("file-root:/ca"))
    );
    assert_eq!(http_options(&got), Value::Null);
    // Mutual TLS without a certificate is none.
    assert_eq!(tls(json!({ "mode": "MUTUAL" })).get("transport_socket"), None);
}

#[test]
fn names_that_a_server_may_have_come_from_its_entry() {
    let mut case = Case::policy(json!({ "tls": { "mode": "SIMPLE" } }));
    case.service.registry = Registry::External;
    case.service.mesh_external = true;
    case.service.service_accounts = vec!["entry".into()];
    let sans = format!("{TLS}{VALIDATION}/default_validation_context/match_subject_alt_names");
    let got = case.cluster();
    assert_eq!(*at(&got, &sans), exact(&["entry", "spiffe://cluster.local/ns/default/sa/web"]));
    assert_eq!(at(&got, &format!("{ISTIO}/external")), &json!(true));
}

#[test]
fn credentials_are_for_gateways_and_for_who_is_selected() {
    let check = |name: &str, more: Value, proxy: fn(&mut Proxy), want: Option<&str>| {
        let mut spec =
            json!({ "trafficPolicy": { "tls": { "mode": "MUTUAL", "credentialName": name } } });
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let got = Case { proxy, ..Case::new(spec) }.cluster();
        let own = format!("{TLS}/common_tls_context/tls_certificate_sds_secret_configs/0");
        let own = at(&got, &own);
        assert_eq!(own.get("name").and_then(Value::as_str), want, "{name} {more}");
        assert_eq!(got.get("transport_socket").is_some(), want.is_some());
        assert_eq!(at(&got, &format!("{ISTIO}/alpn_override")), "false");
        if want.is_some() {
            let roots =
                at(&got, &format!("{TLS}{VALIDATION}/validation_context_sds_secret_config/name"));
            assert!(roots.as_str().unwrap().ends_with("-cacert"), "{roots}");
        }
    };
    let selector = || json!({ "workloadSelector": {} });
    check("c", json!({}), unchanged, None);
    check("c", selector(), unchanged, Some("kubernetes://c"));
    check("c", json!({}), router, Some("kubernetes://c"));
    check("kubernetes-gateway://a/b", json!({}), router, Some("kubernetes-gateway://a/b"));
    check("configmap://a/b", json!({}), unchanged, Some("configmap://a/b"));
    check("sds://x", selector(), unchanged, Some("kubernetes://x"));
    check("sds://x", selector(), |p| p.metadata = json!({ "credential": "true" }), Some("sds://x"));
}

#[test]
fn a_proxy_s_own_certificates_replace_those_of_the_mesh() {
    let files = |p: &mut Proxy| {
        p.metadata = json!({ "TLS_CLIENT_CERT_CHAIN": "/c", "TLS_CLIENT_KEY": "/k",
            "TLS_CLIENT_ROOT_CERT": "/r" });
    };
    let check = |policy: Value, external: bool, want: Option<&str>| {
        let mut case = Case { proxy: files, ..Case::policy(policy.clone()) };
        case.service.mesh_external = external;
        let got = case.cluster();
        let own = format!("{TLS}/common_tls_context/tls_certificate_sds_secret_configs/0/name");
        assert_eq!(at(&got, &own).as_str(), want, "{policy}");
        assert_eq!(got.get("transport_socket_matches"), None);
    };
    check(json!({}), false, Some("file-cert:/c~/k"));
    check(json!({ "tls": { "mode": "ISTIO_MUTUAL" } }), false, Some("file-cert:/c~/k"));
    check(json!({ "tls": { "mode": "ISTIO_MUTUAL" } }), true, Some("default"));
    check(json!({ "tls": { "mode": "SIMPLE" } }), false, None);
}

#[test]
fn the_mesh_limits_what_tls_of_rules_offers() {
    let mut case = Case::policy(json!({ "tls": { "mode": "SIMPLE" } }));
    case.mesh.tls_defaults =
        TlsDefaults { ecdh_curves: vec!["P-256".into()], cipher_suites: vec!["AES".into()] };
    let parameters = format!("{TLS}/common_tls_context/tls_params");
    let got = at(&case.cluster(), &parameters).clone();
    assert_eq!((&got["ecdh_curves"], &got["cipher_suites"]), (&json!(["P-256"]), &json!(["AES"])));
    case.rule = json!({ "trafficPolicy": { "tls": { "mode": "ISTIO_MUTUAL" } } });
    assert_eq!(at(&case.cluster(), &parameters).get("ecdh_curves"), None);
}

#[test]
fn the_proxy_protocol_comes_before_everything() {
    let check = |tls: Value, inner: &str, path: &str| {
        let policy = json!({ "proxyProtocol": { "version": "V2" }, "tls": tls });
        let got = Case::policy(policy).cluster();
        let socket = at(&got, path);
        assert_eq!(at(socket, "/name"), "envoy.transport_sockets.upstream_proxy_protocol");
        assert_eq!(at(socket, "/typed_config/config/version"), "V2");
        assert_eq!(at(socket, "/typed_config/transport_socket/name"), inner);
    };
    let (plain, tls) = ("envoy.transport_sockets.raw_buffer", "envoy.transport_sockets.tls");
    check(json!({ "mode": "DISABLE" }), plain, "/transport_socket");
    check(json!({ "mode": "SIMPLE" }), tls, "/transport_socket");
    check(Value::Null, tls, "/transport_socket_matches/0/transport_socket");
    check(Value::Null, plain, "/transport_socket_matches/1/transport_socket");
}

#[test]
fn a_server_of_credentials_has_a_cluster() {
    let name = "sds-external";
    let find_in = |proxy: fn(&mut Proxy)| {
        let built = Case { proxy, ..Case::new(json!({})) }.clusters();
        find(&built, ResourceType::Cluster, name)
    };
    assert_eq!(find_in(unchanged), None);
    let got = find_in(|p| p.metadata = json!({ "credential": "true" })).unwrap();
    let path = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/pipe/path";
    assert_eq!(at(&got, path), "./var/run/secrets/credential-uds/socket");
}
