//! COMPATIBILITY.md is in step with the code. `UPDATE=1` writes its tables anew.

use std::fmt::Write;
use std::path::Path;

use crate::api::Kind;
use crate::cli::{DISCOVERY, definition, discovery};
use crate::settings::{self, Settings, State};

/// The kinds of which something is made.
const USED: [Kind; 17] = [
    Kind::Namespace,
    Kind::Node,
    Kind::Pod,
    Kind::Service,
    Kind::Endpoints,
    Kind::EndpointSlice,
    Kind::ConfigMap,
    Kind::DestinationRule,
    Kind::ServiceEntry,
    Kind::WorkloadEntry,
    Kind::WorkloadGroup,
    Kind::VirtualService,
    Kind::Gateway,
    Kind::Sidecar,
    Kind::PeerAuthentication,
    Kind::RequestAuthentication,
    Kind::AuthorizationPolicy,
];

#[test]
fn tables_are_in_step_with_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("COMPATIBILITY.md");
    let old = std::fs::read_to_string(&path).unwrap();
    let mut new = old.clone();
    for (name, table) in [
        ("flags", flags()),
        ("environment", environment(settings::variables())),
        ("agent flags", agent_flags()),
        ("agent environment", environment(settings::agent::variables())),
        ("kinds", kinds()),
    ] {
        new = with_table(&new, name, &table);
    }
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, new).unwrap();
    } else {
        assert!(old == new, "COMPATIBILITY.md is behind: UPDATE=1 cargo test --lib compatibility");
    }
}

/// The text with a table between its markers.
fn with_table(text: &str, name: &str, table: &str) -> String {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let (before, rest) = text.split_once(&begin).unwrap_or_else(|| panic!("{begin} is missing"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("{end} is missing"));
    format!("{before}{begin}{table}{end}{after}")
}

fn flags() -> String {
    let command = definition(&Settings::default());
    let command = command.find_subcommand(DISCOVERY).unwrap();
    let matches = command.clone().get_matches_from([DISCOVERY]);
    let mut table = String::from("| flag | default | |\n|---|---|---|\n");
    for discovery::Flag { name, value, .. } in discovery::flags(command, &matches) {
        let pending = discovery::PENDING_FLAGS.contains(&name.as_str());
        let state = if pending { "no effect yet" } else { "done" };
        writeln!(table, "| `--{name}` | {} | {state} |", code(&value)).unwrap();
    }
    table
}

/// Flags of pilot-agent's that do not exist, and why.
const NOT_THE_AGENTS: [(&str, &str); 5] = [
    ("outlierLogPath", "not yet"),
    ("profiling", "not yet"),
    ("stsPort", "different: no tokens are exchanged"),
    ("templateFile", "different: customConfigFile of ProxyConfig names a whole bootstrap"),
    ("tokenManagerPlugin", "different: no tokens are exchanged"),
];
/// Flags that pilot-agent does not have.
const OURS: [&str; 6] = ["configDir", "discoveryAddress", "envoy", "node", "proxy", "workDir"];

fn agent_flags() -> String {
    let command = definition(&Settings::default());
    let command = command.find_subcommand("agent").unwrap();
    let matches = command.clone().get_matches_from(["agent"]);
    let flags = discovery::flags(command, &matches).into_iter().map(|flag| {
        let state = if OURS.contains(&&*flag.name) { "ours" } else { "done" };
        (flag.name, code(&flag.value), state)
    });
    let missing = NOT_THE_AGENTS.map(|(name, state)| (name.to_owned(), String::new(), state));
    let mut rows: Vec<_> = flags.chain(missing).collect();
    rows.sort();
    let mut table = String::from("| flag | default | |\n|---|---|---|\n");
    for (name, value, state) in rows {
        writeln!(table, "| `--{name}` | {value} | {state} |").unwrap();
    }
    table
}

fn environment(mut variables: Vec<settings::Variable>) -> String {
    variables.sort_by_key(|variable| variable.name);
    let mut table = String::from("| variable | default | | meaning |\n|---|---|---|---|\n");
    for variable in variables {
        let state = match variable.state {
            State::Effective => "done".to_owned(),
            State::Pending => "no effect yet".to_owned(),
            State::Different(reason) => format!("different: {reason}"),
        };
        let (name, default) = (variable.name, code(&variable.default));
        writeln!(table, "| `{name}` | {default} | {state} | {} |", variable.meaning).unwrap();
    }
    table
}

fn kinds() -> String {
    let mut table = String::from("| kind | group | versions | |\n|---|---|---|---|\n");
    for kind in Kind::ALL {
        let versions: Vec<_> =
            std::iter::once(kind.version()).chain(kind.aliases().iter().copied()).collect();
        let group = if kind.group().is_empty() { "core" } else { kind.group() };
        let state = if USED.contains(kind) { "used" } else { "stored" };
        writeln!(table, "| {kind} | {group} | {} | {state} |", versions.join(", ")).unwrap();
    }
    table
}

/// A value as it is shown in a table; nothing for an empty one.
fn code(value: &str) -> String {
    if value.is_empty() { String::new() } else { format!("`{value}`") }
}
