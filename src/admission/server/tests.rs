//! The server with real connections over TLS.

use axum::routing::post;
use futures_util::future::join_all;
use tokio::io::AsyncReadExt;

use super::*;
use crate::admission::fixture::{ask, client, started};
use crate::ca::fixture::{DAY, root, self_signed};

/// Answers with what it is sent, after a moment.
fn echo() -> Router {
    let answer = |body: String| async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        body
    };
    Router::new().route("/", post(answer))
}

#[tokio::test]
async fn what_was_asked_is_answered_although_the_server_stops() {
    let issuer = self_signed(&root("cluster.local", DAY));
    for http2 in [true, false] {
        let (uri, stop, ended) = started(&issuer, echo());
        let client = client(&issuer, http2);
        assert_eq!(ask(&client, &uri, "first".into()).await, "first");
        let asking = ask(&client, &uri, "second".into());
        let stopping = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            stop.send_replace(true);
        };
        let (second, ()) = tokio::join!(asking, stopping);
        assert_eq!(second, "second", "http2: {http2}");
        tokio::time::timeout(Duration::from_secs(4), ended).await.unwrap();
    }
}

#[tokio::test]
async fn many_at_once_are_all_answered() {
    let issuer = self_signed(&root("cluster.local", DAY));
    let (uri, _stop, _ended) = started(&issuer, echo());
    let client = client(&issuer, true);
    let all = (0..600).map(|number| ask(&client, &uri, number.to_string()));
    let answers = join_all(all).await;
    assert!(answers.iter().enumerate().all(|(number, said)| *said == number.to_string()));
}

#[tokio::test]
async fn who_says_nothing_is_not_waited_for() {
    let issuer = self_signed(&root("cluster.local", DAY));
    let (uri, stop, ended) = started(&issuer, echo());
    let silent = TcpStream::connect(("127.0.0.1", uri.port_u16().unwrap())).await.unwrap();
    assert_eq!(ask(&client(&issuer, true), &uri, "other".into()).await, "other");
    stop.send_replace(true);
    tokio::time::timeout(Duration::from_secs(2), ended).await.unwrap();
    let mut silent = silent;
    assert_eq!(silent.read(&mut [0]).await.unwrap_or(0), 0);
}

/// As pushes might hold their threads up: this server does not run on them.
#[tokio::test]
async fn what_holds_other_threads_up_does_not_hold_up_reviews() {
    let issuer = self_signed(&root("cluster.local", DAY));
    let (uri, _stop, _ended) = started(&issuer, echo());
    let asked = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { ask(&client(&issuer, true), &uri, "asked".into()).await })
    });
    // Nothing else runs on this thread until then.
    assert_eq!(asked.join().unwrap(), "asked");
}
