use super::*;

#[test]
fn paths_set_variables() {
    for (path, want) in [
        ("/inject", &[][..]),
        ("/inject/", &[]),
        (
            "/inject/cluster/c1/net/n1/",
            &[("ISTIO_META_CLUSTER_ID", "c1"), ("ISTIO_META_NETWORK", "n1")],
        ),
        ("/inject/foo/a--slash--b/odd", &[("FOO", "a/b")]),
        (
            "/inject/:ENV:cluster=c/1:ENV:foo=:ENV:=x:ENV:bad",
            &[("FOO", ""), ("ISTIO_META_CLUSTER_ID", "c/1")],
        ),
    ] {
        let want = want.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        assert_eq!(environment(path), want.collect(), "{path}");
    }
}
