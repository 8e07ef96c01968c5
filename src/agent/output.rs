//! Certificates for others on the machine: OUTPUT_CERTS.
//!
//! Each file is replaced whole, and only when it says something else; readers may see a new key with the old certificate
//! for a moment, as with istio-agent, because nothing replaces two files at once.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;

use super::renewal::Issued;

/// What the files are called.
pub const CHAIN: &str = "cert-chain.pem";
/// See [`CHAIN`].
pub const KEY: &str = "key.pem";
/// See [`CHAIN`].
pub const ROOT: &str = "root-cert.pem";

/// Writes what was issued into a directory. Inside of Kubernetes all users of the pod may read it.
pub fn write(directory: &Path, issued: &Issued, shared: bool) -> anyhow::Result<()> {
    let mode = if shared { 0o644 } else { 0o600 };
    let key = issued.identity.key.expose();
    let files = [(KEY, key), (CHAIN, &*issued.identity.chain), (ROOT, issued.roots.pem())];
    for (name, content) in files {
        let file = directory.join(name);
        if std::fs::read(&file).is_ok_and(|old| old == content) {
            continue;
        }
        replace(&file, content, mode).with_context(|| file.display().to_string())?;
    }
    Ok(())
}

/// Replaces a file, so that a reader sees all of the old or all of the new one.
pub fn replace(file: &Path, content: &[u8], mode: u32) -> std::io::Result<()> {
    let nascent = file.with_extension("new");
    match std::fs::remove_file(&nascent) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // It has its mode from the first moment on.
    let mut options = std::fs::OpenOptions::new();
    let mut open = options.write(true).create_new(true).mode(mode).open(&nascent)?;
    open.write_all(content)?;
    open.sync_all()?;
    std::fs::rename(nascent, file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::{CHAIN, KEY, ROOT, write};
    use crate::agent::keys::PrivateKey;
    use crate::agent::material::tests::Ca;
    use crate::agent::material::{Identity, Roots};
    use crate::agent::renewal::Issued;

    #[test]
    fn three_files_that_only_the_owner_reads() {
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let ca = Ca::new();
            let (chain, key) = ca.certify("a");
            let key = PrivateKey::new(key.into_bytes());
            let issued = Issued {
                identity: Identity::new(chain.into_bytes(), key).unwrap(),
                roots: Roots::new(ca.root.as_bytes()).unwrap(),
            };
            write(folder.path(), &issued, false).unwrap();
            let path = |name| folder.path().join(name);
            assert_eq!(Identity::read(&path(CHAIN), &path(KEY)).unwrap(), issued.identity);
            assert_eq!(Roots::read(&path(ROOT)).unwrap(), issued.roots);
            let mode = std::fs::metadata(path(KEY)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
    }
}
