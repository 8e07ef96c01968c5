//! A client that does what an xDS client does, on a stream without a transport.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use prost::Message;

use super::super::*;
use crate::proto::Any;
use crate::proto::discovery::{DeltaDiscoveryResponse, DiscoveryResponse, Resource as Entry};
use crate::serve::fixture::{Ask, read};

/// What a response told: type, names with contents, removed names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    pub kind: ResourceType,
    pub resources: Vec<(String, String)>,
    pub removed: Vec<String>,
}

pub struct Client {
    pub protocol: Protocol,
    pub stream: Stream,
    pub now: Instant,
    pub held: BTreeMap<ResourceType, BTreeMap<String, String>>,
    wants: BTreeMap<ResourceType, BTreeSet<String>>,
    last_nonce: BTreeMap<ResourceType, String>,
    unanswered: VecDeque<(ResourceType, String)>,
    /// Resources that arrived although they were held with that content, but for endpoints.
    pub needless: Vec<(ResourceType, String)>,
}

impl Client {
    pub fn new(protocol: Protocol, view: Arc<View>) -> Client {
        let newest = Update { view, version: "1".into(), wave: Default::default() };
        Client {
            protocol,
            stream: Stream::new(protocol, newest, Arc::default()),
            now: Instant::now(),
            held: BTreeMap::new(),
            wants: BTreeMap::new(),
            last_nonce: BTreeMap::new(),
            unanswered: VecDeque::new(),
            needless: Vec::new(),
        }
    }

    pub fn send(&mut self, kind: ResourceType, ask: &Ask<'_>) -> Received {
        self.stream.receive(&ask.request(self.protocol, kind)).unwrap()
    }

    pub fn update(&mut self, view: Arc<View>) {
        self.stream
            .update(Update { view, version: "2".into(), wave: Default::default() }, self.now);
    }

    pub fn wait(&mut self, time: Duration) {
        self.now += time;
    }

    /// Begins to watch a type that is told as a whole.
    pub fn watch(&mut self, kind: ResourceType) {
        self.held.entry(kind).or_default();
        self.send(kind, &Ask::default());
    }

    /// Wants exactly these names of a type from now on.
    pub fn want(&mut self, kind: ResourceType, names: &[&str]) {
        let names: BTreeSet<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let before = self.wants.insert(kind, names.clone()).unwrap_or_default();
        self.held.entry(kind).or_default().retain(|name, _| names.contains(name));
        let added: Vec<&str> = names.difference(&before).map(String::as_str).collect();
        let dropped: Vec<&str> = before.difference(&names).map(String::as_str).collect();
        let nonce = self.last_nonce.get(&kind).cloned().unwrap_or_default();
        let all: Vec<&str> = names.iter().map(String::as_str).collect();
        match self.protocol {
            Protocol::Sotw => {
                let ask = Ask { names: &all, nonce: &nonce, ..Ask::default() };
                self.send(kind, &ask);
            }
            Protocol::Delta if added.is_empty() && dropped.is_empty() => {}
            Protocol::Delta => {
                let ask = Ask { names: &added, unsubscribe: &dropped, ..Ask::default() };
                self.send(kind, &ask);
            }
        }
    }

    /// Takes the next response, if there is one.
    pub fn take(&mut self) -> Option<Told> {
        let response = self.stream.next(self.now)?;
        let TypeUrl::Known(kind) = response.type_url else { panic!("{response:?}") };
        let told = Told {
            kind,
            resources: resources(self.protocol, &response),
            removed: response.removed.iter().map(|name| (**name).to_owned()).collect(),
        };
        let nonce = format!("{:x}", response.nonce);
        self.last_nonce.insert(kind, nonce.clone());
        self.unanswered.push_back((kind, nonce));
        self.apply(&told);
        Some(told)
    }

    fn apply(&mut self, told: &Told) {
        let held = self.held.entry(told.kind).or_default();
        let whole = self.protocol == Protocol::Sotw && told.kind.is_wildcard();
        if whole {
            let all: BTreeMap<String, String> = told.resources.iter().cloned().collect();
            if *held == all && !held.is_empty() {
                self.needless.push((told.kind, "all".into()));
            }
            *held = all;
            return;
        }
        let wants = self.wants.get(&told.kind);
        for (name, content) in &told.resources {
            if wants.is_some_and(|wants| !wants.contains(name)) {
                continue;
            }
            let before = held.insert(name.clone(), content.clone());
            if before.as_ref() == Some(content) && told.kind != ResourceType::Endpoint {
                self.needless.push((told.kind, name.clone()));
            }
        }
        for name in &told.removed {
            held.remove(name);
        }
    }

    /// Answers the oldest unanswered response.
    pub fn answer(&mut self, error: Option<&str>) -> Option<ResourceType> {
        let (kind, nonce) = self.unanswered.pop_front()?;
        let wants = self.wants.get(&kind).cloned().unwrap_or_default();
        let names: Vec<&str> = match self.protocol {
            Protocol::Sotw => wants.iter().map(String::as_str).collect(),
            Protocol::Delta => vec![],
        };
        self.send(kind, &Ask { names: &names, nonce: &nonce, error, ..Ask::default() });
        Some(kind)
    }

    /// Takes and acknowledges all that comes.
    pub fn settle(&mut self) -> Vec<Told> {
        let mut all = Vec::new();
        while let Some(told) = self.take() {
            all.push(told);
            assert!(all.len() < 100, "no end: {all:?}");
            while self.answer(None).is_some() {}
        }
        all
    }

    /// Takes all that comes, acknowledging nothing.
    pub fn take_all(&mut self) -> Vec<Told> {
        std::iter::from_fn(|| self.take()).collect()
    }
}

fn resources(protocol: Protocol, response: &Response) -> Vec<(String, String)> {
    let message: Vec<u8> = response.pieces.concat();
    let bodies: Vec<Any> = match protocol {
        Protocol::Sotw => {
            let entries = DiscoveryResponse::decode(&*message).unwrap().resources;
            entries.iter().map(|entry| Any::decode(&**entry).unwrap()).collect()
        }
        Protocol::Delta => {
            let entries = DeltaDiscoveryResponse::decode(&*message).unwrap().resources;
            let entries = entries.iter().map(|entry| Entry::decode(&**entry).unwrap());
            entries.map(|entry| Any::decode(&*entry.resource).unwrap()).collect()
        }
    };
    assert!(bodies.iter().all(|any| any.type_url == response.type_url.as_str()));
    bodies.iter().map(|any| read(&any.value)).collect()
}
