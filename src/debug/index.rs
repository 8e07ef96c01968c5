//! Which endpoints there are, and the page and the list that say so.

use axum::extract::State;
use axum::response::{Html, Response};
use axum::routing::{MethodRouter, get};

use super::answer::Parameters;
use super::{
    Context, clusters, config_dump, configs, connections, diagnostics, endpoints, inject, registry,
    sync,
};

/// An endpoint below `/debug/`.
pub(super) struct Endpoint {
    /// Its path there.
    pub(super) name: &'static str,
    /// What it shows, in one line.
    help: &'static str,
    /// What answers.
    pub(super) handler: MethodRouter<Context>,
}

/// All endpoints, sorted by name.
pub(super) fn all() -> Vec<Endpoint> {
    let endpoint = |name, help, handler| Endpoint { name, help, handler };
    vec![
        endpoint("adsz", "Connected proxies with what they watch.", get(connections::adsz)),
        endpoint(
            "clusterz",
            "The clusters that are read, and how far each is.",
            get(clusters::clusterz),
        ),
        endpoint(
            "config_dump",
            "The configuration of ?proxyID=NAME.NAMESPACE as Envoy's admin interface shows it; with \
             include_eds its endpoints too; with types=cds,lds,… only these.",
            get(config_dump::config_dump),
        ),
        endpoint("configz", "Istio's objects.", get(configs::configz)),
        endpoint("connections", "Connected proxies.", get(connections::connections)),
        endpoint(
            "diagnostics",
            "What users should know of their objects.",
            get(diagnostics::diagnostics),
        ),
        endpoint(
            "ecdsz",
            "The extension configurations of ?proxyID=NAME.NAMESPACE.",
            get(config_dump::ecdsz),
        ),
        endpoint("edsz", "The endpoints of ?proxyID=NAME.NAMESPACE.", get(config_dump::edsz)),
        endpoint("endpointShardz", "The endpoints of all services.", get(endpoints::shards)),
        endpoint("endpointz", "The same.", get(endpoints::shards)),
        endpoint(
            "inject",
            "The templates of injection; with ?pod=NAMESPACE/NAME what became of recent pods, and why.",
            get(inject::inject),
        ),
        endpoint(
            "instancesz",
            "The services that each connected proxy is behind.",
            get(registry::instancesz),
        ),
        endpoint("list", "The names of these endpoints.", get(list)),
        endpoint("mesh", "The mesh configuration.", get(configs::mesh)),
        endpoint("ndsz", "The name table of ?proxyID=NAME.NAMESPACE.", get(config_dump::ndsz)),
        endpoint(
            "networkz",
            "The gateways through which networks reach each other.",
            get(clusters::networkz),
        ),
        endpoint(
            "push_status",
            "Problems of the configuration that is served.",
            get(diagnostics::push_status),
        ),
        endpoint("registryz", "All services.", get(registry::registryz)),
        endpoint(
            "syncz",
            "What connected proxies were sent, and what they accepted.",
            get(sync::syncz),
        ),
    ]
}

/// `/debug/list`. The list itself is not in it, as with istiod.
async fn list(State(context): State<Context>, parameters: Parameters) -> Response {
    let names = || -> Vec<_> {
        all().into_iter().map(|endpoint| endpoint.name).filter(|name| *name != "list").collect()
    };
    context.gate.json(&parameters, names).await
}

/// The page that links to all of them.
pub(super) async fn page() -> Html<String> {
    let rows = all().into_iter().map(|Endpoint { name, help, .. }| {
        format!("<tr><td><a href=\"/debug/{name}?pretty\">{name}</a></td><td>{help}</td></tr>\n")
    });
    Html(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>istiod</title></head>\n\
         <body>\n<h1>istiod</h1>\n<table>\n{}</table>\n</body>\n</html>\n",
        rows.collect::<String>()
    ))
}
