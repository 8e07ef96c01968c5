//! Bytes that nobody may see.

use std::fmt;

use bytes::Bytes;

/// Bytes of a secret. Their debug output is their length.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Concealed(Bytes);

impl Concealed {
    /// The bytes themselves, for who hands them on to somebody that may have them.
    pub fn expose(&self) -> &Bytes {
        &self.0
    }
}

impl From<Bytes> for Concealed {
    fn from(bytes: Bytes) -> Concealed {
        Concealed(bytes)
    }
}

impl From<&[u8]> for Concealed {
    fn from(bytes: &[u8]) -> Concealed {
        Concealed(Bytes::copy_from_slice(bytes))
    }
}

impl fmt::Debug for Concealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes]", self.0.len())
    }
}
