//! A cluster is served as files with the same objects are, byte for byte, and changes of it too.
//!
//! One daemon follows the API server while one recorded scenario after the other is applied and taken away again.
//! What it serves is compared with what a new daemon makes of the objects as the API server lists them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kube::api::DynamicObject;
use kube::core::GroupVersionKind;
use serde_json::{Value, json};

use super::{Cluster, Serving, objects};
use crate::skip::skipped;
use crate::xds;

/// The scenarios that are as recorded when they are read from files.
const SCENARIOS: [&str; 8] = [
    "01-services-only",
    "02-http-routing",
    "03-gateway-tls",
    "04-egress",
    "05-traffic-policy",
    "07-sidecar-scope",
    "12-locality-networks",
    "14-conflicts",
];

/// Kind, namespace and name.
type Key = (String, Option<String>, String);

#[tokio::test]
async fn scenarios_are_served_as_from_files() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/reference");
    if !root.exists() {
        skipped("the recordings are not beside the repository");
        return;
    }
    let Some(cluster) = Cluster::bare().await else { return };
    // Kinds that we have no CRDs for are there too, as in the clusters of users.
    for crds in ["crds/istio.yaml", "crds/gateway-api.yaml"] {
        cluster.install(&read(&root.join(crds))).await.unwrap();
    }
    cluster.install_crds().await.unwrap();

    let base = keyed(objects::parse(&read(&root.join("cluster.yaml"))).unwrap());
    cluster.objects.apply(base.values().cloned().collect()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mesh = folder.path().join("mesh.yaml");
    let mesh_flag = format!("--meshConfig={}", mesh.display());
    write_mesh(&root.join("none"), &mesh);
    let followed = Serving::of_cluster(cluster.kubeconfig(), &mesh_flag);

    for scenario in SCENARIOS {
        let recorded = root.join(scenario);
        let config = keyed(objects::parse(&read(&recorded.join("config.yaml"))).unwrap());
        write_mesh(&recorded, &mesh);
        cluster.objects.apply(config.values().cloned().collect()).await.unwrap();

        let directory = folder.path().join(scenario);
        std::fs::create_dir(&directory).unwrap();
        let listed = list(&cluster, base.values().chain(config.values())).await;
        assert!(listed.len() >= base.len(), "{scenario}: {} objects", listed.len());
        std::fs::write(directory.join("objects.yaml"), yaml(&listed)).unwrap();
        let files =
            Serving::start(&[format!("--configDir={}", directory.display()), mesh_flag.clone()]);
        let own = recorded.join("nodes.yaml");
        let nodes = if own.exists() { own } else { root.join("nodes.yaml") };
        let proxies = xds::recorded(&nodes);
        followed.becomes_equal(&files, &proxies, scenario).await;
        files.stop();

        let (replaced, added): (Vec<_>, Vec<_>) =
            config.into_iter().partition(|(key, _)| base.contains_key(key));
        cluster
            .objects
            .delete(added.into_iter().map(|(_, object)| object).collect())
            .await
            .unwrap();
        let before = replaced.into_iter().map(|(key, _)| base[&key].clone()).collect();
        cluster.objects.apply(before).await.unwrap();
    }
    followed.stop();
}

/// All objects of the kinds of these, as the server has them.
async fn list(cluster: &Cluster, of: impl Iterator<Item = &DynamicObject>) -> Vec<DynamicObject> {
    // Of versions that the server has of a kind the last is the newest stable one.
    let mut kinds = BTreeMap::new();
    for types in of.filter_map(|object| object.types.as_ref()) {
        let kind = GroupVersionKind::try_from(types).unwrap();
        kinds.insert((kind.group.clone(), kind.kind.clone()), kind);
    }
    let mut listed = Vec::new();
    for kind in kinds.values() {
        let objects = cluster.objects.list(kind).await.unwrap();
        listed.extend(objects.into_iter().map(|mut object| {
            object.metadata.managed_fields = None;
            object
        }));
    }
    listed
}

/// The mesh configuration of the recordings, with what a scenario adds to it.
fn write_mesh(scenario: &Path, path: &PathBuf) {
    let mut mesh = json!({
        "defaultConfig": { "discoveryAddress": "istiod.istio-system.svc:15012" },
        "defaultProviders": { "metrics": ["prometheus"] },
        "enablePrometheusMerge": true,
        "rootNamespace": "istio-system",
        "trustDomain": "cluster.local",
    });
    if let Ok(own) = std::fs::read_to_string(scenario.join("mesh.yaml")) {
        let own: serde_json::Map<String, Value> = serde_yaml::from_str(&own).unwrap();
        for (field, value) in own {
            match (mesh.get_mut(&field).and_then(Value::as_object_mut), value) {
                (Some(fields), Value::Object(more)) => fields.extend(more),
                (_, value) => mesh[field] = value,
            }
        }
    }
    let text = serde_yaml::to_string(&mesh).unwrap();
    if std::fs::read_to_string(path).ok().as_ref() != Some(&text) {
        std::fs::write(path, text).unwrap();
    }
}

fn keyed(objects: Vec<DynamicObject>) -> BTreeMap<Key, DynamicObject> {
    let key = |object: &DynamicObject| {
        let kind = object.types.as_ref().unwrap().kind.clone();
        (kind, object.metadata.namespace.clone(), object.metadata.name.clone().unwrap())
    };
    objects.into_iter().map(|object| (key(&object), object)).collect()
}

fn yaml(objects: &[DynamicObject]) -> String {
    let documents = objects.iter().map(|object| serde_yaml::to_string(object).unwrap());
    documents.collect::<Vec<_>>().join("---\n")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
