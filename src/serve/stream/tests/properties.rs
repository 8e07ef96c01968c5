use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::subsequence;

use super::super::*;
use super::client::Client;
use crate::serve::fixture::{Ask, layer, view_of};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const TYPES: [ResourceType; 4] =
    [ResourceType::Cluster, ResourceType::Endpoint, ResourceType::Listener, ResourceType::Route];

/// Of each type the content of each name; 0 stands for a name that does not exist.
type World = [[u8; 4]; 4];

#[derive(Clone, Debug)]
enum Step {
    Update(World),
    Watch(ResourceType),
    Want(ResourceType, Vec<&'static str>),
    Take,
    Acknowledge,
    Refuse,
    Wait(u64),
}

fn world() -> impl Strategy<Value = World> {
    proptest::array::uniform4(proptest::array::uniform4(0..3u8))
}

fn step() -> impl Strategy<Value = Step> {
    let whole = prop_oneof![Just(ResourceType::Cluster), Just(ResourceType::Listener)];
    let named = prop_oneof![Just(ResourceType::Endpoint), Just(ResourceType::Route)];
    prop_oneof![
        3 => world().prop_map(Step::Update),
        1 => whole.prop_map(Step::Watch),
        3 => (named, subsequence(NAMES.to_vec(), 0..=4)).prop_map(|(k, n)| Step::Want(k, n)),
        6 => Just(Step::Take),
        4 => Just(Step::Acknowledge),
        1 => Just(Step::Refuse),
        1 => (0..7u64).prop_map(Step::Wait),
    ]
}

fn items(world: &World, kind: usize, names: &[usize]) -> Vec<(&'static str, String)> {
    let exist = names.iter().filter(|name| world[kind][**name] > 0);
    exist.map(|name| (NAMES[*name], world[kind][*name].to_string())).collect()
}

/// Two layers: the first two names of each type in one, the others in the other.
fn view(world: &World) -> Arc<View> {
    let layer = |names: [usize; 2]| {
        let all: Vec<Vec<(&str, String)>> = (0..4).map(|kind| items(world, kind, &names)).collect();
        let all: Vec<Vec<(&str, &str)>> =
            all.iter().map(|items| items.iter().map(|(n, c)| (*n, &**c)).collect()).collect();
        let sets: Vec<_> = TYPES.into_iter().zip(all.iter().map(Vec::as_slice)).collect();
        layer(&sets)
    };
    view_of(vec![layer([0, 1]), layer([2, 3])])
}

/// What the client must hold in the end: what it wants, as the world has it.
fn check_held(client: &Client, world: &World, wants: &BTreeMap<ResourceType, Vec<&str>>) {
    for (kind, held) in &client.held {
        let index = TYPES.iter().position(|k| k == kind).unwrap();
        let exist = items(world, index, &[0, 1, 2, 3]);
        let wanted = |name: &str| wants.get(kind).is_none_or(|names| names.contains(&name));
        let want: BTreeMap<&str, &str> =
            exist.iter().filter(|(n, _)| wanted(n)).map(|(n, c)| (*n, &**c)).collect();
        // A name of nothing is held as nothing, or not at all.
        let got: BTreeMap<&str, &str> =
            held.iter().filter(|(_, c)| !c.is_empty()).map(|(n, c)| (&**n, &**c)).collect();
        assert_eq!(got, want, "{kind:?}");
    }
}

fn run(protocol: Protocol, first: World, steps: &[Step]) {
    let mut client = Client::new(protocol, view(&first));
    let (mut world, mut wants) = (first, BTreeMap::new());
    for step in steps {
        match step {
            Step::Update(next) => {
                world = *next;
                client.update(view(&world));
            }
            Step::Watch(kind) if client.held.contains_key(kind) => {}
            Step::Watch(kind) => client.watch(*kind),
            Step::Want(kind, names) => {
                client.want(*kind, names);
                wants.insert(*kind, names.clone());
            }
            Step::Take => drop(client.take()),
            Step::Acknowledge => drop(client.answer(None)),
            Step::Refuse => drop(client.answer(Some("no"))),
            Step::Wait(seconds) => client.wait(Duration::from_secs(*seconds)),
        }
        let deadline = client.stream.deadline(client.now);
        assert!(deadline.is_none_or(|at| at > client.now), "a deadline that is over");
    }
    while client.answer(None).is_some() {}
    client.settle();
    assert_eq!(client.stream.deadline(client.now), None, "nothing is left to wait for");
    assert!(client.stream.is_current());
    check_held(&client, &world, &wants);
    assert_eq!(client.needless, [], "sent although held");
    assert!(client.take().is_none());
}

/// Anything that a stranger may ask.
#[derive(Clone, Debug)]
struct Odd {
    kind: usize,
    lists: [Vec<&'static str>; 3],
    nonce: &'static str,
    refuse: bool,
}

fn odd() -> impl Strategy<Value = Odd> {
    let names = || subsequence(vec!["*", "", "a", "b", "*", "z"], 0..=6);
    let nonces = prop::sample::select(vec!["", "0", "1", "2", "3", "a", "stale", "-1"]);
    (0..6usize, [names(), names(), names()], nonces, any::<bool>())
        .prop_map(|(kind, lists, nonce, refuse)| Odd { kind, lists, nonce, refuse })
}

/// Whatever a stranger asks, the stream neither panics nor talks without end.
fn stand(protocol: Protocol, first: World, asks: &[(Odd, Option<World>)]) {
    let mut client = Client::new(protocol, view(&first));
    for (odd, world) in asks {
        let [names, unsubscribe, initial] = &odd.lists;
        let initial: Vec<(&str, &str)> = initial.iter().map(|name| (*name, "x")).collect();
        let (nonce, error) = (odd.nonce, odd.refuse.then_some("no"));
        let ask = Ask { names, unsubscribe, initial: &initial, nonce, error, ..Ask::default() };
        client.send(ResourceType::ALL[odd.kind], &ask);
        if let Some(world) = world {
            client.update(view(world));
        }
        let said = client.take_all().len();
        assert!(said <= 2 * ResourceType::ALL.len(), "{said} responses to one request");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_sotw_client_ends_with_the_newest_view(first in world(), steps in vec(step(), 0..40)) {
        run(Protocol::Sotw, first, &steps);
    }

    #[test]
    fn a_delta_client_ends_with_the_newest_view(first in world(), steps in vec(step(), 0..40)) {
        run(Protocol::Delta, first, &steps);
    }

    #[test]
    fn strangers_do_not_break_it(
        first in world(), asks in vec((odd(), proptest::option::of(world())), 0..20), delta: bool,
    ) {
        stand(if delta { Protocol::Delta } else { Protocol::Sotw }, first, &asks);
    }

    #[test]
    fn a_client_that_acknowledges_nothing_gets_everything_in_time(
        first in world(), worlds in vec(world(), 1..5), delta: bool,
    ) {
        let protocol = if delta { Protocol::Delta } else { Protocol::Sotw };
        let mut client = Client::new(protocol, view(&first));
        for kind in TYPES {
            match kind.is_wildcard() {
                true => client.watch(kind),
                false => client.want(kind, &NAMES),
            }
        }
        for world in &worlds {
            client.update(view(world));
            client.take_all();
        }
        let mut waits = 0;
        while let Some(deadline) = client.stream.deadline(client.now) {
            client.now = deadline;
            client.take_all();
            waits += 1;
            prop_assert!(waits < 10, "it never ends");
        }
        let wants = TYPES.into_iter().filter(|k| !k.is_wildcard()).map(|k| (k, NAMES.to_vec()));
        check_held(&client, worlds.last().unwrap(), &wants.collect());
    }
}
