//! The files of a CA, as directories and Secrets have them, in either of two layouts.

use std::collections::BTreeMap;

use super::Origin;
use super::issuer::{Issuer, Parts};

/// Files by name.
pub type Files = BTreeMap<String, Vec<u8>>;

/// The certificate that signs.
pub const CERTIFICATE: &str = "ca-cert.pem";
/// Its key.
pub const KEY: &str = "ca-key.pem";
/// The certificates between it and a root.
pub const CHAIN: &str = "cert-chain.pem";
/// The roots.
pub const ROOTS: &str = "root-cert.pem";
/// An empty file that is there where a CA was made, and not plugged in.
pub const MADE: &str = "key.pem";
/// What was revoked.
pub const REVOKED: &str = "ca-crl.pem";

/// The same as cert-manager and others write them: certificate with chain, key, roots.
const TLS: [&str; 3] = ["tls.crt", "tls.key", "ca.crt"];

/// Every name that means something.
pub const NAMES: [&str; 9] =
    [CERTIFICATE, KEY, CHAIN, ROOTS, REVOKED, MADE, "tls.crt", "tls.key", "ca.crt"];

/// What files are.
#[derive(Debug)]
pub enum Found {
    /// No CA.
    Nothing,
    /// A CA that cannot be used, and why.
    Broken(String),
    /// A CA.
    Issuer(Box<Issuer>),
}

/// The CA in files. Where both layouts are there, the second one counts.
pub fn read(origin: Origin, files: &Files) -> Found {
    let [certificate, key, roots] = TLS;
    let has = |name: &&str| files.contains_key(*name);
    let result = if has(&certificate) || has(&key) {
        complete(files, &[certificate, key, roots])
            .and_then(|()| issuer(origin, files, [certificate, key, certificate, roots]))
    } else if [CERTIFICATE, KEY].iter().any(has) {
        // A self-signed CA needs no chain.
        let needed: &[&str] = match origin {
            Origin::PluggedIn => &[CERTIFICATE, KEY, CHAIN, ROOTS],
            Origin::SelfSigned => &[CERTIFICATE, KEY],
        };
        let roots = if has(&ROOTS) && !is_blank(files, ROOTS) { ROOTS } else { CERTIFICATE };
        complete(files, needed)
            .and_then(|()| issuer(origin, files, [CERTIFICATE, KEY, CHAIN, roots]))
    } else {
        return Found::Nothing;
    };
    match result {
        Ok(issuer) => Found::Issuer(Box::new(issuer)),
        Err(why) => Found::Broken(why),
    }
}

/// Adds roots to those of a CA that has none of its own names for them, or one.
pub fn add_roots(files: &mut Files, more: &str) {
    let own = if is_blank(files, ROOTS) { CERTIFICATE } else { ROOTS };
    let mut roots = files.get(own).cloned().unwrap_or_default();
    roots.push(b'\n');
    roots.extend_from_slice(more.as_bytes());
    files.insert(ROOTS.to_owned(), roots);
}

fn is_blank(files: &Files, name: &str) -> bool {
    files.get(name).is_none_or(|content| content.trim_ascii().is_empty())
}

fn complete(files: &Files, needed: &[&str]) -> Result<(), String> {
    let missing: Vec<&str> =
        needed.iter().copied().filter(|name| !files.contains_key(*name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!("the CA is incomplete: {} missing", missing.join(", ")))
}

fn issuer(origin: Origin, files: &Files, names: [&str; 4]) -> Result<Issuer, String> {
    let text = |name: &str| -> Result<&str, String> {
        let content = files.get(name).map_or(&[][..], Vec::as_slice);
        std::str::from_utf8(content).map_err(|_| format!("{name} is no text"))
    };
    let [certificate, key, chain, roots] = names;
    let parts = Parts {
        certificate: text(certificate)?,
        key: text(key)?,
        chain: text(chain)?,
        roots: text(roots)?,
        revoked: text(REVOKED)?,
    };
    Issuer::new(origin, parts)
}

#[cfg(test)]
mod tests;
