//! HTTP for documents: one small answer, in time, from the place that was named.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::rt::TokioExecutor;

use super::connector::Connector;
use super::{Config, roots};

/// The largest document, in bytes: a key set has a few kilobytes, and a proxy gets it with each of its listeners.
const LARGEST: usize = 1 << 20;

/// See the module.
pub(in crate::sources) struct Client {
    http: legacy::Client<HttpsConnector<Connector>, Empty<Bytes>>,
    counted: Counted,
}

/// What counts documents, whether they were fetched or not.
pub(in crate::sources) type Counted = Box<dyn Fn(bool) + Send + Sync>;

impl Client {
    /// Reads the roots that servers are verified with.
    ///
    /// # Errors
    /// When there is no TLS.
    pub(in crate::sources) async fn new(
        config: Config,
        counted: Counted,
    ) -> anyhow::Result<Client> {
        let Config { addresses, insecure, extra_roots, .. } = config;
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(roots::tls(insecure, extra_roots).await?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(Connector { addresses });
        // A connection is for one document: the next one comes after minutes.
        let http =
            legacy::Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(https);
        Ok(Client { http, counted })
    }

    /// Gets a document within `limit`. The error says what went wrong, and nothing of what the server answered: who
    /// reads it may not be allowed to read that.
    pub(in crate::sources) async fn get(
        &self,
        uri: &str,
        limit: Duration,
    ) -> Result<String, String> {
        let got = match tokio::time::timeout(limit, self.try_get(uri)).await {
            Ok(got) => got,
            Err(_) => Err(format!("{uri} did not answer within {limit:?}")),
        };
        (self.counted)(got.is_ok());
        got
    }

    async fn try_get(&self, uri: &str) -> Result<String, String> {
        let request = Request::get(uri)
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, "istiod")
            .body(Empty::new())
            .map_err(|error| format!("{uri} is no URL: {error}"))?;
        let answer = self.http.request(request).await;
        let answer =
            answer.map_err(|error| format!("{uri} cannot be reached: {}", cause(&error)))?;
        let status = answer.status();
        if status.is_redirection() {
            return Err(format!(
                "{uri} redirects ({}), which is not followed: name where it leads instead",
                status.as_u16()
            ));
        }
        if !status.is_success() || status == StatusCode::NO_CONTENT {
            return Err(format!("{uri} answers with status {}", status.as_u16()));
        }
        let body = Limited::new(answer.into_body(), LARGEST).collect().await;
        let body = body.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
            Some(_) => format!("the answer of {uri} is longer than {LARGEST} bytes"),
            None => format!("the answer of {uri} broke off: {}", cause(&*error)),
        })?;
        String::from_utf8(body.to_bytes().to_vec())
            .map_err(|_| format!("the answer of {uri} is no text"))
    }
}

/// What is behind an error in the end: what is before it tells only which layer saw it.
fn cause(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
