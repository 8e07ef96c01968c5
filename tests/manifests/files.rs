//! Reads manifests/ as typed objects. What Kubernetes would not know is an error.

use std::fs;
use std::path::{Path, PathBuf};

use k8s_openapi::api::admissionregistration::v1::{
    MutatingWebhookConfiguration, ValidatingWebhookConfiguration,
};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Service, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The default installation: each kind that there is once, and those that there are more of.
pub struct Installed {
    pub deployment: Deployment,
    pub service: Service,
    pub scaler: HorizontalPodAutoscaler,
    pub budget: PodDisruptionBudget,
    pub config: ConfigMap,
    pub account: ServiceAccount,
    pub cluster_role: ClusterRole,
    pub cluster_role_binding: ClusterRoleBinding,
    pub role: Role,
    pub role_binding: RoleBinding,
    namespace: Namespace,
}

impl Installed {
    /// The namespace that all of it is in.
    pub fn namespace(&self) -> &str {
        self.namespace.metadata.name.as_deref().unwrap()
    }
}

/// Reads the default installation.
pub fn installed() -> Installed {
    let mut documents = documents("manifests");
    let installed = Installed {
        deployment: take(&mut documents, "Deployment"),
        service: take(&mut documents, "Service"),
        scaler: take(&mut documents, "HorizontalPodAutoscaler"),
        budget: take(&mut documents, "PodDisruptionBudget"),
        config: take(&mut documents, "ConfigMap"),
        account: take(&mut documents, "ServiceAccount"),
        cluster_role: take(&mut documents, "ClusterRole"),
        cluster_role_binding: take(&mut documents, "ClusterRoleBinding"),
        role: take(&mut documents, "Role"),
        role_binding: take(&mut documents, "RoleBinding"),
        namespace: take(&mut documents, "Namespace"),
    };
    for document in documents {
        strict::<CustomResourceDefinition>(document);
    }
    installed
}

/// The webhook configurations.
pub fn webhooks() -> (Vec<MutatingWebhookConfiguration>, Vec<ValidatingWebhookConfiguration>) {
    let documents = documents("manifests/webhooks");
    let (mutating, validating): (Vec<_>, Vec<_>) =
        documents.into_iter().partition(|d| d["kind"] == "MutatingWebhookConfiguration");
    (mutating.into_iter().map(strict).collect(), validating.into_iter().map(strict).collect())
}

/// A number as a port.
pub fn number(port: i32) -> IntOrString {
    IntOrString::Int(port)
}

/// The kustomization of a directory.
pub fn kustomization(directory: &str) -> Value {
    yaml(&format!("{directory}/kustomization.yaml"))
}

/// A file of one document.
pub fn yaml(file: &str) -> Value {
    serde_yaml::from_str(&text(file)).unwrap()
}

/// The text of a file of the repository.
pub fn text(file: &str) -> String {
    fs::read_to_string(path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Where a file of the repository is.
pub fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(file)
}

/// The documents of all resources of a kustomization.
fn documents(directory: &str) -> Vec<Value> {
    let kustomization = kustomization(directory);
    let files = kustomization["resources"].as_array().unwrap().iter();
    let files = files.map(|file| text(&format!("{directory}/{}", file.as_str().unwrap())));
    let documents = files.flat_map(|text| {
        let documents = serde_yaml::Deserializer::from_str(&text);
        documents.map(|document| Value::deserialize(document).unwrap()).collect::<Vec<_>>()
    });
    // A file may begin with a comment and a separator.
    documents.filter(|document| !document.is_null()).collect()
}

/// Takes the only object of a kind.
fn take<T: DeserializeOwned>(documents: &mut Vec<Value>, kind: &str) -> T {
    let (mut found, rest): (Vec<_>, Vec<_>) =
        std::mem::take(documents).into_iter().partition(|document| document["kind"] == kind);
    *documents = rest;
    assert_eq!(found.len(), 1, "{kind}");
    strict(found.remove(0))
}

/// An object without anything that its type does not have.
fn strict<T: DeserializeOwned>(document: Value) -> T {
    let name = format!("{} {}", document["kind"], document["metadata"]["name"]);
    let mut unknown = Vec::new();
    let object = serde_ignored::deserialize(document, |path| unknown.push(path.to_string()));
    assert!(unknown.is_empty(), "{name}: unknown fields {unknown:?}");
    object.unwrap_or_else(|error| panic!("{name}: {error}"))
}
