//! One stream from its first byte to its last: admission, the first request, and the loop in which requests,
//! views and responses meet.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tonic::Status;

use super::Shared;
use super::count::Count;
use super::inquiry::Inquiry;
use super::reports::Reports;
use crate::authn::Credentials;
use crate::model::Proxy;
use crate::model::identity::Spiffe;
use crate::serve::admission::Turn;
use crate::serve::connections::{Client, Connection, Registered};
use crate::serve::envelope::{Protocol, Request};
use crate::serve::push::wave::Passing;
use crate::serve::push::{Subscription, version};
use crate::serve::secrets::Account;
use crate::serve::secrets::keeper::Keeper;
use crate::serve::stream::{Response, Stream, Update};
use crate::serve::transport::Transport;
use crate::serve::type_url::{HEALTH, TypeUrl};
use crate::serve::wire::{Messages, Outgoing, frames};
use crate::translate::{ResourceType, Resources, View};

/// How long a stream may take for its first request. Clients send it with the stream itself.
const FIRST_REQUEST: Duration = Duration::from_secs(30);

/// One stream.
pub(super) struct Task {
    pub shared: Arc<Shared>,
    pub protocol: Protocol,
    pub transport: Transport,
    pub presented: Credentials,
    pub messages: Messages,
    pub sender: mpsc::Sender<Outgoing>,
    pub stop: watch::Receiver<bool>,
    pub count: Count,
}

/// What woke a stream.
enum Event {
    Message(Option<Bytes>),
    Update(Update),
    /// The proxy is to have these secrets.
    Secrets(Arc<Resources>, u64),
    /// The body can take a response, or a wait is over.
    Send,
    Stop,
}

impl Task {
    /// Serves it to its end, which its body is told.
    pub async fn run(mut self) {
        let status = match self.serve().await {
            Ok(()) => Status::ok(""),
            Err(status) => status,
        };
        self.count.ended(&status);
        // A client that is gone needs no status.
        let _ = self.sender.send(Outgoing::End(status)).await;
    }

    async fn serve(&mut self) -> Result<(), Status> {
        self.admit().await?;
        let shared = self.shared.clone();
        let access = &shared.config.access;
        let caller = access.caller(&self.transport, &self.presented).await;
        let caller = caller.inspect_err(|_| self.count.refused("unauthenticated"))?;
        let Some(first) = self.first_request().await? else { return Ok(()) };
        let proxy = Arc::new(self.shared.nodes.proxy(first.node.as_deref())?);
        let identity = access.identity(caller.as_deref(), &proxy);
        let identity = identity.inspect_err(|_| self.count.refused("unauthorized"))?;
        let member =
            shared.registration.as_ref().map(|rules| rules.member(&proxy, identity.as_ref()));
        let member = member.transpose().inspect_err(|status| {
            self.count.refused("unregistered");
            tracing::warn!(target: "wle", proxy = %proxy.id, peer = %self.presented.peer, reason = status.message(), "a proxy does not stand for what it says");
        })?;
        let waiting = self.count.waits("first_views");
        let mut subscription = self.shared.pusher.connect(proxy.clone()).await?;
        drop(waiting);
        let newest = subscription.updates.borrow_and_update().clone();
        let stream = Stream::new(self.protocol, newest.clone(), self.shared.cache.clone());
        let connections = &self.shared.connections;
        let account = self.account(identity.as_ref(), &proxy);
        let keeper = self.shared.secrets.keeper(proxy.clone(), account);
        let mut state = Served { newest, secrets: None, keeper, told: None };
        let client = Client { proxy, peer: self.presented.peer, caller, identity };
        let registered = connections.add(client, self.protocol, stream);
        let id = registered.connection.id.clone();
        tracing::info!(target: "ads", connection = %id, peer = %self.presented.peer, "a proxy connected");
        let listener = shared.registration.as_ref().map(|rules| &rules.reports);
        let reports = Reports::begin(listener, member.flatten(), &registered.connection).await;
        let ended =
            self.converse(&first, &registered, &mut subscription, &mut state, &reports).await;
        reports.end(&registered.connection).await;
        self.count.forget(&registered.connection.proxy.id);
        tracing::info!(
            target: "ads",
            connection = %id,
            reason = ended.as_ref().err().map_or("it ended the stream", Status::message),
            "a proxy disconnected"
        );
        ended
    }

    /// The account whose secrets the proxy may have; None for one that did not prove who it is.
    fn account(&self, identity: Option<&Spiffe>, proxy: &Proxy) -> Option<Account> {
        if let Some(Spiffe { namespace, service_account, .. }) = identity {
            return Some(Account { namespace: namespace.clone(), name: service_account.clone() });
        }
        let near = self.presented.peer.ip().is_loopback() && !self.transport.is_tls();
        let name = Some(&proxy.service_account).filter(|name| !name.is_empty());
        let name = name.cloned().unwrap_or_else(|| "default".into());
        (near && self.shared.config.secrets_on_loopback)
            .then(|| Account { namespace: proxy.namespace.clone(), name })
    }

    /// Waits for the stream's turn.
    async fn admit(&mut self) -> Result<(), Status> {
        if !*self.shared.ready.borrow() {
            self.count.refused("not_ready");
            let text = "server is not ready to serve discovery information";
            return Err(Status::unavailable(text));
        }
        match self.shared.admission.turn(self.presented.peer.ip(), Instant::now()) {
            Turn::At(turn) => {
                let _waiting = self.count.waits("new_streams");
                tokio::time::sleep_until(turn.into()).await;
                Ok(())
            }
            Turn::Refused(after) => {
                self.count.refused("rate");
                let text = format!("request rate limit exceeded: come again in {after:.1?}");
                let mut status = Status::resource_exhausted(text);
                let millis = after.as_millis().to_string();
                if let Ok(millis) = millis.parse() {
                    status.metadata_mut().insert("grpc-retry-pushback-ms", millis);
                }
                Err(status)
            }
        }
    }

    /// The first request, which tells the node. A report of a workload's health may come before it.
    async fn first_request(&mut self) -> Result<Option<Request>, Status> {
        let first = tokio::time::timeout(FIRST_REQUEST, async {
            loop {
                let Some(message) = self.messages.next().await? else { return Ok(None) };
                let request = self.count.received(message, self.protocol)?;
                if request.type_url.as_str() != HEALTH {
                    return Ok(Some(request));
                }
                tracing::warn!(target: "ads", peer = %self.presented.peer, "ignored a health report without a node");
            }
        });
        first.await.unwrap_or_else(|_| Err(Status::deadline_exceeded("no request came")))
    }

    async fn converse(
        &mut self,
        first: &Request,
        registered: &Registered,
        subscription: &mut Subscription,
        state: &mut Served,
        reports: &Reports,
    ) -> Result<(), Status> {
        let connection = &registered.connection;
        self.hear(first, registered, state, reports).await?;
        loop {
            match self.event(registered, subscription, &mut state.keeper).await? {
                Event::Message(Some(message)) => {
                    let request = self.count.received(message, self.protocol)?;
                    self.hear(&request, registered, state, reports).await?;
                }
                Event::Message(None) => return Ok(()),
                Event::Update(update) => {
                    let now = Instant::now();
                    self.count.updated(now, update.wave.take());
                    state.newest = update;
                    self.update(connection, state, now);
                }
                Event::Secrets(secrets, generation) => {
                    let now = Instant::now();
                    self.count.updated(now, None);
                    state.secrets = Some(secrets);
                    state.newest.version = version(generation);
                    self.update(connection, state, now);
                }
                Event::Send => self.send(registered).await?,
                Event::Stop => return Err(Status::unavailable("the control plane is stopping")),
            }
        }
    }

    /// Takes a request in, of any sort.
    async fn hear(
        &mut self,
        request: &Request,
        registered: &Registered,
        state: &mut Served,
        reports: &Reports,
    ) -> Result<(), Status> {
        if request.type_url.as_str() == HEALTH {
            reports.health(&registered.connection, request).await;
        }
        if let TypeUrl::Debug(_) = request.type_url {
            return self.inquire(request, registered, state).await;
        }
        self.receive(request, registered, state)
    }

    /// Answers a question about the control plane. What merely acknowledges the last answer is none.
    async fn inquire(
        &mut self,
        request: &Request,
        registered: &Registered,
        state: &mut Served,
    ) -> Result<(), Status> {
        let connection = &registered.connection;
        if state.told.is_some_and(|nonce| request.nonce == format!("{nonce:x}").as_bytes()) {
            return Ok(());
        }
        let inquiry = Inquiry::of(request, connection.identity.clone());
        let told = match self.shared.inquiries.get() {
            Some(inquiries) => inquiries.answer(inquiry).await.inspect_err(|status| {
                tracing::warn!(
                    target: "ads",
                    connection = %connection.id,
                    peer = %self.presented.peer,
                    kind = %request.type_url,
                    reason = status.message(),
                    "a question about the control plane is not for this client"
                );
            })?,
            None => return Err(Status::unavailable("nobody answers questions here yet")),
        };
        let start = Instant::now();
        let piece = told.encode(self.protocol);
        let response = connection.stream().told(request.type_url.clone(), piece);
        state.told = Some(response.nonce);
        self.write(&response, start, false).await
    }

    fn update(&mut self, connection: &Connection, state: &Served, now: Instant) {
        let settled = {
            let mut stream = connection.stream();
            stream.update(state.update(), now);
            stream.is_at_rest()
        };
        self.count.settled(settled);
    }

    fn receive(
        &mut self,
        request: &Request,
        registered: &Registered,
        state: &mut Served,
    ) -> Result<(), Status> {
        let connection = &registered.connection;
        let (received, settled) = {
            let mut stream = connection.stream();
            let received = stream.receive(request)?;
            if request.type_url == TypeUrl::Known(ResourceType::Secret) {
                state.keeper.ask(stream.names(ResourceType::Secret));
            }
            (received, stream.is_at_rest())
        };
        self.count.settled(settled);
        self.count.outcome(&received, &request.type_url, connection, &self.shared.refusals);
        Ok(())
    }

    /// Waits for what comes next. A response is made only when the body is ready for it, and requests are
    /// read in the meantime.
    async fn event(
        &mut self,
        registered: &Registered,
        subscription: &mut Subscription,
        keeper: &mut Keeper,
    ) -> Result<Event, Status> {
        let now = Instant::now();
        let (due, deadline) = {
            let stream = registered.connection.stream();
            (stream.is_due(now), stream.deadline(now))
        };
        let Task { messages, sender, stop, .. } = self;
        let gone = || Status::cancelled("the client is gone");
        tokio::select! {
            message = messages.next() => Ok(Event::Message(message?)),
            changed = subscription.updates.changed() => match changed {
                Ok(()) => Ok(Event::Update(subscription.updates.borrow_and_update().clone())),
                Err(_) => Ok(Event::Stop),
            },
            (secrets, generation) = keeper.next() => Ok(Event::Secrets(secrets, generation)),
            ready = sender.reserve(), if due => match ready {
                Ok(_) => Ok(Event::Send),
                Err(_) => Err(gone()),
            },
            () = sender.closed() => Err(gone()),
            () = until(deadline), if !due => Ok(Event::Send),
            _ = stop.wait_for(|stop| *stop) => Ok(Event::Stop),
        }
    }

    /// Makes the next response and hands it to the body, which has room for it.
    async fn send(&mut self, registered: &Registered) -> Result<(), Status> {
        let (response, current, start) = {
            let _turn = self.shared.throttle.acquire().await;
            let start = Instant::now();
            let mut stream = registered.connection.stream();
            (stream.next(start), stream.is_current(), start)
        };
        let Some(response) = response else { return Ok(()) };
        self.write(&response, start, current).await
    }

    /// Hands a response to the body. It was begun to be made at `start`; `current` says that the proxy has all that it
    /// wants with it.
    async fn write(
        &mut self,
        response: &Response,
        start: Instant,
        current: bool,
    ) -> Result<(), Status> {
        let message = frames(response)?;
        self.count.made(response, start);
        let writing = Instant::now();
        let gone = |_| Status::cancelled("the client is gone");
        self.sender.send(Outgoing::Message(message)).await.map_err(gone)?;
        self.count.sent(writing, current);
        Ok(())
    }
}

/// What a stream's proxy is served: what was built for proxies like it, and the secrets that it alone may have.
struct Served {
    newest: Update,
    secrets: Option<Arc<Resources>>,
    keeper: Keeper,
    /// The nonce of the last answer to a question about the control plane.
    told: Option<u64>,
}

impl Served {
    fn update(&self) -> Update {
        let Update { view, version, .. } = &self.newest;
        let view = match &self.secrets {
            None => view.clone(),
            Some(secrets) => {
                let layers = view.layers.iter().chain([secrets]).cloned().collect();
                Arc::new(View { layers, ..View::clone(view) })
            }
        };
        Update { view, version: version.clone(), wave: Passing::default() }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
