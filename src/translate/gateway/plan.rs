//! What a gateway's listeners are before they are built: filter chains, what each matches, and where it leads.
//!
//! Decides which VirtualServices route what is not HTTP, and that no two chains of a listener match the same: Envoy
//! would refuse all of them. The first chain keeps what it matches, and both objects are told. Knows nothing of
//! Envoy's messages but for TLS, which is encoded here so that plans can be compared.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::destinations::{Destinations, Found};
use super::stream::Carried;
use super::tls::{self, Defaults};
use crate::api::networking::gateway::TlsMode;
use crate::api::{Code, Diagnostic, ObjectKey, Protocol, Severity, Str};
use crate::model::gateway::{GatewayServer, Group, Merged, MergedListener, Speech};
use crate::translate::listener::chain::Stream;
use crate::translate::listener::profile::Profile;
use crate::translate::translator::Context;

/// The first port that every process may bind.
const FIRST_UNPRIVILEGED_PORT: u16 = 1024;

/// See the module.
#[derive(Debug, Default)]
pub struct Plan {
    /// The listeners; all have chains.
    pub listeners: Vec<Arc<Planned>>,
    /// What is to be said of the objects.
    pub diagnostics: Vec<Diagnostic>,
}

/// A listener to be built.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Planned {
    /// The address that a Gateway asks for; None for all.
    pub bind: Option<IpAddr>,
    /// The port.
    pub port: u16,
    /// It is served over QUIC.
    pub quic: bool,
    /// The filter chains, in their order.
    pub chains: Vec<Chain>,
    /// The objects that it was made from.
    pub origins: Vec<ObjectKey>,
}

/// A filter chain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Chain {
    /// The server names of TLS that it matches, sorted; everything if empty.
    pub server_names: Vec<Str>,
    /// It matches TLS among workloads of the mesh only.
    pub of_mesh: bool,
    /// The configuration of the transport socket by which TLS ends here.
    pub tls: Option<Vec<u8>>,
    /// The same for QUIC, where the traffic may also come in that way.
    pub quic: Option<Vec<u8>>,
    /// What becomes of the traffic.
    pub reads: Reads,
}

/// What becomes of the traffic of a chain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reads {
    /// It is routed as HTTP.
    Http {
        /// By this configuration.
        route: Str,
        /// Under this name in statistics; that of the listener if empty.
        counted_as: Str,
        /// Requests may be gRPC-Web.
        grpc_web: bool,
    },
    /// It is carried on as it is.
    Stream {
        /// There.
        stream: Stream,
        /// Clients are of the mesh and tell first who they are.
        exchange: bool,
    },
}

/// Who asked for a chain, for diagnostics.
#[derive(Clone, Debug)]
struct Asker {
    object: ObjectKey,
    path: String,
}

impl Plan {
    /// Of the proxies of a scope with this profile.
    pub fn new(context: &Context<'_>, profile: &Profile, merged: &Merged) -> Plan {
        let mut planner = Planner {
            destinations: Destinations::new(context),
            defaults: Defaults::of(&context.snapshot.mesh, &context.snapshot.features),
            profile,
            drafts: Vec::new(),
            diagnostics: merged.diagnostics.clone(),
        };
        for listener in &merged.listeners {
            planner.add(listener);
        }
        let mut diagnostics = planner.diagnostics;
        diagnostics.sort();
        diagnostics.dedup();
        let drafts = planner.drafts.into_iter().map(|draft| draft.planned);
        let both = drafts.flat_map(|planned| [planned.over_quic(), planned]);
        let listeners = both.filter(|planned| !planned.chains.is_empty()).map(Arc::new);
        Plan { listeners: listeners.collect(), diagnostics }
    }
}

impl Planned {
    /// The listener for those of its chains that are served over QUIC too.
    fn over_quic(&self) -> Planned {
        let chains = self.chains.iter().filter(|chain| chain.quic.is_some());
        let chains = chains.map(|chain| Chain { tls: chain.quic.clone(), ..chain.clone() });
        Planned { quic: true, chains: chains.collect(), ..self.clone() }
    }
}

struct Planner<'a> {
    destinations: Destinations<'a>,
    defaults: Defaults,
    profile: &'a Profile,
    drafts: Vec<Draft>,
    diagnostics: Vec<Diagnostic>,
}

struct Draft {
    planned: Planned,
    /// Who has what a chain can match: the mark for TLS of the mesh, and a server name, `*` for all.
    taken: HashMap<(bool, Str), Asker>,
}

impl Planner<'_> {
    fn add(&mut self, listener: &MergedListener) {
        let servers = || listener.groups.iter().flat_map(|group| &group.servers);
        let port = listener.port;
        if self.profile.unprivileged && port < FIRST_UNPRIVILEGED_PORT {
            let say = |server: &Arc<GatewayServer>| {
                let what = format!(
                    "a gateway that serves it may not bind port {port} (UNPRIVILEGED_POD), and does not listen there; \
                     map the port to another one in its Service"
                );
                server.say("port.number", what).coded(Code::RejectedServer)
            };
            return self.diagnostics.extend(servers().map(say));
        }
        let bind = match &*listener.bind {
            "" => None,
            text => match text.parse::<IpAddr>() {
                Ok(ip) => Some(ip),
                Err(_) => {
                    let say = |server: &Arc<GatewayServer>| {
                        server
                            .say(
                                "bind",
                                format!("{text} is no IP address: the server has no effect"),
                            )
                            .coded(Code::RejectedServer)
                    };
                    return self.diagnostics.extend(servers().map(say));
                }
            },
        };
        let at = self.draft(bind, port);
        for group in &listener.groups {
            for (asker, chain, origins) in self.chains(group) {
                let Some(draft) = self.drafts.get_mut(at) else { return };
                match draft.claim(&asker, &chain) {
                    Ok(()) => {
                        draft.planned.chains.push(chain);
                        draft.planned.origins.extend(origins);
                    }
                    Err(told) => self.diagnostics.extend(told),
                }
            }
        }
    }

    /// The place of the listener; one that binds all addresses is the same whether a Gateway says so or not.
    fn draft(&mut self, bind: Option<IpAddr>, port: u16) -> usize {
        let families = self.profile.families;
        let bind = bind.filter(|ip| ip.to_string() != families.wildcard());
        let same = |draft: &Draft| draft.planned.bind == bind && draft.planned.port == port;
        self.drafts.iter().position(same).unwrap_or_else(|| {
            let planned = Planned { bind, port, ..Planned::default() };
            self.drafts.push(Draft { planned, taken: HashMap::new() });
            self.drafts.len() - 1
        })
    }

    fn chains(&mut self, group: &Group) -> Vec<(Asker, Chain, Vec<ObjectKey>)> {
        if let Some(first) = group.servers.first().filter(|first| first.speech == Speech::Http) {
            let reads = Reads::Http {
                route: first.route.clone(),
                counted_as: Str::default(),
                grpc_web: group.protocol == Protocol::GrpcWeb,
            };
            let origins = group.servers.iter().map(|server| server.origin.clone()).collect();
            return vec![(asker(first), chain(Vec::new(), None, reads), origins)];
        }
        group.servers.iter().flat_map(|server| self.of_server(server)).collect()
    }

    fn of_server(&mut self, server: &Arc<GatewayServer>) -> Vec<(Asker, Chain, Vec<ObjectKey>)> {
        let names = match server.speech {
            Speech::Tcp => Vec::new(),
            _ => server.server_names(),
        };
        let ends = || {
            let settings = server.spec.tls.as_ref()?;
            let Profile { peer_alpn, secrets, .. } = self.profile;
            let of_mesh = settings.mode == TlsMode::IstioMutual;
            let alpn = tls::alpn(*peer_alpn && of_mesh && server.speech == Speech::TlsToTcp);
            let context = tls::downstream(settings, &alpn, &self.defaults, secrets);
            Some(tls::over_tcp(context))
        };
        let found = match server.speech {
            Speech::Http | Speech::Https => {
                let reads = Reads::Http {
                    route: server.route.clone(),
                    counted_as: server.spec.name.clone(),
                    grpc_web: false,
                };
                let origins = vec![server.origin.clone()];
                let chain = chain(names, ends(), reads);
                let quic = self.over_quic(server);
                return vec![(asker(server), Chain { quic, ..chain }, origins)];
            }
            Speech::Tcp | Speech::TlsToTcp => match self.destinations.of_tcp(server) {
                Some(Carried { stream, mut origins }) => {
                    origins.push(server.origin.clone());
                    let tls = (server.speech == Speech::TlsToTcp).then(ends).flatten();
                    let mode = server.spec.tls.as_ref().map(|tls| tls.mode);
                    let exchange = mode == Some(TlsMode::IstioMutual);
                    let reads = Reads::Stream { stream, exchange };
                    return vec![(asker(server), chain(names, tls, reads), origins)];
                }
                None => {
                    let what = "no VirtualService of this Gateway has a tcp route for the server: nothing is served \
                                there";
                    self.diagnostics.push(server.say("", what.to_owned()));
                    return Vec::new();
                }
            },
            Speech::Passthrough => self.destinations.of_tls(server),
            Speech::AutoPassthrough => self.destinations.of_services(&names),
        };
        let of_mesh = server.speech == Speech::AutoPassthrough;
        let carried = found.into_iter().map(|Found { server_names, carried, asker }| {
            let asker =
                asker.map_or_else(|| self::asker(server), |(object, path)| Asker { object, path });
            let Carried { stream, mut origins } = carried;
            origins.push(server.origin.clone());
            let reads = Reads::Stream { stream, exchange: false };
            let chain = chain(server_names, None, reads);
            (asker, Chain { of_mesh, ..chain }, origins)
        });
        carried.collect()
    }
}

impl Planner<'_> {
    /// The TLS of a server that may be served over QUIC too.
    fn over_quic(&self, server: &GatewayServer) -> Option<Vec<u8>> {
        let settings = server.spec.tls.as_ref().filter(|_| server.http3)?;
        let Profile { secrets, .. } = self.profile;
        let context = tls::downstream(settings, &tls::HTTP3_ALPN, &self.defaults, secrets);
        Some(tls::over_quic(context))
    }
}

impl Draft {
    /// Takes what a chain matches, unless another one has some of it.
    fn claim(&mut self, asker: &Asker, chain: &Chain) -> Result<(), Vec<Diagnostic>> {
        let everything = [Str::from("*")];
        let names = match &*chain.server_names {
            [] => &everything[..],
            names => names,
        };
        if let Some(wrong) = names.iter().find(|name| !is_matchable(name)) {
            let what = format!(
                "proxies cannot match the server name {wrong}: a wildcard stands for whole labels at the beginning, as \
                 in *.example.com"
            );
            return Err(vec![say(asker, what).coded(Code::RejectedServer)]);
        }
        let key = |name: &Str| (chain.of_mesh, name.clone());
        let lost = names.iter().find_map(|name| Some((name, self.taken.get(&key(name))?)));
        if let Some((name, owner)) = lost {
            let port = self.planned.port;
            return Err(told(asker, owner, name, port).into());
        }
        for name in names {
            self.taken.insert(key(name), asker.clone());
        }
        Ok(())
    }
}

/// Whether Envoy takes it as a server name.
fn is_matchable(name: &str) -> bool {
    name == "*" || !name.strip_prefix("*.").unwrap_or(name).contains('*')
}

fn told(loser: &Asker, winner: &Asker, name: &str, port: u16) -> [Diagnostic; 2] {
    let what = match name {
        "*" => format!("all traffic of port {port} that nothing else matches"),
        name => format!("TLS for {name} on port {port}"),
    };
    let place = |asker: &Asker| format!("{} ({})", asker.object, asker.path);
    [
        say(
            loser,
            format!("has no effect: {what} goes where {} says, which comes first", place(winner)),
        )
        .coded(Code::RejectedServer),
        say(
            winner,
            format!("{} asks for {what} too and has no effect, as this comes first", place(loser)),
        ),
    ]
}

fn say(asker: &Asker, message: String) -> Diagnostic {
    Diagnostic {
        severity: Severity::Warning,
        location: None,
        object: Some(asker.object.clone()),
        path: asker.path.clone(),
        message,
        code: Code::Other,
    }
}

fn asker(server: &GatewayServer) -> Asker {
    Asker { object: server.origin.clone(), path: format!("spec.servers[{}]", server.index) }
}

/// One that matches these server names; everything if `*` is among them.
fn chain(mut server_names: Vec<Str>, tls: Option<Vec<u8>>, reads: Reads) -> Chain {
    if server_names.iter().any(|name| **name == *"*") {
        server_names.clear();
    }
    server_names.sort();
    server_names.dedup();
    Chain { server_names, of_mesh: false, tls, quic: None, reads }
}
