//! Secrets: told by name only, awaited in silence, and never taken away.

use super::super::*;
use super::client::Client;
use crate::serve::fixture::{Items, view};

use ResourceType::{Listener, Secret};

const SITE: &str = "kubernetes://site";
const OTHER: &str = "kubernetes://other";

fn world<'a>(secrets: &'a [(&'a str, &'a str)]) -> Vec<Items<'a>> {
    vec![(Listener, &[("l", "1")]), (Secret, secrets)]
}

/// What comes, by name and content.
fn came(client: &mut Client) -> Vec<(String, String)> {
    let told = client.settle();
    assert!(told.iter().all(|told| told.removed.is_empty()), "{told:?}");
    told.into_iter().flat_map(|told| told.resources).collect()
}

fn pair(name: &str, content: &str) -> (String, String) {
    (name.to_owned(), content.to_owned())
}

#[test]
fn a_secret_that_is_missing_is_awaited_in_silence() {
    for protocol in [Protocol::Sotw, Protocol::Delta] {
        let mut client = Client::new(protocol, view(&world(&[])));
        client.want(Secret, &[SITE]);
        assert_eq!(
            client.take_all().len(),
            0,
            "{protocol:?}: nothing is said of what is not there"
        );
        client.update(view(&world(&[(SITE, "1")])));
        assert_eq!(came(&mut client), [pair(SITE, "1")], "{protocol:?}");
        client.update(view(&world(&[(OTHER, "1"), (SITE, "2")])));
        assert_eq!(came(&mut client), [pair(SITE, "2")], "{protocol:?}: only what it asks for");
        client.update(view(&world(&[(OTHER, "1")])));
        assert_eq!(client.take_all().len(), 0, "{protocol:?}: it goes on with what it has");
        client.update(view(&world(&[(OTHER, "1"), (SITE, "3")])));
        assert_eq!(came(&mut client), [pair(SITE, "3")], "{protocol:?}");
        assert!(client.needless.is_empty(), "{:?}", client.needless);
    }
}

#[test]
fn further_names_are_answered_alone() {
    for protocol in [Protocol::Sotw, Protocol::Delta] {
        let mut client = Client::new(protocol, view(&world(&[(OTHER, "1"), (SITE, "1")])));
        client.want(Secret, &[SITE]);
        assert_eq!(came(&mut client), [pair(SITE, "1")]);
        client.want(Secret, &[SITE, OTHER]);
        assert_eq!(came(&mut client), [pair(OTHER, "1")], "{protocol:?}");
        client.want(Secret, &[OTHER]);
        assert_eq!(came(&mut client), [], "{protocol:?}");
        client.update(view(&world(&[(OTHER, "1"), (SITE, "2")])));
        assert_eq!(came(&mut client), [], "{protocol:?}: it gave that one up");
    }
}

#[test]
fn what_is_there_comes_with_the_names_of_what_is_not() {
    let mut client = Client::new(Protocol::Delta, view(&world(&[(SITE, "1")])));
    client.want(Secret, &[SITE, OTHER]);
    let [told] = &client.take_all()[..] else { panic!("one answer") };
    assert_eq!(told.resources, [pair(SITE, "1")]);
    assert_eq!(told.removed, [OTHER], "as istiod answers a question for several");
}

#[test]
fn nothing_of_a_secret_is_in_debug_output() {
    for protocol in [Protocol::Sotw, Protocol::Delta] {
        let mut client = Client::new(protocol, view(&world(&[(SITE, "PRIVATE")])));
        client.want(Secret, &[SITE]);
        let response = client.stream.next(client.now).expect("an answer");
        assert!(response.size() > 0);
        client.update(view(&world(&[(SITE, "PRIVATE2")])));
        let after = client.stream.next(client.now + PATIENCE).expect("the new one");
        let cache = format!("{:?}", client.stream.cache);
        let shown = format!("{response:?} {after:?} {:?} {cache}", client.stream);
        assert!(shown.contains(SITE) && !shown.contains("PRIVATE"), "{shown}");
        let bytes: Vec<u8> = b"PRIVATE".to_vec();
        let listed = format!("{bytes:?}");
        assert!(!shown.contains(listed.trim_matches(['[', ']'])), "{shown}");
    }
}
