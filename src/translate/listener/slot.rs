//! Outbound listeners before they are built: what stands on one address and port, and who wins where two
//! services cannot share it.
//!
//! | newer, older  | HTTP    | TCP                       | sniffed                   | MongoDB |
//! |---------------|---------|---------------------------|---------------------------|---------|
//! | HTTP          | share   | join                      | share                     | lose    |
//! | TCP           | join    | join by server name, else | join by server name, else | lose    |
//! |               |         | lose                      | lose                      |         |
//! | sniffed       | join    | join; the rest as TCP     | share; the rest as TCP    | lose    |
//! | MongoDB       | lose    | lose                      | lose                      | lose    |
//!
//! HTTP is shared because routes tell hosts apart. Joined traffic is told apart by the listener, by its first
//! bytes or by the server name in TLS. The older service never loses. Knows nothing of Envoy's messages.

#[cfg(test)]
mod tests;

use std::net::IpAddr;

use crate::api::{Diagnostic, ObjectKey, Severity};

/// What stands on one address and port. Equal slots become equal listeners, whatever else is in the mesh.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    /// The addresses; the first names it.
    pub addresses: Vec<IpAddr>,
    /// The port.
    pub port: u16,
    /// The addresses stand for all, so that traffic for others arrives here too.
    pub wildcard: bool,
    /// How HTTP is routed, if there is any.
    pub http: Option<Http>,
    /// Where byte streams go, in the order in which they were claimed.
    pub tcp: Vec<Tcp>,
}

/// HTTP on a slot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Http {
    /// The route configuration.
    pub route_name: String,
    /// Requests may be gRPC-Web.
    pub grpc_web: bool,
    /// Who asked for it first.
    pub origin: ObjectKey,
}

/// Byte streams on a slot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tcp {
    /// Where they go.
    pub cluster: String,
    /// The server names of TLS that mean it; empty means whatever comes.
    pub server_names: Vec<String>,
    /// They are MongoDB's.
    pub mongo: bool,
    /// Who asked for it.
    pub origin: ObjectKey,
}

/// What a service wants of a slot.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Its HTTP.
    pub http: Option<Http>,
    /// Its byte streams; beside HTTP, whatever is not HTTP.
    pub tcp: Option<Tcp>,
}

/// A service did not get what it wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Who has it.
    pub older: ObjectKey,
    /// Who does not get it.
    pub newer: ObjectKey,
}

impl Slot {
    /// A slot that nobody claimed yet.
    pub fn new(addresses: Vec<IpAddr>, port: u16, wildcard: bool) -> Slot {
        Slot { addresses, port, wildcard, http: None, tcp: Vec::new() }
    }

    /// `ADDRESS_PORT`.
    pub fn name(&self) -> String {
        let address = self.addresses.first().map(IpAddr::to_string).unwrap_or_default();
        format!("{address}_{}", self.port)
    }

    /// Gives a service what it wants, as far as older ones leave it.
    pub fn claim(&mut self, claim: Claim) -> Result<(), Conflict> {
        let mongo = self.tcp.iter().any(|t| t.mongo) || claim.tcp.as_ref().is_some_and(|t| t.mongo);
        let taken = self.http.is_some() || !self.tcp.is_empty();
        let mut lost = Ok(());
        if let Some(http) = claim.http {
            match &self.http {
                Some(older) if older.route_name != http.route_name => {
                    lost = Err(conflict(&older.origin, &http.origin));
                }
                Some(_) => {}
                None if mongo => lost = Err(conflict(self.oldest(&http.origin), &http.origin)),
                None => self.http = Some(http),
            }
        }
        if let Some(tcp) = claim.tcp {
            match self.tcp.iter().find(|older| older.server_names == tcp.server_names) {
                Some(older) => lost = Err(conflict(&older.origin, &tcp.origin)),
                None if mongo && taken => {
                    lost = Err(conflict(self.oldest(&tcp.origin), &tcp.origin));
                }
                None => self.tcp.push(tcp),
            }
        }
        lost
    }

    /// The objects that it was made from.
    pub fn origins(&self) -> impl Iterator<Item = &ObjectKey> {
        self.http.iter().map(|h| &h.origin).chain(self.tcp.iter().map(|t| &t.origin))
    }

    fn oldest<'a>(&'a self, otherwise: &'a ObjectKey) -> &'a ObjectKey {
        self.origins().next().unwrap_or(otherwise)
    }
}

fn conflict(older: &ObjectKey, newer: &ObjectKey) -> Conflict {
    Conflict { older: older.clone(), newer: newer.clone() }
}

impl Conflict {
    /// What both services' owners are told.
    pub fn diagnostics(&self, slot: &Slot) -> [Diagnostic; 2] {
        let Conflict { older, newer } = self;
        let name = slot.name();
        let say = |object: &ObjectKey, message: String| Diagnostic {
            severity: Severity::Warning,
            location: None,
            object: Some(object.clone()),
            path: "spec.ports".into(),
            message,
        };
        [
            say(
                newer,
                format!(
                    "traffic on {name} that cannot be told from that of {older}, which is older, goes \
                     there; use another port, or a protocol that names its host (http, tls)"
                ),
            ),
            say(
                older,
                format!(
                    "traffic of {newer} on {name} cannot be told from that of this older service, and \
                     comes here; one of them needs another port, or a protocol that names its host"
                ),
            ),
        ]
    }
}
