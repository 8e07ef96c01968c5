use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::watch;

use super::{Feed, Files, Secrets, together};
use crate::agent::material::tests::Ca;
use crate::agent::material::{Material, Roots};

const LOOK: Duration = Duration::from_millis(5);

fn secrets() -> Secrets {
    let empty = || watch::channel(None).1;
    Secrets::new(empty(), empty(), empty(), LOOK)
}

struct Setup {
    folder: TempDir,
    ca: Ca,
}

impl Setup {
    fn new() -> Setup {
        Setup { folder: tempfile::tempdir().unwrap(), ca: Ca::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn name(&self) -> String {
        format!("file-cert:{}~{}", self.path("c").display(), self.path("k").display())
    }

    /// Writes a new chain and returns its key, which is not written.
    fn write_chain(&self) -> (String, String) {
        let (chain, key) = self.ca.certify("a");
        std::fs::write(self.path("c"), &chain).unwrap();
        (chain, key)
    }
}

async fn changed(feed: &mut Feed) -> Arc<Material> {
    feed.changed().await.unwrap();
    feed.borrow_and_update().clone().unwrap()
}

fn chain(material: &Material) -> String {
    match material {
        Material::Identity(identity) => String::from_utf8(identity.chain.clone()).unwrap(),
        Material::Roots(_) => panic!("roots"),
    }
}

#[test]
fn names_are_read() {
    let check = |name: &str, want: Option<Files>| {
        assert_eq!(Files::named(name).ok(), want, "{name}");
    };
    check("file-root:/r", Some(Files::Roots("/r".into())));
    check("file-cert:/c~/k", Some(Files::Identity("/c".into(), "/k".into())));
    check("file-cert:/c", None);
    check("file-cert:/c~", None);
    check("file-cert:/c~/k~/x", None);
    check("file-root:", None);
    check("kubernetes://a", None);
}

#[tokio::test]
async fn a_pair_is_served_once_it_is_whole_and_whenever_it_changes() {
    let setup = Setup::new();
    let mut feed = secrets().subscribe(&setup.name()).unwrap();
    let (first, key) = setup.write_chain();
    tokio::time::sleep(3 * LOOK).await;
    assert!(feed.borrow().is_none(), "there is no key");
    std::fs::write(setup.path("k"), key).unwrap();
    assert_eq!(chain(&*changed(&mut feed).await), first);
    // The new certificate is there before its key: the old pair stays.
    let (second, key) = setup.write_chain();
    tokio::time::sleep(3 * LOOK).await;
    assert!(!feed.has_changed().unwrap());
    std::fs::write(setup.path("k"), key).unwrap();
    assert_eq!(chain(&*changed(&mut feed).await), second);
}

#[tokio::test]
async fn an_exchange_of_folders_is_noticed() {
    let setup = Setup::new();
    for (folder, ca) in [("1", Ca::new()), ("2", Ca::new())] {
        std::fs::create_dir(setup.path(folder)).unwrap();
        std::fs::write(setup.path(folder).join("root"), ca.root).unwrap();
    }
    let link = |to: &str| {
        std::os::unix::fs::symlink(to, setup.path("next")).unwrap();
        std::fs::rename(setup.path("next"), setup.path("..data")).unwrap();
    };
    link("1");
    let file = setup.path("..data").join("root");
    let mut feed = Files::Roots(file.clone()).follow(LOOK);
    let first = changed(&mut feed).await;
    link("2");
    let second = changed(&mut feed).await;
    assert_ne!(first, second);
    assert_eq!(*second, Material::Roots(Roots::read(&file).unwrap()));
}

#[tokio::test]
async fn what_nobody_wants_is_not_followed() {
    let setup = Setup::new();
    let secrets = secrets();
    let feeds = [(); 2].map(|()| secrets.subscribe(&setup.name()).unwrap());
    assert_eq!(secrets.files.lock().unwrap().len(), 1);
    drop(feeds);
    while !secrets.files.lock().unwrap().is_empty() {
        tokio::time::sleep(LOOK).await;
    }
}

#[tokio::test]
async fn two_feeds_of_roots_are_one() {
    let [one, two] = [(); 2].map(|()| Roots::new(Ca::new().root.as_bytes()).unwrap());
    let (first, first_feed) = watch::channel(None);
    let (second, second_feed) = watch::channel(None);
    let mut feed = together(first_feed, second_feed);
    second.send_replace(Some(Arc::new(Material::Roots(two.clone()))));
    assert_eq!(*changed(&mut feed).await, Material::Roots(two.clone()));
    first.send_replace(Some(Arc::new(Material::Roots(one.clone()))));
    assert_eq!(*changed(&mut feed).await, Material::Roots(one.and(&two).unwrap()));
    // One that ended keeps its last value.
    drop(second);
    first.send_replace(Some(Arc::new(Material::Roots(two.clone()))));
    assert_eq!(*changed(&mut feed).await, Material::Roots(two));
}
