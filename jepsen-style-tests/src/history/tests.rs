use super::*;

fn entry(process: u64, kind: Kind, time_ns: u64) -> Entry {
    Entry {
        process,
        kind,
        f: Function::Hold,
        key: "evt-1".to_owned(),
        value: Value { seats: vec![1, 2], owner: Some("usr-a".to_owned()), ..Value::default() },
        time_ns,
        at: None,
    }
}

#[test]
fn a_line_is_as_documented() {
    let mut ok = entry(3, Kind::Ok, 450);
    ok.value.state = Some(Observed::Booking(BookingState::Held));
    ok.value.request_id = Some("req-1".to_owned());
    ok.at = Some(Position { shard: 1, term: 2, index: 9, revision: 7, log_time_ms: 1000 });
    assert_eq!(
        serde_json::to_string(&ok).unwrap(),
        r#"{"process":3,"type":"ok","f":"hold","key":"evt-1","value":{"seats":[1,2],"owner":"usr-a","state":"HELD","requestId":"req-1"},"time_ns":450,"shard":1,"term":2,"index":9,"revision":7,"log_time_ms":1000}"#
    );
    let invoke = serde_json::to_string(&entry(3, Kind::Invoke, 1)).unwrap();
    assert!(!invoke.contains("shard"), "{invoke}");
}

#[test]
fn what_is_written_is_read_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("h.jsonl");
    let mut seats = entry(1, Kind::Ok, 5);
    seats.value.state = Some(Observed::Seats(vec![SeatState::Available, SeatState::Sold]));
    seats.at = Some(Position { shard: 0, term: 1, index: 2, revision: 3, log_time_ms: 4 });
    let lines = vec![entry(1, Kind::Invoke, 1), seats, entry(2, Kind::Invoke, 6)];
    let mut writer = Writer::create(&path).unwrap();
    for line in &lines {
        writer.append(line).unwrap();
    }
    writer.flush().unwrap();
    assert_eq!(read(&path).unwrap(), lines);
}

#[test]
fn what_has_no_answer_is_unknown() {
    let lines = [entry(1, Kind::Invoke, 1), entry(2, Kind::Invoke, 2), entry(2, Kind::Info, 3)];
    let ops = operations(&lines).unwrap();
    assert_eq!(ops.len(), 2);
    assert!(ops.iter().all(|op| op.outcome == Outcome::Unknown && op.return_ns.is_none()));
}

#[test]
fn a_process_does_one_thing_at_a_time_and_stops_at_an_unknown() {
    let twice = [entry(1, Kind::Invoke, 1), entry(1, Kind::Invoke, 2)];
    assert!(matches!(operations(&twice), Err(Error::Order { line: 2, .. })));
    let on = [entry(1, Kind::Invoke, 1), entry(1, Kind::Info, 2), entry(1, Kind::Invoke, 3)];
    assert!(matches!(operations(&on), Err(Error::Order { line: 3, .. })));
    assert!(matches!(operations(&[entry(1, Kind::Ok, 1)]), Err(Error::Order { line: 1, .. })));
}

#[test]
fn a_failure_without_a_code_decided_nothing() {
    let mut refused = entry(1, Kind::Fail, 2);
    refused.value.refused = Some("seat-taken".to_owned());
    let ops = operations(&[entry(1, Kind::Invoke, 1), refused]).unwrap();
    assert_eq!(ops[0].outcome, Outcome::Refused);
    let ops = operations(&[entry(1, Kind::Invoke, 1), entry(1, Kind::Fail, 2)]).unwrap();
    assert_eq!(ops[0].outcome, Outcome::Undecided);
}
