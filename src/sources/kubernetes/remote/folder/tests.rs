use super::*;

fn kubeconfig(current: &str, contexts: &[(&str, &str)], clusters: &[&str]) -> String {
    let contexts = contexts.iter().map(|(name, cluster)| {
        format!("{{name: {name}, context: {{cluster: '{cluster}', user: u}}}}")
    });
    let clusters =
        clusters.iter().map(|name| format!("{{name: {name}, cluster: {{server: 'https://a'}}}}"));
    let (contexts, clusters): (Vec<_>, Vec<_>) = (contexts.collect(), clusters.collect());
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: '{current}'\ncontexts: [{}]\nclusters: [{}]\nusers: []\n",
        contexts.join(", "),
        clusters.join(", ")
    )
}

#[test]
fn a_kubeconfig_says_which_cluster_it_is_of() {
    let of = |text: String| cluster(&Kubeconfig::from_yaml(&text).unwrap());
    let contexts = [("b", "two"), ("a", "one")];
    assert_eq!(of(kubeconfig("b", &contexts, &["x"])), Some("two".into()));
    assert_eq!(of(kubeconfig("gone", &contexts, &["x"])), Some("one".into()));
    assert_eq!(of(kubeconfig("", &[("a", "")], &["z", "y"])), Some("y".into()));
    assert_eq!(of(kubeconfig("", &[], &[])), None);
}

#[test]
fn files_come_change_and_go() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, cluster: &str| {
        let text = kubeconfig("c", &[("c", cluster)], &[cluster]);
        std::fs::write(folder.path().join(name), text).unwrap();
    };
    write("east.yaml", "east");
    std::fs::create_dir(folder.path().join("more")).unwrap();
    write("more/west.yml", "west");
    std::fs::write(folder.path().join("notes.txt"), "no kubeconfig").unwrap();
    std::fs::write(folder.path().join("broken.yaml"), "a: [").unwrap();
    let namespace: Str = "istio-system".into();
    let (first, wrong) = look(folder.path());
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    let told: Vec<_> = changes(&Read::new(), &first, &namespace).iter().map(clusters).collect();
    assert_eq!(told, ["east", "west"]);
    write("east.yaml", "north");
    std::fs::remove_file(folder.path().join("more/west.yml")).unwrap();
    let (second, _) = look(folder.path());
    let told: Vec<_> = changes(&first, &second, &namespace).iter().map(clusters).collect();
    assert_eq!(told, ["gone", "north"]);
    assert!(changes(&second, &second, &namespace).is_empty());
}

fn clusters(change: &Change) -> String {
    match change {
        Change::Apply(Object::Secret(secret)) if Secret::tells_of_clusters(&secret.meta) => {
            secret.data.keys().map(|id| id.to_string()).collect()
        }
        Change::Apply(_) => panic!("another object"),
        Change::Remove(_) => "gone".to_owned(),
    }
}
