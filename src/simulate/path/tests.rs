use super::{Normalized, normalize, split};
use crate::proto::envoy::envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
use crate::proto::json::from_json;
use prost::Message;
use serde_json::{Value, json};

fn manager(json: Value) -> HttpConnectionManager {
    let name = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
    HttpConnectionManager::decode(from_json(name, &json).unwrap()).unwrap()
}

#[track_caller]
fn check(options: Value, path: &str, want: &str) {
    let got = normalize(&manager(options.clone()), path);
    assert_eq!(got, Normalized::Path(want.to_owned()), "{options} {path}");
}

#[test]
fn paths_are_normalized_only_where_asked() {
    check(json!({}), "/a/../b//c?x=/../", "/a/../b//c?x=/../");
    let base = || json!({ "normalize_path": true });
    check(base(), "/a/../b//c?x=/../", "/b//c?x=/../");
    check(base(), "/a/./b/..", "/a/");
    check(base(), "/../../a", "/a");
    check(base(), "/%61%2Fb%2e%2e/c%20", "/a%2Fb../c%20");
    check(base(), r"/a\b", "/a/b");
    check(base(), "/%", "/%");
    check(json!({ "merge_slashes": true }), "//a///b?c=//", "/a/b?c=//");
}

#[test]
fn encoded_slashes_are_kept_refused_or_decoded() {
    let action = |name: &str| json!({ "path_with_escaped_slashes_action": name });
    check(action("KEEP_UNCHANGED"), "/a%2fb", "/a%2fb");
    check(action("UNESCAPE_AND_FORWARD"), "/a%2fb", "/a/b");
    assert_eq!(normalize(&manager(action("REJECT_REQUEST")), "/a%5Cb"), Normalized::Refused);
    let redirect = manager(action("UNESCAPE_AND_REDIRECT"));
    assert_eq!(normalize(&redirect, "/a%2Fb"), Normalized::Redirect("/a/b".to_owned()));
    assert_eq!(normalize(&redirect, "/ab?c=%2f"), Normalized::Path("/ab?c=%2f".to_owned()));
}

#[test]
fn a_query_or_a_fragment_ends_a_path() {
    assert_eq!(split("/a?b#c"), ("/a", "?b#c"));
    assert_eq!(split("/a#c?b"), ("/a", "#c?b"));
    assert_eq!(split("/a"), ("/a", ""));
}
