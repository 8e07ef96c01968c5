//! gRPC's framing, as far as the lab's servers and clients need it.

use std::convert::Infallible;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, StreamBody};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// The answer of a stream: as many messages as its task sends, then the trailers.
pub type Answer = StreamBody<Frames>;
type Frames =
    std::pin::Pin<Box<dyn futures_util::Stream<Item = Result<Frame<Bytes>, Infallible>> + Send>>;

/// Messages that wait for the peer to read them.
const QUEUE: usize = 8;
/// A message's head: a flag for compression and the length.
const HEAD: usize = 5;

/// A message with its head.
pub fn frame(message: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(HEAD + message.len());
    frame.put_u8(0);
    frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    frame.put_slice(message);
    frame.freeze()
}

/// Reads messages from a body.
pub struct Messages<B> {
    body: B,
    read: BytesMut,
}

impl<B: Body<Data = Bytes> + Unpin> Messages<B> {
    /// Of a request or response.
    pub fn new(body: B) -> Messages<B> {
        Messages { body, read: BytesMut::new() }
    }

    /// The next message; None when the body ended or broke.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(mut head) = self.read.get(..HEAD) {
                head.advance(1);
                let length = usize::try_from(head.get_u32()).ok()?;
                if self.read.len() >= HEAD + length {
                    self.read.advance(HEAD);
                    return Some(self.read.split_to(length).freeze());
                }
            }
            let data = self.body.frame().await?.ok()?.into_data();
            self.read.put(data.unwrap_or_default());
        }
    }
}

/// The sending side of an answer.
pub struct Replies(mpsc::Sender<Frame<Bytes>>);

impl Replies {
    /// Sends a message; false when the peer is gone.
    pub async fn send(&self, message: &[u8]) -> bool {
        self.0.send(Frame::data(frame(message))).await.is_ok()
    }

    /// Ends the answer with a status.
    pub async fn end(self, status: &'static str) {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static(status));
        drop(self.0.send(Frame::trailers(trailers)).await);
    }
}

/// A response and the handle that fills it.
pub fn answer() -> (http::Response<Answer>, Replies) {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let frames = futures_util::StreamExt::map(ReceiverStream::new(receiver), Ok);
    let mut response = http::Response::new(StreamBody::new(Box::pin(frames) as Frames));
    response
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    (response, Replies(sender))
}
