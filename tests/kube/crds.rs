//! manifests/crds.yaml against a real API server.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::ListParams;
use kube::{Api, ResourceExt};

use super::Cluster;

#[tokio::test]
async fn applied_again_nothing_changes() {
    let Some(cluster) = Cluster::shared().await else { return };
    let api: Api<CustomResourceDefinition> = Api::all(cluster.client.clone());
    let versions = async || -> Vec<(String, Option<String>)> {
        let crds = api.list(&ListParams::default()).await.unwrap();
        let ours = crds.items.into_iter().filter(|crd| crd.spec.group.ends_with("istio.io"));
        ours.map(|crd| (crd.name_any(), crd.resource_version())).collect()
    };
    let before = versions().await;
    assert!(!before.is_empty(), "the shared cluster has our CRDs");
    cluster.install_crds().await.unwrap();
    assert_eq!(versions().await, before);
}
