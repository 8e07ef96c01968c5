//! What a proxy would do with a request, from the resources that it is served.
//!
//! Follows Envoy's rules of matching from the listener to the endpoints, and tells at each step what was chosen,
//! which objects it comes from, and why each other candidate was passed over: the answer to "why does my route not
//! match". Each rule is a module: `listener`, `inspect` (what listener filters make known), `filter_chain`,
//! `connection` (TLS and the filter that ends the chain), `http`, `virtual_host`, `route`, `action`, `cluster`.
//!
//! Pure: reads encoded resources only, whoever built them, and knows no rule of Istio's beyond the places where it
//! leaves provenance. What it cannot know, such as a dynamic metadata, does not match, with that as the reason;
//! what it does not simulate ends the way with [`Outcome::Unknown`].

mod action;
mod address;
mod cluster;
mod connection;
mod explanation;
mod filter_chain;
mod filters;
#[cfg(test)]
mod fixture;
mod header;
mod http;
mod inspect;
mod listener;
mod matchers;
mod names;
mod path;
mod policy;
mod provenance;
mod rbac;
mod redirect;
mod request;
mod rewrite;
mod route;
mod served;
mod tcp;
mod text;
mod verdict;
mod virtual_host;

pub use self::explanation::{Backend, Endpoint, Explanation, Outcome, Passed, Step, StepKind};
pub use self::names::Names;
pub use self::request::{Direction, Http, Payload, Request, Tls, Version};
pub use self::served::{Part, Served};

use self::connection::Terminal;
use self::explanation::Trail;

/// The way of a request through the proxy that is served this.
pub fn explain(served: &Served, request: &Request) -> Explanation {
    let mut trail = Trail::default();
    let outcome = follow(served, request, &mut trail).unwrap_or_else(|end| end);
    trail.end(outcome)
}

/// Errors are where the way ends early: there is one outcome either way.
fn follow(served: &Served, request: &Request, trail: &mut Trail) -> Result<Outcome, Outcome> {
    let listener = listener::choose(served, request, trail)?;
    let seen = inspect::seen(&listener.message, request);
    let chain = filter_chain::choose(&listener.message, &seen, trail)?;
    connection::accept(chain, request)?;
    match connection::terminal(chain, request, trail)? {
        Terminal::Http(manager) => http::forward(served, listener, &manager, chain, request, trail),
        Terminal::Tcp(proxy) => tcp::forward(served, chain, &proxy, request, trail),
    }
}

#[cfg(test)]
mod tests;
