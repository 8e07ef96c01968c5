use super::*;
use crate::store::ClusterRef;
use crate::store::fixtures::labels;

fn id(namespace: &str, name: &str) -> Id {
    ClusterRef::OWN.id(&namespace.into(), &name.into())
}

fn candidates(selectors: &Selectors, namespace: &str, words: &str) -> Vec<String> {
    let labels = labels(words);
    let namespace = namespace.into();
    let mut names: Vec<String> =
        selectors.candidates(&namespace, &labels).map(|name| name.to_string()).collect();
    names.sort();
    names
}

#[test]
fn finds_what_may_select() {
    let mut selectors = Selectors::default();
    selectors.insert(&id("a", "web"), &labels("app=web"));
    selectors.insert(&id("a", "web-v1"), &labels("app=web version=v1"));
    selectors.insert(&id("a", "nothing"), &labels(""));
    selectors.insert(&id("b", "web"), &labels("app=web"));
    assert_eq!(candidates(&selectors, "a", "app=web version=v2"), ["web", "web-v1"]);
    assert_eq!(candidates(&selectors, "a", "app=other"), [""; 0]);
    assert_eq!(candidates(&selectors, "b", "app=web"), ["web"]);

    selectors.remove(&id("a", "web"), &labels("app=web"));
    selectors.remove(&id("a", "web-v1"), &labels("app=web version=v1"));
    selectors.remove(&id("b", "web"), &labels("app=web"));
    assert!(selectors.filed.is_empty());
}

#[test]
fn every_label_must_match() {
    for (selector, pod, want) in [
        ("app=web", "app=web version=v1", true),
        ("app=web version=v1", "app=web", false),
        ("app=web", "app=web2", false),
        ("", "app=web", false),
    ] {
        assert_eq!(selects(&labels(selector), &labels(pod)), want, "{selector:?} of {pod:?}");
    }
}
