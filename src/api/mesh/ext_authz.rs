//! Extension providers that decide over requests (`envoyExtAuthzHttp`, `envoyExtAuthzGrpc`), and what they must satisfy.

#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::api::Str;

/// The longest name of a provider.
const MAX_NAME: usize = 63;

/// Such a provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ExtAuthz {
    /// What policies call it.
    pub name: Str,
    /// The service that is asked: `[NAMESPACE/]HOST`.
    pub service: Str,
    /// Its port.
    pub port: u32,
    /// How long it may take to answer; None for ten minutes.
    pub timeout: Option<Duration>,
    /// Requests are let through when it does not answer.
    pub fail_open: bool,
    /// What clients are told when it does not answer; empty for 403.
    pub status_on_error: Str,
    /// It is sent bodies too.
    pub body: Option<RequestBody>,
    /// How it is asked.
    pub protocol: Protocol,
}

/// How much of the body of a request a provider is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RequestBody {
    /// At most so many bytes.
    pub max_bytes: u32,
    /// The beginning of longer bodies; otherwise their requests are refused.
    pub allow_partial: bool,
    /// As bytes, for bodies that are no text.
    pub pack_as_bytes: bool,
}

/// How a provider is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// By gRPC, with Envoy's service of authorisation.
    #[default]
    Grpc,
    /// By an HTTP request like the one that is decided about.
    Http(HttpCheck),
}

/// What passes between a proxy and a provider of HTTP. Names of headers may begin or end with an asterisk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct HttpCheck {
    /// Before the path.
    pub path_prefix: Str,
    /// The headers of the request that it is sent, beside those that it always is.
    pub request_headers: Vec<Str>,
    /// The same under their old name; counts where the new one is empty.
    pub headers: Vec<Str>,
    /// Headers that it is sent beside those of the request, sorted by name.
    pub additional_headers: Vec<(Str, Str)>,
    /// Headers of its answer that an allowed request gets.
    pub upstream_on_allow: Vec<Str>,
    /// Headers of its answer that the client of a refused request gets.
    pub downstream_on_deny: Vec<Str>,
    /// Headers of its answer that the client of an allowed request gets.
    pub downstream_on_allow: Vec<Str>,
}

impl ExtAuthz {
    /// What makes it unusable, whatever services there are.
    pub fn flaws(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        flaws.extend(flaw_of_name(&self.name));
        if self.service.is_empty() || self.service.contains('*') {
            flaws.push(format!("service {:?} is none: give [NAMESPACE/]HOST", self.service));
        }
        if !(1..=u32::from(u16::MAX)).contains(&self.port) {
            flaws.push(format!("{} is no port: give one from 1 to 65535", self.port));
        }
        if !self.status_on_error.is_empty() && self.status().is_none() {
            flaws.push(format!("statusOnError {:?} is no status of HTTP", self.status_on_error));
        }
        if let Protocol::Http(check) = &self.protocol {
            check.find_flaws(&mut flaws);
        }
        flaws
    }

    /// What clients are told when it does not answer; None for Envoy's default, or if it is no status.
    pub fn status(&self) -> Option<u16> {
        self.status_on_error.parse().ok().filter(|status| is_status(*status))
    }
}

impl HttpCheck {
    fn find_flaws(&self, flaws: &mut Vec<String>) {
        let prefix = &self.path_prefix;
        let sound = prefix.starts_with('/') && is_path(prefix);
        if !prefix.is_empty() && !sound {
            flaws.push(format!("pathPrefix {prefix:?} is no path: it has to begin with /"));
        }
        let lists = [
            ("includeRequestHeadersInCheck", &self.request_headers),
            ("includeHeadersInCheck", &self.headers),
            ("headersToDownstreamOnDeny", &self.downstream_on_deny),
            ("headersToDownstreamOnAllow", &self.downstream_on_allow),
            ("headersToUpstreamOnAllow", &self.upstream_on_allow),
        ];
        for (field, names) in lists {
            if names.iter().any(|name| **name == *"*") {
                flaws.push(format!(
                    "{field} has a lone *, which is not supported: name headers, by their beginning or end if need be"
                ));
            }
        }
    }
}

/// The name becomes part of the names of policies and of metadata.
fn flaw_of_name(name: &str) -> Option<String> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let sound = !name.is_empty()
        && name.len() <= MAX_NAME
        && name.bytes().all(allowed)
        && !name.starts_with('-')
        && !name.ends_with('-');
    (!sound).then(|| {
        format!(
            "the name {name:?} is not usable: up to {MAX_NAME} lower-case letters, digits and hyphens are, with \
             no hyphen at the ends"
        )
    })
}

/// A path has no control characters, and percent signs stand before two digits.
fn is_path(path: &str) -> bool {
    let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    let path = path.split('?').next().unwrap_or_default().as_bytes();
    path.iter().enumerate().all(|(at, byte)| match byte {
        b'%' => digit(path.get(at + 1)) && digit(path.get(at + 2)),
        byte => !byte.is_ascii_control(),
    })
}

/// The statuses that Envoy can be told.
fn is_status(status: u16) -> bool {
    matches!(
        status,
        0 | 100
            | 200..=208
            | 226
            | 300..=305
            | 307..=308
            | 400..=417
            | 421..=424
            | 426
            | 428..=429
            | 431
            | 500..=508
            | 510..=511
    )
}
