use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Action, ClientId, Plan};
use crate::api::core::Secret;
use crate::api::{Change, Kind, Meta, Object, ObjectKey};

const EXEC: &str = "users: [{name: u, user: {exec: {command: a}}}]";

fn plan() -> Plan {
    Plan::new("own".into(), "istio-system".into(), Default::default())
}

/// A secret that was made at this second, with a kubeconfig for each cluster.
fn secret(name: &str, second: i64, clusters: &[(&str, &str)]) -> Change {
    let mut meta = Meta { namespace: "istio-system".into(), name: name.into(), ..Meta::default() };
    meta.labels.insert("istio/multiCluster".into(), "true".into());
    meta.created = Some(jiff::Timestamp::from_second(second).unwrap());
    let data = clusters.iter().map(|(id, text)| ((*id).into(), text.as_bytes().into()));
    let data: BTreeMap<_, _> = data.collect();
    Change::Apply(Object::Secret(Arc::new(Secret { meta, data, ..Secret::default() })))
}

fn gone(name: &str) -> Change {
    Change::Remove(ObjectKey::new(Kind::Secret, "istio-system", name))
}

/// What is to be done after a change, such as `start east 1, stop 1`.
fn after(plan: &mut Plan, change: &Change) -> String {
    plan.take(change);
    done(plan)
}

fn done(plan: &mut Plan) -> String {
    let text = |action: Action| match action {
        Action::Start { client, cluster, .. } => format!("start {cluster} {}", client.0),
        Action::Stop(client) => format!("stop {}", client.0),
        Action::Forget(cluster) => format!("forget {cluster}"),
        Action::Skip(secret) => format!("skip {}", secret.name),
    };
    plan.actions().into_iter().map(text).collect::<Vec<_>>().join(", ")
}

/// Severity, secret, and how the message ends.
fn told(plan: &Plan) -> Vec<String> {
    let text = |d: crate::api::Diagnostic| format!("{}: {}", d.object.unwrap().name, d.message);
    plan.diagnostics().into_iter().map(text).collect()
}

#[test]
fn each_key_of_a_secret_is_a_cluster_but_not_the_own_one() {
    let mut plan = plan();
    let all = [("east", "{}"), ("own", "{}"), ("west", "{}")];
    assert_eq!(after(&mut plan, &secret("s", 1, &all)), "skip s, start east 1, start west 2");
    assert_eq!(plan.waiting().count(), 2);
    assert_eq!(after(&mut plan, &secret("s", 1, &all[..1])), "stop 2, forget west");
    assert_eq!(after(&mut plan, &gone("s")), "stop 1, forget east");
    assert_eq!((plan.count(), plan.views().len(), plan.secrets.len()), (0, 0, 0));
}

#[test]
fn other_secrets_and_what_is_the_same_change_nothing() {
    let mut plan = plan();
    after(&mut plan, &secret("s", 1, &[("east", "{}")]));
    assert_eq!(after(&mut plan, &secret("s", 1, &[("east", "{}")])), "");
    let more = secret("s", 1, &[("east", "{}"), ("bad", EXEC)]);
    assert_eq!(after(&mut plan, &more), "", "another key is no matter of this cluster");
    assert_eq!(plan.take(&gone("other")), None);
    assert_eq!(plan.take(&Change::Remove(ObjectKey::new(Kind::Secret, "elsewhere", "s"))), None);
}

#[test]
fn events_are_called_as_istiod_calls_them() {
    let mut plan = plan();
    let change = secret("s", 1, &[]);
    assert_eq!([plan.take(&change), plan.take(&change)], [Some("add"), Some("update")]);
    assert_eq!([plan.take(&gone("s")), plan.take(&gone("s"))], [Some("delete"), None]);
}

#[test]
fn a_new_client_takes_over_when_it_has_read_everything() {
    let mut plan = plan();
    let east = "east".into();
    after(&mut plan, &secret("s", 1, &[("east", "{}")]));
    assert!(plan.synced(&east, ClientId(1)) && plan.serves(&east, ClientId(1)));
    assert_eq!(after(&mut plan, &secret("s", 1, &[("east", "{a: 1}")])), "start east 2");
    assert!(plan.serves(&east, ClientId(1)) && !plan.serves(&east, ClientId(2)));
    assert_eq!(plan.waiting().count(), 0, "the cluster is read");
    // A third one comes before the second is ready.
    assert_eq!(after(&mut plan, &secret("s", 1, &[("east", "{a: 2}")])), "stop 2, start east 3");
    assert!(!plan.synced(&east, ClientId(2)), "it was ended");
    assert!(plan.synced(&east, ClientId(3)));
    assert_eq!(done(&mut plan), "stop 1");
    assert!(plan.serves(&east, ClientId(3)));
}

#[test]
fn what_returns_to_what_serves_needs_no_client() {
    let mut plan = plan();
    after(&mut plan, &secret("s", 1, &[("east", "{}")]));
    plan.synced(&"east".into(), ClientId(1));
    after(&mut plan, &secret("s", 1, &[("east", "{a: 1}")]));
    assert_eq!(after(&mut plan, &secret("s", 1, &[("east", "{}")])), "stop 2");
}

#[test]
fn a_bad_kubeconfig_leaves_what_works() {
    let mut plan = plan();
    assert_eq!(after(&mut plan, &secret("s", 1, &[("east", EXEC)])), "");
    let views = plan.views();
    assert!(views[0].refusal.unwrap().starts_with("exec is not allowed"), "{views:?}");
    assert_eq!((plan.count(), plan.waiting().count()), (0, 0));
    assert_eq!(after(&mut plan, &secret("s", 1, &[("east", "{}")])), "start east 1");
    plan.synced(&"east".into(), ClientId(1));
    assert!(told(&plan).is_empty());
    assert_eq!(after(&mut plan, &secret("s", 1, &[("east", EXEC)])), "");
    assert!(plan.serves(&"east".into(), ClientId(1)));
    assert!(told(&plan)[0].ends_with("; what it said before stays in use"), "{:?}", told(&plan));
}

#[test]
fn a_client_that_cannot_be_made_is_not_tried_again() {
    let mut plan = plan();
    let change = secret("s", 1, &[("east", "{}")]);
    after(&mut plan, &change);
    plan.refuse(&"east".into(), ClientId(1), "no server".to_owned());
    assert_eq!(done(&mut plan), "stop 1, forget east");
    assert_eq!(told(&plan), ["s: the kubeconfig of the cluster east is refused: no server"]);
    assert_eq!(after(&mut plan, &change), "", "it did not change");
    assert_eq!(after(&mut plan, &secret("s", 1, &[("east", "{a: 1}")])), "start east 2");
}

#[test]
fn who_has_a_cluster_keeps_it() {
    let mut plan = plan();
    after(&mut plan, &secret("b", 2, &[("east", "{}")]));
    plan.synced(&"east".into(), ClientId(1));
    assert_eq!(after(&mut plan, &secret("a", 1, &[("east", "{a: 1}")])), "");
    let expected = [
        "a: the cluster east is also in Secret istio-system/b, which has it; this one is ignored: remove one of them",
        "b: the cluster east is also in Secret istio-system/a, which is ignored",
    ];
    assert_eq!(told(&plan), expected);
    // The other one takes over without a gap.
    assert_eq!(after(&mut plan, &gone("b")), "start east 2");
    assert!(plan.serves(&"east".into(), ClientId(1)));
    assert!(told(&plan).is_empty());
    assert_eq!(plan.views()[0].secret.name, "a".into());
}

#[test]
fn of_several_secrets_the_oldest_that_can_be_used_gets_the_cluster() {
    let mut plan = plan();
    after(&mut plan, &secret("z", 9, &[("east", "{}")]));
    after(&mut plan, &secret("young", 7, &[("east", "{}")]));
    after(&mut plan, &secret("old", 5, &[("east", "{}")]));
    after(&mut plan, &secret("bad", 1, &[("east", EXEC)]));
    assert_eq!(after(&mut plan, &gone("z")), "", "it is reached in the same way");
    assert_eq!(plan.views()[0].secret.name, "old".into());
    plan.refuse(&"east".into(), ClientId(1), "no server".to_owned());
    assert_eq!(done(&mut plan), "stop 1, forget east, start east 2");
    assert_eq!(plan.views()[0].secret.name, "young".into());
}

#[test]
fn a_client_that_takes_too_long_is_not_waited_for_and_may_come_late() {
    let mut plan = plan();
    let east = "east".into();
    after(&mut plan, &secret("s", 1, &[("east", "{}")]));
    assert!(plan.timed_out(&east, ClientId(1)));
    assert_eq!(plan.waiting().count(), 0);
    assert_eq!(plan.views()[0].next, Some((ClientId(1), true)));
    assert!(plan.synced(&east, ClientId(1)));
    assert!(!plan.timed_out(&east, ClientId(1)));
}

#[test]
fn rotations_leave_nothing_behind() {
    let mut plan = plan();
    let east = "east".into();
    for round in 0..1_000_u64 {
        let text = format!("{{a: {round}}}");
        let actions = after(&mut plan, &secret("s", 1, &[("east", &text), ("bad", EXEC)]));
        assert_eq!(actions, format!("start east {}", round + 1));
        assert!(plan.synced(&east, ClientId(round + 1)));
        let stopped = if round == 0 { String::new() } else { format!("stop {round}") };
        assert_eq!(done(&mut plan), stopped);
    }
    assert_eq!((plan.secrets.len(), plan.clusters.len(), plan.actions.capacity()), (1, 1, 0));
    assert_eq!(after(&mut plan, &gone("s")), "stop 1000, forget east");
    assert!(plan.secrets.is_empty() && plan.clusters.is_empty());
}
