//! A mesh in a namespace of a cluster: its control plane, and tokens of its service accounts.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Pod, Secret, ServiceAccount};
use kube::api::PostParams;
use kube::{Api, ResourceExt};
use serde_json::Value;

use super::client::Agent;
use crate::daemon::Daemon;
use crate::kube::Cluster;
use crate::kube::namespace::Namespace;

/// The mesh. Its system namespace is also that of its workloads.
pub struct Mesh {
    pub cluster: Cluster,
    pub namespace: Namespace,
    pub agent: Agent,
    /// The access of its control plane, at first that of an administrator.
    pub kubeconfig: PathBuf,
    /// The name of the control plane.
    pub host: String,
}

impl Mesh {
    /// With a service account `web`; None where there is no cluster, or no client.
    pub async fn new() -> Option<Mesh> {
        let agent = Agent::new()?;
        let cluster = Cluster::shared().await?;
        let namespace = cluster.namespace().await;
        let host = format!("istiod.{namespace}.svc");
        let kubeconfig = cluster.kubeconfig().to_owned();
        let mesh = Mesh { cluster, namespace, agent, kubeconfig, host };
        mesh.account("web").await;
        Some(mesh)
    }

    /// Makes a service account.
    pub async fn account(&self, name: &str) {
        let namespace = &self.namespace;
        let account = format!(
            "{{apiVersion: v1, kind: ServiceAccount, metadata: {{name: {name}, namespace: {namespace}}}}}"
        );
        self.cluster.apply(&account).await.unwrap();
    }

    /// A control plane with these variables, and the address of its 15012.
    pub fn control_plane(&self, environment: &[(&str, &str)]) -> (Daemon, String) {
        self.control_plane_with(environment, "")
    }

    /// The same with a mesh configuration in YAML.
    pub fn control_plane_with(&self, environment: &[(&str, &str)], mesh: &str) -> (Daemon, String) {
        self.agent.write("mesh", mesh);
        let kubeconfig = format!("--kubeconfig={}", self.kubeconfig.display());
        let arguments = [
            &kubeconfig,
            &format!("--namespace={}", self.namespace),
            &format!("--meshConfig={}", self.agent.file("mesh").display()),
            "--grpcAddr=",
            "--monitoringAddr=",
            "--ctrlz_port=0",
            "--secureGRPCAddr=127.0.0.1:0",
            // Each certificate that is issued has its line.
            "--log_output_level=default:info,serverca:debug",
        ];
        let mut daemon = Daemon::start_with(environment, &arguments);
        let address = daemon.address("--secureGRPCAddr").to_string();
        (daemon, address)
    }

    /// Writes the roots of the mesh as the file `roots`, and returns them.
    pub async fn roots(&self) -> Vec<u8> {
        let secrets: Api<Secret> =
            Api::namespaced(self.cluster.client.clone(), &self.namespace.name);
        let kept = secrets.get("istio-ca-secret").await.unwrap();
        assert_eq!(kept.type_.as_deref(), Some("istio.io/ca-root"));
        let root = kept.data.unwrap()["root-cert.pem"].0.clone();
        self.agent.write("roots", std::str::from_utf8(&root).unwrap());
        root
    }

    /// Arguments of the client: the roots, the control plane's name, and more.
    pub fn with<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        [&["--roots", "roots", "--host", &self.host], more].concat()
    }

    /// A token of a service account, as kubelets get it for a pod, or as others do.
    pub async fn token(&self, account: &str, audience: &str, pod: Option<&str>) -> String {
        let client = || self.cluster.client.clone();
        let mut bound_object_ref = None;
        if let Some(name) = pod {
            let pods: Api<Pod> = Api::namespaced(client(), &self.namespace.name);
            bound_object_ref = Some(BoundObjectReference {
                api_version: Some("v1".to_owned()),
                kind: Some("Pod".to_owned()),
                name: Some(name.to_owned()),
                uid: pods.get(name).await.unwrap().uid(),
            });
        }
        let accounts: Api<ServiceAccount> = Api::namespaced(client(), &self.namespace.name);
        let spec = TokenRequestSpec {
            audiences: Some(vec![audience.to_owned()]),
            expiration_seconds: Some(600),
            bound_object_ref,
            ..TokenRequestSpec::default()
        };
        let request = TokenRequest { spec: Some(spec), ..TokenRequest::default() };
        let answer = accounts.create_token_request(account, &PostParams::default(), &request).await;
        answer.unwrap().status.unwrap().token.unwrap()
    }

    /// What a token was an hour ago, signed again with the key of the API server; None where that key is another's.
    pub fn expired(&self, token: &str) -> Option<String> {
        let key: PathBuf = self.cluster.kubeconfig().parent()?.join("pki/service-accounts.key");
        let key = key.exists().then_some(key)?;
        let claims = token.split('.').nth(1)?;
        let mut claims: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        for claim in ["exp", "iat", "nbf"] {
            claims[claim] = (claims[claim].as_i64().unwrap() - 3600).into();
        }
        let path = key.display().to_string();
        let to_der = ["pkcs8", "-topk8", "-nocrypt", "-outform", "DER", "-out", "signs.der"];
        self.agent.openssl(&[&to_der[..], &["-in", &path]].concat());
        let key = EncodingKey::from_ec_der(&std::fs::read(self.agent.file("signs.der")).unwrap());
        Some(jsonwebtoken::encode(&Header::new(Algorithm::ES256), &claims, &key).unwrap())
    }
}
