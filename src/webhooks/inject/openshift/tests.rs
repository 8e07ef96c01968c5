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
