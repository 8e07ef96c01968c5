//! Where lines go.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::str::FromStr;

use super::StartError;

/// One place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A file, appended to.
    File(PathBuf),
}

impl FromStr for Target {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Target, Infallible> {
        Ok(match text {
            "stdout" => Target::Stdout,
            "stderr" => Target::Stderr,
            path => Target::File(path.into()),
        })
    }
}

/// All places, open. A line is one `write`: the streams are locked by the standard library, and a file is
/// opened for appending, so that lines of several threads do not mix.
pub(super) struct Sinks(Vec<Sink>);

enum Sink {
    Stdout,
    Stderr,
    File(File),
}

impl Sinks {
    pub(super) fn open(targets: &[Target]) -> Result<Sinks, StartError> {
        let open = |target: &Target| match target {
            Target::Stdout => Ok(Sink::Stdout),
            Target::Stderr => Ok(Sink::Stderr),
            Target::File(path) => match File::options().append(true).create(true).open(path) {
                Ok(file) => Ok(Sink::File(file)),
                Err(error) => Err(StartError::Target { path: path.clone(), error }),
            },
        };
        Ok(Sinks(targets.iter().map(open).collect::<Result<_, _>>()?))
    }

    /// Writes a line everywhere. An error has nowhere to be told and must not stop the process: a full disk
    /// costs the log, not the mesh.
    pub(super) fn write(&self, line: &[u8]) {
        for sink in &self.0 {
            let _ = match sink {
                Sink::Stdout => io::stdout().lock().write_all(line),
                Sink::Stderr => io::stderr().lock().write_all(line),
                Sink::File(file) => (&*file).write_all(line),
            };
        }
    }
}
