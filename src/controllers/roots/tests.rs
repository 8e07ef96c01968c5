use super::*;

const KEY: &str = "root-cert.pem";

fn map(namespace: &str, roots: &str, labelled: bool) -> ConfigMap {
    let mut map = ConfigMap::default();
    map.metadata.namespace = Some(namespace.to_owned());
    map.data = Some([(KEY.to_owned(), roots.to_owned())].into());
    if labelled {
        map.metadata.labels = Some([(LABEL.0.to_owned(), LABEL.1.to_owned())].into());
    }
    map
}

#[test]
fn what_is_right_is_not_written() {
    let namespaces: BTreeSet<Str> =
        ["a", "b", "c", "d", "kube-system"].into_iter().map(Str::from).collect();
    let mut known: Known = [
        map("a", "roots", true),
        map("b", "old", true),
        map("c", "roots", false),
        map("kube-system", "roots", true),
        map("gone", "old", true),
    ]
    .iter()
    .map(|map| said(map, KEY))
    .collect();
    let words = |known: &Known| -> Vec<String> {
        let wanted = wanted(&namespaces, known, "roots");
        wanted.iter().map(|(namespace, write)| format!("{write:?} {namespace}")).collect()
    };
    assert_eq!(words(&known), ["Correct b", "Correct c", "Create d"]);
    take(WatchEvent::Modified(map("b", "roots", true)), KEY, &mut known).unwrap();
    take(WatchEvent::Deleted(map("a", "roots", true)), KEY, &mut known).unwrap();
    assert_eq!(words(&known), ["Create a", "Correct c", "Create d"]);
}

#[test]
fn where_there_is_nothing_to_say_no_config_map_is_made() {
    let namespaces: BTreeSet<Str> = ["a", "b"].into_iter().map(Str::from).collect();
    let known: Known = [said(&map("a", "a list", true), KEY)].into();
    assert_eq!(wanted(&namespaces, &known, ""), [("a".into(), Write::Correct)]);
    assert_eq!(wanted(&namespaces, &Known::new(), ""), []);
}

#[test]
fn namespaces_of_the_cluster_itself_are_left_out() {
    let mut snapshot = Snapshot::default();
    let state = |exists: bool| {
        let object = exists.then(|| Arc::new(crate::api::core::Namespace::default()));
        Arc::new(crate::snapshot::NamespaceState { object, ..Default::default() })
    };
    for (name, exists) in
        [("shop", true), ("kube-system", true), ("kube-public", true), ("imagined", false)]
    {
        Arc::make_mut(&mut snapshot.namespaces).insert(name.into(), state(exists));
    }
    let got: Vec<String> = own(&snapshot).iter().map(|name| name.to_string()).collect();
    assert_eq!(got, ["kube-system", "shop"]);
}
