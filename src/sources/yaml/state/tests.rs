use std::path::PathBuf;

use super::super::scan::{Content, Files};
use super::YamlState;
use crate::api::Change;

/// A service of one port.
fn service(name: &str, port: u32) -> String {
    format!(
        "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{ports: [{{port: {port}}}]}}\n"
    )
}

struct Directory {
    state: YamlState,
    files: Files,
}

impl Directory {
    fn new() -> Directory {
        Directory { state: YamlState::default(), files: Files::new() }
    }

    /// Writes a file, and says what changed and what is wrong.
    fn write(&mut self, name: &str, text: &str) -> (Vec<String>, Vec<String>) {
        self.set(name, Content::Bytes(text.as_bytes().into()))
    }

    fn set(&mut self, name: &str, content: Content) -> (Vec<String>, Vec<String>) {
        self.files.insert(PathBuf::from(name), content);
        self.apply()
    }

    fn delete(&mut self, name: &str) -> (Vec<String>, Vec<String>) {
        self.files.remove(&PathBuf::from(name));
        self.apply()
    }

    fn apply(&mut self) -> (Vec<String>, Vec<String>) {
        let (batch, diagnostics) = self.state.apply(self.files.clone());
        assert!(!batch.synced);
        let changes = batch.changes.iter().map(|change| match change {
            Change::Apply(object) => format!("+{}", object.meta().name),
            Change::Remove(key) => format!("-{}", key.name),
        });
        (changes.collect(), diagnostics.iter().map(ToString::to_string).collect())
    }

    /// The ports of the services that count, by name.
    fn ports(&self) -> Vec<(String, u16)> {
        let services = self.state.objects().values().filter_map(|object| match object {
            crate::api::Object::Service(s) => Some((s.meta.name.to_string(), s.ports[0].port)),
            _ => None,
        });
        services.collect()
    }
}

fn nothing() -> Vec<String> {
    Vec::new()
}

#[test]
fn only_what_differs_is_a_change() {
    let mut dir = Directory::new();
    let two = service("a", 1) + &service("b", 2);
    assert_eq!(dir.write("x.yaml", &two), (vec!["+a".to_owned(), "+b".to_owned()], nothing()));
    assert_eq!(dir.apply(), (nothing(), nothing()));
    assert_eq!(dir.write("x.yaml", &format!("# said differently\n{two}")), (nothing(), nothing()));
    let (changes, _) = dir.write("x.yaml", &(service("b", 3) + &service("c", 4)));
    assert_eq!(changes, ["-a", "+b", "+c"]);
    // The same object from another file is no change either.
    dir.files.insert(PathBuf::from("y.yaml"), Content::Bytes(service("c", 4).into_bytes().into()));
    assert_eq!(dir.write("x.yaml", &service("b", 3)), (nothing(), nothing()));
    assert_eq!(dir.set("y.yaml", Content::Unchanged), (nothing(), nothing()));
    assert_eq!(dir.delete("y.yaml").0, ["-c"]);
}

#[test]
fn the_later_document_wins_and_both_hear_of_it() {
    let mut dir = Directory::new();
    dir.write("b/x.yaml", &service("a", 2));
    let (changes, diagnostics) = dir.write("a.yaml", &(service("a", 1) + &service("a", 9)));
    assert_eq!(changes, nothing());
    assert_eq!(
        diagnostics,
        [
            "warning: a.yaml:2: Service default/a: has no effect: a.yaml:7 defines it too, and the later wins",
            "warning: a.yaml:7: Service default/a: a.yaml:2 defines it too, without effect: remove one of them",
            "warning: a.yaml:7: Service default/a: has no effect: b/x.yaml:2 defines it too, and the later wins",
            "warning: b/x.yaml:2: Service default/a: a.yaml:7 defines it too, without effect: remove one of them",
        ]
    );
    assert_eq!(dir.ports(), [("a".to_owned(), 2)]);
    dir.delete("b/x.yaml");
    assert_eq!(dir.ports(), [("a".to_owned(), 9)]);
}

#[test]
fn the_last_good_version_of_a_known_object_stays() {
    let mut dir = Directory::new();
    dir.write("x.yaml", &(service("a", 1) + &service("b", 2)));
    let (changes, diagnostics) = dir.write("x.yaml", &(service("a", 70000) + &service("b", 3)));
    assert_eq!(changes, ["+b"]);
    assert_eq!(
        diagnostics,
        ["error: x.yaml:5: Service default/a: spec.ports[0].port: 70000 is no port: \
          give one from 1 to 65535; its last good version stays in use"]
    );
    // Still broken, in another way: the good version is still there.
    assert_eq!(dir.write("x.yaml", &service("a", 70001)).0, ["-b"]);
    assert_eq!(dir.ports(), [("a".to_owned(), 1)]);
    // Another file may define it meanwhile, and wins whatever its name.
    assert_eq!(dir.write("w.yaml", &service("a", 5)).0, ["+a"]);
    assert_eq!(dir.delete("w.yaml").0, ["+a"]);
    // Taken out of the file, it goes.
    assert_eq!(dir.write("x.yaml", "# empty\n"), (vec!["-a".to_owned()], nothing()));
}

#[test]
fn what_cannot_be_told_apart_stays_altogether() {
    let mut dir = Directory::new();
    dir.write("x.yaml", &(service("a", 1) + &service("b", 2) + &service("c", 3)));
    let broken = service("a", 4) + "---\nkind: [\n";
    let (changes, diagnostics) = dir.write("x.yaml", &broken);
    assert_eq!(changes, ["+a"]);
    assert_eq!(diagnostics.len(), 1);
    let kept = "; what the file gave before stays in use: Service default/b, Service default/c";
    assert!(diagnostics[0].ends_with(kept), "{}", diagnostics[0]);
    let unreadable = Content::Unreadable("cannot be read: no".to_owned());
    let (changes, diagnostics) = dir.set("x.yaml", unreadable);
    assert_eq!(changes, nothing());
    assert!(
        diagnostics[0].starts_with("error: x.yaml: cannot be read: no; what"),
        "{}",
        diagnostics[0]
    );
    // The same bytes are read again after that.
    assert_eq!(dir.write("x.yaml", &service("a", 4)).0, ["-b", "-c"]);
    // Deleting the file removes what was kept, too.
    dir.write("x.yaml", "[");
    assert_eq!(dir.delete("x.yaml"), (vec!["-a".to_owned()], nothing()));
}

#[test]
fn an_object_of_a_broken_file_may_move_to_another() {
    let mut dir = Directory::new();
    dir.write("b.yaml", &service("a", 1));
    dir.write("b.yaml", "[");
    let (changes, diagnostics) = dir.write("a.yaml", &service("a", 2));
    assert_eq!((changes, diagnostics.len()), (vec!["+a".to_owned()], 1));
    assert_eq!(dir.ports(), [("a".to_owned(), 2)]);
}

#[test]
fn a_flood_of_diagnostics_is_summed_up() {
    let mut dir = Directory::new();
    let broken: String = (0..500).map(|i| service(&format!("s{i}"), 70000)).collect();
    let (_, diagnostics) = dir.write("x.yaml", &broken);
    assert_eq!(diagnostics.len(), 201);
    assert_eq!(diagnostics[200], "error: 300 more diagnostics: mend those above to see them");
}

#[test]
fn what_does_not_fit_is_refused_until_there_is_room() {
    let mut dir = Directory::new();
    dir.state.limit = 2;
    let (changes, diagnostics) =
        dir.write("x.yaml", &(service("a", 1) + &service("b", 1) + &service("c", 1)));
    assert_eq!(changes, ["+a", "+b"]);
    let wrong = "error: x.yaml:12: Service default/c: more than 2 objects: 1 are not used, this is the first";
    assert_eq!(diagnostics, [wrong]);
    // What is there may still change.
    assert_eq!(dir.write("y.yaml", &service("b", 2)).0, ["+b"]);
    let (changes, diagnostics) = dir.write("x.yaml", &(service("b", 1) + &service("c", 1)));
    assert_eq!((changes.join(" "), diagnostics.len()), ("-a +c".to_owned(), 2));
}
