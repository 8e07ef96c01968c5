//! Writing DER: the few forms that certificates are made of.
//!
//! A value is its bytes, complete with tag and length, so that what was read elsewhere (a name, a public key) is put in as
//! it came. That is why this is here: a library that knows certificates writes names anew, and chains do not match.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The tags in use.
pub const BOOLEAN: u8 = 0x01;
/// See [`BOOLEAN`].
pub const INTEGER: u8 = 0x02;
/// See [`BOOLEAN`].
pub const OCTET_STRING: u8 = 0x04;
/// See [`BOOLEAN`].
pub const OID: u8 = 0x06;
/// See [`BOOLEAN`].
pub const UTF8_STRING: u8 = 0x0c;
/// See [`BOOLEAN`].
pub const PRINTABLE_STRING: u8 = 0x13;
/// See [`BOOLEAN`].
pub const SEQUENCE: u8 = 0x30;
/// See [`BOOLEAN`].
pub const SET: u8 = 0x31;
const BIT_STRING: u8 = 0x03;
const NULL: u8 = 0x05;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// A value of this tag with this content.
pub fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len() + 6);
    out.push(tag);
    let length = content.len();
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let bytes: Vec<u8> =
                length.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
            // A length has eight bytes at most.
            out.push(0x80 | u8::try_from(bytes.len()).unwrap_or(0x7f));
            out.extend(bytes);
        }
    }
    out.extend_from_slice(content);
    out
}

/// Values one after another, as one.
pub fn list<const N: usize>(tag: u8, values: [Vec<u8>; N]) -> Vec<u8> {
    value(tag, &values.concat())
}

/// What has a number of its own where it stands, around other values.
pub fn context(number: u8, content: &[u8]) -> Vec<u8> {
    value(0xa0 | number, content)
}

/// What has a number of its own where it stands, instead of its tag.
pub fn implicit(number: u8, content: &[u8]) -> Vec<u8> {
    value(0x80 | number, content)
}

/// An object identifier of its encoded content.
pub fn oid(content: &[u8]) -> Vec<u8> {
    value(OID, content)
}

/// `TRUE`.
pub fn yes() -> Vec<u8> {
    value(BOOLEAN, &[0xff])
}

/// `NULL`.
pub fn null() -> Vec<u8> {
    value(NULL, &[])
}

/// A number that is not negative, of big-endian bytes.
pub fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
    let sign = digits.first().is_none_or(|first| first & 0x80 != 0);
    let mut content = if sign { vec![0] } else { Vec::new() };
    content.extend(digits);
    value(INTEGER, &content)
}

/// Whole bytes as bits.
pub fn bits(bytes: &[u8]) -> Vec<u8> {
    unused_bits(0, bytes)
}

/// Bits, of which so many at the end do not count.
pub fn unused_bits(unused: u8, bytes: &[u8]) -> Vec<u8> {
    value(BIT_STRING, &[&[unused], bytes].concat())
}

/// A time in whole seconds, in the form that certificates use for its year (RFC 5280, 4.1.2.5).
pub fn time(at: Timestamp) -> Vec<u8> {
    let at = at.to_zoned(TimeZone::UTC);
    if (1950..2050).contains(&at.year()) {
        value(UTC_TIME, at.strftime("%y%m%d%H%M%SZ").to_string().as_bytes())
    } else {
        value(GENERALIZED_TIME, at.strftime("%Y%m%d%H%M%SZ").to_string().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_as_many_bytes_as_they_need() {
        assert_eq!(value(SEQUENCE, &[]), [0x30, 0]);
        assert_eq!(value(SEQUENCE, &[1; 127])[..2], [0x30, 127]);
        assert_eq!(value(SEQUENCE, &[1; 128])[..3], [0x30, 0x81, 128]);
        assert_eq!(value(SEQUENCE, &[1; 300])[..4], [0x30, 0x82, 1, 44]);
    }

    #[test]
    fn numbers_are_never_negative() {
        assert_eq!(unsigned(&[0, 0]), [INTEGER, 1, 0]);
        assert_eq!(unsigned(&[0, 0x7f]), [INTEGER, 1, 0x7f]);
        assert_eq!(unsigned(&[0x80, 1]), [INTEGER, 3, 0, 0x80, 1]);
    }

    #[test]
    fn times_have_two_digits_of_a_year_until_2050() {
        let at = |text: &str| text.parse().unwrap();
        assert_eq!(time(at("2049-12-31T23:59:59Z"))[2..], *b"491231235959Z");
        assert_eq!(time(at("2050-01-01T00:00:00.7Z"))[2..], *b"20500101000000Z");
    }
}
