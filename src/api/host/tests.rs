use super::{by_specificity, covers, overlap, resolve};

#[test]
fn short_names_are_of_the_objects_namespace() {
    let check = |host: &str, full: &str| assert_eq!(&*resolve(host, "shop", "cluster.local"), full);
    check("web", "web.shop.svc.cluster.local");
    check("web.other", "web.other");
    check("*.com", "*.com");
    check("*", "*");
}

#[test]
fn wildcards_cover_their_suffix() {
    assert!(covers("*", "a.b"));
    assert!(covers("*", "*.b"));
    assert!(covers("*.b", "a.b"));
    assert!(covers("*.b", "*.a.b"));
    assert!(!covers("*.b", "b"));
    assert!(!covers("*.a.b", "*.b"));
    assert!(overlap("*.a.b", "*.b"));
    assert!(overlap("x.b", "*.b"));
    assert!(!overlap("*.a", "*.b"));
    assert!(covers("a.b", "a.b"));
}

#[test]
fn the_most_specific_comes_first() {
    let mut hosts = vec!["*", "*.com", "b.com", "*.b.com", "a.com", "long.com"];
    hosts.sort_by(|a, b| by_specificity(a, b));
    assert_eq!(hosts, ["long.com", "a.com", "b.com", "*.b.com", "*.com", "*"]);
}
