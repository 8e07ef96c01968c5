//! Kubeconfigs of remote clusters in a directory (PILOT_MULTICLUSTER_KUBECONFIG_PATH), told as secrets tell them.
//!
//! Each file `*.yaml` or `*.yml` below the directory is one kubeconfig, and says itself which cluster it is of. Content
//! decides: files are looked at again and again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use kube::config::Kubeconfig;
use tokio::sync::mpsc;
use tracing::warn;

use super::SCOPE;
use crate::api::core::Secret;
use crate::api::{Batch, Change, Kind, Meta, Object, ObjectKey, Str};

/// Between two looks.
const LOOK: Duration = Duration::from_secs(2);

/// The longest kubeconfig; certificates in it are some kilobytes.
const MAX_BYTES: u64 = 1 << 20;

/// How deep directories are looked into.
const MAX_DEPTH: usize = 8;

/// What was read of each file: the cluster, and the kubeconfig.
type Read = BTreeMap<PathBuf, (Str, Vec<u8>)>;

/// Follows the files until nobody takes batches any more. `namespace` is what their secrets would be in.
pub async fn run(folder: PathBuf, namespace: Str, batches: mpsc::Sender<Batch>) {
    let (mut known, mut said, mut synced) = (Read::new(), Vec::new(), false);
    loop {
        let at = folder.clone();
        let looked = tokio::task::spawn_blocking(move || look(&at)).await;
        let (read, wrong) = looked.unwrap_or_default();
        if wrong != said {
            wrong.iter().for_each(|wrong| warn!(target: SCOPE, "{wrong}"));
            said = wrong;
        }
        let changes = changes(&known, &read, &namespace);
        known = read;
        if !synced || !changes.is_empty() {
            let batch = Batch { changes, synced: !synced, ..Batch::default() };
            synced = true;
            if batches.send(batch).await.is_err() {
                return;
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What differs, as changes of secrets. One is named by its file.
fn changes(known: &Read, read: &Read, namespace: &Str) -> Vec<Change> {
    let name = |path: &Path| -> Str { path.display().to_string().into() };
    let gone = known.keys().filter(|path| !read.contains_key(*path)).map(|path| {
        let (kind, namespace) = (Kind::Secret, namespace.clone());
        Change::Remove(ObjectKey { kind, namespace, name: name(path) })
    });
    let new = read.iter().filter(|(path, file)| known.get(*path) != Some(file));
    let new = new.map(|(path, (cluster, kubeconfig))| {
        let (label, value) = Secret::OF_CLUSTERS;
        let meta = Meta {
            name: name(path),
            namespace: namespace.clone(),
            labels: [(label.into(), value.into())].into(),
            ..Meta::default()
        };
        let content = Bytes::from(kubeconfig.clone()).into();
        let data = [(cluster.clone(), content)].into();
        Change::Apply(Object::Secret(Secret { meta, data, ..Secret::default() }.into()))
    });
    gone.chain(new).collect()
}

/// What is there, and what of it cannot be used.
fn look(folder: &Path) -> (Read, Vec<String>) {
    let (mut read, mut wrong) = (Read::new(), Vec::new());
    for path in files(folder, MAX_DEPTH, &mut wrong) {
        match file(&path) {
            Ok(file) => drop(read.insert(path, file)),
            Err(why) => wrong.push(format!("the kubeconfig {}: {why}", path.display())),
        }
    }
    (read, wrong)
}

fn files(folder: &Path, depth: usize, wrong: &mut Vec<String>) -> Vec<PathBuf> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            wrong.push(format!("{} cannot be read: {error}", folder.display()));
            return Vec::new();
        }
    };
    let mut found = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        // Mounted secrets keep their versions in directories with dots.
        let hidden =
            path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".."));
        if path.is_dir() && depth > 0 && !hidden {
            found.extend(files(&path, depth - 1, wrong));
        } else if path.is_file()
            && path.extension().is_some_and(|end| end == "yaml" || end == "yml")
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn file(path: &Path) -> Result<(Str, Vec<u8>), String> {
    let length = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if length > MAX_BYTES {
        return Err(format!("{length} bytes are too many"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let config = Kubeconfig::from_yaml(&text).map_err(|error| error.to_string())?;
    let cluster = cluster(&config).ok_or("it names no cluster")?;
    Ok((cluster, text.into_bytes()))
}

/// The cluster that a kubeconfig is of: that of the current context, else of the first context by name, else the first.
fn cluster(config: &Kubeconfig) -> Option<Str> {
    let named = |name: &str| {
        let context = config.contexts.iter().find(|context| context.name == name)?;
        context.context.as_ref().map(|context| context.cluster.clone()).filter(|c| !c.is_empty())
    };
    let current = config.current_context.as_deref().and_then(named);
    let by_name = || {
        let mut names: Vec<&str> = config.contexts.iter().map(|c| c.name.as_str()).collect();
        names.sort_unstable();
        names.into_iter().find_map(named)
    };
    let first = || config.clusters.iter().map(|c| c.name.clone()).filter(|n| !n.is_empty()).min();
    current.or_else(by_name).or_else(first).map(Str::from)
}

#[cfg(test)]
mod tests;
