//! Memory: the allocations that jemalloc samples all the time, one for each 4 MiB that is asked for.
//!
//! jemalloc writes its samples as text into a file. The file is one in memory, so that neither a directory for
//! temporary files nor space on a disk is needed. Its name has to live as long as the process, and so it does itself.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::fd::AsRawFd;
use std::sync::{Mutex, PoisonError};

use nix::sys::memfd::{MFdFlags, memfd_create};
use tikv_jemalloc_ctl::{Access, AsName, profiling};

use super::Error;
use super::encoding::{Builder, Frame};

/// Which allocations are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allocations {
    /// Those that were not freed.
    Live,
    /// All since the process started.
    All,
}

/// The file that jemalloc writes to, and its name with the zero at its end; one profile is made at a time.
static DUMP: Mutex<Option<(File, &'static [u8])>> = Mutex::new(None);

/// The samples as they are now: how many objects and bytes, by stack.
pub fn heap(which: Allocations) -> Result<Vec<u8>, Error> {
    if !profiling::prof::read().unwrap_or_default() {
        return Err(Error::NotSampled);
    }
    let dump = Dump::parse(&dump()?)?;
    Ok(encode(&dump, which, resolve))
}

/// What jemalloc writes.
fn dump() -> Result<String, Error> {
    let mut dump = DUMP.lock().unwrap_or_else(PoisonError::into_inner);
    if dump.is_none() {
        let file =
            File::from(memfd_create("heap", MFdFlags::MFD_CLOEXEC).map_err(std::io::Error::from)?);
        let name = format!("/proc/self/fd/{}\0", file.as_raw_fd());
        *dump = Some((file, Box::leak(name.into_boxed_str()).as_bytes()));
    }
    let Some((file, name)) = dump.as_mut() else { return Err(Error::NotSampled) };
    let name: &'static [u8] = name;
    b"prof.dump\0".name().write(name).map_err(|error| Error::Dump(error.to_string()))?;
    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    file.set_len(0)?;
    Ok(text)
}

/// How many objects of how many bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Count {
    objects: f64,
    bytes: f64,
}

/// The samples of one stack.
#[derive(Debug, PartialEq)]
struct Stack {
    /// Addresses to which calls return, the innermost first.
    addresses: Vec<u64>,
    live: Count,
    all: Count,
}

/// All samples.
#[derive(Debug, PartialEq)]
struct Dump {
    /// Bytes that are allocated between two samples.
    period: f64,
    stacks: Vec<Stack>,
}

impl Dump {
    /// Reads `heap_v2/PERIOD`, and then for each stack `@ ADDRESS…` with the sums of all threads, `t*: LIVE: BYTES [ALL: BYTES]`,
    /// up to the mapped libraries.
    fn parse(text: &str) -> Result<Dump, Error> {
        let mut lines = text.lines().zip(1..);
        let header = lines.next().unwrap_or_default();
        let period = header.0.strip_prefix("heap_v2/").and_then(|period| period.parse().ok());
        let period = period.ok_or_else(|| misunderstood(header))?;
        let mut dump = Dump { period, stacks: Vec::new() };
        let mut addresses = None;
        for (line, number) in lines {
            let text = line.trim();
            if text.starts_with("MAPPED_LIBRARIES") {
                break;
            }
            let read = if let Some(stack) = text.strip_prefix('@') {
                let parsed: Option<Vec<u64>> =
                    stack.split_ascii_whitespace().map(address).collect();
                addresses = parsed;
                addresses.is_some()
            } else if let Some(counts) = text.strip_prefix("t*:") {
                match (counts_of(counts), addresses.take()) {
                    // The first such line sums up all stacks and follows none.
                    (Some(_), None) => true,
                    (Some((live, all)), Some(addresses)) => {
                        dump.stacks.push(Stack { addresses, live, all });
                        true
                    }
                    (None, _) => false,
                }
            } else {
                // Single threads.
                true
            };
            if !read {
                return Err(misunderstood((line, number)));
            }
        }
        Ok(dump)
    }
}

fn misunderstood((text, line): (&str, usize)) -> Error {
    Error::Format { line, text: text.to_owned() }
}

fn address(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}

/// `LIVE: BYTES [ALL: BYTES]`
fn counts_of(text: &str) -> Option<(Count, Count)> {
    let (live, all) = text.split_once('[')?;
    let count = |text: &str| {
        let (objects, bytes) = text.split_once(':')?;
        Some(Count { objects: objects.trim().parse().ok()?, bytes: bytes.trim().parse().ok()? })
    };
    Some((count(live)?, count(all.strip_suffix(']')?)?))
}

impl Count {
    /// What the samples stand for. An allocation of `n` bytes is sampled with the probability `1 - e^(-n/period)`; jemalloc
    /// writes its counts so that this gives what it knows.
    fn scaled(self, period: f64) -> Count {
        if self.objects <= 0.0 || self.bytes <= 0.0 {
            return Count::default();
        }
        let scale = 1.0 / (1.0 - (-self.bytes / self.objects / period).exp());
        Count { objects: self.objects * scale, bytes: self.bytes * scale }
    }
}

fn encode(dump: &Dump, which: Allocations, resolve: impl Fn(u64) -> Vec<Frame>) -> Vec<u8> {
    let kinds = match which {
        Allocations::Live => [("inuse_objects", "count"), ("inuse_space", "bytes")],
        Allocations::All => [("alloc_objects", "count"), ("alloc_space", "bytes")],
    };
    let mut profile = Builder::new(&kinds, ("space", "bytes"), whole(dump.period));
    let mut known = HashMap::new();
    for stack in &dump.stacks {
        let count = match which {
            Allocations::Live => stack.live,
            Allocations::All => stack.all,
        };
        let Count { objects, bytes } = count.scaled(dump.period);
        if bytes > 0.0 {
            let places = stack.addresses.iter().map(|address| {
                *known.entry(*address).or_insert_with(|| profile.place(resolve(*address)))
            });
            let places = places.collect();
            profile.sample(places, vec![whole(objects), whole(bytes)], "");
        }
    }
    profile.finish()
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "a cast of a float stops at the ends of what fits"
)]
fn whole(number: f64) -> i64 {
    number.round() as i64
}

/// The functions at the call before an address to which it returns.
fn resolve(returns: u64) -> Vec<Frame> {
    let mut frames = Vec::new();
    let Ok(address) = usize::try_from(returns.saturating_sub(1)) else { return frames };
    backtrace::resolve(std::ptr::without_provenance_mut(address), |symbol| {
        let function =
            symbol.name().map_or_else(|| format!("{returns:#x}"), |name| format!("{name:#}"));
        let file =
            symbol.filename().map(|file| file.to_string_lossy().into_owned()).unwrap_or_default();
        frames.push(Frame { function, file, line: symbol.lineno().unwrap_or_default() });
    });
    if frames.is_empty() {
        frames.push(Frame { function: format!("{returns:#x}"), file: String::new(), line: 0 });
    }
    frames
}

#[cfg(test)]
mod tests;
