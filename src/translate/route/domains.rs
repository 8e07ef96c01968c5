//! The host names by which clients ask for a service.

use crate::model::Service;

/// The short forms of a host name that resolve in a client's DNS domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ShortForms {
    /// None but the full name.
    None,
    /// A Kubernetes service of the client's own namespace: `web`, `web.shop.svc`, `web.shop`.
    SameNamespace,
    /// A Kubernetes service of another namespace: `web.shop`, `web.shop.svc`.
    OtherNamespace,
    /// A host of the same domain outside Kubernetes, whose last labels, this many, are the domain's.
    SharedLabels(usize),
}

impl ShortForms {
    /// Of a host for clients in a DNS domain such as `shop.svc.cluster.local`.
    pub fn of(hostname: &str, dns_domain: &str) -> ShortForms {
        let Some((client_namespace, _)) = dns_domain.split_once(".svc.") else {
            let labels = shared_labels(hostname, dns_domain);
            return if labels == 0 { ShortForms::None } else { ShortForms::SharedLabels(labels) };
        };
        match hostname.split_once(".svc.").and_then(|(head, _)| head.split_once('.')) {
            Some((_, namespace)) if namespace == client_namespace => ShortForms::SameNamespace,
            Some(_) => ShortForms::OtherNamespace,
            None => ShortForms::None,
        }
    }

    /// The forms, in Istio's order.
    pub fn expand(self, hostname: &str) -> Vec<String> {
        match self {
            ShortForms::None => Vec::new(),
            ShortForms::SharedLabels(shared) => relative(hostname, shared),
            ShortForms::SameNamespace | ShortForms::OtherNamespace => {
                let Some((qualified, _)) = hostname.split_once(".svc.") else { return Vec::new() };
                let with_svc = format!("{qualified}.svc");
                let Some((name, _)) = qualified.split_once('.') else { return Vec::new() };
                if self == ShortForms::SameNamespace {
                    vec![name.to_owned(), with_svc, qualified.to_owned()]
                } else {
                    vec![qualified.to_owned(), with_svc]
                }
            }
        }
    }
}

/// The full names of a service: its own, then its aliases.
pub fn hosts(service: &Service) -> impl Iterator<Item = &str> {
    std::iter::once(&service.key).chain(&service.aliases).map(|key| &*key.hostname)
}

/// How many labels at the end two names have in common.
fn shared_labels(a: &str, b: &str) -> usize {
    a.rsplit('.').zip(b.rsplit('.')).take_while(|(a, b)| a == b).count()
}

/// What is left of a name without the labels that it shares with the client's domain; with the first of these
/// too, where what is left looks like a name and its namespace.
fn relative(hostname: &str, shared: usize) -> Vec<String> {
    let labels: Vec<&str> = hostname.split('.').collect();
    let Some((own, domain)) = labels.split_at_checked(labels.len().saturating_sub(shared)) else {
        return Vec::new();
    };
    match (own, domain) {
        ([], _) => Vec::new(),
        ([_, _], [first, ..]) => vec![own.join("."), format!("{}.{first}", own.join("."))],
        _ => vec![own.join(".")],
    }
}

/// The domains of a service's virtual host, in Istio's order: the full name, the same with a final dot, short
/// forms, then all that for each alias, then virtual addresses. A headless service is also asked for by the
/// names of its pods, which a wildcard before each form stands for.
///
/// `short_forms` are those of [`hosts`], one by one; `addresses` are those that stand for it; `absolute`
/// asks for the names with a final dot.
pub fn domains(
    service: &Service,
    short_forms: &[ShortForms],
    addresses: &[String],
    absolute: bool,
) -> Vec<String> {
    let mut domains = Vec::new();
    for (host, forms) in hosts(service).zip(short_forms) {
        domains.push(host.to_owned());
        domains.extend(absolute.then(|| format!("{host}.")));
        domains.extend(forms.expand(host));
    }
    if service.is_headless() {
        let pods: Vec<String> = domains.iter().map(|domain| format!("*.{domain}")).collect();
        domains.extend(pods);
    }
    domains.extend(addresses.iter().cloned());
    domains
}

/// Each domain alone, then with the port, for clients that name it.
pub fn with_port(domains: Vec<String>, port: u16) -> Vec<String> {
    domains
        .into_iter()
        .flat_map(|domain| {
            let with_port = format!("{domain}:{port}");
            [domain, with_port]
        })
        .collect()
}
