//! Sprig's encodings and digests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Arity, Entry, text};
use crate::webhooks::template::value::Value;

pub(super) const FUNCTIONS: &[Entry] = &[
    ("b64enc", Arity(1, 1), |a| Ok(Value::text(STANDARD.encode(text(a, 0)?.as_bytes())))),
    ("b64dec", Arity(1, 1), |a| {
        let bytes = STANDARD.decode(text(a, 0)?.as_bytes()).map_err(|error| error.to_string())?;
        String::from_utf8(bytes).map(Value::text).map_err(|error| error.to_string())
    }),
    ("sha1sum", Arity(1, 1), |a| {
        Ok(digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, text(a, 0)?))
    }),
    ("sha256sum", Arity(1, 1), |a| Ok(digest(&aws_lc_rs::digest::SHA256, text(a, 0)?))),
    ("sha512sum", Arity(1, 1), |a| Ok(digest(&aws_lc_rs::digest::SHA512, text(a, 0)?))),
];

fn digest(algorithm: &'static aws_lc_rs::digest::Algorithm, of: &str) -> Value {
    let digest = aws_lc_rs::digest::digest(algorithm, of.as_bytes());
    let hex: Vec<String> = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    Value::text(hex.concat())
}
