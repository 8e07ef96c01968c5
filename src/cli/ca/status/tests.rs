use std::time::Duration;

use super::*;
use crate::ca::fixture::{DAY, intermediate, now, revocations, root, self_signed};
use crate::ca::issuer::Parts;

#[test]
fn chain_ends_and_what_is_due_are_told() {
    let own = self_signed(&root("cluster.local", DAY * 100));
    let text = describe("dir", &own, 20, now());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "dir (self-signed)");
    assert!(
        lines[1].starts_with("signs        ") && lines[1].ends_with("(100 days left)"),
        "{text}"
    );
    assert!(lines[1].contains(" O=cluster.local, until "), "{text}");
    assert!(lines[2].starts_with("root         "), "{text}");
    let due = own.certificate.not_after - SignedDuration::from_hours(24 * 20);
    assert!(lines[3].contains("the control plane renews the root, with its key, from"), "{text}");
    assert!(lines[3].contains(&due.to_string()[..10]), "{text}");

    let top = root("top", DAY * 10);
    let low = intermediate("low", &top);
    let parts = Parts {
        certificate: &low.certificate,
        key: &low.key,
        chain: &format!("{}{}", low.certificate, top.certificate),
        roots: &top.certificate,
        revoked: &format!("{}{}", revocations(&low, &[]), revocations(&top, &[&[1]])),
    };
    let plugged = Issuer::new(Origin::PluggedIn, parts).unwrap();
    for (later, want) in
        [(0, None), (9, Some("replace ")), (11, Some(" has expired: replace it now"))]
    {
        let text = describe("dir", &plugged, 20, now() + Duration::from_secs(86400) * later);
        assert!(text.starts_with("dir (plugged in)\nsigns"), "{text}");
        assert!(text.contains("\nrevoked      there is a list\n"), "{text}");
        assert_eq!(text.lines().find(|line| line.starts_with("due")).is_some(), want.is_some());
        assert!(want.is_none_or(|want| text.contains(want)), "{text}");
    }
}
