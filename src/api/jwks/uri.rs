//! The addresses of documents: `http://HOST[:PORT]/PATH` and the same with https.

use std::net::{IpAddr, Ipv6Addr};

/// An address that HTTP can fetch. Credentials in it are refused: they would be seen wherever the address is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpUri {
    /// It is https.
    pub tls: bool,
    /// The host, without the brackets of an IPv6 address.
    pub host: String,
    /// The port; that of the scheme where none is named.
    pub port: u16,
}

impl HttpUri {
    /// Reads an address. The error says what is wrong and how to mend it.
    pub fn parse(text: &str) -> Result<HttpUri, String> {
        if let Some(c) = text.chars().find(|c| c.is_control() || *c == ' ' || *c == '\\') {
            return Err(format!("{text:?} is no URL: it has a {c:?}"));
        }
        let (scheme, rest) = text.split_once("://").unwrap_or((text, ""));
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => {
                return Err(format!("{text:?} has no supported scheme: write https:// or http://"));
            }
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(format!("{text:?} has credentials before the host: remove them"));
        }
        let (host, port) = host_and_port(authority)
            .ok_or_else(|| format!("{text:?} has no usable host and port: write HOST[:PORT]"))?;
        let port = match port {
            None | Some("") => {
                if tls {
                    443
                } else {
                    80
                }
            }
            Some(port) => port.parse().map_err(|_| format!("{port:?} in {text:?} is no port"))?,
        };
        Ok(HttpUri { tls, host: host.to_owned(), port })
    }

    /// The address that the host is, if it is no name.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

fn host_and_port(authority: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, behind) = rest.split_once(']')?;
        host.parse::<Ipv6Addr>().ok()?;
        return match behind {
            "" => Some((host, None)),
            behind => Some((host, Some(behind.strip_prefix(':')?))),
        };
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    (!host.is_empty()).then_some((host, port))
}

#[cfg(test)]
mod tests;
