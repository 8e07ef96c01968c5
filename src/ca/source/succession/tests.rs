use super::*;
use crate::ca::Origin;
use crate::ca::fixture::{DAY, Pair, intermediate, now, root, root_of, self_signed};
use crate::ca::key::Key;
use crate::ca::sign::Validity;

fn under(signer: &Pair, roots: &[&Pair]) -> Issuer {
    let roots: String = roots.iter().map(|root| root.certificate.as_str()).collect();
    let parts = Parts {
        certificate: &signer.certificate,
        key: &signer.key,
        chain: "",
        roots: &roots,
        revoked: "",
    };
    Issuer::new(Origin::PluggedIn, parts).unwrap()
}

/// How one takes over from the other, in a word.
fn how(old: &Issuer, new: &Issuer) -> String {
    match succeed(old, new) {
        Ok(Succession::Same) => "same".to_owned(),
        Ok(Succession::Now) => "now".to_owned(),
        Ok(Succession::RootsFirst(meanwhile)) => {
            assert_eq!(meanwhile.certificate, old.certificate);
            assert_eq!(meanwhile.roots, new.roots);
            "roots first".to_owned()
        }
        Err(why) => why.split(':').next().unwrap().to_owned(),
    }
}

#[test]
fn nobody_is_left_with_roots_that_do_not_verify() {
    let (a, b) = (root("a", DAY), root("b", DAY));
    let (low_a, other_a, low_b) =
        (intermediate("1", &a), intermediate("2", &a), intermediate("3", &b));
    let only_a = under(&low_a, &[&a]);
    for (name, new, want) in [
        ("nothing", under(&low_a, &[&a]), "same"),
        ("another intermediate", under(&other_a, &[&a]), "now"),
        ("one more root", under(&low_a, &[&a, &b]), "now"),
        ("another root", under(&low_b, &[&b]), "its roots are others than before"),
        ("a new root that signs", under(&low_b, &[&a, &b]), "roots first"),
    ] {
        assert_eq!(how(&only_a, &new), want, "{name}");
    }
    let both = under(&low_a, &[&a, &b]);
    assert_eq!(how(&both, &under(&low_b, &[&a, &b])), "now", "the root is known");
    assert_eq!(how(&under(&low_b, &[&a, &b]), &under(&low_b, &[&b])), "now", "the old root goes");
}

#[test]
fn a_root_that_was_renewed_takes_over_at_once() {
    let key = Key::p256().unwrap();
    let first = root_of(&key, "a", Validity::starting(now(), DAY));
    let second = root_of(&key, "a", Validity::starting(now(), DAY * 2));
    assert_eq!(how(&self_signed(&first), &self_signed(&second)), "now");
    let stranger = root("a", DAY);
    let want = "its roots are others than before";
    assert_eq!(how(&self_signed(&first), &self_signed(&stranger)), want);
}
