use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::SystemTime;

use super::{Content, Scan, Scanner, read_file};

fn scan(root: &Path) -> Scan {
    Scanner::default().scan(root).unwrap()
}

fn names(scan: &Scan) -> Vec<String> {
    scan.files.keys().map(|path| path.display().to_string()).collect()
}

#[test]
fn configuration_files_are_found_wherever_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    fs::create_dir_all(root.join("b/c")).unwrap();
    fs::create_dir(root.join(".git")).unwrap();
    for name in
        ["b/c/x.yml", "a.yaml", "z.json", "README.md", ".a.yaml.swp", ".git/a.yaml", "b/.h.yaml"]
    {
        fs::write(root.join(name), name).unwrap();
    }
    let scan = scan(root);
    assert_eq!(names(&scan), ["a.yaml", "b/c/x.yml", "z.json"]);
    assert_eq!(scan.files[Path::new("a.yaml")], Content::Bytes(b"a.yaml"[..].into()));
    assert_eq!(scan.directories.len(), 3);
}

#[test]
fn a_mounted_config_map_is_read_once() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    fs::create_dir_all(root.join("..2026_1/sub")).unwrap();
    fs::write(root.join("..2026_1/a.yaml"), "a").unwrap();
    fs::write(root.join("..2026_1/sub/b.yaml"), "b").unwrap();
    symlink("..2026_1", root.join("..data")).unwrap();
    symlink("..data/a.yaml", root.join("a.yaml")).unwrap();
    symlink("..data/sub", root.join("sub")).unwrap();
    assert_eq!(names(&scan(root)), ["a.yaml", "sub/b.yaml"]);
}

#[test]
fn links_in_a_circle_end() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    fs::create_dir(root.join("a")).unwrap();
    fs::write(root.join("a/x.yaml"), "x").unwrap();
    symlink("..", root.join("a/up")).unwrap();
    symlink(root, root.join("a/top")).unwrap();
    symlink("self.yaml", root.join("self.yaml")).unwrap();
    symlink("a/x.yaml", root.join("again.yaml")).unwrap();
    let scan = scan(root);
    assert_eq!(names(&scan), ["a/x.yaml", "self.yaml"]);
    assert!(matches!(&scan.files[Path::new("self.yaml")], Content::Unreadable(_)));
}

#[test]
fn only_regular_files_are_opened() {
    let dir = tempfile::tempdir().unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("socket.yaml")).unwrap();
    fs::create_dir(dir.path().join("dir.yaml")).unwrap();
    assert_eq!(names(&scan(dir.path())), [""; 0]);
    assert!(matches!(read_file(dir.path()), Content::Unreadable(_)));
}

#[test]
fn directories_that_nest_too_deep_are_a_problem() {
    let dir = tempfile::tempdir().unwrap();
    let deep: String = "d/".repeat(super::MAX_DEPTH + 1);
    fs::create_dir_all(dir.path().join(&deep)).unwrap();
    fs::write(dir.path().join(&deep).join("a.yaml"), "a").unwrap();
    let scan = scan(dir.path());
    assert_eq!(names(&scan), [""; 0]);
    assert_eq!(scan.problems.len(), 1);
}

#[test]
fn a_file_that_was_just_emptied_stays_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let (file, name) = (dir.path().join("a.yaml"), Path::new("a.yaml"));
    let mut scanner = Scanner::default();
    // A file that was never more is empty.
    fs::write(&file, "").unwrap();
    assert_eq!(scanner.scan(dir.path()).unwrap().files[name], Content::Bytes(b""[..].into()));
    fs::write(&file, "a").unwrap();
    scanner.scan(dir.path()).unwrap();
    fs::write(&file, "").unwrap();
    let emptied = scanner.scan(dir.path()).unwrap();
    assert_eq!(emptied.files[name], Content::Unchanged);
    assert!(emptied.again.is_some());
    let later = SystemTime::now() + super::EMPTIED * 2;
    let still = scanner.scan_at(dir.path(), later).unwrap();
    assert_eq!(still.files[name], Content::Bytes(b""[..].into()));
}

#[test]
fn settled_files_are_not_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let (file, name) = (dir.path().join("a.yaml"), Path::new("a.yaml"));
    fs::write(&file, "a").unwrap();
    let mut scanner = Scanner::default();
    let mut scan_later = || {
        let later = SystemTime::now() + super::TIME_STEP * 2;
        scanner.scan_at(dir.path(), later).unwrap().files[name].clone()
    };
    assert!(matches!(scan_later(), Content::Bytes(_)));
    assert_eq!(scan_later(), Content::Unchanged);
    fs::write(&file, "ab").unwrap();
    assert_eq!(scan_later(), Content::Bytes(b"ab"[..].into()));
    // Of a fresh file, a change may not show in its times.
    let mut fresh = Scanner::default();
    fresh.scan(dir.path()).unwrap();
    assert!(matches!(fresh.scan(dir.path()).unwrap().files[name], Content::Bytes(_)));
}
