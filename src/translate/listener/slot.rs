//! Outbound listeners before they are built: what stands on one place, and who wins where two services cannot
//! share it.
//!
//! | newer, older  | HTTP    | byte streams       | sniffed            |
//! |---------------|---------|--------------------|--------------------|
//! | HTTP          | share   | join               | share              |
//! | byte streams  | join    | join               | join               |
//! | sniffed       | replace | join               | share the HTTP     |
//!
//! HTTP is shared because routes tell hosts apart. Who joins keeps those of its chains that the listener can tell
//! from older ones. MongoDB and MySQL, whose servers speak first, join only their own kind. HTTP on a wildcard
//! address counts as sniffed: what is no HTTP passes through there. Knows nothing of Envoy's messages.

#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};

use super::bind::{Place, Speech};
use super::chain::{Chain, Http, Kind, Leads, Match};
use crate::api::{Code, Diagnostic, ObjectKey, Severity, Str};
use crate::model::Protocol;

/// What stands on one place. Equal slots become equal listeners, whatever else is in the mesh.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    /// Where.
    pub place: Place,
    /// The port; 0 for a unix socket.
    pub port: u16,
    /// It binds its port itself.
    pub bound: bool,
    /// Where connections lead, in the order in which they were claimed.
    pub chains: Vec<Chain>,
    /// What is spoken, once somebody claimed it.
    spoken: Option<(Speech, Protocol)>,
}

/// What a service wants of a slot.
#[derive(Clone, Debug)]
pub struct Claim {
    /// How its traffic is read.
    pub speech: Speech,
    /// What is spoken.
    pub protocol: Protocol,
    /// Where its connections lead.
    pub chains: Vec<Chain>,
    /// Who wants it.
    pub origin: ObjectKey,
}

/// One did not get what it wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Who has it.
    pub winner: ObjectKey,
    /// Who does not get it.
    pub loser: ObjectKey,
}

impl Slot {
    /// `ADDRESS_PORT`.
    pub fn name(&self) -> String {
        format!("{}_{}", self.place, self.port)
    }

    /// The HTTP on it, if there is any.
    pub fn http(&self) -> Option<&Http> {
        self.chains.iter().find_map(|chain| match &chain.leads {
            Leads::Http(http) => Some(http),
            Leads::Stream(_) => None,
        })
    }

    /// The objects that it was made from.
    pub fn origins(&self) -> impl Iterator<Item = &ObjectKey> {
        self.chains.iter().flat_map(|chain| std::iter::once(&chain.origin).chain(&chain.others))
    }
}

/// A slot that is being claimed, and what of it is taken: thousands of hosts may share one.
#[derive(Debug)]
pub struct Claimed {
    slot: Slot,
    taken: Taken,
}

impl Claimed {
    /// A slot that nobody claimed yet.
    pub fn new(place: Place, port: u16, bound: bool) -> Claimed {
        let slot = Slot { place, port, bound, chains: Vec::new(), spoken: None };
        Claimed { slot, taken: Taken::default() }
    }

    /// What stands on it so far.
    pub fn slot(&self) -> &Slot {
        &self.slot
    }

    /// What stands on it when everybody has claimed.
    pub fn into_slot(self) -> Slot {
        self.slot
    }

    /// Gives a service what it wants, as far as others leave it. Returns who lost to whom.
    pub fn claim(&mut self, claim: Claim) -> Vec<Conflict> {
        let Some((spoken, protocol)) = self.slot.spoken else {
            return self.take(claim);
        };
        let merged = spoken != claim.speech || spoken == Speech::Tcp;
        match (spoken, claim.speech) {
            (Speech::Http | Speech::Auto, Speech::Http) | (Speech::Auto, Speech::Auto) => {
                return self.share(&claim);
            }
            _ if merged && keeps_to_itself(claim.protocol, protocol) => {
                return vec![self.conflict(&claim)];
            }
            (Speech::Http, Speech::Auto) => {
                let lost = std::mem::take(&mut self.slot.chains);
                self.taken = Taken::default();
                let told = lost.iter().map(|chain| Conflict {
                    winner: claim.origin.clone(),
                    loser: chain.origin.clone(),
                });
                let told = told.collect();
                self.take(claim);
                return told;
            }
            (Speech::Tcp, Speech::Http | Speech::Auto) | (Speech::Http, Speech::Tcp) => {
                self.slot.spoken = Some((Speech::Auto, Protocol::Unsupported));
            }
            (Speech::Tcp | Speech::Auto, Speech::Tcp) => {}
        }
        self.join(claim)
    }

    fn take(&mut self, claim: Claim) -> Vec<Conflict> {
        let Claim { speech, protocol, chains, origin } = claim;
        let sniffed = chains.iter().any(|chain| chain.matches.plain_http);
        self.slot.spoken = Some(match speech {
            Speech::Http if sniffed => (Speech::Auto, Protocol::Unsupported),
            speech => (speech, protocol),
        });
        self.join(Claim { speech, protocol, chains, origin })
    }

    /// HTTP goes where its routes say, if they are the same; nothing else is shared. What resolves names for the
    /// clusters behind those routes is added up.
    fn share(&mut self, claim: &Claim) -> Vec<Conflict> {
        let own = self.slot.chains.iter_mut().find_map(|chain| match &mut chain.leads {
            Leads::Http(http) => Some((http, &mut chain.others)),
            Leads::Stream(_) => None,
        });
        let mut lost = false;
        if let Some((own, others)) = own {
            for chain in &claim.chains {
                match &chain.leads {
                    Leads::Http(http) if http.route_name == own.route_name => {
                        let new = http.forwards.iter().filter(|host| !own.forwards.contains(host));
                        let new: Vec<_> = new.cloned().collect();
                        if !new.is_empty() {
                            own.forwards.extend(new);
                            others.push(claim.origin.clone());
                        }
                    }
                    Leads::Http(_) | Leads::Stream(_) => lost = true,
                }
            }
        } else {
            lost = true;
        }
        lost.then(|| self.conflict(claim)).into_iter().collect()
    }

    /// Adds what can be told from what is there.
    fn join(&mut self, claim: Claim) -> Vec<Conflict> {
        let mut conflicts = Vec::new();
        for mut chain in claim.chains {
            if let Some(older) = self.taken.same(&chain.matches, &self.slot.chains) {
                conflicts
                    .push(Conflict { winner: older.origin.clone(), loser: chain.origin.clone() });
                continue;
            }
            // Envoy refuses a listener in which a server name means two things.
            let mut names = BTreeSet::new();
            for older in self.taken.overlapping(&chain.matches, &self.slot.chains) {
                names.extend(older.matches.server_names.iter().cloned());
                conflicts
                    .push(Conflict { winner: older.origin.clone(), loser: chain.origin.clone() });
            }
            let named = !chain.matches.server_names.is_empty();
            chain.matches.server_names.retain(|name| !names.contains(name));
            if !named || !chain.matches.server_names.is_empty() {
                self.taken.add(&chain.matches, self.slot.chains.len());
                self.slot.chains.push(chain);
            }
        }
        conflicts
    }

    fn conflict(&self, claim: &Claim) -> Conflict {
        let winner = self.slot.chains.first().map_or(&claim.origin, |chain| &chain.origin);
        Conflict { winner: winner.clone(), loser: claim.origin.clone() }
    }
}

/// Which chain takes which connections, by its place among the chains.
#[derive(Debug, Default)]
struct Taken {
    /// By everything.
    whole: HashMap<(Kind, Vec<Str>), usize>,
    /// By each server name.
    names: HashMap<(Kind, Str), Vec<usize>>,
}

impl Taken {
    fn add(&mut self, matches: &Match, chain: usize) {
        self.whole.entry((matches.kind(), matches.names())).or_insert(chain);
        for name in &matches.server_names {
            self.names.entry((matches.kind(), name.clone())).or_default().push(chain);
        }
    }

    /// The chain that takes the same connections.
    fn same<'a>(&self, matches: &Match, chains: &'a [Chain]) -> Option<&'a Chain> {
        chains.get(*self.whole.get(&(matches.kind(), matches.names()))?)
    }

    /// The chains that take some of the same connections by their server names, in order.
    fn overlapping<'a>(
        &self,
        matches: &Match,
        chains: &'a [Chain],
    ) -> impl Iterator<Item = &'a Chain> {
        let names = matches.server_names.iter();
        let found = names.filter_map(|name| self.names.get(&(matches.kind(), name.clone())));
        let found: BTreeSet<usize> = found.flatten().copied().collect();
        found.into_iter().filter_map(|at| chains.get(at))
    }
}

/// Whether one of two protocols stands alone, and the other is not the same.
fn keeps_to_itself(a: Protocol, b: Protocol) -> bool {
    let alone = |protocol| matches!(protocol, Protocol::Mongo | Protocol::Mysql);
    a != b && (alone(a) || alone(b))
}

impl Conflict {
    /// What both owners are told.
    pub fn diagnostics(&self, slot: &Slot) -> [Diagnostic; 2] {
        let Conflict { winner, loser } = self;
        let name = slot.name();
        let say = |object: &ObjectKey, message: String| Diagnostic {
            severity: Severity::Warning,
            location: None,
            object: Some(object.clone()),
            path: "spec".into(),
            message,
            code: Code::Other,
        };
        [
            say(
                loser,
                format!(
                    "traffic on {name} that cannot be told from that of {winner} goes there; use another port, \
                     or a protocol that names its host (http, tls)"
                ),
            )
            .coded(Code::OutboundListener),
            say(
                winner,
                format!(
                    "traffic of {loser} on {name} cannot be told from that of this one, and comes here; one of \
                     them needs another port, or a protocol that names its host"
                ),
            ),
        ]
    }
}
