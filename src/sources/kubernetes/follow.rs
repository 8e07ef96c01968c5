//! Following one collection of an API server: a list, then what changes, for ever.
//!
//! Owns requests, versions and waiting; what events mean is the receiver's. A list is streamed where the server
//! can, so that no page of objects stands in memory, and read by pages where it cannot. A watch goes on from the
//! version of the last event or bookmark. Whatever fails is told once as [`Event::Lost`] and tried again; what was
//! told before stays true for the receiver until a new list says otherwise.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use kube::Client;
use kube::core::watch::WatchEvent;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use super::query::Query;
use super::received::Received;
use crate::backoff::Backoff;

/// The first wait. An API server that restarts is back in seconds, and replicas must not ask in step.
const FIRST: Duration = Duration::from_millis(500);

/// The longest wait: what a server that is down for hours costs, against how long its return goes unnoticed.
const LONGEST: Duration = Duration::from_secs(30);

/// How many objects a page has.
const PAGE: u32 = 500;

/// How long the head of an answer, or a page, may take.
const ANSWER: Duration = Duration::from_secs(60);

/// How long a watch may be silent. Servers send a bookmark each minute: after this the connection counts as dead.
const SILENCE: Duration = Duration::from_secs(150);

/// How long a server keeps a watch open, in seconds; the actual time lies between this and 1.5 times of it, so
/// that watches do not end together.
const WATCH_SECONDS: u32 = 200;

/// A watch that ends sooner and brought nothing counts as failed; one that lasts longer works.
const SHORT: Duration = Duration::from_secs(1);

/// How often, at last, a resource that does not exist is asked for when nothing tells that it was made. At first more
/// often: a server that begins does not serve at once what is defined.
const ABSENT: Duration = Duration::from_secs(10);

/// What marks the bookmark at the end of a streamed list.
const LIST_ENDS: &str = "k8s.io/initial-events-end";

/// What is said of a list that the server does not go on with.
const EXPIRED: &str = "410 the list is too old before it is complete";

/// What is told of a collection.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Event {
    /// A list begins: what it does not name until it ends is gone.
    Listing,
    /// An object is this, as listed or as changed.
    Is(Received),
    /// An object is gone.
    Gone(Received),
    /// The list is complete.
    Listed,
    /// Changes are told from now on.
    Followed,
    /// The server cannot be asked at the moment, and why.
    Lost(String),
    /// The server does not have this resource.
    Absent,
}

/// Follows one collection.
pub(super) struct Follower {
    /// Who is asked.
    pub client: Client,
    /// What is asked for.
    pub query: Query,
    /// Which of those that the receiver hears this is.
    pub at: usize,
    /// The receiver. The bound of the queue is what holds a fast server back.
    pub events: mpsc::Sender<(usize, Event)>,
    /// The server cannot stream lists; shared by all that ask it.
    pub paged: Arc<AtomicBool>,
    /// Changes when the resource may have been made.
    pub made: Option<watch::Receiver<()>>,
    /// Asks for a new list.
    pub relist: Arc<Notify>,
    /// Changes when the server works again for somebody who asks through this client: the others need not wait until
    /// it is their time.
    pub back: watch::Sender<()>,
}

/// Why following ended for the moment.
enum End {
    /// A watch ended as it should.
    Over,
    /// The version is too old to go on from.
    Expired,
    /// There is no such resource.
    Absent,
    /// The server does not stream lists.
    Unstreamed,
    /// Something failed.
    Failed(Failure),
    /// Nobody listens any more.
    Unheard,
}

/// What failed.
struct Failure {
    /// The status code of the answer; 0 where there was none.
    code: u16,
    why: String,
    /// How long the server wants to be left alone.
    asked: Duration,
}

impl Follower {
    /// Follows until nobody listens.
    pub async fn run(self) {
        self.run_after(Backoff::new(FIRST, LONGEST)).await;
    }

    /// The same after waits that were in vain.
    async fn run_after(mut self, mut backoff: Backoff) {
        let mut absent = Backoff::new(FIRST, LONGEST);
        let mut version = None;
        let relist = self.relist.clone();
        let mut back = self.back.subscribe();
        loop {
            // Who succeeds from now on may know more than this try.
            back.mark_unchanged();
            let end = tokio::select! {
                end = self.follow(&mut version, &mut backoff) => end,
                () = relist.notified() => {
                    version = None;
                    End::Over
                }
            };
            if !matches!(end, End::Absent) {
                absent.reset();
            }
            let end = match end {
                // A watch may be too late, which a list mends; a list may not.
                End::Expired if version.is_none() => End::failed(EXPIRED),
                end => end,
            };
            match end {
                End::Over => {}
                End::Expired => {
                    version = None;
                    // Collections do not expire in step, and nothing says that the server is in trouble.
                    sleep(soon()).await;
                }
                End::Unstreamed => self.paged.store(true, Ordering::Relaxed),
                End::Absent => {
                    if self.tell(Event::Absent).await.is_err() {
                        return;
                    }
                    self.wait_until_made(absent.wait().min(ABSENT)).await;
                }
                End::Failed(failure) => {
                    if self.tell(Event::Lost(failure.why)).await.is_err() {
                        return;
                    }
                    wait(&mut backoff, failure.asked, &mut back).await;
                }
                End::Unheard => return,
            }
        }
    }

    /// Waits until the resource may exist, but not for long.
    async fn wait_until_made(&mut self, patience: Duration) {
        let made = async {
            let changed = match &mut self.made {
                Some(made) => made.changed().await.is_ok(),
                None => false,
            };
            if !changed {
                std::future::pending().await
            }
        };
        if timeout(patience, made).await.is_ok() {
            // Not at once: that it was told does not mean that it is served.
            sleep(soon()).await;
        }
    }

    /// The server works, and perhaps it did not before.
    fn works(&self, backoff: &mut Backoff) {
        if backoff.reset() {
            self.back.send_replace(());
        }
    }

    /// Lists, if there is no version to go on from, and watches until something ends that.
    async fn follow(&self, version: &mut Option<String>, backoff: &mut Backoff) -> End {
        let followed = async {
            if version.is_none() && self.paged.load(Ordering::Relaxed) {
                *version = Some(self.list().await?);
                self.works(backoff);
            }
            self.watch(version, backoff).await
        };
        match followed.await {
            Ok(()) => End::Over,
            Err(end) => end,
        }
    }

    /// Reads a list page by page; returns its version.
    async fn list(&self) -> Result<String, End> {
        self.tell(Event::Listing).await?;
        let mut next = None;
        loop {
            let page = answer(self.query.page(&self.client, PAGE, next)).await?;
            for item in page.items {
                self.tell(Event::Is(item)).await?;
            }
            next = page.next;
            if next.is_none() {
                self.tell(Event::Listed).await?;
                return Ok(page.version);
            }
        }
    }

    /// Watches; begins with a streamed list where there is no version to go on from.
    async fn watch(&self, version: &mut Option<String>, backoff: &mut Backoff) -> Result<(), End> {
        let lists = version.is_none();
        let seconds = WATCH_SECONDS + fastrand::u32(..WATCH_SECONDS / 2);
        let events = self.query.changes(&self.client, version.as_deref(), seconds);
        let events = answer(events).await.map_err(|end| match end {
            // Servers without streamed lists refuse the parameters as invalid.
            End::Failed(Failure { code: 400 | 422, .. }) if lists => End::Unstreamed,
            end => end,
        })?;
        let mut events = pin!(events);
        self.tell(if lists { Event::Listing } else { Event::Followed }).await?;
        let mut listing = lists;
        // What works brings something, or lasts.
        let mut works = false;
        loop {
            let patience = if listing || works { SILENCE } else { SHORT };
            let event = match timeout(patience, events.next()).await {
                Err(_) if !(listing || works) => {
                    works = true;
                    self.works(backoff);
                    continue;
                }
                Err(_) => {
                    return Err(End::failed(format!("silent for {} s", SILENCE.as_secs())));
                }
                Ok(Some(Err(error))) => return Err(End::of(&error)),
                Ok(None) if listing => {
                    return Err(End::failed("the connection ended before the list did"));
                }
                Ok(None) if !works => {
                    return Err(End::failed("the connection ended at once"));
                }
                Ok(None) => return Ok(()),
                Ok(Some(Ok(event))) => event,
            };
            let reached = match event {
                WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                    let reached = object.version().to_owned();
                    self.tell(Event::Is(object)).await?;
                    reached
                }
                WatchEvent::Deleted(object) => {
                    let reached = object.version().to_owned();
                    self.tell(Event::Gone(object)).await?;
                    reached
                }
                WatchEvent::Bookmark(bookmark) => {
                    if listing && bookmark.metadata.annotations.contains_key(LIST_ENDS) {
                        listing = false;
                        self.tell(Event::Listed).await?;
                        self.tell(Event::Followed).await?;
                    }
                    bookmark.metadata.resource_version
                }
                WatchEvent::Error(status) => return Err(End::of(&kube::Error::Api(status))),
            };
            // A list that is cut off begins anew.
            if !listing {
                *version = Some(reached);
                works = true;
                self.works(backoff);
            }
        }
    }

    async fn tell(&self, event: Event) -> Result<(), End> {
        self.events.send((self.at, event)).await.map_err(|_| End::Unheard)
    }
}

/// Waits before the next try: until it is time, or the server is back for others.
async fn wait(backoff: &mut Backoff, asked: Duration, back: &mut watch::Receiver<()>) {
    let failed = Instant::now();
    let latest = failed + patience(backoff, asked);
    if let Ok(Ok(())) = timeout_at(latest, back.changed()).await {
        // What the server asked for counts, and not all come at once.
        let early = (Instant::now() + soon()).max(failed + asked);
        sleep_until(early.min(latest)).await;
    }
}

/// How long to wait: at least what the server asked for, within reason.
fn patience(backoff: &mut Backoff, asked: Duration) -> Duration {
    backoff.wait().max(asked.min(LONGEST))
}

/// A short time of which a part is chance.
fn soon() -> Duration {
    Backoff::new(FIRST, LONGEST).wait()
}

/// Waits for the answer to a request.
async fn answer<T>(request: impl Future<Output = kube::Result<T>>) -> Result<T, End> {
    match timeout(ANSWER, request).await {
        Ok(answer) => answer.map_err(|error| End::of(&error)),
        Err(_) => Err(End::failed(format!("no answer within {} s", ANSWER.as_secs()))),
    }
}

impl End {
    fn failed(why: impl Into<String>) -> End {
        End::Failed(Failure { code: 0, why: why.into(), asked: Duration::ZERO })
    }

    fn of(error: &kube::Error) -> End {
        match error {
            kube::Error::Api(status) if status.code == 410 => End::Expired,
            kube::Error::Api(status) if status.code == 404 => End::Absent,
            kube::Error::Api(status) => {
                let asked = status.details.as_ref().map_or(0, |d| d.retry_after_seconds);
                End::Failed(Failure {
                    code: status.code,
                    why: format!("{} {}", status.code, status.message),
                    asked: Duration::from_secs(asked.into()),
                })
            }
            error => End::failed(chain(error)),
        }
    }
}

/// An error with its causes: what kube says alone is often "ServiceError".
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;
