//! The format of pprof: the message `perftools.profiles.Profile`, uncompressed.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prost::Message;

/// What the values of samples count, and in which unit.
pub(super) type Kind = (&'static str, &'static str);

/// A function on a stack.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) function: String,
    /// Empty where it is not known.
    pub(super) file: String,
    /// 0 where it is not known.
    pub(super) line: u32,
}

/// A profile in the making.
pub(super) struct Builder {
    profile: Profile,
    strings: HashMap<String, i64>,
    functions: HashMap<(i64, i64), u64>,
    places: HashMap<Vec<(u64, i64)>, u64>,
}

impl Builder {
    /// A profile of samples with a value of each of these kinds, one taken for each `period` of the kind `per`.
    pub(super) fn new(kinds: &[Kind], per: Kind, period: i64) -> Builder {
        let mut builder = Builder {
            profile: Profile::default(),
            strings: HashMap::new(),
            functions: HashMap::new(),
            places: HashMap::new(),
        };
        // The first string must be the empty one.
        builder.string(String::new());
        let kinds = kinds.iter().map(|kind| builder.kind(*kind)).collect();
        builder.profile.sample_type = kinds;
        builder.profile.period_type = Some(builder.kind(per));
        builder.profile.period = period;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        builder.profile.time_nanos = nanoseconds(since);
        // One mapping says that names are there already: else pprof asks for the binary.
        let executable = std::env::current_exe().unwrap_or_default();
        let filename = builder.string(executable.to_string_lossy().into_owned());
        builder.profile.mapping = vec![Mapping {
            id: 1,
            filename,
            has_functions: true,
            has_filenames: true,
            has_line_numbers: true,
            has_inline_frames: true,
        }];
        builder
    }

    /// How long samples were taken.
    pub(super) fn lasted(&mut self, duration: Duration) {
        self.profile.duration_nanos = nanoseconds(duration);
    }

    /// A place in the program: its functions, the innermost of inlined ones first.
    pub(super) fn place(&mut self, frames: Vec<Frame>) -> u64 {
        let lines: Vec<_> = frames
            .into_iter()
            .map(|Frame { function, file, line }| (self.function(function, file), i64::from(line)))
            .collect();
        if let Some(id) = self.places.get(&lines) {
            return *id;
        }
        let id = following(&self.profile.location);
        let line =
            lines.iter().map(|(function_id, line)| Line { function_id: *function_id, line: *line });
        self.profile.location.push(Location { id, mapping_id: 1, line: line.collect() });
        self.places.insert(lines, id);
        id
    }

    /// A stack, its innermost place first, with a value of each kind. `thread` is empty where it is not known.
    pub(super) fn sample(&mut self, stack: Vec<u64>, values: Vec<i64>, thread: &str) {
        let label = match thread {
            "" => Vec::new(),
            name => vec![Label {
                key: self.string("thread".to_owned()),
                str: self.string(name.to_owned()),
            }],
        };
        self.profile.sample.push(Sample { location_id: stack, value: values, label });
    }

    /// Its bytes.
    pub(super) fn finish(self) -> Vec<u8> {
        self.profile.encode_to_vec()
    }

    fn kind(&mut self, (what, unit): Kind) -> ValueType {
        ValueType { r#type: self.string(what.to_owned()), unit: self.string(unit.to_owned()) }
    }

    fn function(&mut self, name: String, file: String) -> u64 {
        let (name, filename) = (self.string(name), self.string(file));
        *self.functions.entry((name, filename)).or_insert_with(|| {
            let id = following(&self.profile.function);
            self.profile.function.push(Function { id, name, system_name: name, filename });
            id
        })
    }

    fn string(&mut self, text: String) -> i64 {
        if let Some(index) = self.strings.get(&text) {
            return *index;
        }
        let index = i64::try_from(self.profile.string_table.len()).unwrap_or(i64::MAX);
        self.profile.string_table.push(text.clone());
        self.strings.insert(text, index);
        index
    }
}

/// The id of what comes next: ids count from 1.
fn following<T>(list: &[T]) -> u64 {
    list.len() as u64 + 1
}

fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

// The message, as far as we fill it. Numbers without a unit are indexes of `string_table`.

#[derive(Clone, PartialEq, Message)]
pub(super) struct Profile {
    #[prost(message, repeated, tag = "1")]
    pub(super) sample_type: Vec<ValueType>,
    #[prost(message, repeated, tag = "2")]
    pub(super) sample: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    mapping: Vec<Mapping>,
    #[prost(message, repeated, tag = "4")]
    pub(super) location: Vec<Location>,
    #[prost(message, repeated, tag = "5")]
    pub(super) function: Vec<Function>,
    #[prost(string, repeated, tag = "6")]
    pub(super) string_table: Vec<String>,
    #[prost(int64, tag = "9")]
    time_nanos: i64,
    #[prost(int64, tag = "10")]
    duration_nanos: i64,
    #[prost(message, optional, tag = "11")]
    period_type: Option<ValueType>,
    #[prost(int64, tag = "12")]
    period: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct ValueType {
    #[prost(int64, tag = "1")]
    r#type: i64,
    #[prost(int64, tag = "2")]
    unit: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Sample {
    #[prost(uint64, repeated, tag = "1")]
    pub(super) location_id: Vec<u64>,
    #[prost(int64, repeated, tag = "2")]
    pub(super) value: Vec<i64>,
    #[prost(message, repeated, tag = "3")]
    label: Vec<Label>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(int64, tag = "1")]
    key: i64,
    #[prost(int64, tag = "2")]
    str: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Mapping {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(int64, tag = "5")]
    filename: i64,
    #[prost(bool, tag = "7")]
    has_functions: bool,
    #[prost(bool, tag = "8")]
    has_filenames: bool,
    #[prost(bool, tag = "9")]
    has_line_numbers: bool,
    #[prost(bool, tag = "10")]
    has_inline_frames: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Location {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(uint64, tag = "2")]
    mapping_id: u64,
    #[prost(message, repeated, tag = "4")]
    line: Vec<Line>,
}

#[derive(Clone, PartialEq, Message)]
struct Line {
    #[prost(uint64, tag = "1")]
    function_id: u64,
    #[prost(int64, tag = "2")]
    line: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Function {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(int64, tag = "2")]
    pub(super) name: i64,
    #[prost(int64, tag = "3")]
    system_name: i64,
    #[prost(int64, tag = "4")]
    filename: i64,
}
