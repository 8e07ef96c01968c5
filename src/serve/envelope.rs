//! Requests: the envelope of xDS, read without copying a name.
//!
//! A SotW client repeats all its names with every acknowledgement, a thousand and more. So names stay where
//! they arrived: they are validated once, iterated in place, and a fingerprint tells whether the list is the
//! one of the request before. Field numbers are those of `envoy.service.discovery.v3`. Knows no state of a
//! stream.

use std::ops::Range;
use std::str;

use bytes::Bytes;
use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use tonic::Status;

use super::type_url::TypeUrl;
use crate::proto::discovery::ErrorDetail;

/// The most names of one request, those with initial versions counted too. A mesh of 10,000 services has some 50,000 clusters.
const MAX_NAMES: usize = 200_000;

/// The two forms of ADS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// `StreamAggregatedResources`.
    Sotw,
    /// `DeltaAggregatedResources`.
    Delta,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The encoded `node`; only the first request of a stream must have one.
    pub node: Option<Bytes>,
    /// Of what it speaks.
    pub type_url: TypeUrl,
    /// The nonce of the response that it answers; empty when it answers none.
    pub nonce: Bytes,
    /// Why that response was refused; None when it was not.
    pub error: Option<ErrorDetail>,
    message: Bytes,
    fields: Fields,
    /// Where the names stand in the message, if they stand together.
    names: Option<Range<usize>>,
}

/// The numbers of the fields. A number of 0 stands for a field that a protocol does not have.
#[derive(Clone, Copy, Debug)]
struct Fields {
    node: u32,
    type_url: u32,
    names: u32,
    unsubscribe: u32,
    initial: u32,
    nonce: u32,
    error: u32,
}

const SOTW: Fields =
    Fields { node: 2, names: 3, type_url: 4, nonce: 5, error: 6, unsubscribe: 0, initial: 0 };
const DELTA: Fields =
    Fields { node: 1, type_url: 2, names: 3, unsubscribe: 4, initial: 5, nonce: 6, error: 7 };

impl Request {
    /// From an encoded DiscoveryRequest or DeltaDiscoveryRequest. Errors are `INVALID_ARGUMENT`; the count of
    /// names is bounded here.
    pub fn decode(protocol: Protocol, message: Bytes) -> Result<Request, Status> {
        let fields = match protocol {
            Protocol::Sotw => SOTW,
            Protocol::Delta => DELTA,
        };
        Scan::new(&message)
            .request(fields)
            .map_err(|what| Status::invalid_argument(format!("discovery request: {what}")))
            .map(|parts| parts.into_request(message, fields))
    }

    /// The names: of SotW all that the client wants, of delta those that it adds. In any order; there may be
    /// duplicates.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let range = self.names.clone().unwrap_or(0..0);
        self.strings(self.message.get(range).unwrap_or_default(), self.fields.names)
    }

    /// The names that a delta client gives up.
    pub fn unsubscribed(&self) -> impl Iterator<Item = &str> {
        self.strings(&self.message, self.fields.unsubscribe)
    }

    /// What a delta client has from an earlier stream: names and versions. Any bytes are a version.
    pub fn initial_versions(&self) -> impl Iterator<Item = (&str, &[u8])> {
        LengthDelimited { rest: &self.message, field: self.fields.initial }.map(|entry| {
            let part = |field| LengthDelimited { rest: entry, field }.last().unwrap_or_default();
            (text(part(1)), part(2))
        })
    }

    /// Equal for requests of one stream that list the same names in the same order.
    pub fn fingerprint(&self) -> u64 {
        let range = self.names.clone().unwrap_or(0..0);
        rapidhash::v3::rapidhash_v3(self.message.get(range).unwrap_or_default())
    }

    fn strings<'a>(&self, bytes: &'a [u8], field: u32) -> impl Iterator<Item = &'a str> + use<'a> {
        LengthDelimited { rest: bytes, field }.map(text)
    }
}

/// A string that was validated when the request was scanned.
fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap_or_default()
}

/// The offsets of a message's fields, found in one walk.
#[derive(Default)]
struct Parts {
    node: Option<Range<usize>>,
    type_url: Range<usize>,
    nonce: Range<usize>,
    error: Option<ErrorDetail>,
    names: Option<Range<usize>>,
    count: usize,
}

impl Parts {
    fn into_request(self, message: Bytes, fields: Fields) -> Request {
        Request {
            node: self.node.map(|range| message.slice(range)),
            type_url: TypeUrl::parse(text(message.get(self.type_url).unwrap_or_default())),
            nonce: message.slice(self.nonce),
            error: self.error,
            names: self.names,
            message,
            fields,
        }
    }

    /// Fields of other numbers may stand between names: iteration skips them.
    fn add_name(&mut self, start: usize, end: usize) {
        self.names.get_or_insert(start..end).end = end;
    }

    fn count(&mut self) -> Result<(), String> {
        self.count += 1;
        if self.count > MAX_NAMES {
            return Err(format!("more than {MAX_NAMES} resource names"));
        }
        Ok(())
    }
}

/// Walks a message, validating all of it.
struct Scan<'a> {
    message: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Scan<'a> {
    fn new(message: &'a [u8]) -> Scan<'a> {
        Scan { message, rest: message }
    }

    fn at(&self) -> usize {
        self.message.len() - self.rest.len()
    }

    fn request(mut self, fields: Fields) -> Result<Parts, String> {
        let mut parts = Parts::default();
        while !self.rest.is_empty() {
            let start = self.at();
            let (field, wire) = decode_key(&mut self.rest).map_err(|e| e.to_string())?;
            if wire != WireType::LengthDelimited {
                skip_field(wire, field, &mut self.rest, DecodeContext::default())
                    .map_err(|e| e.to_string())?;
                continue;
            }
            let value = self.value()?;
            let bytes = self.message.get(value.clone()).unwrap_or_default();
            match field {
                f if f == fields.node => parts.node = Some(value),
                f if f == fields.type_url => parts.type_url = utf8(bytes).map(|()| value)?,
                f if f == fields.nonce => parts.nonce = value,
                f if f == fields.error => {
                    parts.error = Some(ErrorDetail::decode(bytes).map_err(|e| e.to_string())?);
                }
                f if f == fields.names => {
                    parts.count()?;
                    parts.add_name(start, value.end);
                }
                f if f == fields.unsubscribe => utf8(bytes)?,
                f if f == fields.initial => {
                    entry(bytes)?;
                    parts.count()?;
                }
                _ => {}
            }
        }
        self.names_are_text(fields, parts.names.clone().unwrap_or(0..0))?;
        Ok(parts)
    }

    /// All names at once, with what stands between them, which is far cheaper than a thousand times. A name
    /// stands between bytes below 0x80 (the end of its length, the key of the next field), so that text as a
    /// whole is text in each part. What is not text as a whole may be so in its parts, by a long length.
    fn names_are_text(&self, fields: Fields, range: Range<usize>) -> Result<(), &'static str> {
        let run = self.message.get(range).unwrap_or_default();
        if str::from_utf8(run).is_ok() {
            return Ok(());
        }
        LengthDelimited { rest: run, field: fields.names }.try_for_each(utf8)
    }

    /// Takes a length and as many bytes.
    fn value(&mut self) -> Result<Range<usize>, String> {
        let length = decode_varint(&mut self.rest).map_err(|e| e.to_string())?;
        let start = self.at();
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        self.rest = self.rest.get(length..).ok_or("a field is longer than the message")?;
        Ok(start..self.at())
    }
}

fn utf8(bytes: &[u8]) -> Result<(), &'static str> {
    str::from_utf8(bytes).map(|_| ()).map_err(|_| "a name is not UTF-8")
}

/// An entry of `initial_resource_versions`.
fn entry(bytes: &[u8]) -> Result<(), String> {
    let mut scan = Scan::new(bytes);
    while !scan.rest.is_empty() {
        let (field, wire) = decode_key(&mut scan.rest).map_err(|e| e.to_string())?;
        if wire != WireType::LengthDelimited {
            return Err("initial_resource_versions: not a string".into());
        }
        let value = scan.value()?;
        if field == 1 {
            utf8(bytes.get(value).unwrap_or_default())?;
        }
    }
    Ok(())
}

/// The values of one length-delimited field, in order. Ends at anything malformed.
struct LengthDelimited<'a> {
    rest: &'a [u8],
    field: u32,
}

impl<'a> Iterator for LengthDelimited<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.rest.is_empty() {
            let (field, wire) = decode_key(&mut self.rest).ok()?;
            if wire != WireType::LengthDelimited {
                skip_field(wire, field, &mut self.rest, DecodeContext::default()).ok()?;
                continue;
            }
            let length = usize::try_from(decode_varint(&mut self.rest).ok()?).ok()?;
            let (value, rest) = self.rest.split_at_checked(length)?;
            self.rest = rest;
            if field == self.field {
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
