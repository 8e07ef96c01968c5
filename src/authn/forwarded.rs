//! The word of a trusted gateway: the header `x-forwarded-client-cert`, as Envoy writes it.

use std::net::IpAddr;

use http::HeaderMap;

use crate::api::Str;
use crate::api::cidr::Cidr;

/// The header's name.
const HEADER: &str = "x-forwarded-client-cert";

/// The longest header that is read.
const MAX_HEADER: usize = 16 * 1024;

/// The identities that a gateway forwards, if it is trusted to.
pub fn identities(trusted: &[Cidr], peer: IpAddr, headers: &HeaderMap) -> Result<Vec<Str>, String> {
    let peer = peer.to_canonical();
    if !peer.is_loopback() && !trusted.iter().any(|range| range.contains(peer)) {
        return Err(format!("{peer} is not trusted to forward it (TRUSTED_GATEWAY_CIDR)"));
    }
    let value = headers.get(HEADER).ok_or("there is no such header")?;
    let text = value.to_str().map_err(|_| "the header is no text")?;
    if text.len() > MAX_HEADER {
        return Err(format!("a header of {} bytes; {MAX_HEADER} are allowed", text.len()));
    }
    let found: Vec<Str> = elements(text).filter_map(identity).collect();
    if found.is_empty() {
        return Err("no URI, DNS or Subject is forwarded".to_owned());
    }
    Ok(found)
}

/// The key and value of each part of each certificate.
fn elements(text: &str) -> impl Iterator<Item = (String, String)> {
    let mut parts = Vec::new();
    let (mut part, mut quoted, mut escaped) = (String::new(), false, false);
    for c in text.chars() {
        match c {
            _ if escaped => {
                escaped = false;
                part.push(c);
            }
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' | ';' if !quoted => parts.push(std::mem::take(&mut part)),
            _ => part.push(c),
        }
    }
    parts.push(part);
    parts.into_iter().filter_map(|part| {
        let (key, value) = part.split_once('=')?;
        Some((key.trim().to_ascii_lowercase(), value.trim().to_owned()))
    })
}

fn identity((key, value): (String, String)) -> Option<Str> {
    let found = match key.as_str() {
        "uri" | "dns" => value,
        "subject" => {
            let mut parts = value.split([',', '/']);
            parts.find_map(|part| part.trim().strip_prefix("CN=").map(str::to_owned))?
        }
        _ => return None,
    };
    (!found.is_empty()).then(|| found.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(peer: &str, header: &str) -> Result<Vec<Str>, String> {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, header.parse().unwrap());
        let trusted = [Cidr::parse("10.0.0.0/8").unwrap()];
        identities(&trusted, peer.parse().unwrap(), &headers)
    }

    #[test]
    fn what_a_trusted_gateway_forwards_is_believed() {
        for (header, want) in [
            ("By=x;Hash=00;URI=spiffe://td/ns/a/sa/b", &["spiffe://td/ns/a/sa/b"][..]),
            (
                "uri=spiffe://td/ns/a/sa/b;DNS=a.example;dns=b.example",
                &["spiffe://td/ns/a/sa/b", "a.example", "b.example"],
            ),
            ("Subject=\"CN=web, O=\\\"shop, inc\\\"\";URI=", &["web"]),
            ("URI=one,URI=two", &["one", "two"]),
        ] {
            let want: Vec<Str> = want.iter().map(|id| Str::from(*id)).collect();
            assert_eq!(found("10.1.2.3", header), Ok(want), "{header}");
        }
        assert!(found("::ffff:10.1.2.3", "URI=a").is_ok());
        assert!(found("127.0.0.1", "URI=a").is_ok());
    }

    #[test]
    fn nobody_else_is() {
        let why = found("192.168.0.1", "URI=spiffe://td/ns/a/sa/b").unwrap_err();
        assert_eq!(why, "192.168.0.1 is not trusted to forward it (TRUSTED_GATEWAY_CIDR)");
        assert!(found("10.1.2.3", "Hash=00;By=spiffe://td/ns/a/sa/b").is_err());
    }
}
