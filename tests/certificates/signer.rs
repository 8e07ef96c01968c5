//! A signer of Kubernetes, as small as one can be: signs what was approved for it, or refuses that.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::api::certificates::v1::CertificateSigningRequest;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use serde_json::json;

/// Between two looks at what there is to sign.
const GLANCE: Duration = Duration::from_millis(100);

/// What a signer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// Returns the certificate alone.
    Sign,
    /// Returns it with its root.
    SignWithRoot,
    /// Says that it will not.
    Refuse,
    /// Returns a certificate of another CA.
    Forge,
}

/// A signer at work. Dropping it ends that.
pub struct Signer {
    /// Its root, in PEM.
    pub root: String,
    /// The requests that it was asked to sign, as they were when they were approved.
    pub asked: Arc<Mutex<Vec<CertificateSigningRequest>>>,
    task: tokio::task::JoinHandle<()>,
}

/// A CA, and its certificate in PEM.
fn authority() -> (Issuer<'static, KeyPair>, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::OrganizationName, "signer");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let root = params.self_signed(&key).unwrap().pem();
    (Issuer::new(params, key), root)
}

impl Signer {
    /// Starts one of this name.
    pub fn start(client: Client, name: &str, does: Does) -> Signer {
        let (issuer, root) = authority();
        let issuer = if does == Does::Forge { authority().0 } else { issuer };
        let asked: Arc<Mutex<Vec<CertificateSigningRequest>>> = Arc::default();
        let requests: Api<CertificateSigningRequest> = Api::all(client);
        let (name, sent, seen) = (name.to_owned(), root.clone(), asked.clone());
        let task = tokio::spawn(async move {
            let own = ListParams::default().fields(&format!("spec.signerName={name}"));
            loop {
                for request in requests.list(&own).await.unwrap() {
                    if !is_open(&request) {
                        continue;
                    }
                    seen.lock().unwrap().push(request.clone());
                    let status = match does {
                        Does::Refuse => json!({ "conditions": [{
                            "type": "Failed", "status": "True", "reason": "Policy", "message": "not you",
                        }]}),
                        _ => {
                            let text = std::str::from_utf8(&request.spec.request.0).unwrap();
                            let mut params =
                                CertificateSigningRequestParams::from_pem(text).unwrap();
                            params.params.use_authority_key_identifier_extension = true;
                            let mut chain = params.signed_by(&issuer).unwrap().pem();
                            if does == Does::SignWithRoot {
                                chain.push_str(&sent);
                            }
                            json!({ "certificate": STANDARD.encode(chain) })
                        }
                    };
                    let (name, params) = (request.name_any(), PatchParams::default());
                    let mut conditions = json!(request.status.unwrap().conditions);
                    let mut status = status;
                    if let Some(more) = status["conditions"].as_array().cloned() {
                        conditions.as_array_mut().unwrap().extend(more);
                        status["conditions"] = conditions;
                    }
                    let patch = Patch::Merge(json!({ "status": status }));
                    requests.patch_status(&name, &params, &patch).await.unwrap();
                }
                tokio::time::sleep(GLANCE).await;
            }
        });
        Signer { root, asked, task }
    }
}

/// Whether a request was approved, and nothing else happened to it.
fn is_open(request: &CertificateSigningRequest) -> bool {
    let Some(status) = &request.status else { return false };
    let kinds: Vec<&str> =
        status.conditions.iter().flatten().map(|condition| &*condition.type_).collect();
    status.certificate.is_none() && kinds == ["Approved"]
}

impl Drop for Signer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
