//! Which two seats a client asks for next. No I/O.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use rand::RngExt as _;
use rowlock_client::types::EventId;

/// Events in the order of their sale, and a cursor that all clients share.
#[derive(Debug)]
pub struct Cursor {
    events: Vec<EventId>,
    pairs_per_event: u64,
    next: AtomicU64,
    order: Order,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// An event to its end, then the next.
    EventByEvent,
    /// A pair of each event in turn.
    InTurn,
}

impl Cursor {
    pub fn new(events: Vec<EventId>, seats_per_event: u32, order: Order) -> Self {
        let pairs_per_event = u64::from(seats_per_event / 2);
        Self { events, pairs_per_event, next: AtomicU64::new(0), order }
    }

    /// Two adjacent seats that nobody else is given; `None` when all is sold.
    pub fn next(&self) -> Option<(EventId, [u32; 2])> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let events = self.events.len() as u64;
        let (event, pair) = match self.order {
            Order::EventByEvent => (number / self.pairs_per_event, number % self.pairs_per_event),
            Order::InTurn => (number % events, number / events),
        };
        if event >= events || pair >= self.pairs_per_event {
            return None;
        }
        let event = self.events[usize::try_from(event).ok()?];
        let seat = u32::try_from(pair * 2).ok()?;
        Some((event, [seat, seat + 1]))
    }

    /// The events that any seat was asked of.
    pub fn touched(&self) -> &[EventId] {
        let given = self.next.load(Ordering::Relaxed);
        let touched = match self.order {
            Order::EventByEvent => given.div_ceil(self.pairs_per_event),
            Order::InTurn => given,
        };
        let count = usize::try_from(touched).unwrap_or(usize::MAX).min(self.events.len());
        &self.events[..count]
    }
}

/// Events that are sold out one after the other, for clients that don't choose their seats.
#[derive(Debug)]
pub struct InTurn {
    events: Vec<EventId>,
    current: AtomicUsize,
}

impl InTurn {
    pub const fn new(events: Vec<EventId>) -> Self {
        Self { events, current: AtomicUsize::new(0) }
    }

    /// `None` when all are sold out.
    pub fn current(&self) -> Option<EventId> {
        self.events.get(self.current.load(Ordering::Relaxed)).copied()
    }

    /// A client found nothing left in `event`.
    pub fn sold_out(&self, event: EventId) {
        let current = self.current.load(Ordering::Relaxed);
        if self.events.get(current) == Some(&event) {
            // Another client may have seen it first: then it has moved on already.
            let (from, to, relaxed) = (current, current + 1, Ordering::Relaxed);
            self.current.compare_exchange(from, to, relaxed, relaxed).ok();
        }
    }

    /// The events that any seat was asked of.
    pub fn touched(&self) -> &[EventId] {
        let count = self.current.load(Ordering::Relaxed) + 1;
        &self.events[..count.min(self.events.len())]
    }
}

/// The seats of one event that a client does not know to be gone.
#[derive(Clone, Debug)]
pub struct Wanted {
    free: Vec<u32>,
}

impl Wanted {
    pub fn new(seats: u32) -> Self {
        Self { free: (0..seats).collect() }
    }

    /// Any two of them; `None` if there are not two left.
    pub fn pick(&self) -> Option<[u32; 2]> {
        if self.free.len() < 2 {
            return None;
        }
        let mut random = rand::rng();
        let first = random.random_range(0..self.free.len());
        let second = random.random_range(0..self.free.len() - 1);
        // The second is drawn from the others.
        let second = if second >= first { second + 1 } else { second };
        Some([self.free[first], self.free[second]])
    }

    pub fn gone(&mut self, seats: &[u32]) {
        self.free.retain(|seat| !seats.contains(seat));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_is_given_once() {
        for order in [Order::EventByEvent, Order::InTurn] {
            let cursor = Cursor::new((0..3).map(EventId).collect(), 10, order);
            assert!(cursor.touched().is_empty());
            let mut given = Vec::new();
            while let Some(pair) = cursor.next() {
                given.push(pair);
            }
            assert_eq!(given.len(), 15);
            given.sort_unstable();
            given.dedup();
            assert_eq!(given.len(), 15);
            assert_eq!(cursor.touched().len(), 3);
        }
    }

    #[test]
    fn an_event_is_left_once() {
        let events = InTurn::new(vec![EventId(1), EventId(2)]);
        assert_eq!((events.current(), events.touched().len()), (Some(EventId(1)), 1));
        events.sold_out(EventId(1));
        events.sold_out(EventId(1));
        assert_eq!((events.current(), events.touched().len()), (Some(EventId(2)), 2));
        events.sold_out(EventId(2));
        assert_eq!((events.current(), events.touched().len()), (None, 2));
    }

    #[test]
    fn wanted_seats_run_out() {
        let mut wanted = Wanted::new(5);
        let [a, b] = wanted.pick().unwrap();
        assert_ne!(a, b);
        wanted.gone(&[a, b]);
        assert!(!wanted.pick().unwrap().contains(&a));
        wanted.gone(&[0, 1, 2, 3]);
        assert_eq!(wanted.pick(), None);
    }
}
