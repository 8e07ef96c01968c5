//! Files as they are followed, and ConfigMaps as they are read.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::watch;

use super::*;

/// Takes what does not say that it is bad, and notes all.
fn noting() -> (Take, Arc<Mutex<Vec<String>>>) {
    let taken = Arc::new(Mutex::new(Vec::new()));
    let noted = taken.clone();
    let take = move |texts: &Texts| {
        noted.lock().unwrap().push(format!("{} {}", texts.config, texts.values));
        match texts.config.as_str() {
            "panic" => panic!("a fault"),
            "bad" => Err(Wrong { in_values: false, message: "it is bad".into() }),
            _ => Ok(()),
        }
    };
    (Arc::new(take), taken)
}

/// Swaps both files as the kubelet does.
fn mount(root: &Path, version: &str, config: &str) {
    let hidden = root.join(format!("..{version}"));
    fs::create_dir(&hidden).unwrap();
    fs::write(hidden.join("config"), config).unwrap();
    fs::write(hidden.join("values"), version).unwrap();
    symlink(hidden.file_name().unwrap(), root.join("..data_tmp")).unwrap();
    fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
}

/// Waits until diagnostics are these.
async fn until(shown: &mut watch::Receiver<Arc<[Diagnostic]>>, want: &[&str]) {
    let told = shown.wait_for(|shown| {
        let texts: Vec<String> = shown.iter().map(|one| one.message.clone()).collect();
        texts == want
    });
    let told = tokio::time::timeout(Duration::from_secs(20), told).await.map(drop);
    assert!(told.is_ok(), "{want:?}, but {:?}", shown.borrow());
}

#[tokio::test]
async fn mounted_files_are_followed_and_the_last_good_ones_stay() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    assert!(!InjectorFiles::exist(root));
    mount(root, "1", "bad");
    symlink("..data/config", root.join("config")).unwrap();
    symlink("..data/values", root.join("values")).unwrap();
    assert!(InjectorFiles::exist(root));
    let (take, taken) = noting();
    let (diagnostics, mut shown) = watch::channel(Arc::from([]));
    let files = InjectorFiles { directory: root.to_owned(), take, diagnostics };
    let following = tokio::spawn(files.run());
    until(&mut shown, &["it is bad"]).await;
    mount(root, "2", "good");
    until(&mut shown, &[]).await;
    mount(root, "3", "bad");
    until(&mut shown, &["it is bad; injection goes on as before"]).await;
    mount(root, "4", "panic");
    shown.wait_for(|shown| shown.iter().any(|one| one.message.contains("panic"))).await.unwrap();
    fs::remove_file(root.join("values")).unwrap();
    shown
        .wait_for(|shown| shown.iter().any(|one| one.message.contains("cannot be read")))
        .await
        .unwrap();
    symlink("..data/values", root.join("values")).unwrap();
    mount(root, "5", "good");
    until(&mut shown, &[]).await;
    let taken = taken.lock().unwrap().clone();
    assert_eq!(taken.first().map(String::as_str), Some("bad 1"));
    assert_eq!(taken.last().map(String::as_str), Some("good 5"));
    following.abort();
}

#[test]
fn the_config_map_is_that_of_the_revision() {
    for (revision, want) in [
        ("", "istio-sidecar-injector"),
        ("default", "istio-sidecar-injector"),
        ("canary", "istio-sidecar-injector-canary"),
    ] {
        let key = InjectorMap::key("istio-system", revision);
        assert_eq!((&*key.namespace, &*key.name), ("istio-system", want));
    }
}
