//! The names under which clusters keep statistics.

use crate::model::{Port, Registry, Service};

/// Behind a name, which may hold dots: by it Istio's dashboards tell where the name ends.
const END: &str = ";";

/// A name, with its end.
pub fn ended(name: &str) -> String {
    format!("{name}{END}")
}

/// What [`filled`] gives, with its end.
pub fn of_pattern(
    pattern: &str,
    service: &Service,
    subset: &str,
    port: &Port,
    target: u16,
) -> String {
    ended(&filled(pattern, service, subset, port, target))
}

/// The name that a pattern of the mesh gives for a port; what belongs to no service has no place in it. `target` is 0
/// for what goes out.
pub fn filled(pattern: &str, service: &Service, subset: &str, port: &Port, target: u16) -> String {
    let host = &*service.key.hostname;
    let (short, name) = match service.registry {
        Registry::Kubernetes => {
            (format!("{}.{}", service.name, service.key.namespace), service.name.to_string())
        }
        Registry::External => (host.to_owned(), host.to_owned()),
    };
    pattern
        .replace("%SERVICE%", &short)
        .replace("%SERVICE_NAME%", &name)
        .replace("%SERVICE_FQDN%", host)
        .replace("%SUBSET_NAME%", subset)
        .replace("%TARGET_PORT%", &target.to_string())
        .replace("%SERVICE_PORT%", &port.number.to_string())
        .replace("%SERVICE_PORT_NAME%", &port.name)
}
