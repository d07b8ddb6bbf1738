//! A second opinion for short histories: every order, one after the other, against a model written
//! apart from the checker's. Lapses are operations of their own here, that may happen or not.

use std::collections::{BTreeMap, BTreeSet};

use rowlock_jepsen::history::{BookingState, Function, Observed, Operation, Outcome, SeatState};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    Held,
    Sold,
    Released,
    Lapsed,
}

/// Bookings go by their owner: each owner of these histories asks for one.
#[derive(Clone, Default)]
struct World {
    stages: BTreeMap<String, Stage>,
    seats: BTreeMap<u32, String>,
    /// What each owner's hold was answered: the seats that were taken; none if it was granted.
    answers: BTreeMap<String, Vec<u32>>,
}

enum Item<'a> {
    Op(&'a Operation),
    Lapse(&'a str),
}

struct Slot<'a> {
    from: u64,
    to: Option<u64>,
    item: Item<'a>,
}

/// True if some order of the operations, and of lapses, explains every answer.
pub(crate) fn explained(operations: &[Operation]) -> bool {
    let mut slots: Vec<Slot<'_>> = Vec::new();
    let mut due: BTreeMap<&str, u64> = BTreeMap::new();
    for operation in operations {
        let looks = matches!(operation.f, Function::Read | Function::Expire);
        if operation.outcome == Outcome::Unknown && looks {
            continue;
        }
        if let (Function::Hold, Some(ttl), Some(owner)) =
            (operation.f, operation.value.ttl_ms, operation.value.owner.as_deref())
        {
            let end = operation.invoke_ns + ttl * 1_000_000;
            due.entry(owner).and_modify(|first| *first = (*first).min(end)).or_insert(end);
        }
        slots.push(Slot {
            from: operation.invoke_ns,
            to: operation.return_ns,
            item: Item::Op(operation),
        });
    }
    slots.extend(due.into_iter().map(|(owner, from)| Slot {
        from,
        to: None,
        item: Item::Lapse(owner),
    }));
    place(&slots, &mut BTreeSet::new(), &World::default())
}

fn place(slots: &[Slot<'_>], placed: &mut BTreeSet<usize>, world: &World) -> bool {
    let rest: Vec<usize> = (0..slots.len()).filter(|slot| !placed.contains(slot)).collect();
    let Some(soonest) = rest.iter().filter_map(|&slot| slots[slot].to).min() else { return true };
    for slot in rest {
        if slots[slot].from > soonest {
            continue;
        }
        let mut next = world.clone();
        let fits = match slots[slot].item {
            Item::Op(operation) => next.answer(operation),
            Item::Lapse(owner) => next.lapse(owner),
        };
        if fits {
            placed.insert(slot);
            if place(slots, placed, &next) {
                return true;
            }
            placed.remove(&slot);
        }
    }
    false
}

impl World {
    fn end(&mut self, owner: &str, stage: Stage) {
        self.stages.insert(owner.to_owned(), stage);
        self.seats.retain(|_, holder| holder != owner);
    }

    fn lapse(&mut self, owner: &str) -> bool {
        let held = self.stages.get(owner) == Some(&Stage::Held);
        if held {
            self.end(owner, Stage::Lapsed);
        }
        held
    }

    fn answer(&mut self, operation: &Operation) -> bool {
        let value = &operation.value;
        let owner = value.owner.clone().unwrap_or_default();
        let stage = self.stages.get(&owner).copied();
        let unknown = operation.outcome == Outcome::Unknown;
        match operation.f {
            Function::Hold => {
                if !self.answers.contains_key(&owner) {
                    let taken: Vec<u32> = value
                        .seats
                        .iter()
                        .copied()
                        .filter(|seat| self.seats.contains_key(seat))
                        .collect();
                    if taken.is_empty() {
                        self.stages.insert(owner.clone(), Stage::Held);
                        self.seats.extend(value.seats.iter().map(|&seat| (seat, owner.clone())));
                    }
                    self.answers.insert(owner.clone(), taken);
                }
                let told =
                    if operation.outcome == Outcome::Refused { &value.taken[..] } else { &[] };
                unknown || self.answers[&owner] == told
            }
            Function::Confirm | Function::Release => {
                let (goal, refused) = (
                    if operation.f == Function::Confirm { Stage::Sold } else { Stage::Released },
                    value.refused.as_deref(),
                );
                match (stage, refused) {
                    (Some(Stage::Held), None) => {
                        if goal == Stage::Sold {
                            self.stages.insert(owner, Stage::Sold);
                        } else {
                            self.end(&owner, Stage::Released);
                        }
                        true
                    }
                    (Some(stage), None) => stage == goal,
                    (stage, Some("booking-expired")) => stage == Some(Stage::Lapsed),
                    (_, None | Some(_)) => false,
                }
            }
            Function::Read | Function::Expire => match &value.state {
                Some(Observed::Booking(seen)) => {
                    let expected = match seen {
                        BookingState::Held => Some(Stage::Held),
                        BookingState::Confirmed => Some(Stage::Sold),
                        BookingState::Released => Some(Stage::Released),
                        BookingState::Expired => Some(Stage::Lapsed),
                        BookingState::Paying
                        | BookingState::Capturing
                        | BookingState::RefundDue
                        | BookingState::Refunded => {
                            return false;
                        }
                    };
                    stage == expected
                }
                Some(Observed::Seats(states)) => {
                    value.seats.iter().zip(states).all(|(seat, seen)| {
                        let stage = self.seats.get(seat).and_then(|owner| self.stages.get(owner));
                        match seen {
                            SeatState::Available => stage.is_none(),
                            SeatState::Held => stage == Some(&Stage::Held),
                            SeatState::Sold => stage == Some(&Stage::Sold),
                            SeatState::Blocked => false,
                        }
                    })
                }
                None => true,
            },
        }
    }
}
