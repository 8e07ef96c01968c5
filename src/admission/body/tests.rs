use super::*;

#[tokio::test]
async fn bodies_are_limited_each_and_together() {
    let memory = Memory::default();
    let largest = read(Body::from(vec![b' '; MAX_BYTES]), &memory, PATIENCE).await.unwrap();
    assert_eq!(largest.bytes().len(), MAX_BYTES);
    let (status, text) =
        read(Body::from(vec![b' '; MAX_BYTES + 1]), &memory, PATIENCE).await.unwrap_err();
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(text, "Request entity too large: limit is 6291456");
    assert_eq!(memory.0.load(Ordering::Relaxed), MAX_BYTES, "what was refused is given back");

    memory.0.fetch_add(MAX_BYTES_OF_ALL - MAX_BYTES, Ordering::Relaxed);
    let (status, _) = read(Body::from("x"), &memory, PATIENCE).await.unwrap_err();
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    drop(largest);
    assert!(read(Body::from("x"), &memory, PATIENCE).await.is_ok());
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let never = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
    let (memory, patience) = (Memory::default(), Duration::from_millis(1));
    let (status, _) = read(Body::from_stream(never), &memory, patience).await.unwrap_err();
    assert_eq!(status, StatusCode::REQUEST_TIMEOUT);
}
