//! Addresses of ServiceEntries: what the store allocated is written to their status.
//!
//! The store gives the same addresses to the same objects on every replica, before anything is written. Writing
//! makes them last: what a status tells stays, whatever is created beside it later, and after a restart of
//! everything. So a write changes nothing of what proxies are served. The status has the form that istiod gives it,
//! and each of both takes what the other wrote.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use kube::api::DynamicObject;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};
use tracing::warn;

use super::writer::{Decide, Edit, Part, Target, Writer};
use crate::api::networking::ServiceEntry;
use crate::api::networking::service_entry::AllocatedAddress;
use crate::api::{Kind, ObjectKey, Str};
use crate::snapshot::{Snapshot, Snapshots};

/// How often what was asked for and still differs is asked for again. A refusal may be mended by then.
const RECHECK: Duration = Duration::from_secs(60);

/// An object whose status differs from what was allocated.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// The object.
    pub key: ObjectKey,
    uid: Str,
    generation: i64,
    /// What its status told when this was found out.
    told: Addresses,
    /// What it is to tell: hosts in the order of the object.
    addresses: Vec<(Str, Vec<IpAddr>)>,
}

/// The addresses of each host.
type Addresses = BTreeMap<Str, Vec<IpAddr>>;

/// Has written what differs, for ever.
pub async fn run(mut snapshots: Snapshots, writer: Writer) {
    let mut asked: HashMap<ObjectKey, Wanted> = HashMap::new();
    let mut seen: Option<Arc<Snapshot>> = None;
    let mut recheck = Instant::now() + RECHECK;
    loop {
        let snapshot = snapshots.load();
        if seen.as_ref().is_none_or(|seen| concerns(seen, &snapshot)) {
            let before = std::mem::take(&mut asked);
            for wanted in wanted(&snapshot) {
                if before.get(&wanted.key) != Some(&wanted) {
                    let target = Target { key: wanted.key.clone(), part: Part::Status };
                    if !writer.submit(target, decide(wanted.clone())) {
                        warn!(target: "ip-autoallocate", "too many writes wait: the others later");
                        break;
                    }
                }
                asked.insert(wanted.key.clone(), wanted);
            }
            seen = Some(snapshot);
        }
        tokio::select! {
            more = snapshots.changed() => if !more {
                return std::future::pending().await;
            },
            () = sleep_until(recheck) => {
                recheck = Instant::now() + RECHECK;
                asked.clear();
                seen = None;
            }
        }
    }
}

/// Whether anything is different that decides about addresses.
fn concerns(old: &Snapshot, new: &Snapshot) -> bool {
    !Arc::ptr_eq(&old.services, &new.services)
        || !old.objects.shares(&new.objects, Kind::ServiceEntry)
}

/// The objects whose status differs from what was allocated.
pub fn wanted(snapshot: &Snapshot) -> Vec<Wanted> {
    let mut allocated: HashMap<&ObjectKey, Vec<(Str, Vec<IpAddr>)>> = HashMap::new();
    for service in snapshot.services.iter().filter(|service| !service.allocated.is_empty()) {
        let hosts = allocated.entry(&service.origin).or_default();
        hosts.push((service.key.hostname.clone(), service.allocated.clone()));
    }
    let objects = snapshot.objects.configs::<ServiceEntry>();
    objects
        .filter_map(|object| {
            let key = object.key();
            let mut addresses = allocated.remove(&key).unwrap_or_default();
            let told = told(&object.status.addresses);
            if told == addresses.iter().cloned().collect::<Addresses>() {
                return None;
            }
            let place = |host: &Str| object.spec.hosts.iter().position(|own| own == host);
            addresses.sort_by_key(|(host, _)| place(host));
            let (uid, generation) = (object.meta.uid.clone(), object.meta.generation);
            Some(Wanted { key, uid, generation, told, addresses })
        })
        .collect()
}

/// Writes the addresses, unless the object or its status is not any more what they were allocated for: then another
/// look at it is on its way.
fn decide(wanted: Wanted) -> Decide {
    Arc::new(move |object: &DynamicObject| {
        let same = object.metadata.generation.unwrap_or_default() == wanted.generation
            && object.metadata.uid.as_deref().unwrap_or_default() == &*wanted.uid;
        let addresses = object.data.pointer("/status/addresses").cloned();
        let now: Vec<AllocatedAddress> =
            addresses.and_then(|now| serde_json::from_value(now).ok()).unwrap_or_default();
        (same && told(&now) == wanted.told).then(|| Edit::Status(status(&wanted.addresses)))
    })
}

/// What a status tells, as far as it can be read.
fn told(addresses: &[AllocatedAddress]) -> Addresses {
    let mut told = Addresses::new();
    for address in addresses {
        if let Ok(ip) = address.value.parse() {
            told.entry(address.host.clone()).or_default().push(ip);
        }
    }
    told
}

fn status(addresses: &[(Str, Vec<IpAddr>)]) -> Value {
    let of_host = |(host, ips): &(Str, Vec<IpAddr>)| {
        let of_ip = |ip: &IpAddr| json!({"value": ip.to_string(), "host": host});
        ips.iter().map(of_ip).collect::<Vec<Value>>()
    };
    json!({"addresses": addresses.iter().flat_map(of_host).collect::<Vec<Value>>()})
}

#[cfg(test)]
mod tests;
