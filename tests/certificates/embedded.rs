//! Of a CA in a directory, with tokens that its owner makes.

use std::path::Path;
use std::process::Command;

use istiod::authn::local::TokenKey;

use super::client::Agent;
use crate::daemon::Daemon;

/// `istiod ca`, and what it prints.
pub fn ca(arguments: &[&str]) -> String {
    let ran =
        Command::new(env!("CARGO_BIN_EXE_istiod")).arg("ca").args(arguments).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

/// A token of the CA's owner that was good until an hour ago.
fn expired(directory: &str) -> String {
    let key = std::fs::read_to_string(Path::new(directory).join("token")).unwrap();
    let ended = jiff::Timestamp::now().as_second() - 3600;
    TokenKey::new(key.trim()).unwrap().token("shop", "web", "istio-ca", ended)
}

#[test]
fn a_mesh_without_a_cluster_has_certificates() {
    let Some(agent) = Agent::new() else { return };
    let directory = agent.file("ca").display().to_string();
    let config = format!("--configDir={}/samples/shop", env!("CARGO_MANIFEST_DIR"));
    let (ca_dir, mesh) = (format!("--caDir={directory}"), "--meshConfig=");
    let secure = "--secureGRPCAddr=127.0.0.1:0";
    let arguments = [
        &config,
        &ca_dir,
        mesh,
        "--grpcAddr=127.0.0.1:0",
        "--monitoringAddr=",
        "--ctrlz_port=0",
        secure,
    ];
    let mut daemon = Daemon::start(&arguments);
    let plain = daemon.address("--grpcAddr").to_string();
    let address = daemon.address("--secureGRPCAddr").to_string();
    let token = ca(&["token", "--caDir", &directory, "-n", "shop", "--service-account=web"]);
    agent.write("token", &token);
    let by_token = ["--roots", "ca/root-cert.pem", "--token", "token"];
    let shown = agent.certificate(&address, &by_token);
    assert!(shown.contains("URI:spiffe://cluster.local/ns/shop/sa/web"), "{shown}");

    // Renewed with what it has, whatever else it asks for.
    let by_certificate = ["--roots", "issued-by", "--certificate", "certificate", "--key", "key"];
    let shown = agent.certificate(&address, &by_certificate);
    assert!(shown.contains("URI:spiffe://cluster.local/ns/shop/sa/web"), "{shown}");
    assert!(!shown.contains("anything"), "{shown}");

    let anonymous = ["--roots", "ca/root-cert.pem"];
    let code = agent.refused(&address, &anonymous, "JWT: no token was sent");
    assert_eq!(code, "UNAUTHENTICATED");
    let long = [&by_token[..], &["--seconds", "7776001"]].concat();
    let text = "requested TTL 2160h0m1s is greater than the max allowed TTL 2160h0m0s";
    assert_eq!(agent.refused(&address, &long, text), "INVALID_ARGUMENT");
    let other = [&by_token[..], &["--impersonate", "spiffe://cluster.local/ns/a/sa/b"]].concat();
    let code = agent.refused(&address, &other, "request impersonation authentication failure");
    assert_eq!(code, "UNAUTHENTICATED");
    agent.write("forged", &token.replace('.', ".x"));
    let forged = ["--roots", "ca/root-cert.pem", "--token", "forged"];
    assert_eq!(agent.refused(&address, &forged, "JWT:"), "UNAUTHENTICATED");
    agent.write("expired", &expired(&directory));
    let expired = ["--roots", "ca/root-cert.pem", "--token", "expired"];
    let code = agent.refused(&address, &expired, "JWT: the token expired 36");
    assert_eq!(code, "UNAUTHENTICATED");
    assert_eq!(agent.refused(&plain, &["--token", "token"], ""), "UNIMPLEMENTED");
    agent.write("csr", &"x".repeat(1 << 20));
    assert_eq!(agent.refused(&address, &by_token, "65536 are allowed"), "RESOURCE_EXHAUSTED");
    agent.write(
        "csr",
        "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
    );
    assert_eq!(agent.refused(&address, &by_token, "CSR signing error"), "INVALID_ARGUMENT");

    let status = ca(&["status", "--caDir", &directory]);
    assert!(status.contains("(self-signed)\nsigns "), "{status}");
    assert!(daemon.stop().0.success());

    // The next process is the same CA, and without 15012 certificates are on 15010.
    agent.openssl(&["req", "-new", "-subj", "/", "-key", "key", "-out", "csr"]);
    let arguments = [&arguments[..arguments.len() - 1], &["--secureGRPCAddr="]].concat();
    let mut daemon = Daemon::start(&arguments);
    let plain = daemon.address("--grpcAddr").to_string();
    let before = std::fs::read_to_string(agent.file("issued-by")).unwrap();
    agent.certificate(&plain, &["--token", "token"]);
    assert_eq!(std::fs::read_to_string(agent.file("issued-by")).unwrap(), before);
}
