use super::*;

#[test]
fn the_last_of_the_namespaces_range_is_the_proxys() {
    let of = |annotations: &[(&str, &str)]| {
        let annotations =
            annotations.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        ids(Some(&annotations.collect()))
    };
    assert_eq!(ids(None), (1337, 1337));
    assert_eq!(of(&[]), (1337, 1337));
    assert_eq!(of(&[(USERS, "1000/10")]), (1009, 1009));
    assert_eq!(of(&[(USERS, "1000-2000"), (GROUPS, "5/2,9/1")]), (2000, 6));
    assert_eq!(of(&[(USERS, "x"), (GROUPS, "5")]), (1337, 1337));
}

#[test]
fn a_proxy_keeps_a_user_of_its_own_only() {
    let released = |proxy: i64| {
        let mut pod = serde_json::json!({"spec": {
            "containers": [{"name": "app", "securityContext": {"runAsUser": 7}}],
            "initContainers": [
                {"name": PROXY, "securityContext": {"runAsUser": proxy, "runAsGroup": 1, "privileged": false}},
                {"name": "istio-init", "securityContext": {"runAsUser": 0}},
            ],
        }});
        release_proxy(&mut pod);
        pod["spec"]["initContainers"][0]["securityContext"].as_object().unwrap().len()
    };
    assert_eq!((released(7), released(8)), (1, 3));
}
