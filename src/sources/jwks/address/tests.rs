use proptest::prelude::*;

use super::*;

fn cidrs(list: &[&str]) -> Vec<Cidr> {
    list.iter().map(|text| Cidr::parse(text).unwrap()).collect()
}

fn allows(addresses: &Addresses, ip: &str) -> bool {
    addresses.check(ip.parse().unwrap()).is_ok()
}

#[test]
fn blocks_are_well_written() {
    for (block, _) in NEVER {
        assert!(Cidr::parse(block).is_some(), "{block}");
    }
}

/// GHSA-fgw5-hp8f-xfhc, and every way to write such an address.
#[test]
fn what_is_never_an_issuer() {
    let addresses = Addresses::default();
    for ip in [
        "127.0.0.1",
        "127.255.0.9",
        "0.0.0.0",
        "0.1.2.3",
        "169.254.169.254",
        "169.254.170.2",
        "100.100.100.200",
        "168.63.129.16",
        "224.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "ff02::1",
        "fd00:ec2::254",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::169.254.169.254",
        "2002:a9fe:a9fe::1",
    ] {
        assert!(!allows(&addresses, ip), "{ip}");
    }
    for ip in [
        "10.0.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "8.8.8.8",
        "fd00::1",
        "2001:db8::1",
        "::ffff:10.0.0.1",
    ] {
        assert!(allows(&addresses, ip), "{ip}");
    }
}

#[test]
fn the_operator_decides() {
    let addresses = Addresses::new(
        cidrs(&["10.0.0.0/8", "127.0.0.2/32", "2001:db8::/32"]),
        cidrs(&["127.0.0.0/8", "10.1.0.0/16", "fe80::/10"]),
    );
    for ip in ["127.0.0.1", "::ffff:127.0.0.1", "fe80::1", "11.0.0.1"] {
        assert!(allows(&addresses, ip), "{ip}");
    }
    for ip in [
        "10.0.0.1",
        "10.1.0.1",
        "127.0.0.2",
        "::ffff:10.0.0.1",
        "2001:db8::1",
        "169.254.1.1",
        "::1",
    ] {
        assert!(!allows(&addresses, ip), "{ip}");
    }
}

proptest! {
    /// An address of IPv6 that leads to one of IPv4 is refused if that one is.
    #[test]
    fn no_way_around(ip in any::<u32>().prop_map(Ipv4Addr::from_bits)) {
        let addresses = Addresses::new(cidrs(&["10.0.0.0/8"]), []);
        let [a, b, c, d] = ip.octets();
        let refused = addresses.check(ip.into()).is_err();
        for text in [
            format!("::ffff:{ip}"),
            format!("64:ff9b::{ip}"),
            format!("2002:{a:02x}{b:02x}:{c:02x}{d:02x}::5"),
        ] {
            prop_assert_eq!(addresses.check(text.parse().unwrap()).is_err(), refused, "{}", text);
        }
    }
}
