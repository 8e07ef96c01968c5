use std::fs;
use std::os::unix::fs::symlink;

use tokio::sync::{oneshot, watch};

use super::{Document, Layers, MeshFile, run};

#[test]
fn at_the_start_a_missing_file_is_none_and_a_bad_one_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mesh");
    let (layers, mesh) = Layers::new();
    let load = |document| MeshFile::load(document, &file, &layers);
    assert!(!load(Document::Mesh).unwrap());
    fs::write(&file, "trustDomain: a").unwrap();
    assert!(load(Document::Mesh).unwrap());
    assert_eq!(&*mesh.borrow().trust_domain, "a");
    fs::write(&file, "rootNamespace: b\nconnectTimeout: x").unwrap();
    let error = load(Document::Mesh).unwrap_err().to_string();
    assert!(error.contains("mesh:2: connectTimeout: \"x\": not a duration"), "{error}");
    fs::write(&file, "networks:\n  net1:\n    endpoints: [{fromCidr: x}]").unwrap();
    let error = load(Document::Networks).unwrap_err().to_string();
    assert!(error.contains("mesh:3: networks.net1.endpoints[0].fromCidr: \"x\""), "{error}");
    fs::write(&file, "networks: {net1: {endpoints: [{fromRegistry: c1}]}}").unwrap();
    assert!(load(Document::Networks).unwrap());
    assert!(mesh.borrow().networks.networks.contains_key("net1"));
    assert_eq!(&*mesh.borrow().trust_domain, "a", "one document leaves the other");
    assert!(MeshFile::load(Document::Mesh, dir.path(), &layers).is_err());
}

#[tokio::test]
async fn the_file_is_followed_and_its_last_good_version_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mesh");
    for (version, text) in [("1", "trustDomain: one"), ("2", "trustDomain: two")] {
        fs::create_dir(dir.path().join(version)).unwrap();
        fs::write(dir.path().join(version).join("mesh"), text).unwrap();
    }
    symlink("1", dir.path().join("..data")).unwrap();
    symlink("..data/mesh", &path).unwrap();
    let (layers, mut mesh) = Layers::new();
    assert!(MeshFile::load(Document::Mesh, &path, &layers).unwrap());
    assert_eq!(&*mesh.borrow().trust_domain, "one");
    let (diagnostics, mut shown) = watch::channel(Vec::new().into());
    let (stop, stopped) = oneshot::channel::<()>();
    let document = Document::Mesh;
    let file = MeshFile { document, path: path.clone(), layers, diagnostics };
    let task = tokio::spawn(run(file, async { stopped.await.unwrap_or_default() }));

    // As a mounted ConfigMap changes.
    symlink("2", dir.path().join("..tmp")).unwrap();
    fs::rename(dir.path().join("..tmp"), dir.path().join("..data")).unwrap();
    mesh.wait_for(|mesh| &*mesh.trust_domain == "two").await.unwrap();

    fs::remove_file(&path).unwrap();
    shown.wait_for(|all| all.iter().any(|d| d.message.contains("cannot be read"))).await.unwrap();
    fs::write(&path, "trustDomain: []").unwrap();
    shown.wait_for(|all| all.iter().any(|d| d.path == "trustDomain")).await.unwrap();
    assert_eq!(&*mesh.borrow().trust_domain, "two");

    fs::write(&path, "trustDomain: three").unwrap();
    mesh.wait_for(|mesh| &*mesh.trust_domain == "three").await.unwrap();
    shown.wait_for(|all| all.is_empty()).await.unwrap();
    stop.send(()).unwrap();
    task.await.unwrap().unwrap();
}
