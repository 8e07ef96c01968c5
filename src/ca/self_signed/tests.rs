use super::*;
use crate::ca::Origin;
use crate::ca::fixture::{self, now};
use crate::ca::material::{self, Found};
use crate::ca::request::Request;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn recipe(days: u32) -> Recipe {
    Recipe {
        organization: "cluster.local".to_owned(),
        lifetime: DAY * days,
        bits: 2048,
        grace_percent: 20,
    }
}

fn issuer(files: &Files) -> Issuer {
    match material::read(Origin::SelfSigned, files) {
        Found::Issuer(issuer) => *issuer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_root_is_renewed_with_its_key_in_the_last_part_of_its_life() {
    let (recipe, start) = (recipe(100), now());
    let first = issuer(&recipe.make(start).unwrap());
    assert_eq!(first.certificate.subject_text(), "O=cluster.local");
    assert!(first.certificate.is_self_signed());
    for (day, due) in [(0, false), (79, false), (81, true), (200, true)] {
        let then = start + DAY * day;
        assert_eq!(recipe.is_due(&first.certificate, then), due, "{day}");
    }
    let second = issuer(&recipe.renew(&first, start + DAY * 81).unwrap());
    assert_eq!(second.certificate.public_key, first.certificate.public_key);
    assert_eq!(second.certificate.subject, first.certificate.subject);
    assert_ne!(second.certificate, first.certificate);
    assert_eq!(second.certificate.not_after, start + DAY * 181);
    // What one signed is verified with the other.
    let request = Request::parse(&fixture::request(&rcgen::PKCS_ED25519)).unwrap();
    let leaf = first.issue(&request.public_key, &["spiffe://td/ns/a/sa/b"], DAY, start).unwrap();
    let leaf = Certificate::all(&leaf.chain[0]).unwrap().remove(0);
    assert!(leaf.was_signed_by(&second.certificate));
}
