//! What diagnostics are about, in words that stay.

/// The problem that a diagnostic tells of, for those who count or look for it whatever the message says. Of two objects
/// that are told of a conflict, the one that loses has the code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// None that is told apart.
    #[default]
    Other,
    /// Its traffic on an address and port cannot be told from that of another service.
    OutboundListener,
    /// It declares another protocol than an older service for the port of a workload.
    InboundListener,
    /// Another object of the namespace defines the host.
    DuplicateHost,
    /// Another one routes the host.
    DuplicateDomain,
    /// The host has a subset of the name.
    DuplicateSubset,
    /// A cluster that resolves names has none.
    NoEndpoints,
    /// A gateway does not serve the server.
    RejectedServer,
    /// The service of a provider that authorizes requests is not known, or cannot be used.
    AuthorizationProvider,
}

impl Code {
    /// As metrics and debug output name it; empty for [`Code::Other`].
    pub fn as_str(self) -> &'static str {
        match self {
            Code::Other => "",
            Code::OutboundListener => "outbound-listener",
            Code::InboundListener => "inbound-listener",
            Code::DuplicateHost => "duplicate-host",
            Code::DuplicateDomain => "duplicate-domain",
            Code::DuplicateSubset => "duplicate-subset",
            Code::NoEndpoints => "no-endpoints",
            Code::RejectedServer => "rejected-server",
            Code::AuthorizationProvider => "authorization-provider",
        }
    }
}
