//! Seats that are chosen for callers, places that are only counted, and tickets at doors.
//!
//! What a caller was told is its own stays so until it gives it back, or its time is over, or for
//! good once it is sold. From that alone it follows that no seat is two callers' at once, and that
//! no area is fuller than it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Violation;
use crate::history;

const CHECK: &str = "crowd";
const NANOS_PER_MILLI: u64 = 1_000_000;
/// The refusal of a ticket that was used.
pub const TICKET_REDEEMED: &str = "ticket-redeemed";

/// What was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Function {
    /// An event that is sold: `places` is what its area has room for.
    Open,
    /// The best seats that there are, or places in the area.
    Hold,
    Confirm,
    Release,
    /// One ticket at one door.
    Redeem,
    /// A booking as it stands when all is over.
    Last,
}

/// How it ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Done,
    Refused,
    /// Nothing was proposed.
    Undecided,
    Unknown,
}

/// One call from beginning to end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Line {
    pub f: Function,
    pub event: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub booking: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seats: Vec<u32>,
    /// Places in the area.
    #[serde(default)]
    pub places: u32,
    #[serde(default)]
    pub ttl_ms: u64,
    /// Where a ticket was shown; of a last look: where it was let in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub door: Option<String>,
    /// Of a last look: sold.
    #[serde(default)]
    pub sold: bool,
    pub outcome: Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    pub start_ns: u64,
    pub end_ns: u64,
}

/// Where the record of a history's crowd lies: beside it.
pub fn path_of(history: &Path) -> PathBuf {
    history.with_extension("crowd.jsonl")
}

/// The record at `path`; `None` if there was no crowd.
pub fn read(path: &Path) -> std::io::Result<Option<Vec<Line>>> {
    history::lines(path)
}

/// What a caller has for sure, and from when to when.
struct Grant<'a> {
    line: &'a Line,
    from_ns: u64,
    until_ns: u64,
    sold: bool,
}

#[derive(Default)]
struct Event<'a> {
    capacity: u32,
    grants: BTreeMap<&'a str, Grant<'a>>,
    redeems: BTreeMap<&'a str, Vec<&'a Line>>,
    last: BTreeMap<&'a str, &'a Line>,
}

/// What contradicts what callers were told.
pub fn check(lines: &[Line]) -> Vec<Violation> {
    let mut events: BTreeMap<&str, Event<'_>> = BTreeMap::new();
    for line in lines {
        let event = events.entry(&line.event).or_default();
        let Some(booking) = line.booking.as_deref() else {
            if line.f == Function::Open {
                event.capacity = line.places;
            }
            continue;
        };
        let done = line.outcome == Outcome::Done;
        match line.f {
            Function::Hold if done => {
                let until_ns = line.start_ns + line.ttl_ms * NANOS_PER_MILLI;
                let (from_ns, sold) = (line.end_ns, false);
                event.grants.insert(booking, Grant { line, from_ns, until_ns, sold });
            }
            Function::Redeem => event.redeems.entry(booking).or_default().push(line),
            Function::Last => drop(event.last.insert(booking, line)),
            Function::Open | Function::Hold | Function::Confirm | Function::Release => {}
        }
    }
    for line in lines {
        let event = events.entry(&line.event).or_default();
        let booking = line.booking.as_deref();
        let Some(grant) = booking.and_then(|booking| event.grants.get_mut(booking)) else {
            continue;
        };
        match (line.f, line.outcome) {
            // Its time may have been over before; then it was not sold.
            (Function::Confirm, Outcome::Done) => {
                grant.until_ns = u64::MAX;
                grant.sold = true;
            }
            (Function::Release, _) => grant.until_ns = grant.until_ns.min(line.start_ns),
            _ => {}
        }
    }
    let mut found = Vec::new();
    for (name, event) in &events {
        let mut tell = |what: String| {
            found.push(Violation::new(CHECK, format!("event {name}: {what}")));
        };
        seats(event, &mut tell);
        places(event, &mut tell);
        doors(event, &mut tell);
        last(event, &mut tell);
    }
    found
}

fn seats(event: &Event<'_>, tell: &mut impl FnMut(String)) {
    let mut of_seat: BTreeMap<u32, Vec<&Grant<'_>>> = BTreeMap::new();
    for grant in event.grants.values() {
        for &seat in &grant.line.seats {
            of_seat.entry(seat).or_default().push(grant);
        }
    }
    for (seat, mut grants) in of_seat {
        grants.sort_by_key(|grant| grant.from_ns);
        let mut longest: Option<&Grant<'_>> = None;
        for grant in grants {
            if grant.from_ns >= grant.until_ns {
                continue;
            }
            if let Some(before) = longest.filter(|before| before.until_ns > grant.from_ns) {
                tell(format!("seat {seat} is two callers': {:?}, {:?}", before.line, grant.line));
            }
            if longest.is_none_or(|before| before.until_ns < grant.until_ns) {
                longest = Some(grant);
            }
        }
    }
}

fn places(event: &Event<'_>, tell: &mut impl FnMut(String)) {
    let mut edges = Vec::new();
    for grant in event.grants.values().filter(|grant| grant.from_ns < grant.until_ns) {
        edges.push((grant.from_ns, i64::from(grant.line.places)));
        edges.push((grant.until_ns, -i64::from(grant.line.places)));
    }
    // At one moment those who go make room first.
    edges.sort_unstable();
    let mut taken = 0;
    for (at_ns, change) in edges {
        taken += change;
        if taken > i64::from(event.capacity) {
            return tell(format!(
                "at {at_ns} ns {taken} places of {} are somebody's",
                event.capacity
            ));
        }
    }
}

fn doors(event: &Event<'_>, tell: &mut impl FnMut(String)) {
    for (booking, scans) in &event.redeems {
        let done: Vec<&&Line> = scans.iter().filter(|scan| scan.outcome == Outcome::Done).collect();
        if done.len() > 1 {
            tell(format!("the ticket of {booking} was let in {} times: {done:?}", done.len()));
        }
        for scan in scans.iter().filter(|scan| scan.refused.as_deref() == Some(TICKET_REDEEMED)) {
            let other = scans.iter().any(|other| {
                other.door != scan.door
                    && matches!(other.outcome, Outcome::Done | Outcome::Unknown)
                    && other.start_ns < scan.end_ns
            });
            if !other {
                tell(format!("refused as used, and nobody came in: {scan:?}"));
            }
        }
    }
}

fn last(event: &Event<'_>, tell: &mut impl FnMut(String)) {
    // Not read: the run says so itself.
    if event.last.is_empty() {
        return;
    }
    let mut owners: BTreeMap<u32, &str> = BTreeMap::new();
    let mut taken = 0;
    for (booking, line) in event.last.iter().filter(|(_, line)| line.sold) {
        taken += line.places;
        for &seat in &line.seats {
            if let Some(other) = owners.insert(seat, booking) {
                tell(format!("seat {seat} was sold to {other} and to {booking}"));
            }
        }
    }
    if taken > event.capacity {
        tell(format!("{taken} places of {} were sold", event.capacity));
    }
    for (booking, grant) in event.grants.iter().filter(|(_, grant)| grant.sold) {
        let same = |line: &&Line| {
            line.sold && (&line.seats, line.places) == (&grant.line.seats, grant.line.places)
        };
        if !event.last.get(booking).is_some_and(same) {
            tell(format!("sold, and not there: {:?}", grant.line));
        }
    }
    for (booking, scans) in &event.redeems {
        let at = event.last.get(booking).and_then(|line| line.door.as_ref());
        for scan in scans.iter().filter(|scan| scan.outcome == Outcome::Done) {
            if at != scan.door.as_ref() {
                tell(format!("let in, and the ticket shows {at:?}: {scan:?}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL_MS: u64 = 6_000;

    fn line(f: Function, booking: &str, start_ns: u64, end_ns: u64) -> Line {
        Line {
            f,
            event: "evt".to_owned(),
            booking: (!booking.is_empty()).then(|| booking.to_owned()),
            seats: Vec::new(),
            places: 0,
            ttl_ms: TTL_MS,
            door: None,
            sold: f == Function::Last,
            outcome: Outcome::Done,
            refused: None,
            start_ns,
            end_ns,
        }
    }

    fn seats(seats: &[u32], line: Line) -> Line {
        Line { seats: seats.to_vec(), ..line }
    }

    fn places(places: u32, line: Line) -> Line {
        Line { places, ..line }
    }

    fn door(door: &str, outcome: Outcome, line: Line) -> Line {
        let refused = (outcome == Outcome::Refused).then(|| TICKET_REDEEMED.to_owned());
        Line { door: Some(door.to_owned()), outcome, refused, ..line }
    }

    /// A seat that is given back and sold to another, an area that is full, a ticket at two doors.
    fn good() -> Vec<Line> {
        use Function::{Confirm, Hold, Last, Open, Redeem, Release};
        vec![
            places(4, line(Open, "", 0, 0)),
            seats(&[1, 2], line(Hold, "a", 10, 20)),
            line(Release, "a", 30, 40),
            seats(&[2, 3], line(Hold, "b", 35, 45)),
            line(Confirm, "b", 50, 60),
            places(3, line(Hold, "c", 10, 20)),
            places(1, line(Hold, "d", 10, 20)),
            line(Confirm, "d", 30, 40),
            door("north", Outcome::Done, line(Redeem, "b", 70, 90)),
            door("south", Outcome::Refused, line(Redeem, "b", 70, 80)),
            door("north", Outcome::Done, seats(&[2, 3], line(Last, "b", 100, 110))),
            places(1, line(Last, "d", 100, 110)),
        ]
    }

    #[track_caller]
    fn refused(change: impl FnOnce(&mut Vec<Line>), what: &str) {
        let mut lines = good();
        change(&mut lines);
        let found = check(&lines);
        assert!(found.iter().any(|found| found.what.contains(what)), "{found:?}");
    }

    #[test]
    fn a_right_crowd_passes() {
        assert_eq!(check(&good()), []);
    }

    #[test]
    fn p7_wrong_crowds_are_refused() {
        use Function::{Hold, Redeem};
        refused(|lines| lines[2].start_ns = 46, "seat 2 is two callers'");
        refused(|lines| drop(lines.remove(2)), "seat 2 is two callers'");
        refused(|lines| lines.push(places(1, line(Hold, "e", 25, 30))), "5 places of 4");
        refused(|lines| lines[9].outcome = Outcome::Done, "let in 2 times");
        refused(|lines| drop(lines.remove(8)), "nobody came in");
        refused(|lines| lines[8].start_ns = 85, "nobody came in");
        refused(|lines| lines[10].sold = false, "sold, and not there");
        refused(|lines| lines[10].seats = vec![3, 4], "sold, and not there");
        refused(|lines| drop(lines.remove(11)), "sold, and not there");
        refused(|lines| lines[11].places = 5, "5 places of 4 were sold");
        refused(|lines| lines[10].door = None, "the ticket shows None");
        refused(|lines| lines[11].seats = vec![3], "was sold to b and to d");
        let unknown = door("west", Outcome::Unknown, line(Redeem, "b", 60, 65));
        let mut lines = good();
        lines[8].outcome = Outcome::Refused;
        lines[8].refused = Some(TICKET_REDEEMED.to_owned());
        lines[10].door = Some("west".to_owned());
        lines.push(unknown);
        assert_eq!(check(&lines), [], "who got no answer may have come in");
    }

    #[test]
    fn holds_that_may_be_over_count_no_more() {
        use Function::{Hold, Open};
        let late = TTL_MS * NANOS_PER_MILLI + 10;
        let lines = [
            places(4, line(Open, "", 0, 0)),
            seats(&[1], line(Hold, "a", 10, 20)),
            seats(&[1], line(Hold, "b", late, late + 5)),
            places(4, line(Hold, "c", 10, 20)),
            places(4, line(Hold, "d", late, late + 5)),
        ];
        assert_eq!(check(&lines), []);
    }
}
