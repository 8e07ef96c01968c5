use super::*;

fn check(text: &str, region: &str, zone: &str, subzone: &str) {
    let want = Locality { region: region.into(), zone: zone.into(), subzone: subzone.into() };
    assert_eq!(Locality::parse(text), want, "{text:?}");
}

#[test]
fn parses_slashes_and_dots() {
    check("", "", "", "");
    check("r", "r", "", "");
    check("r/z", "r", "z", "");
    check("r/z/s", "r", "z", "s");
    check("r/z/s/t", "r", "z", "s/t");
    check("r.z.s", "r", "z", "s");
    check("r.1/z.2", "r.1", "z.2", "");
}

#[test]
fn knows_when_nothing_is_known() {
    assert!(Locality::parse("").is_empty());
    assert!(!Locality::parse("//s").is_empty());
}
