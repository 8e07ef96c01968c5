//! `kubectl apply -k manifests` on a real API server, and the daemon under the rules that it makes.

use std::collections::BTreeMap;

use kube::api::{ListParams, PartialObjectMeta};
use kube::discovery::{Discovery, Scope, verbs};
use kube::{Api, ResourceExt};

use super::faults::Faults;
use super::{Cluster, Serving};

/// What the daemon has to read, and perhaps to write to.
const SOME: &str = "
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: outside, namespace: default}
spec: {hosts: [outside.example.com], ports: [{number: 443, name: tls, protocol: TLS}], resolution: DNS}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web, namespace: default}
spec: {hosts: [web], http: [{route: [{destination: {host: web}}]}]}
";

#[tokio::test]
async fn installed_again_nothing_changes_and_its_account_may_do_all_it_does() {
    let Some(cluster) = Cluster::bare().await else { return };
    let root = env!("CARGO_MANIFEST_DIR");
    let folders = [format!("{root}/manifests"), format!("{root}/manifests/webhooks")];
    for folder in &folders {
        let said = cluster.kubectl_apply(&["-k", folder]);
        assert!(said.contains(" created"), "{said}");
    }
    cluster.install_crds().await.unwrap();
    let before = versions(&cluster).await;
    assert!(before.len() > 20, "{before:?}");
    for folder in &folders {
        cluster.kubectl_apply(&["-k", folder]);
    }
    assert_eq!(versions(&cluster).await, before);

    let account = cluster.kubeconfig_of("istio-system", "istiod").await.unwrap();
    let observed = Faults::start(&account).await.unwrap();
    let daemon = Serving::of_cluster(&observed.kubeconfig(), "--meshConfig=");
    cluster.apply(SOME).await.unwrap();
    let log = daemon.stop();
    assert!(observed.requests().iter().any(|request| request.contains("/services")), "{log}");
    assert_eq!(observed.refused(), Vec::<String>::new(), "{log}");
}

/// The resource versions of all that was installed.
async fn versions(cluster: &Cluster) -> BTreeMap<String, Option<String>> {
    let known = Discovery::new(cluster.client.clone()).run().await.unwrap();
    let mut found = BTreeMap::new();
    for group in known.groups() {
        for (resource, capabilities) in group.recommended_resources() {
            if !capabilities.supports_operation(verbs::LIST) {
                continue;
            }
            let client = cluster.client.clone();
            let api: Api<kube::api::DynamicObject> = match capabilities.scope {
                Scope::Cluster => Api::all_with(client, &resource),
                Scope::Namespaced => Api::namespaced_with(client, "istio-system", &resource),
            };
            let list = api.list_metadata(&ListParams::default()).await.unwrap();
            let ours = |object: &PartialObjectMeta<_>| {
                object
                    .annotations()
                    .contains_key("kubectl.kubernetes.io/last-applied-configuration")
            };
            found.extend(list.items.iter().filter(|object| ours(object)).map(|object| {
                (format!("{} {}", resource.kind, object.name_any()), object.resource_version())
            }));
        }
    }
    found
}
