//! The source as a whole, on text and on the recorded reference.

use std::path::{Path, PathBuf};

use super::load;
use crate::api::{Diagnostic, Object, Severity};
use crate::skip::skipped;

/// Where the recorded reference lies, if it does.
fn reference() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/reference");
    match path.is_dir() {
        true => Some(path),
        false => {
            skipped(format_args!("{} is not there", path.display()));
            None
        }
    }
}

fn errors(diagnostics: &[Diagnostic]) -> Vec<String> {
    let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error);
    errors.map(Diagnostic::to_string).collect()
}

#[test]
fn the_reference_cluster_reads_without_a_word() {
    let Some(reference) = reference() else { return };
    let (objects, diagnostics) = load(&[reference.join("cluster.yaml")]);
    assert_eq!(diagnostics, []);
    let of = |kind: fn(&Object) -> bool| objects.iter().filter(|o| kind(o)).count();
    assert_eq!(of(|o| matches!(o, Object::Service(_))), 23);
    assert_eq!(of(|o| matches!(o, Object::Pod(_))), 31);
    assert_eq!(of(|o| matches!(o, Object::EndpointSlice(_))), 21);
    assert_eq!(objects.len(), 103);
}

#[test]
fn every_reference_scenario_reads_without_an_error() {
    let Some(reference) = reference() else { return };
    for group in [reference.clone(), reference.join("random")] {
        for entry in std::fs::read_dir(group).unwrap() {
            let config = entry.unwrap().path().join("config.yaml");
            if config.exists() {
                let (_, diagnostics) = load(std::slice::from_ref(&config));
                assert_eq!(errors(&diagnostics), [""; 0], "{}", config.display());
            }
        }
    }
}

mod arbitrary {
    //! Nothing that a file may hold makes the source panic or hang, and no state of it breaks what it promises.

    use std::collections::BTreeMap;
    use std::path::PathBuf;

    use proptest::prelude::*;

    use super::super::{Content, Files, YamlState};
    use crate::api::{Batch, Change, Object, ObjectKey};
    use crate::sources::mesh;

    /// Small pieces from which nearly valid YAML is made.
    const PIECES: &[&str] = &[
        "---\n",
        "...\n",
        "- ",
        "? ",
        ": ",
        ", ",
        "{",
        "}",
        "[",
        "]",
        "&a ",
        "*a",
        "<<: *a\n",
        "!t ",
        "|\n",
        ">-\n",
        "\"",
        "'",
        "#",
        "%YAML 1.2\n",
        "\n",
        "  ",
        "\t",
        "\u{feff}",
        "\u{2028}",
        "é",
        "0x1f",
        ".inf",
        "~",
        "apiVersion: v1\n",
        "apiVersion: networking.istio.io/v1\n",
        "kind: Service\n",
        "kind: Pod\n",
        "kind: List\n",
        "kind: PodList\n",
        "items:\n",
        "metadata: {name: a}\n",
        "metadata:\n  name: b\n",
        "spec:\n",
        "  ports:\n",
        "  - port: 80\n",
        "  - {port: 99999999999999999999}\n",
        "status: {podIP: 1.2.3}\n",
        "mesh: a\n",
    ];

    fn nearly_yaml() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            8 => prop::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..4),
        ];
        prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
    }

    /// A sound file in which some bytes are replaced, left out or doubled.
    fn mutated() -> impl Strategy<Value = Vec<u8>> {
        const SOUND: &str = "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  labels: &l {app: a}\nspec:\n  selector: *l\n  \
            ports:\n  - port: 80\n    name: http\n  clusterIPs: [10.0.0.1, 'fd00::1']\n---\napiVersion: v1\nkind: List\nitems:\n\
            - apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: istio}\n  data:\n    mesh: |\n      trustDomain: a\n";
        let mutation = (0..SOUND.len(), any::<u8>(), 0..3u8);
        prop::collection::vec(mutation, 1..8).prop_map(|mutations| {
            let mut bytes = SOUND.as_bytes().to_vec();
            for (at, byte, how) in mutations {
                let at = at.min(bytes.len().saturating_sub(1));
                match how {
                    0 => bytes[at] = byte,
                    1 => drop(bytes.remove(at)),
                    _ => bytes.insert(at, bytes[at]),
                }
            }
            bytes
        })
    }

    fn content() -> impl Strategy<Value = Content> {
        prop_oneof![
            4 => nearly_yaml().prop_map(|bytes| Content::Bytes(bytes.into())),
            3 => mutated().prop_map(|bytes| Content::Bytes(bytes.into())),
            1 => prop::collection::vec(any::<u8>(), 0..300).prop_map(|bytes| Content::Bytes(bytes.into())),
            1 => Just(Content::Unreadable("no".to_owned())),
            1 => Just(Content::Unchanged),
        ]
    }

    fn files() -> impl Strategy<Value = Files> {
        let name = prop::sample::select(&["a.yaml", "b.json", "c/d.yml"][..]);
        prop::collection::btree_map(name.prop_map(PathBuf::from), content(), 0..4)
    }

    fn replay(into: &mut BTreeMap<ObjectKey, Object>, batch: Batch) {
        for change in batch.changes {
            match change {
                Change::Apply(object) => {
                    assert_ne!(into.insert(object.key(), object.clone()), Some(object))
                }
                Change::Remove(key) => assert!(into.remove(&key).is_some()),
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

        #[test]
        fn batches_add_up_to_the_objects_whatever_the_files_hold(steps in prop::collection::vec(files(), 1..4)) {
            let mut state = YamlState::default();
            let mut told = BTreeMap::new();
            for files in steps {
                let again = files.clone();
                let (batch, _) = state.apply(files);
                replay(&mut told, batch);
                prop_assert_eq!(&told, state.objects());
                prop_assert_eq!(state.apply(again).0, Batch::default());
            }
        }

        #[test]
        fn no_mesh_configuration_makes_it_panic(bytes in nearly_yaml()) {
            let text = String::from_utf8_lossy(&bytes);
            let _any_answer_will_do = mesh::parse(&text);
        }
    }
}
