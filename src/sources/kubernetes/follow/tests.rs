use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::{Notify, mpsc, watch};

use super::{Backoff, Event, FIRST, Follower, LONGEST, Query, patience};
use crate::sources::kubernetes::script::{
    Answer, Script, added, bookmark, deleted, expired, object,
};

const PATH: &str = "/api/v1/pods";

fn follower(script: &Script, path: &str, events: mpsc::Sender<(usize, Event)>) -> Follower {
    let fields = Some("metadata.name=a".to_owned());
    Follower {
        client: script.client(),
        query: Query { path: path.to_owned(), fields, ..Query::default() },
        at: 0,
        events,
        paged: Arc::default(),
        made: None,
        relist: Arc::new(Notify::new()),
        back: watch::Sender::new(()),
    }
}

/// What a follower of these answers tells, as words, until it has told `count` events; and what it asked.
async fn told(answers: Vec<Answer>, count: usize) -> (Vec<String>, Vec<String>) {
    let script = Script::default();
    script.add(PATH, answers);
    let (sender, mut events) = mpsc::channel(8);
    let task = tokio::spawn(follower(&script, PATH, sender).run());
    let mut words = Vec::new();
    while words.len() < count {
        let (_, event) = events.recv().await.unwrap();
        words.push(match event {
            Event::Is(object) => format!("+{}", object.name()),
            Event::Gone(object) => format!("-{}", object.name()),
            other => format!("{other:?}"),
        });
    }
    task.abort();
    (words, script.requests())
}

#[tokio::test]
async fn a_streamed_list_goes_over_into_the_watch() {
    let events = vec![
        added("a", "1"),
        bookmark("5", true),
        added("b", "6"),
        deleted("a", "7"),
        bookmark("9", false),
    ];
    let next = Answer::Open(vec![]);
    let (words, requests) = told(vec![Answer::Watch(events), next], 7).await;
    assert_eq!(words, ["Listing", "+a", "Listed", "Followed", "+b", "-a", "Followed"]);
    assert!(requests[0].contains("sendInitialEvents=true"), "{requests:?}");
    assert!(requests[0].contains("fieldSelector=metadata.name%3Da"), "{requests:?}");
    assert!(requests[1].ends_with("resourceVersion=9"), "goes on from the bookmark: {requests:?}");
}

#[tokio::test]
async fn servers_that_do_not_stream_lists_are_read_by_pages() {
    let page = |name: &str, next: &str| {
        let metadata = json!({"resourceVersion": "5", "continue": next});
        Answer::Page(json!({"metadata": metadata, "items": [object(name, "1")]}))
    };
    let empty = Answer::Page(json!({"metadata": {"resourceVersion": "9"}, "items": null}));
    let answers = vec![
        Answer::Refused(422, 0),
        page("a", "more"),
        page("b", ""),
        Answer::Watch(vec![expired()]),
        empty,
        Answer::Open(vec![]),
    ];
    let (words, requests) = told(answers, 8).await;
    assert_eq!(words[..5], ["Listing", "+a", "+b", "Listed", "Followed"]);
    assert_eq!(
        words[5..],
        ["Listing", "Listed", "Followed"],
        "of an empty list there are no items"
    );
    assert!(requests[1].contains("limit=500") && requests[2].contains("continue=more"));
    assert!(requests[3].ends_with("resourceVersion=5"), "{requests:?}");
}

#[tokio::test]
async fn a_version_that_is_too_old_means_a_new_list() {
    let answers = vec![
        Answer::Watch(vec![bookmark("5", true), expired()]),
        Answer::Watch(vec![added("a", "8"), bookmark("8", true)]),
        Answer::Refused(410, 0),
        Answer::Open(vec![bookmark("9", true)]),
    ];
    let (words, _) = told(answers, 10).await;
    let list = ["Listing", "Listed", "Followed"];
    assert_eq!(words[..3], list);
    assert_eq!(words[3..7], ["Listing", "+a", "Listed", "Followed"]);
    assert_eq!(words[7..], list, "the same when the watch itself is refused");
}

#[tokio::test]
async fn a_list_that_is_too_old_is_lost() {
    let answers = vec![
        Answer::Watch(vec![bookmark("5", true), expired()]),
        Answer::Watch(vec![expired()]),
        Answer::Open(vec![bookmark("8", true)]),
    ];
    let (words, _) = told(answers, 8).await;
    assert_eq!(words[3], "Listing", "a version that is too old is not told");
    assert!(words[4].starts_with("Lost(\"410"), "{words:?}");
    assert_eq!(words[5..], ["Listing", "Listed", "Followed"]);
}

#[tokio::test]
async fn what_fails_is_told_and_tried_again_from_where_it_was() {
    let answers = vec![
        Answer::Refused(500, 0),
        Answer::Watch(vec![added("a", "1")]),
        Answer::Watch(vec![bookmark("5", true), added("b", "6")]),
        Answer::Refused(429, 2),
        Answer::Open(vec![]),
    ];
    let (words, requests) = told(answers, 10).await;
    assert!(words[0].starts_with("Lost(\"500"), "{words:?}");
    assert_eq!(words[1..3], ["Listing", "+a"]);
    assert!(words[3].contains("before the list did"), "a list that is cut off: {words:?}");
    assert_eq!(words[4..8], ["Listing", "Listed", "Followed", "+b"]);
    assert!(words[8].starts_with("Lost(\"429"), "{words:?}");
    assert_eq!(words[9], "Followed");
    assert!(requests.last().unwrap().ends_with("resourceVersion=6"), "{requests:?}");
}

#[tokio::test]
async fn who_waits_for_the_server_does_so_until_it_is_back_for_others() {
    let script = Script::default();
    let answers = || [Answer::Refused(503, 0), Answer::Open(vec![bookmark("5", true)])];
    let (sender, mut events) = mpsc::channel(8);
    let waits = follower(&script, "/api/v1/services", sender);
    let (unheard, _events) = mpsc::channel(8);
    let succeeds = Follower { back: waits.back.clone(), ..follower(&script, PATH, unheard) };
    script.add("/api/v1/services", answers());
    let day = Duration::from_secs(24 * 60 * 60);
    tokio::spawn(waits.run_after(Backoff::new(day, day)));
    let (_, lost) = events.recv().await.unwrap();
    assert!(matches!(lost, Event::Lost(_)), "{lost:?}");
    script.add(PATH, answers());
    tokio::spawn(succeeds.run());
    for want in [Event::Listing, Event::Listed, Event::Followed] {
        assert_eq!(events.recv().await.unwrap().1, want);
    }
}

#[test]
fn what_the_server_asks_for_is_kept_to_within_reason() {
    let mut backoff = Backoff::new(FIRST, LONGEST);
    assert_eq!(patience(&mut backoff, Duration::from_secs(5)), Duration::from_secs(5));
    assert_eq!(patience(&mut backoff, Duration::from_secs(86400)), LONGEST);
}

#[tokio::test]
async fn a_resource_that_does_not_exist_is_waited_for() {
    let answers = vec![Answer::Refused(404, 0), Answer::Open(vec![bookmark("5", true)])];
    let (words, _) = told(answers, 4).await;
    assert_eq!(words, ["Absent", "Listing", "Listed", "Followed"]);
}
