//! Clusters for traffic that a gateway passes on by the server name of its TLS (`AUTO_PASSTHROUGH`).
//!
//! The server name is the cluster's: `outbound_.PORT_.SUBSET_.HOST`. It is like the cluster for the same endpoints,
//! but begins no TLS of its own.

use crate::api::networking::gateway::TlsMode;
use crate::model::Service;
use crate::translate::common::name::Purpose;
use crate::translate::memo::Same;
use crate::translate::scope::Scope;

/// Whether a gateway passes traffic on so: it then does for all services that it sees.
pub fn is_needed(scope: &Scope) -> bool {
    let servers = scope.gateways.iter().flat_map(|Same(gateway)| &gateway.spec.servers);
    let mut modes = servers.filter_map(|server| Some(server.tls.as_ref()?.mode));
    modes.any(|mode| mode == TlsMode::AutoPassthrough)
}

/// What clusters a service has for a proxy of which `is_needed` is known.
pub fn purposes(service: &Service, is_needed: bool) -> &'static [Purpose] {
    match is_needed && !service.mesh_external {
        true => &[Purpose::Outbound, Purpose::SniDnat],
        false => &[Purpose::Outbound],
    }
}
