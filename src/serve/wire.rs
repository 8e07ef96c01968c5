//! gRPC's framing: bodies to messages, and responses to bodies.
//!
//! A message is five bytes (compressed or not, and the length) and its bytes. On the way in, its length is
//! checked before a byte of it is kept. On the way out nothing is copied but a small head: a response is
//! handed to HTTP/2 as the pieces that it is made of, which all streams share. Knows no protocol above that.
//!
//! <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::vec;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::HeaderMap;
use http_body::Frame;
use http_body_util::BodyExt;
use prost::encoding::string;
use tokio::sync::mpsc;
use tonic::Status;

use super::stream::Response;

/// The length of what stands before a message.
const PREFIX: usize = 5;

/// A piece up to this length is copied into the head of its response: one frame costs less than two.
const SMALL: usize = 1024;

/// What is reserved for a message of which little more than the prefix came.
const MAX_RESERVE: usize = 64 * 1024;

/// The messages of a request's body.
#[derive(Debug)]
pub struct Messages {
    body: axum::body::Body,
    limit: usize,
    /// What came and was not taken yet.
    rest: Bytes,
    /// The beginning of a message whose end has not come yet.
    begun: BytesMut,
}

impl Messages {
    /// Of a body. No message may be longer than `limit` bytes.
    pub fn new(body: axum::body::Body, limit: usize) -> Messages {
        Messages { body, limit, rest: Bytes::new(), begun: BytesMut::new() }
    }

    /// The next message; None when the client has said all. Safe to cancel.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Status> {
        loop {
            if let Some(message) = self.take()? {
                return Ok(Some(message));
            }
            match self.body.frame().await {
                Some(Ok(frame)) => self.rest = frame.into_data().unwrap_or_default(),
                Some(Err(error)) => return Err(Status::cancelled(error.to_string())),
                None if self.begun.is_empty() => return Ok(None),
                None => return Err(Status::internal("the request ended within a message")),
            }
        }
    }

    /// Takes a message out of what came. If there is none, all that came is kept in `begun`.
    fn take(&mut self) -> Result<Option<Bytes>, Status> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        if self.begun.is_empty() {
            if let Some(length) = self.length(&self.rest)?
                && self.rest.len() >= PREFIX + length
            {
                self.rest.advance(PREFIX);
                return Ok(Some(self.rest.split_to(length)));
            }
            let length = self.length(&self.rest)?.unwrap_or_default();
            self.begun.reserve((PREFIX + length).min(MAX_RESERVE));
        }
        // Not more than the message is taken over: what follows it stays as it came.
        let missing = PREFIX.saturating_sub(self.begun.len()).min(self.rest.len());
        self.begun.put(self.rest.split_to(missing));
        let Some(length) = self.length(&self.begun)? else { return Ok(None) };
        let missing = (PREFIX + length - self.begun.len()).min(self.rest.len());
        self.begun.put(self.rest.split_to(missing));
        if self.begun.len() < PREFIX + length {
            return Ok(None);
        }
        let mut message = std::mem::take(&mut self.begun).freeze();
        message.advance(PREFIX);
        Ok(Some(message))
    }

    /// The length of the message that begins here, once its prefix is complete.
    fn length(&self, bytes: &[u8]) -> Result<Option<usize>, Status> {
        let Some(([compressed, length @ ..], _)) = bytes.split_first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        if *compressed != 0 {
            return Err(Status::unimplemented("compressed requests are not supported"));
        }
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        if length > self.limit {
            let text = format!("a request of {length} bytes; {} are allowed", self.limit);
            return Err(Status::resource_exhausted(text));
        }
        Ok(Some(length))
    }
}

/// A response as the frames of its body. The field numbers are the same in both protocols; a
/// DiscoveryResponse never has removed names. An error when it is longer than gRPC can tell.
pub fn frames(response: &Response) -> Result<Vec<Bytes>, Status> {
    let mut head = BytesMut::with_capacity(256);
    head.put_slice(&[0; PREFIX]);
    string::encode(1, &String::from(&*response.version), &mut head);
    string::encode(4, &response.type_url.as_str().to_owned(), &mut head);
    string::encode(5, &format!("{:x}", response.nonce), &mut head);
    for name in &response.removed {
        string::encode(6, &String::from(&**name), &mut head);
    }
    let length = head.len() - PREFIX + response.size();
    let length = u32::try_from(length)
        .map_err(|_| Status::internal(format!("a response of {length} bytes is too long")))?;
    head.get_mut(1..PREFIX).unwrap_or_default().copy_from_slice(&length.to_be_bytes());
    let mut frames = Vec::with_capacity(1 + response.pieces.len());
    let mut pieces = response.pieces.iter().peekable();
    while let Some(small) = pieces.next_if(|piece| piece.len() <= SMALL) {
        head.extend_from_slice(small);
    }
    frames.push(head.freeze());
    frames.extend(pieces.cloned());
    Ok(frames)
}

/// What a stream's task hands to its body. It has no debug output: it may be a secret.
pub enum Outgoing {
    /// The frames of a message.
    Message(Vec<Bytes>),
    /// The end.
    End(Status),
}

/// The body of a streaming response: what comes out of a channel. See [`Outgoing`] about debug output.
pub struct StreamBody {
    incoming: mpsc::Receiver<Outgoing>,
    frames: vec::IntoIter<Bytes>,
    ended: bool,
}

impl StreamBody {
    /// A body and its entry, which takes one message at a time: a slow client's next one is made when it is
    /// ready for it.
    pub fn new() -> (mpsc::Sender<Outgoing>, StreamBody) {
        let (sender, incoming) = mpsc::channel(1);
        (sender, StreamBody { incoming, frames: Vec::new().into_iter(), ended: false })
    }
}

impl http_body::Body for StreamBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        loop {
            if let Some(bytes) = self.frames.next() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            if self.ended {
                return Poll::Ready(None);
            }
            match std::task::ready!(self.incoming.poll_recv(context)) {
                Some(Outgoing::Message(frames)) => self.frames = frames.into_iter(),
                Some(Outgoing::End(status)) => {
                    self.ended = true;
                    return Poll::Ready(Some(Ok(Frame::trailers(trailers(&status)))));
                }
                None => {
                    self.ended = true;
                    let status = Status::unavailable("the stream was given up");
                    return Poll::Ready(Some(Ok(Frame::trailers(trailers(&status)))));
                }
            }
        }
    }
}

/// A status as trailers.
fn trailers(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    if status.add_header(&mut trailers).is_err() {
        // The message has a byte that no header may have, which percent encoding rules out.
        trailers.insert(Status::GRPC_STATUS, UNKNOWN);
    }
    trailers
}

/// The status code of which nothing better is known.
const UNKNOWN: http::HeaderValue = http::HeaderValue::from_static("2");

#[cfg(test)]
mod tests;
