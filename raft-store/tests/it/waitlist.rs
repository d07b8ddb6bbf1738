//! Waitlists as large as those of a great concert.

use std::collections::BTreeMap;

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::{BookingId, EventId, RequestKey, UserId};
use rowlock_proto::shard::mix64;
use rowlock_raft_store::inventory::waitlist::{
    OFFERS_MAX, WaitStanding, WaitlistChange, WaitlistCommand, Wish,
};
use rowlock_raft_store::inventory::{
    Answer, ChangeKind, Command, CommandKind, RefundOrder, Reply, Returned, SYSTEM, State,
};

use super::fixture::{World, booking};

const EVENT: EventId = EventId(0x3a17);

/// As `World`, but every invariant is checked now and then only: it takes as long as there are entries.
struct House {
    world: World,
    /// The waiting, by entry, as the feed tells of them.
    waiting: BTreeMap<u32, Wish>,
    /// Free seats, likewise, of each category.
    free: [u32; 2],
    served: Vec<u32>,
}

impl House {
    /// Seats of two categories in turns: no two of one category are side by side.
    fn new(seats: u32) -> Self {
        let world = World::on_sale(EVENT, seats, |spec| spec.hold_ttl_ms = 7_200_000);
        Self { world, waiting: BTreeMap::new(), free: [0, 0], served: Vec::new() }
    }

    fn state(&self) -> &State {
        &self.world.state
    }

    fn ask(&mut self, user: u128, kind: CommandKind) -> Answer {
        self.world.index += 1;
        let index = self.world.index;
        let command = Command { principal: UserId(user), key: RequestKey(index.into()), kind };
        let answer = self.world.state.apply(self.world.now_ms, index, &command).answer;
        self.follow();
        if index.is_multiple_of(997) {
            assert_eq!(self.state().audit(), Vec::<String>::new());
        }
        answer
    }

    /// Who is offered something is the first whom it fits, by the feed alone.
    fn follow(&mut self) {
        for change in self.world.state.take_changes() {
            let mut back = |returned: &Returned| {
                returned.seats.iter().for_each(|seat| self.free[(seat % 2) as usize] += 1);
            };
            match &change.kind {
                ChangeKind::SeatsReturned(returned) => back(returned),
                ChangeKind::HoldsExpired { holds } => holds.iter().for_each(back),
                ChangeKind::SeatsUnblocked { seats, .. } => {
                    seats.iter().for_each(|seat| self.free[(seat % 2) as usize] += 1);
                }
                ChangeKind::Waitlist(WaitlistChange::Joined { entry, wish, .. }) => {
                    self.waiting.insert(*entry, wish.clone());
                }
                ChangeKind::Waitlist(WaitlistChange::Offered { entry, booking, .. }) => {
                    self.offered(*entry, *booking);
                }
                _ => {}
            }
        }
    }

    fn fits(&self, wish: &Wish) -> bool {
        let free: u32 = match wish.categories.as_slice() {
            [] => self.free.iter().sum(),
            some => some.iter().map(|&category| self.free[usize::from(category)]).sum(),
        };
        free >= wish.quantity && (!wish.adjacent || wish.quantity == 1)
    }

    fn offered(&mut self, entry: u32, booking: BookingId) {
        let first = self.waiting.iter().find(|(_, wish)| self.fits(wish)).map(|(&first, _)| first);
        assert_eq!(first, Some(entry), "the first whom it fits");
        self.waiting.remove(&entry);
        for seat in self.state().booking(booking).unwrap().seats {
            self.free[(seat % 2) as usize] -= 1;
        }
        self.served.push(entry);
    }

    fn sold(&mut self, user: u128, seats: &[u32]) -> BookingId {
        let seats = seats.to_vec();
        let view = booking(self.ask(user, CommandKind::HoldSeats { event: EVENT, seats }));
        let (booking, intent) = (view.booking, "pi".to_owned());
        self.ask(user, CommandKind::BeginPayment { booking, amount: view.total }).unwrap();
        let attach = CommandKind::AttachIntent { booking, attempt: 1, intent: intent.clone() };
        self.ask(user, attach).unwrap();
        self.ask(user, CommandKind::ConfirmPayment { booking, attempt: 1, intent }).unwrap();
        booking
    }

    fn join(&mut self, user: u128, wish: Wish) {
        let join = WaitlistCommand::Join { event: EVENT, wish };
        let answer = self.ask(user, CommandKind::Waitlist(join));
        let Ok(Reply::Waiter(view)) = answer else { panic!("{answer:?}") };
        assert_eq!(view.position as usize, self.waiting.len());
    }

    fn shows_free(&self) -> u32 {
        let shown = self.state().seats(EVENT).unwrap().iter().filter(|&&seat| seat == 0).count();
        let counts = self.state().event(EVENT).unwrap().counts;
        assert_eq!(counts.available as usize, shown);
        counts.available
    }
}

/// A wish at random, by a number: most want two.
fn wish(number: u64) -> Wish {
    let dice = mix64(number);
    Wish {
        quantity: [1, 2, 2, 2, 3, 4][(dice % 6) as usize],
        categories: [vec![], vec![], vec![0], vec![1]][(dice >> 8 & 3) as usize].clone(),
        adjacent: dice >> 16 & 3 == 0,
        accessible: false,
    }
}

fn one(categories: Vec<u8>) -> Wish {
    Wish { quantity: 1, categories, adjacent: false, accessible: false }
}

#[test]
fn p1_refunds_of_a_sold_out_house_go_to_ten_thousand_who_wait_in_their_order() {
    let mut house = House::new(1_200);
    let parties = (0..1_200).step_by(3).map(|seat| [seat, seat + 1, seat + 2]);
    let bookings: Vec<BookingId> =
        parties.zip(1_u128..).map(|(seats, user)| house.sold(user, &seats)).collect();
    for number in 0..10_000_u64 {
        house.join(u128::from(number) + 1_000, wish(number));
    }
    assert_eq!(house.state().waitlist(EVENT).unwrap().waiting, 10_000);
    for &booking in &bookings {
        // Some refunds are of one seat, so that odd ones come together.
        let places = if booking.locator().seq().is_multiple_of(3) { vec![1] } else { Vec::new() };
        let refund = Box::new(RefundOrder { places, ..RefundOrder::default() });
        house.ask(0, CommandKind::RefundPlaces { booking, refund }).unwrap();
        assert_eq!(house.shows_free(), 0, "some one waits for a single seat, at any time");
    }
    assert!(house.served.len() > 400, "{} were served", house.served.len());
    // Nobody takes what was offered; it goes round until all that fit have had their turn.
    for _ in 0..40 {
        house.world.now_ms += 1_900_000;
        house.ask(0, CommandKind::ExpireDue { max: 1_000 }).unwrap();
        while house.state().next_tend_ms().is_some_and(|at| at <= house.world.now_ms) {
            house.ask(0, CommandKind::Checksum { nonce: 0 }).unwrap();
        }
        assert_eq!(house.shows_free(), house.free.iter().sum::<u32>());
    }
    assert!(house.waiting.values().all(|wish| !house.fits(wish)), "nobody waits for what is free");
    assert_eq!(house.state().audit(), Vec::<String>::new());
    assert_eq!(house.world.reloaded().digest(), house.state().digest());
}

#[test]
fn p1_buyers_do_not_overtake_a_list_that_is_longer_than_one_command_serves() {
    let mut house = House::new(1_000);
    let all: Vec<u32> = (0..1_000).collect();
    let block = |seats: &[u32]| CommandKind::BlockSeats {
        event: EVENT,
        seats: seats.to_vec(),
        reason: "rig".to_owned(),
    };
    house.ask(0, block(&all)).unwrap();
    for user in 1..=600 {
        house.join(user, one(Vec::new()));
    }
    house.ask(0, CommandKind::UnblockSeats { event: EVENT, seats: all }).unwrap();
    assert_eq!(house.served.len(), OFFERS_MAX as usize);
    // What is not offered yet is not shown as free either.
    assert_eq!(house.shows_free(), 0);
    let hold = |house: &mut House, user, seat| {
        let kind = CommandKind::HoldSeats { event: EVENT, seats: vec![seat] };
        house.ask(user, kind)
    };
    let mut refused = 0;
    while let Err(refusal) = hold(&mut house, 9_999, 999) {
        assert!(matches!(refusal.code, ErrorCode::WaitlistFirst | ErrorCode::SeatTaken));
        if refusal.code == ErrorCode::SeatTaken {
            break;
        }
        assert!(house.waiting.is_empty() || house.shows_free() == 0);
        refused += 1;
    }
    assert!((1..10).contains(&refused), "each try brings the list on: {refused}");
    while house.state().next_tend_ms().is_some() {
        house.ask(0, CommandKind::Checksum { nonce: 0 }).unwrap();
    }
    assert_eq!(house.served, (0..600).collect::<Vec<u32>>());
    assert_eq!(house.state().audit(), Vec::<String>::new());
    let free = house.shows_free();
    assert!(free == 400 || free == 399, "the others may be bought: {free}");
}

/// However many wait: a seat that comes back costs the number of different wishes.
#[test]
fn a_seat_that_comes_back_finds_its_user_among_a_hundred_thousand() {
    let mut house = House::new(600);
    let bookings: Vec<BookingId> =
        (0..600).zip(1_u128..).map(|(seat, user)| house.sold(user, &[seat])).collect();
    // The wishes that never fit stand before those that do.
    for number in 0..100_000_u32 {
        let categories = if number.is_multiple_of(2) { Vec::new() } else { vec![0] };
        let (never, quantity) = (number < 99_000, 2 + number / 2 % 31);
        let want = if never {
            Wish { quantity, categories, adjacent: true, accessible: false }
        } else {
            one(Vec::new())
        };
        house.join(u128::from(number) + 10_000, want);
    }
    for &booking in &bookings {
        let refund = Box::new(RefundOrder::default());
        let kind = CommandKind::RefundPlaces { booking, refund };
        let key = RequestKey(booking.0);
        let index = house.world.index + 1;
        let command = Command { principal: SYSTEM, key, kind };
        house.world.state.apply(house.world.now_ms, index, &command).answer.unwrap();
        house.world.index = index;
    }
    let list = house.state().waitlist(EVENT).unwrap();
    assert_eq!((list.offered, list.waiting), (600, 99_400));
    let next = house.state().waiter_of(EVENT, UserId(109_600)).unwrap();
    assert_eq!((next.standing, next.position), (WaitStanding::Waiting, 99_001));
    let last = house.state().waiter_of(EVENT, UserId(109_000)).unwrap();
    assert_eq!((last.standing, last.position), (WaitStanding::Offered, 0));
}
