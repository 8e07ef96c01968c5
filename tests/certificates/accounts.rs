//! Of service accounts of a cluster: what their certificates look like, and who gets none.

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use x509_parser::pem::parse_x509_pem;

use super::mesh::Mesh;
use crate::skip::skipped;

#[tokio::test(flavor = "multi_thread")]
async fn service_accounts_of_a_cluster_get_certificates() {
    let Some(mesh) = Mesh::new().await else { return };
    // Two replicas that start at once are one CA.
    let started = [mesh.control_plane(&[]), mesh.control_plane(&[])];
    let root = mesh.roots().await;
    let (agent, namespace) = (&mesh.agent, &mesh.namespace);
    agent.write("token", &mesh.token("web", "istio-ca", None).await);

    for (_, address) in &started {
        let arguments = mesh.with(&["--token", "token", "--cluster", "Kubernetes"]);
        let shown = agent.certificate(address, &arguments);
        let uri = format!("URI:spiffe://cluster.local/ns/{namespace}/sa/web");
        assert!(shown.contains(&uri), "{shown}");
        let by = std::fs::read(agent.file("issued-by")).unwrap();
        assert_eq!(by, root, "both have the same root");
    }
    // Pods know the control plane by the roots in their namespace.
    let maps: Api<ConfigMap> = Api::namespaced(mesh.cluster.client.clone(), &namespace.name);
    let mut data = None;
    for _ in 0..600 {
        data = maps.get_opt("istio-ca-root-cert").await.unwrap().and_then(|map| map.data);
        if data.is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(data.unwrap()["root-cert.pem"].as_bytes(), root);
    // What one replica issued is good for the other.
    let by_certificate = mesh.with(&["--certificate", "certificate", "--key", "key"]);
    agent.certificate(&started[1].1, &by_certificate);
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_have_the_form_that_agents_expect() {
    let Some(mesh) = Mesh::new().await else { return };
    let (_daemon, address) = mesh.control_plane(&[]);
    mesh.roots().await;
    let (agent, namespace) = (&mesh.agent, &mesh.namespace);
    agent.write("token", &mesh.token("web", "istio-ca", None).await);

    let keys: [(&str, &[&str]); 4] = [
        ("P-256", &["ecparam", "-genkey", "-noout", "-name", "prime256v1", "-out", "key"]),
        ("P-384", &["ecparam", "-genkey", "-noout", "-name", "secp384r1", "-out", "key"]),
        ("RSA", &["genrsa", "-out", "key", "2048"]),
        ("Ed25519", &["genpkey", "-algorithm", "ed25519", "-out", "key"]),
    ];
    for (kind, arguments) in keys {
        agent.openssl(arguments);
        // The names that are asked for are not those that are given.
        agent.openssl(&[
            "req",
            "-new",
            "-subj",
            "/O=o/CN=n",
            "-addext",
            "subjectAltName=DNS:a.example",
            "-key",
            "key",
            "-out",
            "csr",
        ]);
        let arguments = mesh.with(&["--token", "token", "--seconds", "3600"]);
        let shown = agent.certificate(&address, &arguments);
        let names = format!(
            "X509v3 Subject Alternative Name: critical\n                URI:spiffe://cluster.local/ns/{namespace}/sa/web\n"
        );
        for text in [
            "Version: 3 (0x2)",
            "Subject: \n",
            "X509v3 Key Usage: critical\n                Digital Signature, Key Encipherment\n",
            "X509v3 Extended Key Usage: \n                TLS Web Server Authentication, TLS Web Client Authentication\n",
            "X509v3 Basic Constraints: critical\n                CA:FALSE\n",
            &names,
        ] {
            assert!(shown.contains(text), "{kind}: {text:?} in {shown}");
        }
        assert!(!shown.contains("a.example"), "{kind}: {shown}");
        // It is for the key of the request.
        let public = agent.openssl(&["pkey", "-in", "key", "-pubout"]);
        let certified = agent.openssl(&["x509", "-noout", "-pubkey", "-in", "certificate"]);
        assert_eq!(certified, public, "{kind}");
        let pem = std::fs::read(agent.file("certificate")).unwrap();
        let (_, pem) = parse_x509_pem(&pem).unwrap();
        let certificate = pem.parse_x509().unwrap();
        let validity = certificate.validity();
        let lifetime = validity.not_after.timestamp() - validity.not_before.timestamp();
        assert_eq!(lifetime, 3600 + 120, "{kind}: from two minutes ago");
        let end = jiff::Timestamp::now().as_second() + 3600;
        assert!((end - 60..=end).contains(&validity.not_after.timestamp()), "{kind}");
        assert!(
            certificate.raw_serial().len() <= 17 && certificate.raw_serial().len() > 8,
            "{kind}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_prove_who_he_is_gets_no_certificate() {
    let Some(mesh) = Mesh::new().await else { return };
    let (mut daemon, address) = mesh.control_plane(&[]);
    mesh.roots().await;
    let agent = &mesh.agent;
    let token = mesh.token("web", "istio-ca", None).await;
    agent.write("token", &token);
    agent.write("foreign", &mesh.token("web", "elsewhere", None).await);
    agent.write("altered", &token.replacen('.', ".x", 1));

    let not_validated = "failed to validate the token from cluster \"Kubernetes\"";
    let mut refused = vec![
        (&[][..], "Kubernetes token: no token was sent"),
        (&["--token", "foreign"], not_validated),
        (&["--token", "altered"], not_validated),
        (
            &["--token", "token", "--cluster", "elsewhere"],
            "client claims to be in cluster \"elsewhere\", but we only know about local cluster \"Kubernetes\" and remote clusters []",
        ),
    ];
    match mesh.expired(&token) {
        Some(expired) => {
            agent.write("expired", &expired);
            refused.push((&["--token", "expired"], "service account token has expired"));
        }
        None => skipped("the key of the API server is not at hand: no expired token"),
    }
    for (more, text) in refused {
        let code = agent.refused(&address, &mesh.with(more), text);
        assert_eq!(code, "UNAUTHENTICATED", "{more:?}");
    }
    // A certificate of others proves nothing: not even a handshake comes about.
    agent.openssl(&[
        "req",
        "-x509",
        "-new",
        "-key",
        "key",
        "-out",
        "own",
        "-days",
        "1",
        "-subj",
        "/",
        "-addext",
        "subjectAltName=URI:spiffe://cluster.local/ns/a/sa/b",
    ]);
    let own = mesh.with(&["--certificate", "own", "--key", "key"]);
    assert_eq!(agent.refused(&address, &own, ""), "UNAVAILABLE");
    // No token is told to anybody who reads the log.
    agent.certificate(&address, &mesh.with(&["--token", "token"]));
    let log = daemon.until("issued a certificate");
    assert!(!log.contains(&token));
    let (_, rest) = daemon.stop();
    assert!(!rest.contains(&token), "{rest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_request_is_told() {
    let Some(mesh) = Mesh::new().await else { return };
    let (_daemon, address) = mesh.control_plane(&[]);
    mesh.roots().await;
    let agent = &mesh.agent;
    agent.write("token", &mesh.token("web", "istio-ca", None).await);
    let by_token = mesh.with(&["--token", "token"]);
    let csr = std::fs::read_to_string(agent.file("csr")).unwrap();

    let long = [&by_token[..], &["--seconds", "7776001"]].concat();
    let text =
        "CSR signing error (requested TTL 2160h0m1s is greater than the max allowed TTL 2160h0m0s)";
    assert_eq!(agent.refused(&address, &long, text), "INVALID_ARGUMENT");

    // The signature of another key, and another's request with this key's signature.
    agent.openssl(&["req", "-in", "csr", "-outform", "DER", "-out", "csr.der"]);
    let mut der = std::fs::read(agent.file("csr.der")).unwrap();
    *der.last_mut().unwrap() ^= 1;
    std::fs::write(agent.file("csr.der"), &der).unwrap();
    agent.openssl(&["req", "-inform", "DER", "-in", "csr.der", "-out", "csr"]);
    let text = "CSR signing error (the certificate signing request is refused: the signature is not that of the key)";
    assert_eq!(agent.refused(&address, &by_token, text), "INVALID_ARGUMENT");

    agent.openssl(&["genrsa", "-out", "weak", "1024"]);
    agent.openssl(&["req", "-new", "-subj", "/", "-key", "weak", "-out", "csr"]);
    let text = "an RSA key of 1024 bits; 2048 to 8192 are needed";
    assert_eq!(agent.refused(&address, &by_token, text), "INVALID_ARGUMENT");

    let certificate = std::fs::read_to_string(agent.file("roots")).unwrap();
    for nonsense in ["", "nonsense", &certificate] {
        agent.write("csr", nonsense);
        let text = "CSR signing error (";
        assert_eq!(agent.refused(&address, &by_token, text), "INVALID_ARGUMENT", "{nonsense:?}");
    }
    agent.write("csr", &"x".repeat(1 << 20));
    assert_eq!(agent.refused(&address, &by_token, "65536 are allowed"), "RESOURCE_EXHAUSTED");
    // Who did not prove anything is not told anything about his request.
    let anonymous = mesh.with(&[]);
    let text = "request authenticate failure";
    assert_eq!(agent.refused(&address, &anonymous, text), "UNAUTHENTICATED");

    agent.write("csr", &csr);
    agent.certificate(&address, &by_token);
}
