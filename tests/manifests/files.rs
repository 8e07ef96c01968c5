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
use serde_json::{Map, Value, json};

/// The default installation without the definitions, which are long: one object of each kind.
pub struct Installed {
    pub deployment: Deployment,
    pub service: Service,
    pub scaler: HorizontalPodAutoscaler,
    pub budget: PodDisruptionBudget,
    pub config: ConfigMap,
    pub injector: ConfigMap,
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

/// Reads the default installation, without the webhook configurations.
pub fn installed() -> Installed {
    let mut documents = documents("manifests");
    let webhooks = |document: &Value| {
        document["kind"].as_str().is_some_and(|kind| kind.ends_with("WebhookConfiguration"))
    };
    documents.retain(|document| !webhooks(document));
    let installed = Installed {
        deployment: take(&mut documents, "Deployment"),
        service: take(&mut documents, "Service"),
        scaler: take(&mut documents, "HorizontalPodAutoscaler"),
        budget: take(&mut documents, "PodDisruptionBudget"),
        injector: take_named(&mut documents, "ConfigMap", Some("istio-sidecar-injector")),
        config: take(&mut documents, "ConfigMap"),
        account: take(&mut documents, "ServiceAccount"),
        cluster_role: take(&mut documents, "ClusterRole"),
        cluster_role_binding: take(&mut documents, "ClusterRoleBinding"),
        role: take(&mut documents, "Role"),
        role_binding: take(&mut documents, "RoleBinding"),
        namespace: take(&mut documents, "Namespace"),
    };
    assert!(documents.is_empty(), "of a kind that no test looks at: {documents:?}");
    installed
}

/// The definitions of Istio's kinds.
pub fn definitions() -> Vec<CustomResourceDefinition> {
    read("manifests/crds.yaml").into_iter().map(strict).collect()
}

/// What is allowed where signers of Kubernetes sign.
pub fn signers() -> (ClusterRole, ClusterRoleBinding) {
    let mut documents = documents("manifests/signers");
    let both = (take(&mut documents, "ClusterRole"), take(&mut documents, "ClusterRoleBinding"));
    assert!(documents.is_empty(), "of a kind that no test looks at: {documents:?}");
    both
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
pub fn all(directory: &str) -> Vec<Value> {
    resources(directory, |_| true)
}

/// The same but the definitions.
fn documents(directory: &str) -> Vec<Value> {
    resources(directory, |file| file != "crds.yaml")
}

fn resources(directory: &str, wanted: fn(&str) -> bool) -> Vec<Value> {
    let kustomization = kustomization(directory);
    let files = kustomization["resources"].as_array().unwrap().iter();
    let files = files.map(|file| file.as_str().unwrap()).filter(|file| wanted(file));
    let documents = files.flat_map(|file| {
        let file = format!("{directory}/{file}");
        if file.ends_with(".yaml") { read(&file) } else { resources(&file, |_| true) }
    });
    documents.chain(generated(directory, &kustomization)).collect()
}

/// The ConfigMaps that a kustomization makes of files.
fn generated(directory: &str, kustomization: &Value) -> Vec<Value> {
    let generators = kustomization["configMapGenerator"].as_array().into_iter().flatten();
    let made = generators.map(|generator| {
        let options = &generator["options"];
        assert_eq!(options["disableNameSuffixHash"], true, "it is found by its name");
        let files = generator["files"].as_array().unwrap().iter().map(|file| {
            let (key, file) = file.as_str().unwrap().split_once('=').unwrap();
            (key.to_owned(), Value::from(text(&format!("{directory}/{file}"))))
        });
        json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": generator["name"],
                "namespace": generator["namespace"],
                "labels": options["labels"],
            },
            "data": files.collect::<Map<_, _>>(),
        })
    });
    made.collect()
}

/// The documents of a file.
fn read(file: &str) -> Vec<Value> {
    let text = text(file);
    let documents = serde_yaml::Deserializer::from_str(&text);
    let documents = documents.map(|document| Value::deserialize(document).unwrap());
    // A file may begin with a comment and a separator.
    documents.filter(|document| !document.is_null()).collect()
}

/// Takes the only object of a kind.
fn take<T: DeserializeOwned>(documents: &mut Vec<Value>, kind: &str) -> T {
    take_named(documents, kind, None)
}

/// Takes the only object of a kind and, if one is told, a name.
fn take_named<T: DeserializeOwned>(
    documents: &mut Vec<Value>,
    kind: &str,
    name: Option<&str>,
) -> T {
    let is = |document: &Value| {
        document["kind"] == kind && name.is_none_or(|name| document["metadata"]["name"] == name)
    };
    let (mut found, rest): (Vec<_>, Vec<_>) = std::mem::take(documents).into_iter().partition(is);
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
