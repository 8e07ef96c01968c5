use serde_json::json;

use super::namespaces::belonging;
use super::*;
use crate::api::LabelSelector;
use crate::api::meta::Labels;

#[test]
fn a_cluster_names_who_is_responsible() {
    for (list, want) in [("own", true), ("a,own", true), ("*", true), ("a,b", false), ("", false)] {
        assert_eq!(names(list, "own"), want, "{list:?}");
    }
    assert!(!names("owner", "own"));
}

#[test]
fn namespaces_belong_to_the_mesh_as_in_the_own_cluster() {
    let labels = |text: &str| -> Labels {
        let pairs = text.split(' ').filter_map(|pair| pair.split_once('='));
        pairs.map(|(key, value)| (key.into(), value.into())).collect()
    };
    let known: BTreeMap<Str, Labels> =
        BTreeMap::from([("a".into(), labels("mesh=yes")), ("b".into(), labels("mesh=no"))]);
    let names = |selectors: &[LabelSelector]| -> Vec<String> {
        belonging(&known, selectors).iter().map(ToString::to_string).collect()
    };
    assert_eq!(names(&[]), ["a", "b"]);
    let selector = json!({ "matchLabels": { "mesh": "yes" } });
    assert_eq!(names(&[serde_json::from_value(selector).unwrap()]), ["a"]);
}
