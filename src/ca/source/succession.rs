//! From one CA to the next, without a moment in which somebody trusts too little.

use crate::ca::issuer::{Issuer, Parts};

/// How a CA takes over from another.
#[derive(Debug)]
pub enum Succession {
    /// Nothing differs.
    Same,
    /// At once: whoever trusts the old one trusts the new one.
    Now,
    /// Its roots at once, under the old key; its key once everybody has the roots.
    RootsFirst(Box<Issuer>),
}

/// How `new` takes over from `old`.
///
/// # Errors
/// When workloads would trust one of them only: neither has all roots of the other, nor is it the same key.
pub fn succeed(old: &Issuer, new: &Issuer) -> Result<Succession, String> {
    if old.is_same(new) {
        return Ok(Succession::Same);
    }
    let renewed = old.roots.iter().all(|root| {
        let same = |other: &&crate::ca::certificate::Certificate| {
            other.public_key == root.public_key && other.subject == root.subject
        };
        new.roots.iter().any(|other| same(&other))
    });
    if !renewed && !old.shares_roots(new) {
        return Err(
            "its roots are others than before: first add the new root to the old ones, and take the old ones out when \
             all certificates under them are over"
                .to_owned(),
        );
    }
    match with_roots_of(old, new) {
        // The old roots know the new certificate already, or do not matter any more.
        Err(_) => Ok(Succession::Now),
        Ok(_) if is_known(old, new) => Ok(Succession::Now),
        Ok(meanwhile) => Ok(Succession::RootsFirst(Box::new(meanwhile))),
    }
}

/// Whether who trusts the roots of `old` trusts what `new` signs.
fn is_known(old: &Issuer, new: &Issuer) -> bool {
    let mut at = vec![&new.certificate];
    at.extend(&new.chain);
    let key = |root: &crate::ca::certificate::Certificate| {
        (root.subject.clone(), root.public_key.clone())
    };
    let known: Vec<_> = old.roots.iter().map(key).collect();
    at.iter().any(|certificate| {
        known.contains(&key(certificate))
            || old.roots.iter().any(|root| certificate.was_signed_by(root))
    })
}

/// The old CA with the roots of the new one.
fn with_roots_of(old: &Issuer, new: &Issuer) -> Result<Issuer, String> {
    let chain: String = old.chain.iter().map(|certificate| certificate.pem()).collect();
    let (certificate, key, roots) = (old.certificate.pem(), old.key().pem(), &new.root_pem);
    let with = |revoked: &str| {
        let parts = Parts { certificate: &certificate, key, chain: &chain, roots, revoked };
        Issuer::new(old.origin, parts)
    };
    // The new lists need not have all that the old chain needs.
    with(&new.revoked).or_else(|_| with(&old.revoked))
}

#[cfg(test)]
mod tests;
