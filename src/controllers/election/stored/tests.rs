use super::*;

fn record() -> Record {
    Record {
        holder_identity: "istiod-1".into(),
        holder_key: "default".into(),
        lease_duration_seconds: 30,
        acquire_time: "2026-01-02T03:04:05.678Z".parse().ok(),
        renew_time: "2026-01-02T03:05:05Z".parse().ok(),
        leader_transitions: 3,
    }
}

/// The very text that istiod writes, in the order of its fields.
#[test]
fn an_annotation_is_as_istiod_writes_it() {
    let mut object = ConfigMap::default();
    object.write(&record());
    let (text, read) = object.read();
    let want = "{\"holderIdentity\":\"istiod-1\",\"holderKey\":\"default\",\"leaseDurationSeconds\":30,\
        \"acquireTime\":\"2026-01-02T03:04:05Z\",\"renewTime\":\"2026-01-02T03:05:05Z\",\
        \"leaderTransitions\":3}";
    assert_eq!(text, want);
    assert_eq!(read.unwrap().leader_transitions, 3);
}

#[test]
fn what_is_not_there_or_cannot_be_read_is_told_apart() {
    assert_eq!(ConfigMap::default().read(), (String::new(), Some(Record::default())));
    let mut object = ConfigMap::default();
    object.metadata.annotations.get_or_insert_default().insert(LEADER.into(), "?".into());
    assert_eq!(object.read(), ("?".into(), None));
    let nobody = "{\"holderIdentity\":\"\",\"holderKey\":\"\",\"acquireTime\":null}";
    object.metadata.annotations.get_or_insert_default().insert(LEADER.into(), nobody.into());
    assert_eq!(object.read().1, Some(Record::default()));
}

#[test]
fn a_lease_has_the_key_in_an_annotation() {
    let mut lease = Lease::default();
    lease.write(&record());
    assert_eq!(lease.metadata.annotations.as_ref().unwrap()[HOLDER_KEY], "default");
    assert_eq!(lease.read().1, Some(record()));
    lease.write(&Record::default());
    assert!(lease.metadata.annotations.unwrap().is_empty());
}
