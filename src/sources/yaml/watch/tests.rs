//! Through a real directory. Nothing here waits for a time: what is expected comes, or the test never ends.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::{YamlSource, run};
use crate::api::{Batch, Change, Diagnostic, MeshConfig};
use crate::sources::mesh::{Document, FromConfigMap, Layers};

fn namespace(name: &str) -> String {
    format!("---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n")
}

struct Running {
    batches: mpsc::Receiver<Batch>,
    diagnostics: watch::Receiver<Arc<[Diagnostic]>>,
    mesh: watch::Receiver<Arc<MeshConfig>>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    fn start(directory: &Path) -> Running {
        let (batches, received) = mpsc::channel(4);
        let (diagnostics, shown) = watch::channel(Vec::new().into());
        let (layers, mesh) = Layers::new();
        let (stop, stopped) = oneshot::channel();
        let source = YamlSource {
            directory: directory.to_owned(),
            batches,
            diagnostics,
            mesh: vec![FromConfigMap::own(Document::Mesh, "istio-system", "", layers)],
        };
        let task = tokio::spawn(run(source, async { stopped.await.unwrap_or_default() }));
        Running { batches: received, diagnostics: shown, mesh, stop, task }
    }

    async fn first(&mut self) -> Vec<String> {
        let batch = self.batches.recv().await.unwrap();
        assert!(batch.synced);
        names(&batch)
    }

    /// The changes until `last` is among them: several batches may bring what one step did.
    async fn until(&mut self, last: &str) -> Vec<String> {
        let mut changes = Vec::new();
        while !changes.iter().any(|change| change == last) {
            let batch = self.batches.recv().await.unwrap();
            assert!(!batch.synced);
            changes.extend(names(&batch));
        }
        changes
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }
}

fn names(batch: &Batch) -> Vec<String> {
    let names = batch.changes.iter().map(|change| match change {
        Change::Apply(object) => format!("+{}", object.meta().name),
        Change::Remove(key) => format!("-{}", key.name),
    });
    names.collect()
}

#[tokio::test]
async fn an_empty_directory_is_synced() {
    let dir = tempfile::tempdir().unwrap();
    let mut running = Running::start(dir.path());
    assert_eq!(running.first().await, [""; 0]);
    running.stop().await;
}

#[tokio::test]
async fn edits_renames_and_deletions_are_followed() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::write(path("a.yaml"), namespace("a")).unwrap();
    let mut running = Running::start(dir.path());
    assert_eq!(running.first().await, ["+a"]);
    fs::write(path("b.yaml"), namespace("b")).unwrap();
    assert_eq!(running.until("+b").await, ["+b"]);
    // As editors save.
    fs::write(path(".b.yaml.tmp"), namespace("c")).unwrap();
    fs::rename(path(".b.yaml.tmp"), path("b.yaml")).unwrap();
    assert_eq!(running.until("+c").await, ["-b", "+c"]);
    // In a directory that was not there before.
    fs::create_dir(path("sub")).unwrap();
    fs::write(path("sub/d.yaml"), namespace("d")).unwrap();
    assert_eq!(running.until("+d").await, ["+d"]);
    fs::remove_dir_all(path("sub")).unwrap();
    assert_eq!(running.until("-d").await, ["-d"]);
    fs::remove_file(path("a.yaml")).unwrap();
    assert_eq!(running.until("-a").await, ["-a"]);
    running.stop().await;
}

/// Swaps the content of a mounted ConfigMap as the kubelet does.
fn mount(root: &Path, version: &str, name: &str) {
    let hidden = root.join(format!("..{version}"));
    fs::create_dir(&hidden).unwrap();
    fs::write(hidden.join("a.yaml"), namespace(name)).unwrap();
    let old = fs::read_link(root.join("..data")).ok();
    symlink(hidden.file_name().unwrap(), root.join("..data_tmp")).unwrap();
    fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
    if let Some(old) = old {
        fs::remove_dir_all(root.join(old)).unwrap();
    }
}

#[tokio::test]
async fn a_mounted_config_map_is_followed() {
    let dir = tempfile::tempdir().unwrap();
    mount(dir.path(), "1", "a");
    symlink("..data/a.yaml", dir.path().join("a.yaml")).unwrap();
    let mut running = Running::start(dir.path());
    assert_eq!(running.first().await, ["+a"]);
    mount(dir.path(), "2", "b");
    assert_eq!(running.until("+b").await, ["-a", "+b"]);
    mount(dir.path(), "3", "c");
    assert_eq!(running.until("+c").await, ["-b", "+c"]);
    running.stop().await;
}

#[tokio::test]
async fn a_directory_that_is_away_for_a_while_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (root, aside) = (dir.path().join("config"), dir.path().join("aside"));
    fs::create_dir(&root).unwrap();
    fs::write(root.join("a.yaml"), namespace("a") + &namespace("b")).unwrap();
    let mut running = Running::start(&root);
    assert_eq!(running.first().await, ["+a", "+b"]);
    fs::rename(&root, &aside).unwrap();
    let missing = |all: &Arc<[Diagnostic]>| all.iter().any(|d| d.message.contains("stays in use"));
    running.diagnostics.wait_for(missing).await.unwrap();
    fs::write(aside.join("a.yaml"), namespace("b") + &namespace("c")).unwrap();
    fs::rename(&aside, &root).unwrap();
    assert_eq!(running.until("+c").await, ["-a", "+c"]);
    running.diagnostics.wait_for(|all| all.is_empty()).await.unwrap();
    running.stop().await;
}

#[tokio::test]
async fn broken_files_are_told_and_resolved() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.yaml");
    fs::write(&file, namespace("a")).unwrap();
    let mut running = Running::start(dir.path());
    running.first().await;
    fs::write(&file, "kind: [").unwrap();
    let all = running.diagnostics.wait_for(|all| !all.is_empty()).await.unwrap().clone();
    assert_eq!(all.len(), 1);
    assert!(all[0].message.ends_with("; what the file gave before stays in use: Namespace a"));
    fs::write(&file, namespace("a") + &namespace("b")).unwrap();
    assert_eq!(running.until("+b").await, ["+b"]);
    running.diagnostics.wait_for(|all| all.is_empty()).await.unwrap();
    running.stop().await;
}

#[tokio::test]
async fn the_mesh_configuration_is_there_before_the_objects() {
    let config_map = |text: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: istio, namespace: istio-system}}\ndata: {{mesh: '{text}'}}\n"
        )
    };
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("m.yaml"), config_map("trustDomain: one")).unwrap();
    let mut running = Running::start(dir.path());
    running.first().await;
    assert_eq!(&*running.mesh.borrow().trust_domain, "one");
    fs::write(dir.path().join("m.yaml"), config_map("trustDomain: 2")).unwrap();
    running.diagnostics.wait_for(|all| !all.is_empty()).await.unwrap();
    assert_eq!(&*running.mesh.borrow().trust_domain, "one");
    fs::write(dir.path().join("m.yaml"), config_map("trustDomain: three")).unwrap();
    running.mesh.wait_for(|mesh| &*mesh.trust_domain == "three").await.unwrap();
    running.stop().await;
}

#[tokio::test]
async fn a_bad_mesh_configuration_at_the_start_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata: {mesh: 'x: ['}\n";
    fs::write(dir.path().join("m.yaml"), text).unwrap();
    let error = Running::start(dir.path()).task.await.unwrap().unwrap_err().to_string();
    let begin = "the mesh configuration is not valid: error: ConfigMap istio-system/istio: data.mesh: line 2: ";
    assert!(error.starts_with(begin), "{error}");
}

#[tokio::test]
async fn a_directory_that_is_missing_at_the_start_is_an_error() {
    let dir: TempDir = tempfile::tempdir().unwrap();
    let missing: PathBuf = dir.path().join("missing");
    let error = Running::start(&missing).task.await.unwrap().unwrap_err().to_string();
    assert!(
        error.ends_with(
            "missing: the configuration directory cannot be read: create it, or correct --configDir"
        ),
        "{error}"
    );
}

#[tokio::test]
async fn it_ends_when_nobody_listens() {
    let dir = tempfile::tempdir().unwrap();
    let Running { batches, task, .. } = Running::start(dir.path());
    drop(batches);
    task.await.unwrap().unwrap();
}
