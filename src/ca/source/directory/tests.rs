use super::*;
use crate::ca::material::KEY;

fn files() -> Files {
    [(CERTIFICATE.to_owned(), b"certificate".to_vec()), (KEY.to_owned(), b"key".to_vec())].into()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn it_appears_whole_and_for_its_owner_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/ca");
    assert!(read(&path).unwrap().is_empty());
    assert!(create(&path, &files()).unwrap());
    assert_eq!(read(&path).unwrap(), files());
    assert_eq!(mode(&path), 0o700);
    for file in [CERTIFICATE, KEY, TOKEN] {
        assert_eq!(mode(&path.join(file)), 0o600, "{file}");
    }
    let token = Directory { path: path.clone() }.token().unwrap().unwrap();
    assert_eq!(token.len(), 64);
    // The next one finds it made.
    assert!(!create(&path, &[(CERTIFICATE.to_owned(), b"other".to_vec())].into()).unwrap());
    assert_eq!(read(&path).unwrap(), files());
    let left = fs::read_dir(path.parent().unwrap()).unwrap().count();
    assert_eq!(left, 1, "nothing of the second one stays");
}

#[test]
fn one_of_many_makes_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca");
    let made = std::thread::scope(|scope| {
        let makers: Vec<_> = (0..8).map(|_| scope.spawn(|| create(&path, &files()))).collect();
        makers.into_iter().map(|maker| maker.join().unwrap().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(made.iter().filter(|made| **made).count(), 1);
}

#[test]
fn what_lies_there_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("notes"), "mine").unwrap();
    let why = create(folder.path(), &files()).unwrap_err();
    assert!(why.to_string().contains("an empty directory is needed"), "{why}");
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    assert!(create(&empty, &files()).unwrap());
    assert_eq!(mode(&empty), 0o700);
}

#[test]
fn a_token_that_others_may_read_proves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let directory = Directory { path: folder.path().into() };
    assert_eq!(directory.token().unwrap(), None);
    let token = folder.path().join(TOKEN);
    fs::write(&token, "x\n").unwrap();
    fs::set_permissions(&token, Permissions::from_mode(0o640)).unwrap();
    assert!(directory.token().unwrap_err().to_string().contains("mode 640"));
    fs::set_permissions(&token, Permissions::from_mode(0o400)).unwrap();
    assert_eq!(directory.token().unwrap().as_deref(), Some("x"));
}

#[test]
fn certificates_are_replaced_and_linked_files_followed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca");
    create(&path, &files()).unwrap();
    let mut new = files();
    new.insert(CERTIFICATE.to_owned(), b"renewed".to_vec());
    assert!(replace(&path, &new).unwrap());
    assert_eq!(read(&path).unwrap(), new);
    // As Kubernetes mounts a Secret.
    let mounted = folder.path().join("mounted");
    for (version, content) in [("1", "one"), ("2", "two")] {
        let data = mounted.join(version);
        fs::create_dir_all(&data).unwrap();
        fs::write(data.join(CERTIFICATE), content).unwrap();
        let link = mounted.join("..new");
        std::os::unix::fs::symlink(version, &link).unwrap();
        fs::rename(&link, mounted.join("..data")).unwrap();
        let _ = std::os::unix::fs::symlink("..data/ca-cert.pem", mounted.join(CERTIFICATE));
        assert_eq!(read(&mounted).unwrap()[CERTIFICATE], content.as_bytes());
    }
}
