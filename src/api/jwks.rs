//! The keys that issuers sign tokens with (JSON Web Key Sets): where they are fetched, and what is known of them.
//!
//! What is wanted follows from RequestAuthentications; a source fetches it and tells the state of each as one map. An
//! issuer whose keys were never seen is given a key that nobody can sign with, so that a failure never ends in an
//! accepted token.

pub mod document;
pub mod uri;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

pub use self::uri::HttpUri;
use super::Str;

/// What of its issuer's OpenID Connect configuration is below the issuer.
const DISCOVERY: &str = "/.well-known/openid-configuration";

/// Where keys are fetched. The same keys of two issuers are fetched for each of them: none waits for the other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JwksSource {
    /// Whose tokens they are for.
    pub issuer: Str,
    /// Where the key set is; empty where the issuer is asked for that.
    pub uri: Str,
}

impl JwksSource {
    /// The document that is asked for first: the key set, or what tells where it is.
    pub fn first_uri(&self) -> String {
        match &*self.uri {
            "" => format!("{}{DISCOVERY}", self.issuer.strip_suffix('/').unwrap_or(&self.issuer)),
            uri => uri.to_owned(),
        }
    }

    /// The key set's place is asked of the issuer.
    pub fn is_discovered(&self) -> bool {
        self.uri.is_empty()
    }
}

/// The sources that somebody wants, and how long fetching from each may take.
pub type Wanted = BTreeMap<JwksSource, Duration>;

/// What is known of a source that was asked at least once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySet {
    /// The newest good document, as it was served; None before the first, and when the last is too old.
    pub text: Option<Str>,
    /// Why it was not fetched again.
    pub failure: Option<Failure>,
}

/// Fetching fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The first time without a success since.
    pub since: Timestamp,
    /// What went wrong last, and how to mend it.
    pub why: Str,
    /// When the keys that still hold were fetched; None if there are none.
    pub fetched: Option<Timestamp>,
}

/// The state of all sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySets {
    /// Of those that were asked at least once.
    pub sets: BTreeMap<JwksSource, Arc<KeySet>>,
    /// The set of a public key whose private key is gone: what stands for keys that are not known.
    pub unknown: Str,
}

impl Default for KeySets {
    fn default() -> KeySets {
        KeySets::new(r#"{"keys":[]}"#.into())
    }
}

impl KeySets {
    /// Nothing was fetched yet. `unknown` stands for it.
    pub fn new(unknown: Str) -> KeySets {
        KeySets { sets: BTreeMap::new(), unknown }
    }

    /// The document of a source, or that of the unknown key.
    pub fn text(&self, source: &JwksSource) -> &Str {
        let known = self.sets.get(source).and_then(|set| set.text.as_ref());
        known.unwrap_or(&self.unknown)
    }

    /// Whether each of these was asked at least once.
    pub fn know<'a>(&self, mut sources: impl Iterator<Item = &'a JwksSource>) -> bool {
        sources.all(|source| self.sets.contains_key(source))
    }
}

#[cfg(test)]
mod tests;
