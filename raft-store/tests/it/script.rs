//! Transcripts: commands, and what came of them.
//!
//! ```text
//! # why this script is here
//! > event seats=6 ttl=600      a published event; `create` says what more can be said of it
//! > anna holds 1 2              anna's booking is b1 from now on
//!   b1 held: 1 2 for 13000, until 600.000
//!   - 4: seats 1 2 held by anna, b1
//! ```
//!
//! A line after `> ` is a command; indented lines are its answer and the changes that it left, and
//! are written anew with `UPDATE=1`. Times are seconds of the replicated clock. After each command
//! every invariant is checked, and after each script a restart must lead to the same state.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use rowlock_proto::ids::{BookingId, EventId, UserId};
use rowlock_proto::shard::hash64;
use rowlock_raft_store::inventory::door::DoorCommand;
use rowlock_raft_store::inventory::{
    Answer, BookingState, BookingView, ChangeKind, CommandKind, EventPatch, EventSpec, Listing,
    RefundOrder, Refusal, Reply, Returned, SYSTEM,
};

use super::fixture::{World, arena_bytes, spec};
use super::script_queue;

mod accounts;
mod carts;
mod consumers;
mod doors;
mod life;
mod lists;
mod money;
mod terms;
mod waitlist;

use self::carts::cart;

/// What one word of a script makes different in an event.
type SpecChange = Box<dyn Fn(&mut EventSpec)>;

const DIR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scripts/inventory");

struct Script {
    world: World,
    event: EventId,
    /// Every request has its own key unless it names one.
    keys: u128,
    users: BTreeMap<UserId, String>,
    /// What was seen of bookings, to be brought to their users.
    seen: BTreeMap<String, Vec<Listing>>,
    out: String,
}

pub(crate) fn seconds(text: &str) -> u64 {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let part: u64 = format!("{part:0<3}").parse().expect("milliseconds");
    whole.parse::<u64>().expect("seconds") * 1_000 + part
}

pub(crate) fn time(ms: u64) -> String {
    format!("{}.{:03}", ms / 1_000, ms % 1_000)
}

fn list(seats: &[u32]) -> String {
    seats.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")
}

fn name(id: BookingId) -> String {
    format!("b{}", id.locator().seq())
}

fn state(state: BookingState) -> &'static str {
    match state {
        BookingState::Held => "held",
        BookingState::Paying => "paying",
        BookingState::Confirmed => "confirmed",
        BookingState::Released => "released",
        BookingState::Expired => "expired",
        BookingState::RefundDue => "refund due",
        BookingState::Refunded => "refunded",
        BookingState::Capturing => "capturing",
    }
}

fn returned(returned: &Returned) -> String {
    let Returned { booking, seats, state: into, .. } = returned;
    format!("seats {} back from {}, {}", list(seats), name(*booking), state(*into))
}

fn booking(view: &BookingView) -> String {
    let mut text = format!("{} {}: {}", name(view.booking), state(view.state), list(&view.seats));
    for line in &view.areas {
        write!(text, " area {} x{}", line.area, line.count).unwrap();
    }
    write!(text, " for {}, until {}", view.total, time(view.expires_ms)).unwrap();
    if view.attempt > 0 {
        write!(text, "; attempt {}", view.attempt).unwrap();
        write!(text, " kept until {}", time(view.payment_deadline_ms)).unwrap();
    }
    if !view.intent.is_empty() {
        write!(text, ", intent {}", view.intent).unwrap();
    }
    if view.confirmed_ms > 0 {
        write!(text, ", paid at {}", time(view.confirmed_ms)).unwrap();
    }
    if !view.decline_reason.is_empty() {
        write!(text, ", declined: {}", view.decline_reason).unwrap();
    }
    if view.extended {
        text.push_str(", extended");
    }
    if !view.gone.is_empty() {
        write!(text, ", places {} gone", list(&view.gone)).unwrap();
    }
    if !view.numbers.is_empty() {
        write!(text, ", numbered {}", list(&view.numbers)).unwrap();
    }
    for refund in &view.refunds {
        let paid = if refund.reference.is_empty() { "owed" } else { &refund.reference };
        write!(text, "; refund of {}: {paid}", refund.amount).unwrap();
    }
    for (place, ticket) in &view.tickets {
        write!(text, "; ticket {place} version {}", ticket.version).unwrap();
        if let Some(redeemed) = &ticket.redeemed {
            write!(text, " used at {} door {}", time(redeemed.at_ms), redeemed.door).unwrap();
        }
    }
    terms::booking(&mut text, view);
    for (place, void) in &view.voids {
        write!(text, "; ticket {place} void: {}", void.reason).unwrap();
    }
    if let Some(money) = &view.money {
        text.push_str(&money::view(money));
    }
    text
}

fn refusal(refusal: &Refusal) -> String {
    let mut text = format!("refused: {}", refusal.code);
    if !refusal.seats.is_empty() {
        write!(text, ", seats {}", list(&refusal.seats)).unwrap();
    }
    if refusal.limit > 0 {
        write!(text, ", bound {}", refusal.limit).unwrap();
    }
    if !refusal.detail.is_empty() {
        write!(text, ", {}", refusal.detail).unwrap();
    }
    text
}

fn answer(answer: &Answer) -> String {
    match answer {
        Ok(Reply::Done) => "done".to_owned(),
        Ok(Reply::Booking(view)) => booking(view),
        Ok(Reply::PaymentBegun { booking: view, .. }) => format!("begun: {}", booking(view)),
        Ok(Reply::RefundDue(view)) => format!("the money must go back: {}", booking(view)),
        Ok(Reply::Refund { booking: view, refund }) => {
            format!("refund {refund} decided: {}", booking(view))
        }
        Ok(Reply::Tended { steps, more }) => {
            format!("{steps} steps{}", if *more { ", more to do" } else { "" })
        }
        Ok(Reply::Expired { retired, more }) => {
            format!("{retired} retired{}", if *more { ", more are due" } else { "" })
        }
        Ok(Reply::Queue(reply)) => script_queue::reply(reply),
        Ok(Reply::Scans(outcomes)) => {
            outcomes.iter().map(doors::outcome).collect::<Vec<_>>().join("; ")
        }
        Ok(Reply::Consumer(view)) => consumers::view(view),
        Ok(Reply::Waiter(view)) => waitlist::waiter(view),
        Ok(Reply::Session { alive: true }) => "goes on".to_owned(),
        Ok(Reply::Session { alive: false }) => "has ended".to_owned(),
        Err(refused) => refusal(refused),
    }
}

impl Script {
    fn new() -> Self {
        let (world, event, keys) = (World::new(), EventId(0), 1 << 100);
        let (users, seen) = Default::default();
        Self { world, event, keys, users, seen, out: String::new() }
    }

    fn say(&mut self, line: impl AsRef<str>) {
        writeln!(self.out, "  {}", line.as_ref()).unwrap();
    }

    fn user(&mut self, name: &str) -> UserId {
        let id = UserId(hash64(name.as_bytes()).into());
        let id = if name == "cluster" { SYSTEM } else { id };
        self.users.insert(id, name.to_owned());
        id
    }

    /// `b3` is the third booking of the event.
    fn booking(&self, name: &str) -> BookingId {
        let seq: u32 = name.strip_prefix('b').and_then(|seq| seq.parse().ok()).expect("b<number>");
        let page = self.world.state.bookings_of(self.event, seq - 1, 1);
        let found = page.and_then(|(page, _)| Some(page.first()?.booking));
        found.filter(|id| id.locator().seq() == seq).unwrap_or(BookingId(1))
    }

    fn create(&mut self, words: &[&str]) {
        let mut seats = 6;
        let mut draft = false;
        let mut arena = false;
        let mut name = "gala";
        let mut changes: Vec<SpecChange> = Vec::new();
        for word in words {
            match word.split_once('=') {
                None if *word == "draft" => draft = true,
                None if *word == "arena" => arena = true,
                None => name = word,
                Some(("seats", value)) => seats = u32::try_from(number(value)).unwrap(),
                Some(("ttl", value)) => {
                    let ttl_ms = seconds(value);
                    changes.push(Box::new(move |spec| spec.hold_ttl_ms = ttl_ms));
                }
                Some(("opens", value)) => {
                    let at_ms = seconds(value);
                    changes.push(Box::new(move |spec| spec.sale_start_ms = at_ms));
                }
                Some(("date", value)) => {
                    let at_ms = seconds(value);
                    changes.push(Box::new(move |spec| spec.date_ms = at_ms));
                }
                Some(("limit", value)) => {
                    let limit = u32::try_from(number(value)).unwrap();
                    changes.push(Box::new(move |spec| spec.max_seats_per_user = limit));
                }
                Some(("prices", value)) => {
                    let prices: Vec<u64> = value.split(',').map(number).collect();
                    changes.push(Box::new(move |spec| spec.prices.clone_from(&prices)));
                }
                Some((other, _)) => panic!("an event has no {other}"),
            }
        }
        self.event = EventId(hash64(name.as_bytes()).into());
        let map =
            if arena { self.world.upload_bytes(arena_bytes()) } else { self.world.upload(seats) };
        let mut spec = spec(map);
        changes.iter().for_each(|change| change(&mut spec));
        self.apply(
            SYSTEM,
            None,
            CommandKind::CreateEvent { event: self.event, spec: Box::new(spec) },
        );
        if !draft {
            self.apply(SYSTEM, None, CommandKind::PublishEvent { event: self.event });
        }
    }

    fn apply(&mut self, by: UserId, key: Option<&str>, kind: CommandKind) {
        self.keys += 1;
        let key = key.map_or(self.keys, |key| hash64(key.as_bytes()).into());
        if let Err(refused) = kind.check() {
            self.say(format!("not taken: {}", refusal(&refused)));
        }
        let applied = self.world.apply(by, key, kind);
        let repeats = match applied.first_index {
            0 => "",
            _ => ", as before",
        };
        self.say(format!("{}{repeats}", answer(&applied.answer)));
        self.changes();
    }

    fn changes(&mut self) {
        for change in self.world.state.take_changes() {
            let text = match &change.kind {
                ChangeKind::Queue { change, .. } => script_queue::change(change, |user| {
                    self.users.get(&user).map_or("?", String::as_str).to_owned()
                }),
                ChangeKind::EventChanged { state, .. } => format!("event is {state:?}"),
                ChangeKind::SeatsHeld { booking, user, seats, .. } => {
                    let user = self.users.get(user).map_or("?", String::as_str);
                    format!("seats {} held by {user}, {}", list(seats), name(*booking))
                }
                ChangeKind::SeatsReturned(back) => returned(back),
                ChangeKind::HoldsExpired { holds } => {
                    holds.iter().map(returned).collect::<Vec<_>>().join("; ")
                }
                ChangeKind::PaymentStarted { booking, attempt, amount } => {
                    format!("payment {attempt} of {amount} began for {}", name(*booking))
                }
                ChangeKind::IntentAttached { booking, attempt, intent } => {
                    format!("{intent} stands for payment {attempt} of {}", name(*booking))
                }
                ChangeKind::PaymentFailed { booking, attempt, reason } => {
                    format!("payment {attempt} of {} failed: {reason}", name(*booking))
                }
                ChangeKind::SeatsSold { booking, seats, amount, intent, .. } => {
                    format!(
                        "seats {} sold to {} for {amount} by {intent}",
                        list(seats),
                        name(*booking)
                    )
                }
                ChangeKind::RefundOwed { booking, intent, amount } => {
                    format!("{amount} of {intent} is owed to {}", name(*booking))
                }
                ChangeKind::VenuePut { venue } => format!("venue {venue}"),
                ChangeKind::UserChanged { user } => format!("user {user}"),
                ChangeKind::SeatMapSealed { seats, .. } => format!("map of {seats} seats sealed"),
                ChangeKind::PlacesChanged { booking, areas, state: into, .. } => {
                    let areas = areas.iter().map(|(area, count)| format!("area {area} x{count}"));
                    let areas = areas.collect::<Vec<_>>().join(" ");
                    format!("{areas} of {} {}", name(*booking), state(*into))
                }
                ChangeKind::HoldExtended { booking, expires_ms } => {
                    format!("{} goes on until {}", name(*booking), time(*expires_ms))
                }
                ChangeKind::SeatsBlocked { seats, reason, .. } => {
                    format!("seats {} blocked: {reason}", list(seats))
                }
                ChangeKind::SeatsUnblocked { seats, .. } => {
                    format!("seats {} no longer blocked", list(seats))
                }
                ChangeKind::PlacesRefunded { booking, refund, places, amount } => {
                    let (of, places) = (name(*booking), list(places));
                    format!("refund {refund} of {of}: {amount} for places {places}")
                }
                ChangeKind::RefundSettled { booking, refund, reference } => {
                    format!("refund {refund} of {} paid: {reference}", name(*booking))
                }
                ChangeKind::TicketTransferred { booking, place, to, version } => {
                    let to = self.users.get(to).map_or("?", String::as_str);
                    format!("ticket {place} of {} is {to}'s, version {version}", name(*booking))
                }
                ChangeKind::TicketRedeemed { booking, place, door } => {
                    format!("ticket {place} of {} used at door {door}", name(*booking))
                }
                ChangeKind::Door(change) => doors::change(change),
                ChangeKind::Money(change) => money::change(change),
                ChangeKind::Consumer(change) => consumers::change(change),
                ChangeKind::Waitlist(change) => self.waitlist_change(change),
                ChangeKind::Terms { change, .. } => terms::change(change),
                ChangeKind::TicketUnredeemed { booking, place } => {
                    format!("ticket {place} of {} not used after all", name(*booking))
                }
            };
            self.say(format!("- {}: {text}", change.revision));
        }
    }

    fn step(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (key, words): (Vec<&str>, Vec<&str>) =
            words.into_iter().partition(|word| word.starts_with("key="));
        let key = key.first().copied();
        let event = self.event;
        match words.as_slice() {
            ["at", at] => self.world.now_ms = seconds(at),
            // The clock moves with the log: something must be applied for it to be seen.
            ["tick"] => self.apply(SYSTEM, None, CommandKind::Checksum { nonce: 0 }),
            ["event", rest @ ..] => self.create(rest),
            words if self.is_of_waitlist(words, key) => {}
            ["publish"] => self.apply(SYSTEM, None, CommandKind::PublishEvent { event }),
            ["cancel"] => self.apply(SYSTEM, None, CommandKind::CancelEvent { event }),
            ["reprice", prices] => {
                let prices = prices.split(',').map(number).collect();
                let patch = Box::new(EventPatch { prices, ..EventPatch::default() });
                self.apply(SYSTEM, None, CommandKind::UpdateEvent { event, patch });
            }
            ["reopen", from, until] => {
                let patch = EventPatch {
                    sale_start_ms: Some(seconds(from)),
                    date_ms: Some(seconds(until)),
                    ..EventPatch::default()
                };
                let patch = Box::new(patch);
                self.apply(SYSTEM, None, CommandKind::UpdateEvent { event, patch });
            }
            ["sweep", max] => {
                let max = u32::try_from(number(max)).unwrap();
                self.apply(SYSTEM, None, CommandKind::ExpireDue { max });
            }
            ["seats"] => {
                let states = self.world.state.seats(event).unwrap();
                let row = states.iter().map(|&state| [".", "H", "$", "x", "k"][usize::from(state)]);
                let row: String = row.collect();
                let counts = self.world.state.event(event).unwrap().counts;
                let (free, held, sold) = (counts.available, counts.held, counts.sold);
                let mut text = format!("{row}  {free} free, {held} held, {sold} sold");
                for area in self.world.state.event(event).unwrap().areas {
                    let (held, sold) = (area.held, area.sold);
                    write!(text, "; area {} free, {held} held, {sold} sold", area.available())
                        .unwrap();
                }
                self.say(text);
            }
            [
                verb @ ("pause" | "resume" | "end" | "tend" | "collect" | "life" | "refunds"),
                rest @ ..,
            ] => {
                self.life(verb, rest);
            }
            ["account", words @ ..] => self.account(words),
            ["account?", name] => self.show_account(name),
            ["consumer", words @ ..] => self.consumer(words),
            ["see", id, "as", label] => self.see(id, label, &[]),
            ["see", id, "as", label, "with", givers @ ..] => self.see(id, label, givers),
            ["list", labels @ ..] => self.list(labels),
            ["list?", user, limit @ ..] => self.show_list(user, limit.first()),
            ["forget", user] => self.forget(user),
            ["merge", scans @ ..] => {
                let scans = scans.iter().map(|scan| self.scan(scan)).collect();
                self.apply(SYSTEM, None, CommandKind::Door(DoorCommand::Merge { event, scans }));
            }
            ["takings"] => self.show_takings(),
            ["doors"] => {
                let counts = self.world.state.doors(event).unwrap();
                let doors = counts.doors.iter().map(|(door, count)| format!(", {door} {count}"));
                self.say(format!("{} in{}", counts.total, doors.collect::<String>()));
            }
            ["block", reason, seats @ ..] => {
                let (seats, reason) = (numbers(seats), (*reason).to_owned());
                self.apply(SYSTEM, None, CommandKind::BlockSeats { event, seats, reason });
            }
            ["unblock", seats @ ..] => {
                let seats = numbers(seats);
                self.apply(SYSTEM, None, CommandKind::UnblockSeats { event, seats });
            }
            ["terms", words @ ..] => self.terms(words),
            ["queue", words @ ..] => {
                let command = script_queue::command(event, words);
                self.apply(SYSTEM, key, CommandKind::Queue(command));
            }
            ["queue?"] => {
                let view = self.world.state.queue(event);
                self.say(view.map_or("no queue".to_owned(), |view| script_queue::view(&view)));
            }
            ["queue?", user] => {
                let user = self.user(user);
                let view = self.world.state.queue_place(event, user);
                self.say(view.map_or("no place".to_owned(), |view| script_queue::place(&view)));
            }
            [user, verb @ ("queues" | "unqueues")] => {
                let (user, command) = (self.user(user), script_queue::own(event, verb));
                self.apply(user, key, CommandKind::Queue(command));
            }
            [user, "with", code, "wants", wishes @ ..] => {
                let user = self.user(user);
                self.apply(user, key, terms::hold(event, code, cart(wishes)));
            }
            [user, "wants", wishes @ ..] => {
                let (user, cart) = (self.user(user), Box::new(cart(wishes)));
                self.apply(user, key, CommandKind::HoldCart { event, cart });
            }
            [user, "passes", id, place, version, "to", other] => {
                let (user, to, booking) = (self.user(user), self.user(other), self.booking(id));
                let (place, version) = (small(place), small(version));
                let kind = CommandKind::TransferTicket { booking, place, version, to };
                self.apply(user, key, kind);
            }
            ["show", id] => {
                let view = self.world.state.booking(self.booking(id));
                self.say(view.map_or("no such booking".to_owned(), |view| booking(&view)));
            }
            [user, "holds", seats @ ..] => {
                let seats = numbers(seats);
                let user = self.user(user);
                self.apply(user, key, CommandKind::HoldSeats { event, seats });
            }
            [user, verb, id, rest @ ..] => {
                let (user, booking) = (self.user(user), self.booking(id));
                self.apply(user, key, of_booking(verb, booking, rest));
            }
            _ => panic!("{line} is not understood"),
        }
    }
}

pub(crate) fn number(text: &str) -> u64 {
    text.parse().unwrap_or_else(|_| panic!("{text} is no number"))
}

pub(crate) fn small(text: &str) -> u32 {
    u32::try_from(number(text)).expect("a small number")
}

fn numbers(texts: &[&str]) -> Vec<u32> {
    texts.iter().map(|text| small(text)).collect()
}

fn of_booking(verb: &str, booking: BookingId, rest: &[&str]) -> CommandKind {
    let attempt = small;
    match (verb, rest) {
        ("releases", []) => CommandKind::ReleaseHold { booking },
        ("releases", places) => CommandKind::ReleasePlaces { booking, places: numbers(places) },
        ("extends", []) => CommandKind::ExtendHold { booking },
        ("refunds", [places @ .., "and", "blocks"]) => {
            let (places, reason) = (numbers(places), "refunded".to_owned());
            let refund = Box::new(RefundOrder { places, reason, block: true });
            CommandKind::RefundPlaces { booking, refund }
        }
        ("refunds", places) => {
            let refund = RefundOrder { places: numbers(places), ..RefundOrder::default() };
            CommandKind::RefundPlaces { booking, refund: Box::new(refund) }
        }
        ("settles", [refund, reference]) => {
            let (refund, reference) = (small(refund), (*reference).to_owned());
            CommandKind::SettleRefund { booking, refund, reference }
        }
        ("scans", [place, version, door]) => {
            let (place, version, door) = (small(place), small(version), (*door).to_owned());
            CommandKind::RedeemTicket { booking, place, version, door }
        }
        ("voids", [place, reason]) => {
            let (place, reason) = (small(place), (*reason).to_owned());
            CommandKind::Door(DoorCommand::Void { booking, place, reason })
        }
        ("sells" | "gives" | "takes" | "commits" | "disputes" | "wins" | "exchanges", rest) => {
            money::command(verb, booking, rest)
        }
        ("applies", rest) => terms::apply_promotion(booking, rest),
        ("unscans", [place]) => CommandKind::UnredeemTicket { booking, place: small(place) },
        ("pays", [amount]) => CommandKind::BeginPayment { booking, amount: number(amount) },
        ("attaches", [at, intent]) => {
            let intent = (*intent).to_owned();
            CommandKind::AttachIntent { booking, attempt: attempt(at), intent }
        }
        ("confirms", [at, intent]) => {
            let intent = (*intent).to_owned();
            CommandKind::ConfirmPayment { booking, attempt: attempt(at), intent }
        }
        ("fails", [at, reason @ ..]) => {
            CommandKind::FailPayment { booking, attempt: attempt(at), reason: reason.join(" ") }
        }
        _ => panic!("{verb} {rest:?} is not understood"),
    }
}

/// The script with its answers as they are now.
fn run(text: &str) -> String {
    let mut script = Script::new();
    for line in text.lines() {
        match line.strip_prefix("> ") {
            Some(command) => {
                writeln!(script.out, "{line}").unwrap();
                script.step(command);
            }
            None if line.starts_with("  ") => {}
            None => writeln!(script.out, "{line}").unwrap(),
        }
    }
    let reloaded = script.world.reloaded();
    assert_eq!(reloaded.digest(), script.world.state.digest(), "a restart changes nothing");
    script.out
}

fn check(path: &Path) {
    let text = std::fs::read_to_string(path).unwrap();
    let now = run(&text);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, now).unwrap();
    } else if now != text {
        let lines = text.lines().zip(now.lines());
        let at = lines.take_while(|(old, new)| old == new).count();
        let told = |text: &str| text.lines().nth(at).unwrap_or("(the end)").to_owned();
        panic!(
            "{}:{}\n  script: {}\n  now:    {}",
            path.display(),
            at + 1,
            told(&text),
            told(&now)
        );
    }
}

#[test]
fn scripts_read_as_they_are_written() {
    let mut paths: Vec<_> =
        std::fs::read_dir(DIR).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths.iter().for_each(|path| check(path));
}
