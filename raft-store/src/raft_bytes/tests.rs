use super::*;

fn log_id(term: u64, index: u64) -> LogId {
    LogId { leader_id: LeaderId { term, node_id: 1003 }, index }
}

fn membership() -> Membership {
    let places = (1..=3)
        .map(|node| (1000 + node, Place { node, addr: format!("127.0.0.1:{}", 7000 + node) }));
    let voters = |ids: &[u64]| ids.iter().copied().collect::<BTreeSet<_>>();
    Membership::new(
        vec![voters(&[1001, 1002]), voters(&[1001, 1002, 1003])],
        places.collect::<BTreeMap<_, _>>(),
    )
    .unwrap()
}

fn entries() -> Vec<Entry> {
    vec![
        Entry { log_id: log_id(1, 7), payload: Payload::Blank },
        Entry {
            log_id: log_id(2, 8),
            payload: Payload::Normal(EntryPayload::new(3, Bytes::from_static(b"batch"))),
        },
        Entry { log_id: log_id(3, u64::MAX), payload: Payload::Membership(membership()) },
    ]
}

#[test]
fn entries_come_back_as_they_were() {
    for entry in entries() {
        let bytes = encode_entry(&entry);
        assert_eq!(decode_entry(&bytes).unwrap(), entry);
        assert_eq!(entry_log_id(&bytes).unwrap(), entry.log_id);
    }
}

#[test]
fn votes_and_metas_come_back_as_they_were() {
    let vote = Vote { leader_id: LeaderId { term: 9, node_id: 2 }, committed: true };
    let mut bytes = Vec::new();
    put_vote(&vote, &mut bytes);
    assert_eq!(decode_vote(&bytes).unwrap(), vote);

    for meta in [
        SnapshotMeta::default(),
        SnapshotMeta {
            last_log_id: Some(log_id(4, 5)),
            last_membership: StoredMembership::new(Some(log_id(4, 4)), membership()),
        },
    ] {
        let mut bytes = Vec::new();
        put_snapshot_meta(&meta, &mut bytes);
        assert_eq!(decode_snapshot_meta(&bytes).unwrap(), meta);
    }
}

#[test]
fn no_prefix_of_a_value_is_one() {
    for entry in entries() {
        // A batch runs to the end, so only its head can be missing.
        let bytes = encode_entry(&entry);
        let head = if matches!(entry.payload, Payload::Normal(_)) { 29 } else { bytes.len() };
        for len in 0..head {
            assert!(decode_entry(&bytes.slice(..len)).is_err(), "{len} bytes of {entry:?}");
        }
    }
}

#[test]
fn the_bytes_are_golden() {
    let mut bytes = Vec::new();
    put_entry(&entries()[1], &mut bytes);
    let mut want = Vec::new();
    want.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 2]);
    want.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0x03, 0xeb]);
    want.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 8]);
    want.extend_from_slice(&[1, 0, 0, 0, 3]);
    want.extend_from_slice(b"batch");
    assert_eq!(bytes, want);
}
