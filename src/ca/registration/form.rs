//! What a request may say that is registered under somebody's name.

use crate::ca::der::{self, PRINTABLE_STRING, SEQUENCE, SET, UTF8_STRING};
use crate::ca::request::Request;
use crate::ca::sign;

/// The attribute that has extensions (PKCS#9).
const EXTENSION_REQUEST: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e];

/// Whether a request asks for one of these names and for nothing else: no other name, subject, extension or attribute.
///
/// Agents write it in few ways, so that all of them are written here and compared: what was not thought of is not in it.
pub(super) fn asks_only_for(request: &Request, names: &[String]) -> bool {
    let empty = |tag: u8| sign::organization_as(tag, "");
    // Agents leave it out, or name an organisation without a name.
    let subjects = [der::value(SEQUENCE, &[]), empty(PRINTABLE_STRING), empty(UTF8_STRING)];
    names.iter().any(|name| {
        subjects.iter().any(|subject| {
            [true, false].iter().any(|critical| {
                let name = sign::extension(
                    &sign::SUBJECT_ALT_NAME,
                    *critical,
                    &sign::alternative_names(&[name]),
                );
                let extensions = der::list(SET, [der::list(SEQUENCE, [name])]);
                let attribute = der::list(SEQUENCE, [der::oid(&EXTENSION_REQUEST), extensions]);
                let key = request.public_key.clone();
                let parts =
                    [der::unsigned(&[0]), subject.clone(), key, der::context(0, &attribute)];
                der::list(SEQUENCE, parts) == request.signed
            })
        })
    })
}

#[cfg(test)]
mod tests;
