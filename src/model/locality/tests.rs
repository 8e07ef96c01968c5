use super::*;

fn check(text: &str, region: &str, zone: &str, subzone: &str) {
    let got = Locality::parse(text);
    assert_eq!((&*got.region, &*got.zone, &*got.subzone), (region, zone, subzone), "{text:?}");
}

#[test]
fn parses_slashes_and_dots() {
    check("", "", "", "");
    check("r", "r", "", "");
    check("r/z", "r", "z", "");
    check("r/z/s", "r", "z", "s");
    check("r/z/s/t", "r", "z", "s");
    check("r.z.s", "r", "z", "s");
    check("r.1/z.2", "r.1", "z.2", "");
}

#[test]
fn knows_when_nothing_is_known() {
    assert!(Locality::parse("").is_empty());
    assert!(!Locality::parse("//s").is_empty());
}

#[test]
fn a_locality_is_the_same_only_in_the_same_words() {
    assert_eq!(Locality::parse("r.z.s"), Locality::of("r", "z", "s"));
    assert_eq!(Locality::parse("r/z/"), Locality::of("r", "z", ""));
    assert_ne!(Locality::parse("r/z"), Locality::of("r", "z", ""));
    assert_eq!(Locality::default(), Locality::of("", "", ""));
    assert!(Locality::parse("r/z") < Locality::of("r", "z", ""));
}
