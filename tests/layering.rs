//! Dependencies between the bands of the source point one way: this reads every path into the crate and fails
//! on a step backwards. ARCHITECTURE.md tells why each band is where it is.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Each band and the bands that it may use, itself apart. `*` is all of them.
const ALLOWED: &[(&str, &[&str])] = &[
    // Leaves.
    ("api", &[]),
    ("metrics", &[]),
    ("proto", &[]),
    ("logging", &[]),
    ("version", &[]),
    ("backoff", &[]),
    ("profile", &[]),
    (FOR_TESTS, &[]),
    ("settings", &["api"]),
    // Objects in …
    ("sources", &["api", "metrics", "backoff"]),
    ("model", &["api"]),
    ("snapshot", &["api", "model"]),
    ("store", &["api", "model", "snapshot", "metrics"]),
    // Who comes, …
    ("authn", &["api", "model", "metrics"]),
    ("ca", &["api"]),
    // … configuration out.
    ("translate", &["api", "model", "snapshot", "proto"]),
    ("simulate", &["api", "model", "snapshot", "proto", "translate"]),
    ("serve", &["api", "authn", "ca", "model", "snapshot", "proto", "translate", "metrics"]),
    // … and back.
    ("controllers", &["api", "snapshot", "model", "metrics"]),
    // What the API server asks.
    ("webhooks", &["api", "sources", "metrics", "translate"]),
    ("admission", &["api", "ca", "metrics", "serve", "snapshot", "webhooks"]),
    // Around it.
    (
        "debug",
        &[
            "admission",
            "api",
            "model",
            "snapshot",
            "proto",
            "translate",
            "serve",
            "metrics",
            "version",
            "logging",
            "authn",
            "profile",
        ],
    ),
    // Beside an Envoy.
    ("agent", &["proto", "settings", "api", "version", "backoff"]),
    ("bootstrap", &["*"]),
    ("cli", &["*"]),
    ("main", &["*"]),
];

/// What every test may use, and nothing else.
const FOR_TESTS: &str = "skip";

/// Bands that compute: what they return depends on what they are given, and on nothing else.
const PURE: &[&str] = &["api", "model", "translate", "simulate"];

/// What a pure band may not name: clocks, files, sockets, threads, locks, and crates that have them.
const IMPURE: &[&str] = &[
    "tokio::",
    "tonic::",
    "hyper::",
    "axum::",
    "kube::",
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "Instant",
    "SystemTime",
    "Timestamp::now",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "Mutex",
    "RwLock",
    "async",
];

#[test]
fn dependencies_point_one_way() {
    let mut broken = String::new();
    for source in sources() {
        let allowed = ALLOWED.iter().find(|(band, _)| *band == source.band());
        let Some((band, allowed)) = allowed else {
            writeln!(broken, "{source}: a new band: add it to the table in tests/layering.rs")
                .unwrap();
            continue;
        };
        for (line, used) in source.uses() {
            let test = used == FOR_TESTS && source.is_test();
            let known = used == *band || allowed.contains(&"*") || allowed.contains(&used.as_str());
            if !test && !known {
                writeln!(broken, "{source}:{line}: {band} may not use {used}").unwrap();
            }
        }
    }
    assert!(broken.is_empty(), "\n{broken}");
}

#[test]
fn what_computes_has_no_clock_no_files_and_no_locks() {
    let mut broken = String::new();
    let pure = |source: &Source| PURE.contains(&source.band()) && !source.is_test();
    for source in sources().into_iter().filter(pure) {
        for (number, line) in source.code.lines().enumerate() {
            for word in IMPURE.iter().filter(|word| has_word(line, word)) {
                let band = source.band();
                writeln!(broken, "{source}:{}: {band} may not use {word}", number + 1).unwrap();
            }
        }
    }
    assert!(broken.is_empty(), "\n{broken}");
}

/// The table itself must be one way: no two bands may use each other, however far around.
#[test]
fn the_table_has_no_cycle() {
    let mut settled: BTreeSet<&str> = BTreeSet::new();
    let mut left: Vec<_> = ALLOWED.iter().filter(|(_, allowed)| !allowed.contains(&"*")).collect();
    while !left.is_empty() {
        let before = left.len();
        left.retain(|(band, allowed)| {
            let ready = allowed.iter().all(|used| settled.contains(used));
            if ready {
                settled.insert(band);
            }
            !ready
        });
        assert!(left.len() < before, "bands use each other: {left:?}");
    }
}

#[test]
fn paths_are_found_however_they_are_written() {
    for (path, code, want) in [
        ("translate.rs", "use crate::api::Str;", &["api"][..]),
        (
            "translate/a.rs",
            "use crate::{api::{Kind, Str}, model, snapshot::Snapshot as S};",
            &["api", "model", "snapshot"],
        ),
        (
            "translate/a.rs",
            "fn f() -> crate::serve::Pace { x(crate::store::y) }",
            &["serve", "store"],
        ),
        (
            "translate/a/b.rs",
            "use super::super::super::serve::X; use super::super::memo;",
            &["serve"],
        ),
        (
            "translate.rs",
            "use super::{serve::X, api}; use super::model;",
            &["serve", "api", "model"],
        ),
        ("translate.rs", "// crate::serve\n/// [`crate::cli`]\n//! crate::store", &[]),
        ("translate.rs", "pub(crate) use mycrate::serve; $crate::macros!()", &["macros"]),
        ("main.rs", "fn main() { istiod::cli::main() }", &["cli"]),
    ] {
        let source = Source::new(path.into(), code);
        let found: Vec<_> = source.uses().into_iter().map(|(_, used)| used).collect();
        assert_eq!(found, want, "{path}: {code}");
    }
}

/// One file of `src`, without comments.
struct Source {
    /// Relative to `src`.
    path: PathBuf,
    code: String,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "src/{}", self.path.display())
    }
}

impl Source {
    fn new(path: PathBuf, text: &str) -> Source {
        let uncommented = text.lines().map(|line| line.split("//").next().unwrap_or_default());
        Source { path, code: uncommented.collect::<Vec<_>>().join("\n") }
    }

    /// The first part of its path.
    fn band(&self) -> &str {
        let first = self.path.iter().next().and_then(|part| part.to_str()).unwrap_or_default();
        first.trim_end_matches(".rs")
    }

    fn is_test(&self) -> bool {
        self.path.file_name().is_some_and(|name| name == "tests.rs")
            || self.path.iter().any(|part| part == "tests")
    }

    /// How many `super::` lead out of its band.
    fn depth(&self) -> usize {
        self.path.iter().count()
    }

    /// The bands that it names, each with the line where it does.
    fn uses(&self) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        // The binary sees the library from outside.
        let root = if self.path == Path::new("main.rs") { "istiod::" } else { "crate::" };
        for root in [root, &"super::".repeat(self.depth())] {
            for (at, _) in self.code.match_indices(root) {
                let before = self.code[..at].chars().next_back();
                if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                    continue;
                }
                let line = self.code[..at].lines().count().max(1);
                let names = heads(&self.code[at + root.len()..]);
                found.extend(names.into_iter().map(|name| (line, name)));
            }
        }
        found
    }
}

/// The first names of a path: one, or those of a group such as `{a, b::{c, d}}`.
fn heads(path: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let Some(group) = path.strip_prefix('{') else {
        // An item of the crate's root, not of a band, begins with a capital.
        return Some(name(path))
            .filter(|name| name.starts_with(|c: char| c.is_lowercase()))
            .into_iter()
            .collect();
    };
    let mut names = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                names.push(name(&group[start..at]));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                names.push(name(&group[start..at]));
                start = at + 1;
            }
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// Whether a line names a word, and not a longer one; a word that ends with `::` begins a path.
fn has_word(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(part) && !line[at + word.len()..].starts_with(part))
}

/// Every file of `src` except the crate's root, which names all bands.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let relative = path.strip_prefix(&root).unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") && relative != Path::new("lib.rs")
            {
                found.push(Source::new(relative, &fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(found.len() > 20, "src/ was not read: {} files", found.len());
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}
