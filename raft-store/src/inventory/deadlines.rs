//! When holds end: of all events in order, and of each event apart.
//!
//! Ten thousand holds of one event may be due at once. Whoever looks at another event must not pay for
//! them, so each event has an order of its own, and only the first of each stands in the common one.
//!
//! Invariants: `first` has the earliest deadline of each event that has any; no event has an empty set;
//! `first_watched` has those of `first` whose events are watched, so that what is due in them is found
//! without looking at others.

use std::collections::{BTreeMap, BTreeSet, btree_set};

use rowlock_proto::ids::EventId;

/// When a `Held` booking is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Deadline {
    pub at_ms: u64,
    pub event: EventId,
    pub seq: u32,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Deadlines {
    first: BTreeSet<(u64, EventId)>,
    of_event: BTreeMap<EventId, BTreeSet<(u64, u32)>>,
    watched: BTreeSet<EventId>,
    first_watched: BTreeSet<(u64, EventId)>,
    len: usize,
}

impl Deadlines {
    pub(super) fn insert(&mut self, deadline: Deadline) {
        let Deadline { at_ms, event, seq } = deadline;
        let own = self.of_event.entry(event).or_default();
        let was = own.first().map(|&(at_ms, _)| at_ms);
        if !own.insert((at_ms, seq)) {
            return;
        }
        self.len += 1;
        if was.is_none_or(|was| at_ms < was) {
            self.change_first(event, was, Some(at_ms));
        }
    }

    fn change_first(&mut self, event: EventId, was: Option<u64>, now: Option<u64>) {
        let change = |first: &mut BTreeSet<(u64, EventId)>| {
            was.map(|was| first.remove(&(was, event)));
            first.extend(now.map(|now| (now, event)));
        };
        change(&mut self.first);
        if self.watched.contains(&event) {
            change(&mut self.first_watched);
        }
    }

    /// Whether `first_watched` finds what is due in the event.
    pub(super) fn watch(&mut self, event: EventId, on: bool) {
        if on == self.watched.contains(&event) {
            return;
        }
        let first = self.of(event).next().map(|deadline| (deadline.at_ms, event));
        if on {
            self.watched.insert(event);
            self.first_watched.extend(first);
        } else {
            self.watched.remove(&event);
            first.map(|first| self.first_watched.remove(&first));
        }
    }

    pub(super) fn is_watched(&self, event: EventId) -> bool {
        self.watched.contains(&event)
    }

    /// The watched event with the earliest deadline, if that is due at `now_ms`.
    pub(super) fn first_watched(&self, now_ms: u64) -> Option<EventId> {
        let first = self.first_watched.first().copied();
        first.filter(|&(at_ms, _)| at_ms <= now_ms).map(|(_, event)| event)
    }

    pub(super) fn remove(&mut self, deadline: &Deadline) {
        let &Deadline { at_ms, event, seq } = deadline;
        let Some(own) = self.of_event.get_mut(&event) else { return };
        if !own.remove(&(at_ms, seq)) {
            return;
        }
        self.len -= 1;
        let next = own.first().map(|&(at_ms, _)| at_ms);
        if next.is_none() {
            self.of_event.remove(&event);
        }
        if next.is_none_or(|next| next > at_ms) && self.first.contains(&(at_ms, event)) {
            self.change_first(event, Some(at_ms), next);
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// The earliest of all.
    pub(super) fn first_ms(&self) -> Option<u64> {
        self.first.first().map(|&(at_ms, _)| at_ms)
    }

    /// Those of one event, in order.
    pub(super) fn of(&self, event: EventId) -> impl Iterator<Item = Deadline> {
        let own = self.of_event.get(&event).into_iter().flatten();
        own.map(move |&(at_ms, seq)| Deadline { at_ms, event, seq })
    }

    /// All of them, in order. Events are looked into one by one, as far as the reader goes.
    pub(super) fn iter(&self) -> Iter<'_> {
        Iter { all: self, events: self.first.iter(), begun: BTreeMap::new() }
    }
}

impl FromIterator<Deadline> for Deadlines {
    fn from_iter<I: IntoIterator<Item = Deadline>>(deadlines: I) -> Self {
        let mut all = Self::default();
        for deadline in deadlines {
            all.insert(deadline);
        }
        all
    }
}

/// The deadlines of all events, merged.
#[derive(Debug)]
pub(super) struct Iter<'a> {
    all: &'a Deadlines,
    /// Events of which nothing was shown yet, the earliest first.
    events: btree_set::Iter<'a, (u64, EventId)>,
    /// What comes next of the others, and what after that.
    begun: BTreeMap<Deadline, btree_set::Iter<'a, (u64, u32)>>,
}

impl Iterator for Iter<'_> {
    type Item = Deadline;

    fn next(&mut self) -> Option<Deadline> {
        let begun = self.begun.first_key_value().map(|(next, _)| (next.at_ms, next.event));
        let fresh = self.events.clone().next().copied();
        if fresh.is_some_and(|fresh| begun.is_none_or(|begun| fresh < begun)) {
            self.events.next();
            let (_, event) = fresh?;
            let mut rest = self.all.of_event.get(&event)?.iter();
            let &(at_ms, seq) = rest.next()?;
            self.go_on(event, rest);
            return Some(Deadline { at_ms, event, seq });
        }
        let (next, rest) = self.begun.pop_first()?;
        self.go_on(next.event, rest);
        Some(next)
    }
}

impl<'a> Iter<'a> {
    fn go_on(&mut self, event: EventId, mut rest: btree_set::Iter<'a, (u64, u32)>) {
        if let Some(&(at_ms, seq)) = rest.next() {
            self.begun.insert(Deadline { at_ms, event, seq }, rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Any order of coming and going, beside a plain sorted set.
    #[test]
    fn the_merged_order_is_that_of_one_set() {
        let (mut all, mut plain) = (Deadlines::default(), BTreeSet::new());
        let mut dice = 7_u64;
        for _ in 0..4_000 {
            dice = rowlock_proto::shard::mix64(dice);
            let deadline = Deadline {
                at_ms: dice % 13,
                event: EventId(u128::from(dice >> 8 & 3)),
                seq: u32::try_from(dice >> 16 & 15).unwrap(),
            };
            if dice >> 32 & 3 == 0 {
                all.remove(&deadline);
                plain.remove(&deadline);
            } else if dice >> 40 & 1 == 0 || plain.len() < 40 {
                all.insert(deadline);
                plain.insert(deadline);
            } else {
                all.remove(&deadline);
                plain.remove(&deadline);
            }
            assert!(all.iter().eq(plain.iter().copied()));
            assert_eq!(all.len(), plain.len());
            assert_eq!(all.first_ms(), plain.first().map(|first| first.at_ms));
            for event in (0..4).map(EventId) {
                let own = plain.iter().copied().filter(|deadline| deadline.event == event);
                assert!(all.of(event).eq(own));
            }
        }
    }
}
