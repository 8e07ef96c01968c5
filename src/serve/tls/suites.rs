//! Cipher suites by Go's names, which istiod's flags use.

use std::sync::Arc;

use rustls::CipherSuite;
use rustls::crypto::{CryptoProvider, aws_lc_rs};

/// The suites that may be named, with the names that Go gives them. Those of TLS 1.3 are always offered, as Go does.
const NAMES: &[(&str, CipherSuite)] = &[
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    ("TLS_AES_128_GCM_SHA256", CipherSuite::TLS13_AES_128_GCM_SHA256),
    ("TLS_AES_256_GCM_SHA384", CipherSuite::TLS13_AES_256_GCM_SHA384),
    ("TLS_CHACHA20_POLY1305_SHA256", CipherSuite::TLS13_CHACHA20_POLY1305_SHA256),
];

/// What Go calls by an older name.
const OLDER: &[(&str, &str)] = &[
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
];

/// What Go knows, and is broken: it is left out with a word about it, as a list for istiod may name it.
const BROKEN: &[&str] = &["_CBC_", "_RC4_", "TLS_RSA_WITH_"];

/// The suites that a flag asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suites {
    wanted: Vec<CipherSuite>,
    /// Those that are not offered, because they are broken.
    pub left_out: Vec<String>,
}

impl Suites {
    /// Reads the names of a flag.
    ///
    /// # Errors
    /// For a name that nobody knows.
    pub fn parse(names: &[String]) -> Result<Suites, String> {
        let mut suites = Suites { wanted: Vec::new(), left_out: Vec::new() };
        for name in names.iter().map(|name| name.trim()) {
            let newer = OLDER.iter().find(|(older, _)| *older == name).map_or(name, |(_, new)| new);
            match NAMES.iter().find(|(known, _)| *known == newer) {
                Some((_, suite)) => suites.wanted.push(*suite),
                None if name.starts_with("TLS_")
                    && BROKEN.iter().any(|part| name.contains(part)) =>
                {
                    suites.left_out.push(name.to_owned());
                }
                None => return Err(format!("cipher suite {name} not supported or doesn't exist")),
            }
        }
        if suites.wanted.is_empty() && !suites.left_out.is_empty() {
            return Err("none of the cipher suites is safe enough to be offered".to_owned());
        }
        Ok(suites)
    }
}

/// What computes, with these suites; all that are safe where none is named.
pub fn provider(suites: &Suites) -> Arc<CryptoProvider> {
    let mut provider = aws_lc_rs::default_provider();
    if !suites.wanted.is_empty() {
        provider
            .cipher_suites
            .retain(|suite| suite.tls13().is_some() || suites.wanted.contains(&suite.suite()));
    }
    Arc::new(provider)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(names: &[&str]) -> Result<Suites, String> {
        Suites::parse(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn suites_have_the_names_of_go() {
        let all = aws_lc_rs::default_provider().cipher_suites.len();
        assert_eq!(provider(&parse(&[]).unwrap()).cipher_suites.len(), all);
        let one = parse(&["TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", "TLS_RSA_WITH_AES_128_CBC_SHA"]);
        let one = one.unwrap();
        assert_eq!(one.left_out, ["TLS_RSA_WITH_AES_128_CBC_SHA"]);
        let offered: Vec<_> = provider(&one).cipher_suites.iter().map(|s| s.suite()).collect();
        assert!(offered.contains(&CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256));
        assert_eq!(offered.len(), 4, "three more are those of TLS 1.3: {offered:?}");
    }

    #[test]
    fn unknown_and_broken_suites_are_told() {
        assert_eq!(
            parse(&["TLS_NONSENSE"]).unwrap_err(),
            "cipher suite TLS_NONSENSE not supported or doesn't exist"
        );
        assert!(parse(&["TLS_RSA_WITH_RC4_128_SHA"]).unwrap_err().contains("safe enough"));
    }
}
