//! What requests ask an API server: for objects of one resource, by pages or as they change.

use futures_util::Stream;
use kube::core::params::{ListParams, WatchParams};
use kube::core::request::Request;
use kube::core::watch::WatchEvent;
use kube::{Client, Error, Result};
use serde::Deserialize;

use super::received::Received;

/// Which objects are asked for, and how much of each.
#[derive(Clone, Debug, Default)]
pub(super) struct Query {
    /// The path of the collection.
    pub path: String,
    /// Only objects with such fields.
    pub fields: Option<String>,
    /// Only objects with such labels.
    pub labels: Option<String>,
    /// Only the metadata of objects.
    pub metadata_only: bool,
}

/// A page of a list.
#[derive(Debug, Deserialize)]
#[serde(from = "Answer")]
pub(super) struct Page {
    pub items: Vec<Received>,
    /// The version of the whole list.
    pub version: String,
    /// What names the next page.
    pub next: Option<String>,
}

/// The same as the server writes it.
#[derive(Deserialize)]
struct Answer {
    metadata: Metadata,
    /// None is how servers write an empty list of metadata.
    items: Option<Vec<Received>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(default)]
    resource_version: String,
    #[serde(default, rename = "continue")]
    next: String,
}

impl Query {
    /// One page of at most `limit` objects: the first, or the one that the page before names as the next.
    pub async fn page(&self, client: &Client, limit: u32, next: Option<String>) -> Result<Page> {
        let params = ListParams {
            field_selector: self.fields.clone(),
            label_selector: self.labels.clone(),
            limit: Some(limit),
            continue_token: next,
            ..ListParams::default()
        };
        let request = Request::new(&self.path);
        let request = match self.metadata_only {
            true => request.list_metadata(&params),
            false => request.list(&params),
        };
        client.request(request.map_err(Error::BuildRequest)?).await
    }

    /// What changes from a version on, for so many seconds; without one, first what there is.
    pub async fn changes(
        &self,
        client: &Client,
        version: Option<&str>,
        seconds: u32,
    ) -> Result<impl Stream<Item = Result<WatchEvent<Received>>> + use<>> {
        let params = WatchParams {
            field_selector: self.fields.clone(),
            label_selector: self.labels.clone(),
            timeout: Some(seconds),
            send_initial_events: version.is_none(),
            ..WatchParams::default()
        };
        let (request, version) = (Request::new(&self.path), version.unwrap_or_default());
        let request = match self.metadata_only {
            true => request.watch_metadata(&params, version),
            false => request.watch(&params, version),
        };
        client.request_events(request.map_err(Error::BuildRequest)?).await
    }
}

impl From<Answer> for Page {
    fn from(Answer { metadata, items }: Answer) -> Page {
        let Metadata { resource_version: version, next } = metadata;
        let next = Some(next).filter(|next| !next.is_empty());
        Page { items: items.unwrap_or_default(), version, next }
    }
}
