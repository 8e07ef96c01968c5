//! Host names as a workload of the mesh resolves them: through the name table, short names by its namespace.

use std::net::IpAddr;

use prost::Message;

use super::served::Served;
use crate::proto::nds::NameTable;
use crate::translate::ResourceType;

/// The names that a proxy is served.
#[derive(Debug, Default)]
pub struct Names {
    table: NameTable,
    /// The domains that a short name is completed with, in order: those of a pod's resolver.
    search: Vec<String>,
}

impl Names {
    /// Of a proxy in a namespace. `domain` is the DNS suffix of services.
    pub fn of(served: &Served, namespace: &str, domain: &str) -> Names {
        let table = served
            .raw(ResourceType::NameTable, "")
            .and_then(|resource| NameTable::decode(resource.body.clone()).ok());
        let search =
            vec![format!("{namespace}.svc.{domain}"), format!("svc.{domain}"), domain.to_owned()];
        Names { table: table.unwrap_or_default(), search }
    }

    /// The full name that a host stands for, and its addresses. None when the mesh does not know it.
    pub fn resolve(&self, host: &str) -> Option<(String, Vec<IpAddr>)> {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let candidates = self.search.iter().map(|domain| format!("{host}.{domain}"));
        std::iter::once(host.clone())
            .chain(candidates)
            .find_map(|name| self.find(&name).map(|ips| (name, ips)))
    }

    /// A name itself, or the closest wildcard around it.
    fn find(&self, name: &str) -> Option<Vec<IpAddr>> {
        let known = self.table.table.get(name).or_else(|| {
            let mut dots = name.match_indices('.');
            dots.find_map(|(at, _)| self.table.table.get(&format!("*{}", name.get(at..)?)))
        })?;
        Some(known.ips.iter().filter_map(|ip| ip.parse().ok()).collect())
    }
}
