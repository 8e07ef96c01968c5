//! A CA in a directory.
//!
//! One of our own is for its owner's eyes only: a directory of mode 0700, files of mode 0600. It appears whole or not at
//! all, also where several processes make it at once.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use aws_lc_rs::rand;

use super::Kept;
use crate::ca::material::{CERTIFICATE, Files, NAMES};

/// The file whose content proves that its reader may act for the mesh, in a directory of our own.
pub const TOKEN: &str = "token";

/// Bytes of randomness of a token.
const TOKEN_BYTES: usize = 32;

/// Longer files are nobody's certificates.
const MAX_FILE: u64 = 1 << 20;

/// A directory with a CA, or one to be.
#[derive(Clone, Debug)]
pub struct Directory {
    /// Where it is.
    pub path: PathBuf,
}

impl Directory {
    pub(super) async fn read(&self) -> anyhow::Result<Option<Kept>> {
        let path = self.path.clone();
        let files = tokio::task::spawn_blocking(move || read(&path)).await??;
        let kept = Kept { files, version: String::new() };
        Ok((!kept.files.is_empty()).then_some(kept))
    }

    pub(super) async fn create(&self, files: &Files) -> anyhow::Result<bool> {
        let (path, files) = (self.path.clone(), files.clone());
        tokio::task::spawn_blocking(move || create(&path, &files)).await?
    }

    pub(super) async fn replace(&self, files: &Files) -> anyhow::Result<bool> {
        let (path, files) = (self.path.clone(), files.clone());
        tokio::task::spawn_blocking(move || replace(&path, &files)).await?
    }

    /// The token in a directory of our own; None where nobody put one.
    ///
    /// # Errors
    /// When others than the owner may read it: then it proves nothing.
    pub fn token(&self) -> anyhow::Result<Option<String>> {
        let path = self.path.join(TOKEN);
        let mode = match fs::metadata(&path) {
            Ok(metadata) => metadata.permissions().mode(),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        };
        if mode & 0o077 != 0 {
            bail!(
                "{}: others than its owner may read it (mode {:o})",
                path.display(),
                mode & 0o777
            );
        }
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Ok(Some(text.trim().to_owned()))
    }
}

/// The files that mean something. A directory that does not exist has none.
fn read(path: &Path) -> anyhow::Result<Files> {
    let mut files = Files::new();
    for name in NAMES {
        let file = path.join(name);
        let named = || file.display().to_string();
        let length = match fs::metadata(&file) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error).with_context(named),
        };
        if length > MAX_FILE {
            bail!("{}: {length} bytes; {MAX_FILE} are allowed", file.display());
        }
        files.insert(name.to_owned(), fs::read(&file).with_context(named)?);
    }
    Ok(files)
}

/// Makes the directory with these files and a token, all at once.
fn create(path: &Path, files: &Files) -> anyhow::Result<bool> {
    let named = || format!("{} cannot be written", path.display());
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    fs::create_dir_all(parent).with_context(named)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    let new = parent.join(format!(".{}.{:016x}", name.unwrap_or_default(), fastrand::u64(..)));
    let made = fill(&new, files).and_then(|()| fs::rename(&new, path));
    let Err(error) = made else { return Ok(true) };
    // Nothing of a key that is not used may stay.
    drop(fs::remove_dir_all(&new));
    match error.kind() {
        ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists if !read(path)?.is_empty() => {
            Ok(false)
        }
        ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists => {
            bail!("{}: there are other files in it; an empty directory is needed", path.display())
        }
        _ => Err(error).with_context(named),
    }
}

fn fill(path: &Path, files: &Files) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)?;
    // The mask of the process may have taken more away than it should.
    fs::set_permissions(path, Permissions::from_mode(0o700))?;
    for (name, content) in files {
        write(&path.join(name), content)?;
    }
    let mut token = [0; TOKEN_BYTES];
    rand::fill(&mut token).map_err(|_| io::Error::other("the system has no random numbers"))?;
    let token: String = token.iter().map(|byte| format!("{byte:02x}")).collect();
    write(&path.join(TOKEN), format!("{token}\n").as_bytes())?;
    fs::File::open(path)?.sync_all()
}

/// Replaces the certificates, each at once. The key is the same, so that they fit in whatever order they are read.
fn replace(path: &Path, files: &Files) -> anyhow::Result<bool> {
    let mut ordered: Vec<_> = files.iter().collect();
    // The roots before what is signed by them.
    ordered.sort_by_key(|(name, _)| name.as_str() == CERTIFICATE);
    for (name, content) in ordered {
        let (file, new) = (path.join(name), path.join(format!(".{name}.new")));
        drop(fs::remove_file(&new));
        let written = write(&new, content).and_then(|()| fs::rename(&new, &file));
        written.with_context(|| format!("{} cannot be written", file.display()))?;
    }
    Ok(true)
}

/// A new file that nobody but its owner may read.
fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(test)]
mod tests;
