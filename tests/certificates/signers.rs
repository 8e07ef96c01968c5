//! Of signers of Kubernetes, for whom the control plane registers requests (EXTERNAL_CA).

use std::path::Path;
use std::time::Duration;

use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Api;
use kube::api::ListParams;
use serde_json::{Value, json};

use super::mesh::Mesh;
use super::signer::{Does, Signer};
use crate::kube::objects::parse;

/// Between two looks at what is to go, and how many of them there are.
const GLANCE: Duration = Duration::from_millis(100);
const GLANCES: usize = 600;

const KUBERNETES: (&str, &str) = ("EXTERNAL_CA", "ISTIOD_RA_KUBERNETES_API");

/// Makes the request that an agent makes for an identity.
fn request(mesh: &Mesh, account: &str) -> String {
    let uri = format!("spiffe://cluster.local/ns/{}/sa/{account}", mesh.namespace);
    let names = format!("subjectAltName=critical,URI:{uri}");
    let arguments = ["req", "-new", "-subj", "/", "-addext", &names, "-key", "key", "-out", "csr"];
    mesh.agent.openssl(&arguments);
    uri
}

/// Gives the control plane no other rights than those of manifests/, for this signer.
async fn restrict(mesh: &mut Mesh, signer: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = ["manifests/rbac.yaml", "manifests/signers/rbac.yaml"];
    let text = files.map(|file| std::fs::read_to_string(root.join(file)).unwrap()).join("---\n");
    let objects = parse(&text.replace("signers.example.com/mesh", signer)).unwrap();
    let rules: Vec<Value> = objects
        .iter()
        .filter_map(|object| object.data["rules"].as_array().cloned())
        .flatten()
        .collect();
    let namespace = &mesh.namespace.name;
    mesh.account("istiod").await;
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": { "name": namespace },
        "rules": rules,
    });
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": { "name": namespace },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": namespace },
        "subjects": [{ "kind": "ServiceAccount", "name": "istiod", "namespace": namespace }],
    });
    mesh.cluster.apply(&format!("{role}\n---\n{binding}")).await.unwrap();
    mesh.kubeconfig = mesh.cluster.kubeconfig_of(namespace, "istiod").await.unwrap();
}

/// Waits until no request for a signer is left.
async fn all_gone(mesh: &Mesh, signer: &str) {
    let requests: Api<CertificateSigningRequest> = Api::all(mesh.cluster.client.clone());
    let own = ListParams::default().fields(&format!("spec.signerName={signer}"));
    for _ in 0..GLANCES {
        if requests.list(&own).await.unwrap().items.is_empty() {
            return;
        }
        tokio::time::sleep(GLANCE).await;
    }
    panic!("requests for {signer} stay");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signer_signs_for_workloads() {
    let Some(mut mesh) = Mesh::new().await else { return };
    let name = format!("{}.example.com/mesh", mesh.namespace);
    restrict(&mut mesh, &name).await;
    let signer = Signer::start(mesh.cluster.client.clone(), &name, Does::SignWithRoot);
    let environment = [KUBERNETES, ("K8S_SIGNER", &*name), ("CERT_SIGNER_DOMAIN", "none.example")];
    let (_daemon, address) = mesh.control_plane(&environment);
    // The control plane itself has a certificate of its own CA.
    mesh.roots().await;
    let agent = &mesh.agent;
    agent.write("token", &mesh.token("web", "istio-ca", None).await);
    let uri = request(&mesh, "web");

    let by_token = mesh.with(&["--token", "token", "--seconds", "3600", "--signer", ""]);
    let shown = agent.certificate(&address, &by_token);
    assert!(shown.contains(&format!("URI:{uri}\n")), "{shown}");
    assert_eq!(std::fs::read_to_string(agent.file("issued-by")).unwrap(), signer.root);
    let asked = signer.asked.lock().unwrap()[0].clone();
    let usages = ["digital signature", "key encipherment", "server auth", "client auth"];
    assert_eq!(asked.spec.usages.unwrap(), usages);
    assert_eq!(asked.spec.expiration_seconds, Some(3600));
    assert!(asked.metadata.name.unwrap().starts_with("csr-workload-"));
    let conditions = asked.status.unwrap().conditions.unwrap();
    let message = conditions[0].message.clone().unwrap();
    assert!(message.contains(&uri), "{message}");
    all_gone(&mesh, &name).await;

    let long = [&by_token[..], &["--seconds", "7776001"]].concat();
    let text = "requested TTL 2160h0m1s is greater than the max allowed TTL 2160h0m0s";
    assert_eq!(agent.refused(&address, &long, text), "INVALID_ARGUMENT");
    // Kubernetes has no certificates for less than ten minutes.
    let short = [&by_token[..], &["--seconds", "60"]].concat();
    let text = "CSR signing error (failed to create CSR: ";
    assert_eq!(agent.refused(&address, &short, text), "INTERNAL");
    // Who signs believes what a request says: nobody may ask for another.
    request(&mesh, "other");
    let text = "CSR signing error (unable to validate SAN Identities in CSR)";
    assert_eq!(agent.refused(&address, &by_token, text), "INVALID_ARGUMENT");
    agent.openssl(&["req", "-new", "-subj", "/O=anything", "-key", "key", "-out", "csr"]);
    assert_eq!(agent.refused(&address, &by_token, text), "INVALID_ARGUMENT");
    assert_eq!(signer.asked.lock().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_name_their_signer_and_the_mesh_its_root() {
    let Some(mesh) = Mesh::new().await else { return };
    let domain = format!("{}.example.com", mesh.namespace);
    let start = |name: &str, does: Does| {
        Signer::start(mesh.cluster.client.clone(), &format!("{domain}/{name}"), does)
    };
    let known = start("known", Does::Sign);
    let _unknown = start("unknown", Does::Sign);
    let _refuses = start("refuses", Does::Refuse);
    let forges = start("forges", Does::Forge);
    let entry = |name: &str, root: &str| {
        let root = root.replace('\n', "\n    ");
        format!("- certSigners: [{domain}/{name}]\n  pem: |\n    {root}\n")
    };
    let roots = format!(
        "caCertificates:\n{}{}",
        entry("known", &known.root),
        entry("forges", &forges.root)
    );
    let environment = [KUBERNETES, ("CERT_SIGNER_DOMAIN", &*domain)];
    let (_daemon, address) = mesh.control_plane_with(&environment, &roots);
    mesh.roots().await;
    let agent = &mesh.agent;
    agent.write("token", &mesh.token("web", "istio-ca", None).await);
    let uri = request(&mesh, "web");

    let with = |signer: &'static str| mesh.with(&["--token", "token", "--signer", signer]);
    let shown = agent.certificate(&address, &with("known"));
    assert!(shown.contains(&format!("URI:{uri}\n")), "{shown}");
    let told = std::fs::read_to_string(agent.file("issued-by")).unwrap();
    assert_eq!(told.trim(), known.root.trim());
    for (signer, text, code) in [
        (
            "unknown",
            "failed to find root cert from either signed cert-chain or mesh config",
            "INVALID_ARGUMENT",
        ),
        ("refuses", "is Failed: Policy: not you", "INTERNAL"),
        ("forges", "root cert from signed cert-chain is invalid", "INVALID_ARGUMENT"),
        ("", "there is no signer: K8S_SIGNER is empty", "INTERNAL"),
    ] {
        let told = agent.refused(&address, &with(signer), text);
        assert_eq!(told, code, "{signer}");
        if !signer.is_empty() {
            all_gone(&mesh, &format!("{domain}/{signer}")).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signer_signs_for_the_control_plane_too() {
    let Some(mesh) = Mesh::new().await else { return };
    let name = format!("{}.example.com/mesh", mesh.namespace);
    let signer = Signer::start(mesh.cluster.client.clone(), &name, Does::Sign);
    let root = signer.root.replace('\n', "\n    ");
    let roots = format!("caCertificates:\n- certSigners: [{name}]\n  pem: |\n    {root}\n");
    let provider = format!("k8s.io/{name}");
    let environment = [KUBERNETES, ("K8S_SIGNER", &*name), ("PILOT_CERT_PROVIDER", &*provider)];
    let (_daemon, address) = mesh.control_plane_with(&environment, &roots);
    let agent = &mesh.agent;
    agent.write("roots", &signer.root);
    agent.write("token", &mesh.token("web", "istio-ca", None).await);
    let uri = request(&mesh, "web");
    // The handshake is verified by the signer's root, and by the host.
    let shown = agent.certificate(&address, &mesh.with(&["--token", "token"]));
    assert!(shown.contains(&format!("URI:{uri}\n")), "{shown}");
    let asked = signer.asked.lock().unwrap()[0].clone();
    assert_eq!(
        asked.spec.usages.unwrap(),
        ["digital signature", "key encipherment", "server auth"]
    );
    assert_eq!(asked.spec.expiration_seconds, Some(10 * 365 * 24 * 3600));
    // Who has a certificate of the signer is recognised by it.
    let own = mesh.with(&["--certificate", "certificate", "--key", "key"]);
    agent.certificate(&address, &own);
    // Namespaces get the signer's root, and there is no CA of our own.
    let client = || mesh.cluster.client.clone();
    let maps: Api<ConfigMap> = Api::namespaced(client(), &mesh.namespace.name);
    let mut found = None;
    for _ in 0..GLANCES {
        found = maps.get_opt("istio-ca-root-cert").await.unwrap().and_then(|map| map.data);
        if found.is_some() {
            break;
        }
        tokio::time::sleep(GLANCE).await;
    }
    assert_eq!(found.unwrap()["root-cert.pem"].trim(), signer.root.trim());
    let secrets: Api<Secret> = Api::namespaced(client(), &mesh.namespace.name);
    assert!(secrets.get_opt("istio-ca-secret").await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_is_told_at_the_start() {
    let Some(mesh) = Mesh::new().await else { return };
    let kubeconfig = format!("--kubeconfig={}", mesh.cluster.kubeconfig().display());
    for (environment, text) in [
        (("EXTERNAL_CA", "other"), "EXTERNAL_CA: invalid CA Name other"),
        (
            ("PILOT_CERT_PROVIDER", "kubernetes"),
            "PILOT_CERT_PROVIDER=kubernetes is no longer supported",
        ),
        (
            ("PILOT_CERT_PROVIDER", "k8s.io/a.example/b"),
            "PILOT_CERT_PROVIDER=k8s.io/a.example/b needs EXTERNAL_CA=ISTIOD_RA_KUBERNETES_API",
        ),
    ] {
        let ran = std::process::Command::new(env!("CARGO_BIN_EXE_istiod"))
            .env_clear()
            .envs([environment])
            .args(["discovery", "--httpAddr=127.0.0.1:0", &kubeconfig, "--meshConfig="])
            .output()
            .unwrap();
        assert!(!ran.status.success());
        let said = String::from_utf8_lossy(&ran.stderr).into_owned()
            + &String::from_utf8_lossy(&ran.stdout);
        assert!(said.contains(text), "{said}");
    }
}
