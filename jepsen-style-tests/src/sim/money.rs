//! Shoppers who pay through API servers, a provider that answers badly, and servers that die at any
//! step of a payment.
//!
//! P6 is judged at the end, by the provider's own books: a confirmed booking was charged once, what it
//! costs; every other one came to nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rowlock_api_server::payment::simulated::Payments;
use rowlock_client::types::{Booking, BookingState};
use rowlock_client::{Client, Error, key};
use rowlock_proto::{ErrorCode, EventId, RequestKey, UserId};
use rowlock_raft_store::runtime::Machine;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::provider::{DECLINED, Moody};
use super::world::World;
use crate::workload::stage::Stage;

/// How long somebody waits for an answer to a payment.
const PATIENCE: Duration = Duration::from_secs(12);
const RECONCILE_EVERY: Duration = Duration::from_secs(3);
const TRIES_MAX: u32 = 4;
const PAUSE_MS: std::ops::Range<u64> = 50..700;
/// Everything that was left behind is settled by then: what is stale after 30 s, and the provider's
/// silence now and then.
const SETTLED_MAX: Duration = Duration::from_secs(600);
const PAGE: u32 = 200;
const READ_MAX: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct Server {
    client: Client,
    running: Option<(Machine, Payments)>,
}

/// The API servers of a simulation.
#[derive(Debug)]
pub struct Desk {
    provider: Moody,
    events: Vec<EventId>,
    servers: Mutex<Vec<Server>>,
}

impl Desk {
    /// One server beside each client.
    pub fn open(clients: &[Client], events: Vec<EventId>, seed: u64) -> Arc<Self> {
        let servers =
            clients.iter().map(|client| Server { client: client.clone(), running: None }).collect();
        let desk =
            Arc::new(Self { provider: Moody::new(seed), events, servers: Mutex::new(servers) });
        (0..clients.len()).for_each(|number| desk.start(number));
        desk
    }

    fn server<T>(&self, number: usize, look: impl FnOnce(&mut Server) -> T) -> T {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        let number = number % servers.len();
        look(&mut servers[number])
    }

    /// Starts a server, unless it runs. It looks for what others left behind.
    pub fn start(&self, number: usize) {
        self.server(number, |server| {
            if server.running.is_some() {
                return;
            }
            let payments = Payments::new(server.client.clone(), Arc::new(self.provider.clone()));
            let machine = Machine::default();
            let (reconciling, events) = (payments.clone(), self.events.clone());
            drop(tokio::spawn(machine.clone().run(async move {
                loop {
                    tokio::time::sleep(RECONCILE_EVERY).await;
                    reconciling.reconcile(&events).await;
                }
            })));
            server.running = Some((machine, payments));
        });
    }

    /// The server dies in the middle of whatever it does. Whether it ran.
    pub fn kill(&self, number: usize) -> bool {
        self.server(number, |server| {
            let Some((machine, _)) = server.running.take() else { return false };
            machine.cut_power();
            true
        })
    }

    /// Charges that the provider has in its books.
    pub fn charges(&self) -> u32 {
        self.provider.accounts().values().map(|account| account.charges).sum()
    }

    pub fn start_all(&self) {
        let count = self.servers.lock().unwrap_or_else(PoisonError::into_inner).len();
        (0..count).for_each(|number| self.start(number));
    }

    /// One request to pay. `None`: no answer came.
    async fn pay(
        &self,
        number: usize,
        booking: &Booking,
        method: &'static str,
        name: u128,
    ) -> Option<Result<(), ErrorCode>> {
        let (machine, payments) = self.server(number, |server| server.running.clone())?;
        let (sender, answer) = oneshot::channel();
        let (id, user) = (booking.id, booking.user);
        drop(tokio::spawn(machine.run(async move {
            let paid = payments.pay(id, user, method, name).await;
            // Who asked may have gone away; the server goes on all the same.
            sender.send(paid.map(|_| ())).ok();
        })));
        tokio::time::timeout(PATIENCE, answer).await.ok()?.ok()
    }
}

/// Holds and pays until `until`, again and again.
pub async fn shop(desk: Arc<Desk>, client: Client, number: u64, seed: u64, until: Instant) {
    let mut random = StdRng::seed_from_u64(seed ^ (number << 40) ^ 0x7368_6f70);
    while Instant::now() < until {
        let pause = Duration::from_millis(random.random_range(PAUSE_MS));
        tokio::time::sleep(pause).await;
        let Some(&event) = desk.events.get(random.random_range(0..desk.events.len())) else {
            return;
        };
        let seat = random.random_range(0..Stage::seats());
        let user = UserId(random.random());
        let held = client.hold(event, &[seat], user, RequestKey(random.random())).await;
        let Ok(held) = held else { continue };
        let booking = held.value;
        let mut method = if random.random_bool(0.25) { DECLINED } else { "card" };
        let mut name = random.random();
        for _ in 0..random.random_range(0..=TRIES_MAX) {
            let server = random.random_range(0..16);
            match desk.pay(server, &booking, method, name).await {
                Some(Ok(())) => break,
                // Another card, which is another request.
                Some(Err(ErrorCode::CardDeclined)) => (method, name) = ("card", random.random()),
                // The same again, at another server.
                Some(Err(_)) | None => {}
            }
            tokio::time::sleep(Duration::from_millis(random.random_range(PAUSE_MS))).await;
        }
        // Some give their seats back, whatever became of the payment.
        if random.random_bool(0.1) {
            drop(client.release(booking.id, user, key::request_key()).await);
        }
    }
}

/// Waits until nothing is in payment any more, and compares all bookings with the provider's books.
pub async fn judge(world: &World, desk: &Desk, client: &Client) {
    let deadline = Instant::now() + SETTLED_MAX;
    loop {
        let bookings = match all_bookings(client, &desk.events).await {
            Ok(bookings) => bookings,
            Err(error) => return world.find(format!("P6: the bookings can't be read: {error}")),
        };
        let wrong = wrong(desk, &bookings);
        if wrong.is_empty() {
            return;
        }
        if Instant::now() >= deadline {
            wrong.into_iter().for_each(|what| world.find(what));
            return;
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
}

fn wrong(desk: &Desk, bookings: &[Booking]) -> Vec<String> {
    let mut accounts = desk.provider.accounts();
    let mut wrong = Vec::new();
    for booking in bookings {
        let account = accounts.remove(&booking.id.to_string()).unwrap_or_default();
        let kept = account.charged.saturating_sub(account.refunded);
        let (expected, settled) = match booking.state {
            BookingState::Confirmed => (booking.total, true),
            BookingState::Paying | BookingState::Capturing | BookingState::RefundDue => (0, false),
            BookingState::Held
            | BookingState::Released
            | BookingState::Expired
            | BookingState::Refunded => (0, true),
        };
        if !settled || kept != expected || account.refunded > account.charged {
            let (id, state) = (booking.id, booking.state);
            wrong.push(format!("P6: booking {id} is {state:?} and its account {account:?}"));
        }
    }
    for (booking, account) in accounts {
        if account.charged != account.refunded {
            wrong.push(format!("P6: {account:?} for booking {booking}, which nobody knows"));
        }
    }
    wrong
}

async fn all_bookings(client: &Client, events: &[EventId]) -> Result<Vec<Booking>, Error> {
    let client = client.with_call_timeout(READ_MAX);
    let mut found = Vec::new();
    for &event in events {
        let mut after = 0;
        loop {
            let page = client.bookings(event, after, PAGE).await?.value;
            let last = page.items.last().map(|booking| booking.id.locator().seq());
            found.extend(page.items);
            match last {
                Some(seq) if page.more => after = seq,
                Some(_) | None => break,
            }
        }
    }
    Ok(found)
}
