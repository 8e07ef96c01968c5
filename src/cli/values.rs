//! The types of flags: how each is read from text. Errors say what is allowed.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::api::duration;
use crate::settings::go_bool;

/// A truth value, as Go reads it.
pub(super) fn truth(text: &str) -> Result<bool, String> {
    go_bool(text).ok_or_else(|| "true or false is needed".to_owned())
}

/// A duration, as Go reads it.
pub(super) fn span(text: &str) -> Result<Duration, duration::ParseError> {
    duration::parse(text)
}

/// A duration that may be endless: Go's longest one, or 0.
pub(super) fn age(text: &str) -> Result<Option<Duration>, duration::ParseError> {
    duration::parse(text).map(|age| (age < duration::MAX && !age.is_zero()).then_some(age))
}

/// Where to listen. Without a host it is all addresses of both families (`[::]`); an empty text is nowhere.
pub(super) fn listen(text: &str) -> Result<Option<SocketAddr>, String> {
    const ALLOWED: &str = "an address is needed, such as :15010 (all addresses), 127.0.0.1:15010 or \
                           [::1]:15010; empty for none";
    if text.is_empty() {
        return Ok(None);
    }
    let (host, port) = text.rsplit_once(':').ok_or(ALLOWED)?;
    let port: u16 = port.parse().map_err(|_| ALLOWED)?;
    let ip: IpAddr = match host {
        "" => Ipv6Addr::UNSPECIFIED.into(),
        "localhost" => Ipv4Addr::LOCALHOST.into(),
        bracketed if bracketed.starts_with('[') => {
            let inner = bracketed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            inner.and_then(|inner| inner.parse::<Ipv6Addr>().ok()).ok_or(ALLOWED)?.into()
        }
        host => host.parse::<Ipv4Addr>().map_err(|_| ALLOWED)?.into(),
    };
    Ok(Some(SocketAddr::new(ip, port)))
}

/// Where to listen, without a port: `*` is all addresses of both families (`::`).
pub(super) fn host(text: &str) -> Result<IpAddr, String> {
    match text {
        "*" => Ok(Ipv6Addr::UNSPECIFIED.into()),
        "localhost" => Ok(Ipv4Addr::LOCALHOST.into()),
        text => text.parse().map_err(|_| "localhost, an IP address or * is needed".to_owned()),
    }
}

/// A file or a directory; an empty text is none.
pub(super) fn path(text: &str) -> Result<Option<PathBuf>, Infallible> {
    Ok((!text.is_empty()).then(|| text.into()))
}

/// `alias=cluster`.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((alias, cluster)) if !alias.is_empty() && !cluster.is_empty() => {
            Ok((alias.to_owned(), cluster.to_owned()))
        }
        _ => Err("pairs are needed, such as alias=cluster,other=cluster2".to_owned()),
    }
}

/// A source of services.
pub(super) fn registry(text: &str) -> Result<String, String> {
    match text {
        "Kubernetes" | "" => Ok(text.to_owned()),
        _ => Err("Kubernetes is needed, or nothing".to_owned()),
    }
}

/// Requests a second.
pub(super) fn rate(text: &str) -> Result<f32, String> {
    let number = text.parse().ok().filter(|number: &f32| number.is_finite() && *number >= 0.0);
    number.ok_or_else(|| "a number, 0 or more, is needed".to_owned())
}
