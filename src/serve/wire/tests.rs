use http_body::Body as _;
use http_body_util::StreamBody as Frames;
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::proto::discovery::{DeltaDiscoveryResponse, DiscoveryResponse};
use crate::serve::type_url::TypeUrl;
use crate::translate::ResourceType;

const LIMIT: usize = 100;

fn framed(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    for message in messages {
        out.push(0);
        out.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
        out.extend(message);
    }
    out
}

/// All messages of a body that comes in these chunks.
fn read(chunks: Vec<Vec<u8>>) -> Result<Vec<Vec<u8>>, Status> {
    let frames = chunks.into_iter().map(|c| Ok::<_, Infallible>(Frame::data(Bytes::from(c))));
    let body = axum::body::Body::new(Frames::new(futures_util::stream::iter(frames)));
    let mut messages = Messages::new(body, LIMIT);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut all = Vec::new();
        while let Some(message) = messages.next().await? {
            all.push(message.to_vec());
        }
        Ok(all)
    })
}

#[test]
fn refuses_what_is_too_long_compressed_or_cut() {
    let check = |bytes: &[u8], code: tonic::Code| {
        assert_eq!(read(vec![bytes.to_vec()]).unwrap_err().code(), code, "{bytes:?}");
    };
    check(&[0, 0, 0, 0, 101], tonic::Code::ResourceExhausted);
    check(&[0, 255, 255, 255, 255], tonic::Code::ResourceExhausted);
    check(&[1, 0, 0, 0, 1, 0], tonic::Code::Unimplemented);
    check(&[0, 0, 0], tonic::Code::Internal);
    check(&[0, 0, 0, 0, 2, 9], tonic::Code::Internal);
}

proptest! {
    #[test]
    fn reads_messages_however_they_are_cut(
        messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..6),
        cuts in proptest::collection::vec(0..8usize, 0..40),
    ) {
        let bytes = framed(&messages);
        let (mut chunks, mut rest) = (Vec::new(), &bytes[..]);
        for cut in cuts {
            let (chunk, tail) = rest.split_at(cut.min(rest.len()));
            chunks.push(chunk.to_vec());
            rest = tail;
        }
        chunks.push(rest.to_vec());
        prop_assert_eq!(read(chunks).unwrap(), messages);
    }
}

fn response(pieces: Vec<Bytes>, removed: &[&str]) -> Response {
    Response {
        type_url: TypeUrl::Known(ResourceType::Route),
        version: "v/1".into(),
        nonce: 255,
        pieces,
        removed: removed.iter().map(|name| (*name).into()).collect(),
    }
}

#[test]
fn responses_are_read_as_what_they_say() {
    let piece = |bytes: &'static [u8]| {
        let message = DiscoveryResponse {
            resources: vec![Bytes::from_static(bytes)],
            ..DiscoveryResponse::default()
        };
        Bytes::from(message.encode_to_vec())
    };
    let frames = frames(&response(vec![piece(b"a"), piece(b"b")], &["c"])).unwrap();
    assert_eq!(frames.len(), 1, "small pieces share a frame");
    let bytes = frames.concat();
    assert_eq!(bytes[..5], [0, 0, 0, 0, u8::try_from(bytes.len() - 5).unwrap()]);
    let told = DeltaDiscoveryResponse::decode(&bytes[5..]).unwrap();
    assert_eq!(told.resources, ["a", "b"]);
    assert_eq!(told.removed_resources, ["c"]);
    assert_eq!((&*told.system_version_info, &*told.nonce), ("v/1", "ff"));
    assert_eq!(told.type_url, ResourceType::Route.type_url());
}

#[test]
fn large_pieces_are_handed_on_uncopied() {
    let large = Bytes::from(vec![0x12; SMALL + 1]);
    let frames = frames(&response(vec![large.clone(), large.clone()], &[])).unwrap();
    assert_eq!(frames.len(), 3);
    assert_eq!(frames[1].as_ptr(), large.as_ptr());
    let length: usize = frames.iter().map(Bytes::len).sum();
    assert_eq!(frames[0][1..5], u32::try_from(length - 5).unwrap().to_be_bytes());
}

#[test]
fn a_body_ends_with_its_status() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let collect = |end: Option<Status>| {
        let (sender, body) = StreamBody::new();
        let task = async move {
            sender.send(Outgoing::Message(vec![Bytes::from_static(b"x")])).await.unwrap();
            if let Some(status) = end {
                sender.send(Outgoing::End(status)).await.unwrap();
            }
        };
        runtime
            .block_on(async { futures_util::future::join(task, body.collect()).await.1.unwrap() })
    };
    let ended = collect(Some(Status::not_found("a b")));
    let trailers = ended.trailers().unwrap();
    assert_eq!(trailers["grpc-status"], "5");
    assert_eq!(trailers["grpc-message"], "a%20b");
    assert_eq!(ended.to_bytes(), "x");
    assert_eq!(collect(None).trailers().unwrap()["grpc-status"], "14");
    assert!(!StreamBody::new().1.is_end_stream());
}
