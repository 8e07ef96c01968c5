//! manifests/crds.yaml against a real API server: applied twice, and beside Istio's own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use futures_util::{StreamExt, stream};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DynamicObject, ListParams};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};

use super::{Cluster, objects};
use crate::skip::skipped;

/// Every which file of recorded objects is tried.
const SAMPLE: usize = 3;
/// Of each object this many are tried with a field that is not what it should be.
const MUTANTS: usize = 2;
/// What such a field is instead.
const WRONG: [&str; 8] = ["null", "''", "0", "-1", "1.5", "true", "[]", "{}"];

/// What a server said of an object: what it would store, or nothing.
type Verdict = Option<Value>;

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

/// Whatever Istio's CRDs accept ours do, with the same defaults, and what they refuse ours do too.
#[tokio::test]
async fn objects_are_taken_as_by_the_crds_of_istio() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let Ok(theirs) = std::fs::read_to_string(shared.join("reference/crds/istio.yaml")) else {
        skipped("there are no recordings at ../shared");
        return;
    };
    let Some(ours) = Cluster::shared().await else { return };
    let Some(istio) = Cluster::bare().await else { return };
    istio.install(&theirs).await.unwrap();
    let namespace = ours.namespace().await;

    let tried = mutated(recorded(&shared, &kinds()));
    assert!(tried.len() > 300, "only {} objects", tried.len());
    let got = verdicts(&ours, &namespace.name, &tried).await;
    let want = verdicts(&istio, "default", &tried).await;
    let (accepted, refused): (Vec<_>, Vec<_>) = want.iter().partition(|verdict| verdict.is_some());
    assert!(accepted.len() > 100 && refused.len() > 20, "{} {}", accepted.len(), refused.len());
    let differences: Vec<String> = std::iter::zip(&tried, std::iter::zip(got, want))
        .filter(|(_, (got, want))| got != want)
        .map(|(object, (got, want))| {
            let of = serde_json::to_string(object).unwrap();
            format!("{of}\n  ours:  {got:?}\n  istio: {want:?}")
        })
        .collect();
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), differences.join("\n"));
}

/// What a server would make of each object in a namespace.
async fn verdicts(cluster: &Cluster, namespace: &str, tried: &[DynamicObject]) -> Vec<Verdict> {
    let verdicts = stream::iter(tried.iter().cloned()).map(async |mut object| {
        object.metadata.namespace = Some(namespace.to_owned());
        match cluster.objects.try_out(&object).await {
            Ok(stored) => Some(stored.data),
            Err(refused) => match refused.downcast_ref() {
                Some(kube::Error::Api(status)) if status.code == 422 || status.code == 400 => None,
                _ => panic!("{refused:#}"),
            },
        }
    });
    verdicts.buffered(16).collect().await
}

/// The kinds that our CRDs are of.
fn kinds() -> BTreeSet<String> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/crds.yaml");
    let crds = objects::parse(&std::fs::read_to_string(manifest).unwrap()).unwrap();
    let kind = |crd: DynamicObject| crd.data["spec"]["names"]["kind"].as_str().map(str::to_owned);
    crds.into_iter().filter_map(kind).collect()
}

/// The recorded objects of these kinds, each once and under a name of its own.
fn recorded(shared: &Path, kinds: &BTreeSet<String>) -> Vec<DynamicObject> {
    let mut found = BTreeMap::new();
    let mut take = |object: DynamicObject| {
        let types = object.types.as_ref().unwrap();
        if kinds.contains(&types.kind) && types.api_version.contains("istio.io/") {
            let spec = json!({ "spec": object.data["spec"] });
            found.entry((types.kind.clone(), spec.to_string())).or_insert((object.types, spec));
        }
    };
    for config in files(&shared.join("reference"), "config.yaml").into_iter().step_by(SAMPLE) {
        objects::parse(&std::fs::read_to_string(config).unwrap())
            .unwrap()
            .into_iter()
            .for_each(&mut take);
    }
    for golden in files(&shared.join("goldens/validate"), ".json") {
        let cases: Vec<Value> =
            serde_json::from_str(&std::fs::read_to_string(golden).unwrap()).unwrap();
        for case in cases {
            // Some have no metadata, or odd ones: they are not what is tried here.
            let object = json!({
                "apiVersion": case["object"]["apiVersion"],
                "kind": case["object"]["kind"],
                "spec": case["object"]["spec"],
                "metadata": {},
            });
            take(serde_json::from_value(object).unwrap());
        }
    }
    let named = found.into_values().enumerate().map(|(number, (types, data))| {
        let mut object = DynamicObject { types, metadata: Default::default(), data };
        object.metadata.name = Some(format!("tried-{number}"));
        object
    });
    named.collect()
}

/// Those objects and mutants of them, the same ones each time.
fn mutated(objects: Vec<DynamicObject>) -> Vec<DynamicObject> {
    let mut random = fastrand::Rng::with_seed(1);
    let mut tried = Vec::new();
    for object in objects {
        let mut places = Vec::new();
        pointers(&object.data["spec"], "/spec", &mut places);
        for _ in 0..MUTANTS {
            let Some(place) = random.choice(&places) else { continue };
            let mut mutant = object.clone();
            let wrong = random.choice(WRONG).unwrap();
            *mutant.data.pointer_mut(place).unwrap() = serde_yaml::from_str(wrong).unwrap();
            tried.push(mutant);
        }
        tried.push(object);
    }
    tried
}

/// The JSON pointers of all that is in a value.
fn pointers(value: &Value, path: &str, found: &mut Vec<String>) {
    let mut enter = |name: &str, value: &Value| {
        let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
        pointers(value, &path, found);
        found.push(path);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| enter(name, value)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| enter(&index.to_string(), item));
        }
        _ => {}
    }
}

/// The files below a folder whose names end so, in order.
fn files(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, end));
        } else if path.to_string_lossy().ends_with(end) {
            found.push(path);
        }
    }
    found.sort();
    found
}
