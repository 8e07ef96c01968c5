//! Cipher suites by the names that Istio's kinds and Envoy share, which are OpenSSL's.

/// Those that Envoy knows.
const KNOWN: [&str; 15] = [
    "AES128-GCM-SHA256",
    "AES128-SHA",
    "AES256-GCM-SHA384",
    "AES256-SHA",
    "DES-CBC3-SHA",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES128-SHA",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-AES256-SHA",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-SHA",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-SHA",
    "ECDHE-RSA-CHACHA20-POLY1305",
];

/// Whether Envoy takes it: a suite that it knows, or one of the expressions that begin with a sign.
pub fn is_known(suite: &str) -> bool {
    suite.is_empty()
        || suite == "ALL"
        || !suite.starts_with(|c: char| c.is_ascii_alphanumeric())
        || KNOWN.contains(&suite)
}
