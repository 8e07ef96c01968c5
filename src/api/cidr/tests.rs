use super::Cidr;

#[test]
fn a_range_contains_what_begins_with_its_bits() {
    let check = |range: &str, ip: &str, want: bool| {
        let range = Cidr::parse(range).unwrap();
        assert_eq!(range.contains(ip.parse().unwrap()), want, "{range:?} {ip}");
    };
    check("10.0.0.0/8", "10.255.0.1", true);
    check("10.0.0.0/8", "11.0.0.1", false);
    check("10.9.9.9/8", "10.0.0.1", true);
    check("0.0.0.0/0", "192.0.2.1", true);
    check("0.0.0.0/0", "2001:db8::1", false);
    check("10.0.0.1/32", "10.0.0.1", true);
    check("10.0.0.1/32", "10.0.0.2", false);
    check("2001:db8::/32", "2001:db8:1::1", true);
    check("2001:db8::/32", "2001:db9::1", false);
    check("::/0", "2001:db9::1", true);
}

#[test]
fn what_is_no_range() {
    for text in ["", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/+8", "::/129", "host/8"] {
        assert_eq!(Cidr::parse(text), None, "{text:?}");
    }
}
