//! Certificates from 15012, asked for by a client in another language and judged by openssl.

use std::path::{Path, PathBuf};
use std::process::Command;

use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{ConfigMap, Secret, ServiceAccount};
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::Value;
use tempfile::TempDir;

use crate::daemon::Daemon;
use crate::kube::Cluster;
use crate::skip::skipped;

/// A folder with a key and a request for it, and the client.
struct Agent {
    folder: TempDir,
    python: PathBuf,
}

/// What the client was told.
#[derive(Debug, PartialEq)]
enum Told {
    Chain(Vec<String>),
    Refused(String, String),
}

impl Agent {
    /// None, and a line that says so, where there is no client.
    fn new() -> Option<Agent> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = root.join("target/venv/bin/python");
        if !python.exists() {
            skipped("target/venv is missing; `make test` makes it");
            return None;
        }
        let agent = Agent { folder: tempfile::tempdir().unwrap(), python };
        let key = agent.file("key");
        let made = Command::new("openssl")
            .args(["ecparam", "-genkey", "-noout", "-name", "prime256v1", "-out"])
            .arg(&key)
            .output();
        if made.is_err() {
            skipped("openssl is not installed");
            return None;
        }
        agent.openssl(&["req", "-new", "-subj", "/O=anything", "-key", "key", "-out", "csr"]);
        Some(agent)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        std::fs::write(self.file(name), content).unwrap();
    }

    /// What openssl prints.
    fn openssl(&self, arguments: &[&str]) -> String {
        let ran = Command::new("openssl")
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        assert!(ran.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap()
    }

    /// Asks for a certificate, with files of the folder.
    fn ask(&self, address: &str, arguments: &[&str]) -> Told {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let ran = Command::new(&self.python)
            .arg(root.join("tests/certificates/client.py"))
            .arg(address)
            .args(["--csr", "csr"])
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        let said: Value = serde_json::from_slice(&ran.stdout).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        match said["chain"].as_array() {
            Some(chain) => Told::Chain(chain.iter().map(text).collect()),
            None => Told::Refused(text(&said["code"]), text(&said["message"])),
        }
    }

    /// Asks, verifies what comes, and keeps it as `certificate` and `issued-by`. What openssl shows of it.
    fn certificate(&self, address: &str, arguments: &[&str]) -> String {
        let told = self.ask(address, arguments);
        let Told::Chain(chain) = told else { panic!("{told:?}") };
        let (leaf, rest) = chain.split_first().unwrap();
        self.write("certificate", leaf);
        self.write("issued-by", rest.last().unwrap());
        self.openssl(&["verify", "-x509_strict", "-CAfile", "issued-by", "certificate"]);
        self.openssl(&["x509", "-noout", "-text", "-in", "certificate"])
    }

    /// The code of a refusal whose message has a text.
    fn refused(&self, address: &str, arguments: &[&str], text: &str) -> String {
        let told = self.ask(address, arguments);
        let Told::Refused(code, message) = told else { panic!("{told:?}") };
        assert!(message.contains(text), "{message}");
        code
    }
}

/// `istiod ca`, and what it prints.
fn ca(arguments: &[&str]) -> String {
    let ran =
        Command::new(env!("CARGO_BIN_EXE_istiod")).arg("ca").args(arguments).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
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

/// A token of the account `web`, as kubelets get it for pods.
async fn token(client: &Client, namespace: &str, audience: &str) -> String {
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    let spec = TokenRequestSpec {
        audiences: Some(vec![audience.to_owned()]),
        expiration_seconds: Some(600),
        ..TokenRequestSpec::default()
    };
    let request = TokenRequest { spec: Some(spec), ..TokenRequest::default() };
    let answer = accounts.create_token_request("web", &PostParams::default(), &request).await;
    answer.unwrap().status.unwrap().token.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn service_accounts_of_a_cluster_get_certificates() {
    let Some(agent) = Agent::new() else { return };
    let Some(cluster) = Cluster::shared().await else { return };
    let namespace = cluster.namespace().await;
    let account = format!(
        "{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: web, namespace: {namespace}}}}}"
    );
    cluster.apply(&account).await.unwrap();
    let kubeconfig = format!("--kubeconfig={}", cluster.kubeconfig().display());
    let system = format!("--namespace={namespace}");
    let start = || {
        Daemon::start(&[
            &kubeconfig,
            &system,
            "--meshConfig=",
            "--grpcAddr=",
            "--monitoringAddr=",
            "--ctrlz_port=0",
            "--secureGRPCAddr=127.0.0.1:0",
        ])
    };
    // Two replicas that start at once are one CA.
    let mut replicas = [start(), start()];
    let addresses =
        replicas.each_mut().map(|daemon| daemon.address("--secureGRPCAddr").to_string());
    let secrets: Api<Secret> = Api::namespaced(cluster.client.clone(), &namespace.name);
    let kept = secrets.get("istio-ca-secret").await.unwrap();
    assert_eq!(kept.type_.as_deref(), Some("istio.io/ca-root"));
    let root = kept.data.unwrap()["root-cert.pem"].0.clone();
    agent.write("roots", std::str::from_utf8(&root).unwrap());
    agent.write("token", &token(&cluster.client, &namespace.name, "istio-ca").await);
    agent.write("foreign", &token(&cluster.client, &namespace.name, "elsewhere").await);

    let host = format!("istiod.{namespace}.svc");
    let with = |more: &[&'static str]| -> Vec<String> {
        let common = ["--roots", "roots", "--host", &host].map(str::to_owned);
        common.into_iter().chain(more.iter().map(|word| (*word).to_owned())).collect()
    };
    let [first, second] = &addresses;
    for address in [first, second] {
        let arguments = with(&["--token", "token", "--cluster", "Kubernetes"]);
        let shown = agent.certificate(address, &words(&arguments));
        let uri = format!("URI:spiffe://cluster.local/ns/{namespace}/sa/web");
        assert!(shown.contains(&uri), "{shown}");
        let by = std::fs::read(agent.file("issued-by")).unwrap();
        assert_eq!(by, root, "both have the same root");
    }
    for (more, text) in [
        (&[][..], "Kubernetes token: no token was sent"),
        (&["--token", "foreign"], "failed to validate the token from cluster \"Kubernetes\""),
        (
            &["--token", "token", "--cluster", "elsewhere"],
            "client claims to be in cluster \"elsewhere\", but we only know about local cluster \"Kubernetes\"",
        ),
    ] {
        let code = agent.refused(first, &words(&with(more)), text);
        assert_eq!(code, "UNAUTHENTICATED", "{more:?}");
    }
    // Pods know the control plane by the roots in their namespace.
    let maps: Api<ConfigMap> = Api::namespaced(cluster.client.clone(), &namespace.name);
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
    let by_certificate = with(&["--certificate", "certificate", "--key", "key"]);
    agent.certificate(second, &words(&by_certificate));
}

fn words(list: &[String]) -> Vec<&str> {
    list.iter().map(String::as_str).collect()
}
