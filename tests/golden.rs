//! Goldens at the xDS boundary: objects in, resources out.
//!
//! Each folder of `tests/golden/xds` is a case: `input.yaml` are the objects, `input.CLUSTER.yaml` (where there is
//! one) those of another cluster, `mesh.yaml` (where there is one) the mesh configuration, `nodes.yaml` the proxies that connect, by name, with the types that the case is
//! about. `NODE.TYPE.yaml` is what they are served. `UPDATE=1` rewrites it; read the difference in review.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use istiod::api::{Change, Str};
use istiod::model::Proxy;
use istiod::proto::json::{Names, from_json, to_json};
use istiod::serve::node::Nodes;
use istiod::snapshot::Snapshot;
use istiod::sources::{mesh, yaml};
use istiod::store::{Config, Store};
use istiod::translate::{ResourceType, Translator, View};
use serde::Deserialize;
use serde_json::Value;

/// A proxy of a case.
#[derive(Deserialize)]
struct Connected {
    /// The short names of the types that the case looks at.
    types: Vec<String>,
    /// What its Envoy tells of itself.
    node: Value,
}

#[test]
fn objects_become_the_resources_of_the_goldens() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/xds");
    let mut cases: Vec<PathBuf> =
        std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(!cases.is_empty(), "no cases in {}", root.display());
    for case in cases {
        check(&case);
    }
}

fn check(case: &Path) {
    let snapshot = snapshot(case);
    let text = std::fs::read_to_string(case.join("nodes.yaml")).unwrap();
    let connected: BTreeMap<String, Connected> = serde_yaml::from_str(&text).unwrap();
    let mut translator = Translator::default();
    let mut files = BTreeSet::new();
    for (name, Connected { types, node }) in connected {
        let view = translator.view(&snapshot, &Arc::new(proxy(&node)));
        for short in types {
            let known = ResourceType::ALL.into_iter().find(|t| t.short_name() == short);
            let file = case.join(format!("{name}.{short}.yaml"));
            compare(&file, &served(&view, known.expect("a type's short name")));
            files.insert(file);
        }
    }
    let inputs = ["input.yaml", "mesh.yaml", "nodes.yaml"].map(|name| case.join(name));
    for entry in std::fs::read_dir(case).unwrap() {
        let path = entry.unwrap().path();
        let is_input = inputs.contains(&path) || cluster_of(&path).is_some();
        let known = is_input || files.contains(&path);
        assert!(known, "{} belongs to no node of the case: remove it", path.display());
    }
}

fn compare(file: &Path, got: &str) {
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(file, got).unwrap();
        return;
    }
    let want = std::fs::read_to_string(file).unwrap_or_default();
    let differs = want.lines().zip(got.lines()).position(|(want, got)| want != got);
    let line = 1 + differs.unwrap_or_else(|| want.lines().count().min(got.lines().count()));
    assert!(
        want == got,
        "{} differs from line {line} on; UPDATE=1 rewrites it. Now it is:\n{got}",
        file.display()
    );
}

fn snapshot(case: &Path) -> Arc<Snapshot> {
    let mut store = Store::new(Config {
        cluster: "Kubernetes".into(),
        domain: "cluster.local".into(),
        system_namespace: "istio-system".into(),
        ..Config::default()
    });
    let text = std::fs::read_to_string(case.join("mesh.yaml")).unwrap_or_default();
    let mesh = mesh::parse(&text).unwrap();
    assert_eq!(mesh.warnings, []);
    store.set_mesh(Arc::new(mesh.mesh));
    let (objects, problems) = yaml::load(&[case.join("input.yaml")]);
    assert_eq!(problems, []);
    store.apply(objects.into_iter().map(Change::Apply));
    for entry in std::fs::read_dir(case).unwrap() {
        let path = entry.unwrap().path();
        if let Some(cluster) = cluster_of(&path) {
            let (objects, problems) = yaml::load(&[path]);
            assert_eq!(problems, []);
            store.apply_remote(&cluster, objects.into_iter().map(Change::Apply));
        }
    }
    store.snapshot()
}

/// The other cluster whose objects a file has.
fn cluster_of(path: &Path) -> Option<Str> {
    let name = path.file_name()?.to_str()?;
    Some(name.strip_prefix("input.")?.strip_suffix(".yaml")?.into())
}

/// The proxy of a node, read as the server reads it.
fn proxy(node: &Value) -> Proxy {
    let bytes = from_json("envoy.config.core.v3.Node", node).unwrap();
    Nodes::default().proxy(Some(&bytes)).unwrap()
}

/// All resources of a type by name, as YAML.
fn served(view: &View, kind: ResourceType) -> String {
    let resources: BTreeMap<&str, Value> = view
        .items(kind)
        .map(|r| (&*r.name, to_json(kind.type_url(), &r.body, Names::Proto).unwrap()))
        .collect();
    serde_yaml::to_string(&resources).unwrap()
}
