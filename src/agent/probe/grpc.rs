//! A look by `grpc.health.v1.Health/Check`.

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_TYPE, TE, USER_AGENT};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;

use super::Target;

const METHOD: &str = "/grpc.health.v1.Health/Check";

/// Of an answer, which is a number.
const MAX_ANSWER: usize = 1024;

/// What the service says of one that works.
const SERVING: i32 = 1;

#[derive(prost::Message)]
struct HealthCheckRequest {
    #[prost(string, tag = "1")]
    service: String,
}

#[derive(prost::Message)]
struct HealthCheckResponse {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// Asks whether a service is serving; the server as a whole if it has no name. An error says why it is not.
pub(super) async fn serving(target: &Target, service: &str, agent: &str) -> anyhow::Result<()> {
    let stream = TokioIo::new(target.connect().await?);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
    let connection = tokio::spawn(connection);
    let message = HealthCheckRequest { service: service.to_owned() }.encode_to_vec();
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.len())?.to_be_bytes());
    frame.extend(message);
    let request = Request::post(format!("http://{}{METHOD}", target.authority()))
        .header(CONTENT_TYPE, "application/grpc")
        .header(TE, "trailers")
        .header(USER_AGENT, agent)
        .body(Full::new(Bytes::from(frame)))?;
    let asked = async {
        let response = sender.send_request(request).await?;
        ensure!(response.status().is_success(), "it answers with status {}", response.status());
        let (head, body) = response.into_parts();
        let body = Limited::new(body, MAX_ANSWER).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!(error))?;
        // An answer without a body has its end in its head.
        let trailers = body.trailers().cloned().unwrap_or(head.headers);
        let status = trailers.get("grpc-status").map_or(&b"0"[..], |status| status.as_bytes());
        match status {
            b"0" => {}
            b"12" => bail!("it has no health service of gRPC"),
            other => bail!("its health service ends with {}", String::from_utf8_lossy(other)),
        }
        let bytes = body.to_bytes();
        let message = bytes.get(5..).context("its health service says nothing")?;
        let status = HealthCheckResponse::decode(message)?.status;
        ensure!(status == SERVING, "it says that it does not serve ({status})");
        Ok(())
    };
    let answered = asked.await;
    connection.abort();
    answered
}
