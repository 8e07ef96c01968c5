//! Sorts the entries of maps inside an encoded message, in place.
//!
//! The entries of a map are consecutive fields of one number, so sorting moves bytes within the run and changes
//! no length. build.rs lists which messages hold maps; everything else is skipped without a look inside.

use std::ops::Range;

use prost::encoding::{WireType, decode_varint};

/// A message that holds maps, itself or in what it holds.
struct Shape {
    /// The message's full name.
    name: &'static str,
    /// The fields that are or hold maps, by number.
    fields: &'static [(u32, Field)],
}

/// A field; the numbers are places in [`SHAPES`].
#[derive(Clone, Copy)]
enum Field {
    /// A map, and the shape of its values if they hold maps too.
    Map(Option<usize>),
    /// A message that holds maps.
    Message(usize),
}

/// Sorted by name.
static SHAPES: &[Shape] = include!(concat!(env!("OUT_DIR"), "/maps.rs"));

/// How deep messages may be nested before the order of entries inside is left as it is. Envoy does not decode
/// deeper ones.
const MAX_DEPTH: usize = 100;

/// Sorts all maps in an encoded message of the named type.
pub(in crate::proto) fn sort(bytes: &mut [u8], full_name: &str) {
    if let Some(shape) =
        SHAPES.binary_search_by(|s| s.name.cmp(full_name)).ok().and_then(|at| SHAPES.get(at))
    {
        let all = 0..bytes.len();
        let mut sorter = Sorter { bytes, entries: Vec::new(), moved: Vec::new() };
        // Nothing is what a malformed message gives, which prost does not write.
        let _ = sorter.message(all, shape, MAX_DEPTH);
    }
}

struct Sorter<'a> {
    bytes: &'a mut [u8],
    /// The entries of the runs that are being read, those of inner messages behind those of outer ones.
    entries: Vec<Entry>,
    /// Room for the entries of a run in their new order.
    moved: Vec<u8>,
}

/// An entry of a map, tag and length included.
struct Entry {
    range: Range<usize>,
    key: Key,
}

/// A numeric key, or the place of a text key. All keys of a map are of one sort.
#[derive(Clone, Default)]
struct Key {
    number: u64,
    text: Range<usize>,
}

/// A field as it stands on the wire.
struct Raw {
    number: u32,
    /// The value of a varint, else 0.
    value: u64,
    /// The payload of a length-delimited field, else empty.
    payload: Range<usize>,
    /// Where the next field begins.
    end: usize,
}

impl Sorter<'_> {
    fn message(&mut self, range: Range<usize>, shape: &Shape, depth: usize) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        let base = self.entries.len();
        let mut run = None;
        let mut at = range.start;
        while at < range.end {
            let raw = self.field(at..range.end)?;
            if run.is_some_and(|number| number != raw.number) {
                self.put_in_order(base)?;
                run = None;
            }
            match shape.fields.binary_search_by_key(&raw.number, |(number, _)| *number) {
                Err(_) => {}
                Ok(found) => match shape.fields.get(found)?.1 {
                    Field::Message(inner) => {
                        self.message(raw.payload, SHAPES.get(inner)?, depth)?;
                    }
                    Field::Map(values) => {
                        let key = self.entry(raw.payload, values, depth)?;
                        self.entries.push(Entry { range: at..raw.end, key });
                        run = Some(raw.number);
                    }
                },
            }
            at = raw.end;
        }
        self.put_in_order(base)
    }

    /// Sorts what is inside an entry's value, and tells its key.
    fn entry(&mut self, range: Range<usize>, values: Option<usize>, depth: usize) -> Option<Key> {
        let mut key = Key::default();
        let mut at = range.start;
        while at < range.end {
            let raw = self.field(at..range.end)?;
            at = raw.end;
            match (raw.number, values) {
                (1, _) => key = Key { number: raw.value, text: raw.payload },
                (2, Some(shape)) => self.message(raw.payload, SHAPES.get(shape)?, depth)?,
                _ => {}
            }
        }
        Some(key)
    }

    /// Reads the field at the beginning of the range.
    fn field(&self, range: Range<usize>) -> Option<Raw> {
        let mut rest = self.bytes.get(range.clone())?;
        let tag = decode_varint(&mut rest).ok()?;
        let mut value = 0;
        let mut length = 0;
        match WireType::try_from(tag & 7).ok()? {
            WireType::Varint => value = decode_varint(&mut rest).ok()?,
            WireType::ThirtyTwoBit => length = 4,
            WireType::SixtyFourBit => length = 8,
            WireType::LengthDelimited => length = decode_varint(&mut rest).ok()?.try_into().ok()?,
            WireType::StartGroup | WireType::EndGroup => return None,
        }
        let start = range.end.checked_sub(rest.len())?;
        let end = start.checked_add(length).filter(|end| *end <= range.end)?;
        Some(Raw { number: (tag >> 3).try_into().ok()?, value, payload: start..end, end })
    }

    /// Sorts the run of entries that stand behind `base`, and forgets them.
    fn put_in_order(&mut self, base: usize) -> Option<()> {
        let bytes = &*self.bytes;
        let by_key = |a: &Entry, b: &Entry| {
            let text = |key: &Key| bytes.get(key.text.clone());
            (a.key.number, text(&a.key)).cmp(&(b.key.number, text(&b.key)))
        };
        let run = self.entries.get_mut(base..)?;
        if !run.is_sorted_by(|a, b| by_key(a, b).is_le()) {
            let start = run.first()?.range.start;
            run.sort_by(by_key);
            self.moved.clear();
            for entry in run {
                self.moved.extend_from_slice(bytes.get(entry.range.clone())?);
            }
            let end = start.checked_add(self.moved.len())?;
            self.bytes.get_mut(start..end)?.copy_from_slice(&self.moved);
        }
        self.entries.truncate(base);
        Some(())
    }
}
