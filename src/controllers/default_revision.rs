//! The default revision: the one that the tag `default` names.

use futures_util::StreamExt;
use k8s_openapi::api::admissionregistration::v1::MutatingWebhookConfiguration;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};
use tokio::sync::watch;
use tracing::debug;

use crate::api::Str;

/// The webhook of the tag.
const TAG: &str = "istio-revision-tag-default";

/// The label that names a revision.
const REVISION: &str = "istio.io/rev";

/// Follows the tag for as long as anybody wants to know; empty while there is none. What cannot be read stays as it
/// was last.
pub async fn follow(client: Client, default: watch::Sender<Str>) {
    let objects = watcher::watch_object(Api::<MutatingWebhookConfiguration>::all(client), TAG);
    let mut objects = Box::pin(objects.default_backoff());
    loop {
        let object = tokio::select! {
            Some(object) = objects.next() => object,
            () = default.closed() => return,
        };
        match object {
            Ok(object) => {
                let labels = object.and_then(|object| object.metadata.labels).unwrap_or_default();
                let revision =
                    labels.get(REVISION).map_or_else(Str::default, |r| r.as_str().into());
                default.send_if_modified(|known| {
                    let new = *known != revision;
                    *known = revision;
                    new
                });
            }
            Err(error) => {
                debug!(target: "controllers", "the default revision is not known: {error:#}");
            }
        }
    }
}
