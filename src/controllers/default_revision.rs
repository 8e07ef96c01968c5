//! The default revision: the one that the tag `default` names.

use std::pin::pin;
use std::time::Duration;

use futures_util::TryStreamExt;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use kube::api::{ListParams, PartialObjectMeta, WatchEvent, WatchParams};
use kube::{Api, Client, ResourceExt};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tracing::debug;

use crate::api::Str;

/// The webhook of the tag.
const TAG: &str = "istio-revision-tag-default";

/// The label that names a revision.
const REVISION: &str = "istio.io/rev";

/// How long a watch may take. Servers end it sooner: after this the connection counts as dead.
const WATCH: Duration = Duration::from_secs(300);

/// The pause between two watches, give or take half of it: replicas must not ask in step.
const PAUSE: Duration = Duration::from_secs(5);

/// Follows the tag for as long as anybody wants to know; empty while there is none. What cannot be read stays as it
/// was last.
pub async fn follow(client: Client, default: watch::Sender<Str>) {
    let webhooks = Api::all(client);
    loop {
        let once = async {
            if let Ok(Err(error)) = timeout(WATCH, follow_once(&webhooks, &default)).await {
                debug!(target: "controllers", "the default revision is not known: {error:#}");
            }
            sleep(PAUSE.mul_f64(0.5 + fastrand::f64())).await;
        };
        tokio::select! {
            () = once => {}
            () = default.closed() => return,
        }
    }
}

/// Tells what the tag says, and what it says next, until the server ends that.
async fn follow_once(
    webhooks: &Api<MutatingWebhookConfiguration>,
    default: &watch::Sender<Str>,
) -> kube::Result<()> {
    let name = format!("metadata.name={TAG}");
    let list = webhooks.list_metadata(&ListParams::default().fields(&name)).await?;
    tell(list.items.first(), default);
    let version = list.metadata.resource_version.unwrap_or_default();
    let params = WatchParams::default().fields(&name);
    let mut events = pin!(webhooks.watch_metadata(&params, &version).await?);
    while let Some(event) = events.try_next().await? {
        match event {
            WatchEvent::Added(webhook) | WatchEvent::Modified(webhook) => {
                tell(Some(&webhook), default);
            }
            WatchEvent::Deleted(_) => tell(None, default),
            WatchEvent::Bookmark(_) => {}
            WatchEvent::Error(status) => return Err(kube::Error::Api(status)),
        }
    }
    Ok(())
}

/// Tells the revision that a tag names.
fn tell(
    webhook: Option<&PartialObjectMeta<MutatingWebhookConfiguration>>,
    default: &watch::Sender<Str>,
) {
    let revision = webhook.and_then(|webhook| webhook.labels().get(REVISION));
    let revision: Str = revision.map_or_else(Str::default, |revision| revision.as_str().into());
    default.send_if_modified(|known| {
        let new = *known != revision;
        *known = revision;
        new
    });
}
