//! Against the recordings of the real istiod, which lie at `../shared` where there are any.
//!
//! The finished scenarios are compared resource by resource, for both protocols; a stock Envoy judges them; and
//! the recorded conversations are played. The tools that do so belong to the recordings.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::daemon::Daemon;
use crate::lab::installed_envoy;
use crate::skip::skipped;

/// The scenarios that must stay identical; why others are not here yet is in COMPATIBILITY.md.
const FINISHED: &[&str] = &["01", "02", "03", "04", "05", "12", "14"];

/// The scenarios in which one thing differs on purpose, and the share of their resources that must stay identical: a set
/// without keys, for which Envoys refuse the listener that istiod sends; a service that has no EndpointSlice yet.
const BUT_FOR_ONE: [(&str, &str); 2] = [("06", "99.8"), ("07", "98.8")];

/// Those of the random configurations that are tried here; `make parity` tries all.
const RANDOM: &str = "traffic-00";

/// The steps of the recorded conversations that are answered otherwise, for the reasons in COMPATIBILITY.md.
const BETTER: &[&str] = &["delta: subscribe again what is held, step 3"];

#[test]
fn state_of_the_world() {
    compare(&[]);
}

#[test]
fn delta() {
    compare(&["--delta"]);
}

#[test]
fn accepted_by_a_stock_envoy() {
    let Some(tools) = Tools::find() else { return };
    if !tools.envoy.exists() {
        skipped(format_args!("{} is missing; `make test` installs it", tools.envoy.display()));
        return;
    }
    let envoy = tools.envoy.display().to_string();
    let but_for_one = BUT_FOR_ONE.iter().flat_map(|(scenario, _)| ["--only", *scenario]).collect();
    tools.parity("reference", &[finished(), but_for_one, vec!["--envoy", &envoy]].concat());
}

#[test]
fn random_configurations() {
    let Some(tools) = Tools::find() else { return };
    tools.parity("reference/random", &[&["--only", RANDOM], IDENTICAL].concat());
}

#[test]
fn conversations() {
    let Some(tools) = Tools::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let laid_out = tools.run(
        "parity.py",
        &[
            "--reference",
            &tools.shared("reference"),
            "--only",
            "01",
            "--lay-out",
            &folder.path().join("laid-out").display().to_string(),
        ],
    );
    let mut arguments: Vec<&str> = laid_out.split_whitespace().collect();
    arguments.extend(["--grpcAddr=127.0.0.1:0", "--monitoringAddr=", "--ctrlz_port=0"]);
    arguments.push("--log_output_level=default:info,ads:warn");
    let mut daemon = Daemon::start(&arguments);
    let grpc = daemon.address("--grpcAddr");
    daemon.until("\tready");

    let played = folder.path().join("played.json").display().to_string();
    let node = format!("{}:productpage", tools.shared("reference/nodes.yaml"));
    let target = grpc.to_string();
    tools.run("transcript.py", &["--target", &target, "--node", &node, "--out", &played]);
    let expected = tools.shared("reference/protocol/transcript.json");
    let output = tools.command("transcript.py", &["--compare", &expected, &played]);
    let printed = String::from_utf8_lossy(&output.stdout);
    let steps = printed.lines().filter(|line| line.contains(", step "));
    let differing: Vec<&str> = steps.filter_map(|line| line.split(" {").next()).collect();
    assert_eq!(differing, BETTER, "{printed}");
}

fn compare(arguments: &[&str]) {
    let Some(tools) = Tools::find() else { return };
    tools.parity("reference", &[&finished(), IDENTICAL, arguments].concat());
    for (scenario, share) in BUT_FOR_ONE {
        let nearly = ["--only", scenario, "--min", "99.5", "--min-identical", share];
        tools.parity("reference", &[&nearly, arguments].concat());
    }
}

fn finished() -> Vec<&'static str> {
    FINISHED.iter().flat_map(|scenario| ["--only", scenario]).collect()
}

/// Every resource is as recorded.
const IDENTICAL: &[&str] = &["--min", "100", "--min-identical", "100"];

/// The recordings' tools and what they need.
struct Tools {
    python: PathBuf,
    envoy: PathBuf,
    shared: PathBuf,
}

impl Tools {
    /// None, and a line that says so, where something is missing.
    fn find() -> Option<Tools> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let shared = root.join("../shared");
        if !shared.join("tools/parity.py").exists() {
            skipped("there are no recordings at ../shared");
            return None;
        }
        let bin = root.join("target/venv/bin");
        if !bin.join("python").exists() {
            skipped("target/venv is missing; `make test` makes it");
            return None;
        }
        Some(Tools { python: bin.join("python"), envoy: installed_envoy(), shared })
    }

    fn parity(&self, reference: &str, arguments: &[&str]) {
        let reference = self.shared(reference);
        let mut all = vec!["--binary", env!("CARGO_BIN_EXE_istiod"), "--reference", &reference];
        all.extend(["--show", "20"]);
        all.extend(arguments);
        self.run("parity.py", &all);
    }

    /// Runs a tool to its end, which must be a good one, and returns what it printed.
    fn run(&self, tool: &str, arguments: &[&str]) -> String {
        let output = self.command(tool, arguments);
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{tool} {arguments:?}\n{printed}{errors}");
        printed
    }

    fn command(&self, tool: &str, arguments: &[&str]) -> Output {
        let tool = self.shared.join("tools").join(tool);
        Command::new(&self.python).arg(tool).args(arguments).output().unwrap()
    }

    fn shared(&self, path: &str) -> String {
        self.shared.join(path).display().to_string()
    }
}
