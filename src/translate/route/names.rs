//! Which route configurations the listeners of a sidecar refer to. Their names are decided by
//! [`listener::bind`](crate::translate::listener::bind).

use std::collections::BTreeSet;

use super::HTTP_PROXY;
use crate::api::Str;
use crate::model::{Protocol, Resolution, Service};
use crate::translate::listener::bind::{Bind, Manner, Speech, own_route_name, shared_route_name};
use crate::translate::translator::Context;

/// A configuration that is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Its name.
    pub name: String,
    /// Through which of the egress listeners it is reached.
    pub egress: usize,
    /// The port that its virtual hosts are of; None for all ports.
    pub port: Option<u16>,
    /// The host name of the service that the listener belongs to alone.
    pub only: Option<Str>,
}

/// All that are needed. A port that a listener of the Sidecar has is not served by the one without a port.
pub fn wishes(context: &Context<'_>) -> Vec<Wish> {
    let sidecar = context.visible.sidecar();
    let listeners = context.visible.egress.iter().enumerate();
    let manners: Vec<(usize, Manner)> = listeners
        .filter_map(|(i, egress)| Some((i, Manner::of(egress.of(sidecar), context.scope)?)))
        .collect();
    let mut wishes = Vec::new();
    let mut claimed = BTreeSet::new();
    for (egress, manner) in &manners {
        let Some((number, protocol)) = manner.port else { continue };
        if number == 0 || claimed.insert(number) {
            wishes.extend(of_listener(context, *egress, manner, number, protocol));
        }
    }
    if let Some((egress, manner)) = manners.iter().find(|(_, manner)| manner.port.is_none()) {
        wishes.extend(of_services(context, *egress, manner, &claimed));
    }
    wishes
}

/// Of a listener of the Sidecar that has a port. One at a socket asks for all ports, as one does that applications use as
/// a proxy.
fn of_listener(
    context: &Context<'_>,
    egress: usize,
    manner: &Manner,
    number: u16,
    protocol: Protocol,
) -> Vec<Wish> {
    let Some(speech) = Speech::of(protocol).filter(|speech| speech.may_be_http()) else {
        return Vec::new();
    };
    let every_port = number == 0 || protocol == Protocol::HttpProxy;
    let name = shared_route_name(manner.place.as_ref(), number);
    let port = (!every_port).then_some(number);
    let shared = Wish { name, egress, port, only: None };
    if speech == Speech::Http {
        return vec![shared];
    }
    let mut wishes = Vec::new();
    let mut is_shared = false;
    for service in services(context, egress).filter(|s| s.port(number).is_some()) {
        let bind = Bind::through(manner, service, speech, context.scope);
        is_shared |= bind.has_shared_routes();
        wishes.extend(bind.has_own_routes().then(|| own(service, egress, number)));
    }
    wishes.extend(is_shared.then_some(shared));
    wishes
}

/// Of the listeners that services have, but for ports that are `claimed`.
fn of_services(
    context: &Context<'_>,
    egress: usize,
    manner: &Manner,
    claimed: &BTreeSet<u16>,
) -> Vec<Wish> {
    let scope = context.scope;
    let (mut shared, mut wishes) = (BTreeSet::new(), Vec::new());
    for service in services(context, egress).filter(|s| s.resolution != Resolution::Alias) {
        for port in service.ports.iter().filter(|port| !claimed.contains(&port.number)) {
            let Some(speech) = Speech::of(port.protocol).filter(|s| s.may_be_http()) else {
                continue;
            };
            let bind = Bind::through(manner, service, speech, scope);
            if bind.has_shared_routes() {
                shared.insert(port.number);
            }
            wishes.extend(bind.has_own_routes().then(|| own(service, egress, port.number)));
        }
    }
    let of_port = |number: u16| {
        let name = shared_route_name(manner.place.as_ref(), number);
        Wish { name, egress, port: Some(number), only: None }
    };
    wishes.extend(shared.into_iter().map(of_port));
    if scope.http_proxy {
        wishes.push(Wish { name: HTTP_PROXY.to_owned(), egress, port: None, only: None });
    }
    wishes
}

fn services<'a>(context: &Context<'a>, egress: usize) -> impl Iterator<Item = &'a Service> {
    let egress = context.visible.egress.get(egress);
    egress.into_iter().flat_map(|egress| egress.services.0.iter()).map(|service| &**service)
}

fn own(service: &Service, egress: usize, number: u16) -> Wish {
    Wish {
        name: own_route_name(service, number),
        egress,
        port: Some(number),
        only: Some(service.key.hostname.clone()),
    }
}
