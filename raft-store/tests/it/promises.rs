//! Each promise that the core alone can keep, under its number.

use std::collections::{BTreeMap, BTreeSet};

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::{EventId, RequestKey, UserId};
use rowlock_raft_store::inventory::door::{DoorCommand, Scan};
use rowlock_raft_store::inventory::{
    BookingState, Cart, ChangeKind, CommandKind, DoorChange, EXPIRE_MAX, LifeCommand, RecordKey,
    Refusal, Reply, SYSTEM, ScanOutcome, State, TEND_MAX, Wanted, seat_state,
};

use super::fixture::{BOUND_MS, World, booking};

const GALA: EventId = EventId(0x600d);

fn code(answer: Result<Reply, Refusal>) -> ErrorCode {
    answer.expect_err("this is refused").code
}

/// A small generator, so that the same crowd comes at every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        u32::try_from(self.0 >> 33).unwrap() % bound
    }
}

#[test]
fn p1_a_crowd_sells_each_seat_once() {
    let mut world = World::on_sale(GALA, 50, |_| ());
    let mut dice = Dice(1);
    let mut owner: BTreeMap<u32, u128> = BTreeMap::new();
    for user in 1..=400 {
        let first = dice.below(49);
        let seats = [first, first + 1];
        match world.hold(user, user, GALA, &seats) {
            Ok(_) => {
                for seat in seats {
                    assert_eq!(owner.insert(seat, user), None, "seat {seat} has two owners");
                }
            }
            Err(refusal) => {
                let taken: Vec<u32> =
                    seats.into_iter().filter(|seat| owner.contains_key(seat)).collect();
                assert_eq!((refusal.code, refusal.seats), (ErrorCode::SeatTaken, taken));
            }
        }
    }
}

#[test]
fn p2_a_group_is_granted_whole_or_not_at_all() {
    let mut world = World::on_sale(GALA, 10, |_| ());
    world.held(1, GALA, &[4, 6]);
    let before = world.state.digest();
    let refusal = world.hold(2, 2, GALA, &[3, 4, 5, 6, 7]).expect_err("4 and 6 are taken");
    assert_eq!((refusal.code, refusal.seats), (ErrorCode::SeatTaken, vec![4, 6]));
    assert_eq!(world.state.seats(GALA).unwrap(), [0, 0, 0, 0, 1, 0, 1, 0, 0, 0]);
    assert_ne!(world.state.digest(), before, "the refusal is remembered");
}

#[test]
fn p4_a_retry_has_the_effect_and_the_answer_of_one_call() {
    let mut world = World::on_sale(GALA, 10, |_| ());
    let kind = CommandKind::HoldSeats { event: GALA, seats: vec![1, 2] };
    let first = world.apply(UserId(1), 9, kind.clone());
    let first_at = world.index;
    let id = booking(first.answer.clone()).booking;
    world.now_ms = 5_000;
    world.answer(UserId(1), 1, CommandKind::BeginPayment { booking: id, amount: 13_000 }).unwrap();
    let digest = world.state.digest();
    let again = world.apply(UserId(1), 9, kind.clone());
    assert_eq!(again.answer, first.answer, "what was granted, as it was granted");
    assert_eq!((first.first_index, again.first_index), (0, first_at));
    assert_eq!(world.state.digest(), digest, "nothing changed");
    // Same key, another wish; and another's same key.
    let other = CommandKind::HoldSeats { event: GALA, seats: vec![2, 1] };
    assert_eq!(code(world.answer(UserId(1), 9, other)), ErrorCode::IdempotencyKeyReused);
    assert_eq!(code(world.answer(UserId(2), 9, kind)), ErrorCode::SeatTaken);
}

#[test]
fn p4_a_grant_is_remembered_after_its_hold_and_after_a_restart() {
    let mut world = World::on_sale(GALA, 10, |_| ());
    let first = world.hold(1, 9, GALA, &[1]);
    world.now_ms += 24 * 60 * 60 * 1_000;
    world.state = world.reloaded();
    assert_eq!(world.hold(1, 9, GALA, &[1]), first);
    let id = booking(first).booking;
    assert_eq!(world.state.booking(id).unwrap().state, BookingState::Expired);
    assert_eq!(world.state.seats(GALA).unwrap()[1], seat_state::AVAILABLE, "no second hold");
}

#[test]
fn p4_refusals_are_remembered_for_ten_minutes_and_no_more_than_so_many() {
    let mut world = World::on_sale(GALA, 10, |_| ());
    let holder = world.held(1, GALA, &[1]);
    let refused = world.hold(2, 9, GALA, &[1]);
    world.answer(UserId(1), 0, CommandKind::ReleaseHold { booking: holder }).unwrap();
    world.now_ms = 10 * 60 * 1_000;
    assert_eq!(world.hold(2, 9, GALA, &[1]), refused, "the first answer, though the seat is free");
    world.now_ms += 1;
    world.hold(2, 9, GALA, &[1]).expect("forgotten: judged afresh");
    for key in 100..1_000 {
        world.hold(3, key, GALA, &[1]).expect_err("taken");
    }
    let refusals = |state: &State| {
        let keys = state.record_keys();
        keys.into_iter().filter(|key| matches!(key, RecordKey::Refusals(..))).count()
    };
    assert_eq!(refusals(&world.state), 1, "a bot can't fill a disk with refusals");
}

#[test]
fn p4_a_refusal_costs_a_record_or_two_however_many_are_remembered() {
    let mut world = World::on_sale(GALA, 10, |_| ());
    world.held(1, GALA, &[1]);
    for user in 0..5_000 {
        world.index += 1;
        let key = RequestKey(1);
        let kind = CommandKind::HoldSeats { event: GALA, seats: vec![1] };
        let command =
            rowlock_raft_store::inventory::Command { principal: UserId(100 + user), key, kind };
        world.state.take_dirty();
        world.state.apply(world.now_ms, world.index, &command).answer.expect_err("taken");
        assert!(world.state.take_dirty().len() <= 4);
    }
}

#[test]
fn p5_hold_never_ends_early() {
    let ttl_ms = 6_000;
    let mut world = World::on_sale(GALA, 10, |spec| spec.hold_ttl_ms = ttl_ms);
    world.now_ms = 1_000;
    let view = booking(world.hold(1, 1, GALA, &[1]));
    assert_eq!(view.expires_ms, 1_000 + ttl_ms, "what the customer is told");
    // A leader may be ahead of true time by the bound, and the one before behind by as much.
    let due_ms = view.expires_ms + 2 * BOUND_MS;
    for now_ms in [view.expires_ms - 1, view.expires_ms, view.expires_ms + BOUND_MS, due_ms - 1] {
        world.now_ms = now_ms;
        let swept = world.answer(SYSTEM, 0, CommandKind::ExpireDue { max: EXPIRE_MAX });
        assert_eq!(swept, Ok(Reply::Expired { retired: 0, more: false }));
        assert_eq!(world.state.seats(GALA).unwrap()[1], seat_state::HELD);
        let key = u128::from(now_ms);
        assert_eq!(code(world.hold(2, key, GALA, &[1])), ErrorCode::SeatTaken);
    }
    world.now_ms = due_ms;
    world.hold(2, 2, GALA, &[1]).expect("holdable again at once, swept or not");
    assert_eq!(world.state.booking(view.booking).unwrap().state, BookingState::Expired);
}

#[test]
fn p5_a_clock_that_goes_back_neither_revives_nor_shortens_a_hold() {
    let mut world = World::on_sale(GALA, 10, |spec| spec.hold_ttl_ms = 6_000);
    world.now_ms = 10_000;
    let view = booking(world.hold(1, 1, GALA, &[1]));
    world.now_ms = 4_000;
    let other = booking(world.hold(2, 1, GALA, &[2]));
    assert_eq!(other.created_ms, view.created_ms, "the clock is the greatest stamp");
    world.now_ms = 16_500;
    world.answer(SYSTEM, 0, CommandKind::Checksum { nonce: 1 }).unwrap();
    world.now_ms = 0;
    let pay = CommandKind::BeginPayment { booking: view.booking, amount: view.total };
    assert_eq!(code(world.answer(UserId(1), 2, pay)), ErrorCode::BookingExpired);
    assert_eq!(world.state.seats(GALA).unwrap()[1], seat_state::AVAILABLE);
}

#[test]
fn p5_a_booking_in_payment_does_not_end_by_time() {
    let mut world = World::on_sale(GALA, 10, |spec| spec.hold_ttl_ms = 6_000);
    let view = booking(world.hold(1, 1, GALA, &[1]));
    let pay = CommandKind::BeginPayment { booking: view.booking, amount: view.total };
    let begun = booking(world.answer(UserId(1), 2, pay));
    assert_eq!(begun.payment_deadline_ms, view.expires_ms + 5 * 60 * 1_000);
    world.now_ms = 24 * 60 * 60 * 1_000;
    let swept = world.answer(SYSTEM, 0, CommandKind::ExpireDue { max: EXPIRE_MAX });
    assert_eq!(swept, Ok(Reply::Expired { retired: 0, more: false }));
    assert_eq!(code(world.hold(2, 1, GALA, &[1])), ErrorCode::SeatTaken);
    // The reconciler's word ends it.
    let fail = CommandKind::FailPayment {
        booking: view.booking,
        attempt: 1,
        reason: "cancelled at the provider".to_owned(),
    };
    assert_eq!(booking(world.answer(SYSTEM, 0, fail)).state, BookingState::Expired);
    world.hold(2, 2, GALA, &[1]).expect("the seat is back");
}

#[test]
fn p5_ten_thousand_holds_that_end_at_once_do_not_stall_the_shard() {
    let mut world = World::on_sale(GALA, 20_000, |spec| spec.hold_ttl_ms = 6_000);
    let hold = |world: &mut World, user: u128, seats: [u32; 2]| {
        world.index += 1;
        let kind = CommandKind::HoldSeats { event: GALA, seats: seats.into() };
        let key = RequestKey(1);
        let command = rowlock_raft_store::inventory::Command { principal: UserId(user), key, kind };
        world.state.apply(world.now_ms, world.index, &command).answer
    };
    for pair in 0..10_000 {
        hold(&mut world, 1 + u128::from(pair), [pair * 2, pair * 2 + 1]).unwrap();
    }
    world.state.take_changes();
    world.now_ms = 60_000;
    // A buyer does not wait for the sweeper, and touches no more than the seats named.
    hold(&mut world, 99_999, [1, 2]).expect("due seats are free seats");
    let changes = world.state.take_changes();
    assert_eq!(changes.len(), 3, "two holds retired before the new one: {changes:?}");
    assert!(matches!(changes[2].kind, ChangeKind::SeatsHeld { .. }));
    let counts = world.state.event(GALA).unwrap().counts;
    assert_eq!((counts.held, counts.available), (2, 19_998), "readers don't wait either");
    let mut sweeps = 0;
    let mut ended = BTreeSet::new();
    loop {
        sweeps += 1;
        let sweep = CommandKind::ExpireDue { max: EXPIRE_MAX };
        let Ok(Reply::Expired { retired, more }) = world.answer(SYSTEM, 0, sweep) else {
            panic!("a sweep is never refused")
        };
        assert!(retired <= EXPIRE_MAX);
        let changes = world.state.take_changes();
        assert_eq!(changes.len(), 1, "one change for all that fell due together");
        let ChangeKind::HoldsExpired { holds } = &changes[0].kind else { panic!("{changes:?}") };
        ended.extend(holds.iter().map(|returned| returned.booking));
        if !more {
            break;
        }
    }
    assert_eq!((sweeps, ended.len()), (10, 9_998));
}

#[test]
fn p6_a_cancelled_event_comes_to_owe_everybody_in_bounded_steps() {
    let mut world = World::on_sale(GALA, 1_000, |_| ());
    for user in 1..=600_u32 {
        let by = UserId(user.into());
        let id = world.held(user.into(), GALA, &[user]);
        let view = world.state.booking(id).unwrap();
        let begin = CommandKind::BeginPayment { booking: id, amount: view.total };
        world.answer(by, 1, begin).unwrap();
        let intent = "pi".to_owned();
        let attach = CommandKind::AttachIntent { booking: id, attempt: 1, intent: intent.clone() };
        world.answer(by, 0, attach).unwrap();
        let confirm = CommandKind::ConfirmPayment { booking: id, attempt: 1, intent };
        world.answer(by, 0, confirm).unwrap();
    }
    world.answer(SYSTEM, 0, CommandKind::CancelEvent { event: GALA }).unwrap();
    assert_eq!(world.state.next_tend_ms(), Some(0), "the sweeper is called");
    let mut rounds = 0;
    while world.state.next_tend_ms().is_some() {
        world.state.take_changes();
        let tend = CommandKind::Life(LifeCommand::Tend { max: TEND_MAX });
        let Ok(Reply::Tended { steps, .. }) = world.answer(SYSTEM, 0, tend) else {
            panic!("it is never refused")
        };
        assert!(steps <= TEND_MAX);
        // A new leader, after a restart, goes on where the last one stopped.
        world.state = world.reloaded();
        rounds += 1;
    }
    assert_eq!(rounds, 3);
    let (lines, next) = world.state.refunds_of(GALA, 0, 1_000, true).unwrap();
    assert_eq!((lines.len(), next), (600, 0));
    let paid: u64 = (1..=600).map(|seat| if seat % 2 == 0 { 8_000 } else { 5_000 }).sum();
    assert_eq!(lines.iter().map(|line| line.amount).sum::<u64>(), paid);
}

/// A full category, or a flood that is refused, costs another event and another category nothing.
#[test]
fn a_flood_on_one_event_blocks_no_other_event_and_no_other_category() {
    let mut world = World::on_sale(GALA, 4, |_| ());
    let other = EventId(0x07e4);
    let map = world.upload(4);
    let spec = Box::new(super::fixture::spec(map));
    world.done(CommandKind::CreateEvent { event: other, spec });
    world.done(CommandKind::PublishEvent { event: other });
    // Every even seat is of the first category: it is full.
    world.held(1, GALA, &[0, 2]);
    let best = |category: u8| {
        let best = Some(Wanted { quantity: 1, categories: vec![category], ..Wanted::default() });
        let cart = Box::new(Cart { best, ..Cart::default() });
        CommandKind::HoldCart { event: GALA, cart }
    };
    for user in 100..2_100_u32 {
        let by = UserId(user.into());
        let refused = world.answer(by, 1, best(0));
        assert_eq!(code(refused), ErrorCode::NotEnoughSeats);
        world.state.take_dirty();
        world.state.take_changes();
    }
    booking(world.answer(UserId(2), 1, best(1)));
    // The flood's event is paused; the other doesn't know of it.
    let pause = LifeCommand::Pause { event: GALA, reason: "too many".to_owned() };
    world.done(CommandKind::Life(pause));
    world.state.take_dirty();
    world.held(3, other, &[0]);
    let gala_no = world.state.event(GALA).unwrap().event_no;
    let slot = GALA.slot().number();
    let of_gala = |key: &RecordKey| key.to_bytes().get(1..7).map(<[u8]>::to_vec);
    let no: Vec<u8> = slot.to_be_bytes().into_iter().chain(gala_no.to_be_bytes()).collect();
    let dirty = world.state.take_dirty();
    assert!(dirty.iter().all(|key| of_gala(key).as_ref() != Some(&no)), "{dirty:?}");
    assert_eq!(code(world.hold(4, 1, GALA, &[3])), ErrorCode::SalePaused);
}

#[test]
fn p6_only_an_intent_that_is_in_the_log_can_be_confirmed() {
    let mut world = World::on_sale(GALA, 10, |_| ());
    let view = booking(world.hold(1, 1, GALA, &[1]));
    let id = view.booking;
    let confirm = |attempt, intent: &str| CommandKind::ConfirmPayment {
        booking: id,
        attempt,
        intent: intent.to_owned(),
    };
    let attach = |attempt, intent: &str| CommandKind::AttachIntent {
        booking: id,
        attempt,
        intent: intent.to_owned(),
    };
    let begin = CommandKind::BeginPayment { booking: id, amount: view.total };
    let fenced = |answer| assert_eq!(code(answer), ErrorCode::PaymentFenced);
    fenced(world.answer(UserId(1), 0, attach(1, "pi_1")));
    world.answer(UserId(1), 2, begin.clone()).unwrap();
    fenced(world.answer(UserId(1), 0, confirm(1, "")));
    fenced(world.answer(UserId(1), 0, confirm(1, "pi_1")));
    world.answer(UserId(1), 0, attach(1, "pi_1")).unwrap();
    fenced(world.answer(UserId(1), 0, attach(1, "pi_2")));
    let fail = CommandKind::FailPayment { booking: id, attempt: 1, reason: "declined".to_owned() };
    world.answer(UserId(1), 0, fail).unwrap();
    world.answer(UserId(1), 3, begin).unwrap();
    // A server that slept through all this comes back with its old attempt.
    fenced(world.answer(UserId(1), 0, attach(1, "pi_1")));
    fenced(world.answer(UserId(1), 0, confirm(1, "pi_1")));
    world.answer(UserId(1), 0, attach(2, "pi_3")).unwrap();
    let sold = booking(world.answer(UserId(1), 0, confirm(2, "pi_3")));
    assert_eq!(sold.state, BookingState::Confirmed);
}

#[test]
fn p7_a_ticket_is_let_in_once() {
    let event = EventId(1);
    let mut world = World::on_sale(event, 6, |_| ());
    let by = UserId(2);
    let held = booking(world.hold(2, 1, event, &[0, 1]));
    let id = held.booking;
    world.answer(by, 2, CommandKind::BeginPayment { booking: id, amount: held.total }).unwrap();
    let intent = "pi_1".to_owned();
    world.done(CommandKind::AttachIntent { booking: id, attempt: 1, intent: intent.clone() });
    world.answer(by, 3, CommandKind::ConfirmPayment { booking: id, attempt: 1, intent }).unwrap();
    let mut scan = |key: u128, door: &str| {
        let door = door.to_owned();
        let kind = CommandKind::RedeemTicket { booking: id, place: 0, version: 0, door };
        world.answer(SYSTEM, key, kind)
    };
    scan(10, "north").unwrap();
    scan(10, "north").expect("the same scan again");
    let refused = scan(11, "south").unwrap_err();
    assert_eq!(refused.code, ErrorCode::TicketRedeemed);
    assert_eq!(refused.detail, "north", "it says where");
}

#[test]
fn p7_scans_that_come_later_let_a_ticket_in_once() {
    let event = EventId(1);
    let mut world = World::on_sale(event, 6, |_| ());
    let by = UserId(2);
    let held = booking(world.hold(2, 1, event, &[0, 1]));
    let id = held.booking;
    world.answer(by, 2, CommandKind::BeginPayment { booking: id, amount: held.total }).unwrap();
    let intent = "pi_1".to_owned();
    world.done(CommandKind::AttachIntent { booking: id, attempt: 1, intent: intent.clone() });
    world.answer(by, 3, CommandKind::ConfirmPayment { booking: id, attempt: 1, intent }).unwrap();
    world.now_ms = 5_000;
    let scan = |key: u128, door: &str, seen_ms| Scan {
        key: RequestKey(key),
        booking: id,
        place: 0,
        version: 0,
        door: door.to_owned(),
        seen_ms,
    };
    let mut merge = |scans: Vec<Scan>| {
        world.state.take_changes();
        let kind = CommandKind::Door(DoorCommand::Merge { event, scans });
        let answer = world.answer(SYSTEM, 9, kind);
        let told = world.state.take_changes().into_iter().filter(|change| {
            matches!(change.kind, ChangeKind::Door(DoorChange::ScanConflict { .. }))
        });
        (answer, told.count())
    };
    let first = || ScanOutcome::Conflict { door: "north".to_owned(), at_ms: 4_000 };
    let batch = vec![scan(1, "north", 4_000), scan(2, "south", 3_000)];
    assert_eq!(merge(batch.clone()), (Ok(Reply::Scans(vec![ScanOutcome::Taken, first()])), 1));
    assert_eq!(merge(batch), (Ok(Reply::Scans(vec![ScanOutcome::Repeat, first()])), 0));
    assert_eq!(merge(vec![scan(3, "south", 4_500)]), (Ok(Reply::Scans(vec![first()])), 1));
    assert_eq!(world.state.doors(event).unwrap().doors, [("north".to_owned(), 1)]);
}
