//! By which roots the certificates of signers are verified.

use crate::api::Str;

/// Roots, in PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignerRoots {
    /// Those of a file, which are for all signers; None without one.
    pub file: Option<Str>,
    /// Those that the mesh configuration gives a signer, by his full name; of several the first count.
    pub each: Vec<(Str, Str)>,
}

impl SignerRoots {
    /// Those of a signer, if any are known: who has none puts them into each chain.
    pub fn of(&self, signer: &str) -> Option<Str> {
        self.file.clone().or_else(|| self.configured(signer))
    }

    /// All of them.
    pub fn texts(&self) -> impl Iterator<Item = &Str> {
        self.file.iter().chain(self.each.iter().map(|(_, text)| text))
    }

    /// Those that the mesh configuration gives a signer.
    pub fn configured(&self, signer: &str) -> Option<Str> {
        self.each.iter().find(|(name, _)| **name == *signer).map(|(_, text)| text.clone())
    }
}
