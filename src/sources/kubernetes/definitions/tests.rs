use serde_json::json;

use super::Definitions;
use crate::sources::kubernetes::follow::Event;
use crate::sources::kubernetes::received::Received;

fn named(name: &str) -> Received {
    Received(json!({"metadata": {"name": name}}))
}

#[test]
fn nothing_is_said_before_the_list_is_complete() {
    let mut definitions = Definitions::default();
    definitions.take(Event::Listing);
    assert!(definitions.take(Event::Is(named("a"))));
    assert_eq!(definitions.has("a"), None);
    assert!(definitions.missing().is_some());
    definitions.take(Event::Listed);
    assert_eq!((definitions.has("a"), definitions.has("b")), (Some(true), Some(false)));
    assert_eq!(definitions.missing(), None);
}

#[test]
fn a_new_list_replaces_the_old_one_when_it_is_complete() {
    let mut definitions = Definitions::default();
    for event in [Event::Listing, Event::Is(named("a")), Event::Listed, Event::Listing] {
        definitions.take(event);
    }
    definitions.take(Event::Lost("down".into()));
    assert_eq!(definitions.has("a"), Some(true), "half a list changes nothing");
    definitions.take(Event::Listing);
    definitions.take(Event::Listed);
    assert_eq!(definitions.has("a"), Some(false));
}

#[test]
fn changes_are_followed_and_news_are_told_once() {
    let mut definitions = Definitions::default();
    definitions.take(Event::Listing);
    definitions.take(Event::Listed);
    assert!(definitions.take(Event::Is(named("a"))));
    assert!(!definitions.take(Event::Is(named("a"))));
    definitions.take(Event::Gone(named("a")));
    assert_eq!(definitions.has("a"), Some(false));
}
