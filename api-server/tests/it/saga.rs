//! P6 over all combinations: a server dies at each point of a payment, with a provider that succeeds,
//! fails, is silent, or does things and says nothing; another server finishes what it left behind;
//! then the dead one wakes and goes on where it was.
//!
//! Judged by the provider's own books: a confirmed booking was charged once, what it costs; every
//! other one came to nothing, and no money is set aside for nothing.

use std::sync::Arc;
use std::time::Duration;

use rowlock_api_server::payment::Provider;
use rowlock_api_server::payment::reconcile::run_round_ahead;
use rowlock_client::types::{BookingId, BookingState};
use serde_json::json;

use crate::gate::{Gate, Gated, Mood};
use crate::harness::Server;
use crate::psp::{Account, Psp};

/// More than any payment has points.
const POINTS_MAX: u32 = 40;
const PATIENCE: Duration = Duration::from_secs(20);
/// From one look to the next. By then everything is due: what was left behind, and what its customer
/// did not answer.
const LATER: Duration = Duration::from_secs(7_200);

/// What the customer's bank and the customer do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Story {
    Pays,
    Declines,
    /// The customer is asked, and confirms or refuses.
    Asks(bool),
    /// The customer is asked, and never answers.
    AsksInVain,
}

/// A provider from outside: how it is reached, what its books say, and how its customers answer.
pub(crate) trait Bank: Sync {
    /// Forgets all of before.
    fn fresh(&self) -> impl Future<Output = ()> + Send;
    fn client(&self, apart: bool) -> impl Future<Output = Arc<dyn Provider>> + Send;
    /// Its name for the method of this story.
    fn method(&self, story: Story) -> impl Future<Output = String> + Send;
    fn account(&self, booking: &str) -> impl Future<Output = Account> + Send;
    /// All who are asked answer.
    fn answer(&self, done: bool) -> impl Future<Output = ()> + Send;
}

impl Bank for Psp {
    async fn fresh(&self) {}
    async fn client(&self, apart: bool) -> Arc<dyn Provider> {
        Arc::new(Self::client(self, apart))
    }
    async fn method(&self, story: Story) -> String {
        let method = match story {
            Story::Pays => "pm_card_visa",
            Story::Declines => "pm_card_visa_chargeDeclined",
            Story::Asks(_) | Story::AsksInVain => "pm_card_threeDSecure2Required",
        };
        method.to_owned()
    }
    async fn account(&self, booking: &str) -> Account {
        Self::account(self, booking)
    }
    async fn answer(&self, done: bool) {
        self.authenticate_all(done);
    }
}

/// One payment whose server dies at the `stop_at`-th point. Whether it came so far.
async fn dies(bank: &impl Bank, apart: bool, story: Story, mood: Mood, stop_at: u32) -> bool {
    let what = format!("{story:?} apart={apart} {mood:?} dies at {stop_at}");
    bank.fresh().await;
    let method = bank.method(story).await;
    let provider = bank.client(apart).await;
    let alive = Server::with_provider(Arc::clone(&provider));
    let gate = Gate::new(stop_at);
    let gated = Gated { inner: provider, gate: Arc::clone(&gate), mood };
    let doomed = Arc::new(Server::over(alive.fake.gated(&gate), Arc::new(gated)));

    let event = alive.event().await;
    let booking = alive.book(&event, "alice").await.word("/bookingId").to_owned();
    let id: BookingId = booking.parse().unwrap();
    let (server, path) = (Arc::clone(&doomed), format!("/bookings/{booking}/payment"));
    let mut paying = tokio::spawn(async move {
        let body = json!({"paymentMethodId": method, "amount": 160.0});
        server.post(&path, "alice", body).await.status
    });
    let died = tokio::time::timeout(PATIENCE, async {
        tokio::select! {
            () = gate.stopped() => true,
            ended = &mut paying => {
                ended.unwrap();
                false
            }
        }
    });
    let died = died.await.unwrap_or_else(|_| panic!("{what}: it neither ends nor dies"));

    let settle = async || {
        let settled = async {
            for round in 1.. {
                if let Story::Asks(done) = story {
                    bank.answer(done).await;
                }
                run_round_ahead(&alive.reconciler, &alive.app, LATER * round).await;
                match alive.fake.booking_now(id).state {
                    BookingState::Paying | BookingState::Capturing | BookingState::RefundDue => {
                        tokio::task::yield_now().await;
                    }
                    BookingState::Held
                    | BookingState::Confirmed
                    | BookingState::Released
                    | BookingState::Expired
                    | BookingState::Refunded => break,
                }
            }
        };
        tokio::time::timeout(PATIENCE, settled).await.unwrap_or_else(|_| panic!("{what}: open"));
    };
    let judge = async |when: &str| {
        let state = alive.fake.booking_now(id).state;
        let account = bank.account(&booking).await;
        let wanted = match state {
            BookingState::Confirmed => {
                Account { charges: 1, charged: 16_000, refunded: 0, set_aside: 0 }
            }
            BookingState::Held
            | BookingState::Released
            | BookingState::Expired
            | BookingState::Paying
            | BookingState::Capturing
            | BookingState::RefundDue
            | BookingState::Refunded => Account::default(),
        };
        assert_eq!(account, wanted, "{what}, {when}: {state:?}");
    };
    settle().await;
    judge("left behind").await;
    if died {
        gate.open();
        let woken = tokio::time::timeout(PATIENCE, paying).await;
        woken.unwrap_or_else(|_| panic!("{what}: woken, it hangs")).unwrap();
        settle().await;
        judge("woken").await;
    }
    died
}

/// All combinations of a provider. How many there were.
pub(crate) async fn over_all(bank: &impl Bank, stories: &[Story]) -> u32 {
    let mut combinations = 0;
    for &story in stories {
        for apart in [true, false] {
            for mood in [Mood::Answers, Mood::Silent, Mood::Unknown] {
                let mut stop_at = 0;
                while dies(bank, apart, story, mood, stop_at).await {
                    stop_at += 1;
                    assert!(stop_at < POINTS_MAX, "a payment without an end");
                }
                combinations += stop_at + 1;
            }
        }
    }
    combinations
}

async fn told(story: Story) {
    let psp = Psp::start().await;
    let combinations = over_all(&psp, &[story]).await;
    // Fewer would mean that servers do not die where they should.
    assert!(combinations > 50, "only {combinations} combinations");
}

#[tokio::test]
async fn p6_wherever_a_server_dies_a_good_card_ends_charged_once_or_not_at_all() {
    told(Story::Pays).await;
}

#[tokio::test]
async fn p6_wherever_a_server_dies_a_bad_card_is_never_charged() {
    told(Story::Declines).await;
}

#[tokio::test]
async fn p6_wherever_a_server_dies_an_authenticated_payment_ends_charged_once_or_not_at_all() {
    told(Story::Asks(true)).await;
}

#[tokio::test]
async fn p6_wherever_a_server_dies_a_payment_refused_by_its_customer_is_never_charged() {
    told(Story::Asks(false)).await;
}

#[tokio::test]
async fn p6_wherever_a_server_dies_a_payment_that_waits_in_vain_is_never_charged() {
    told(Story::AsksInVain).await;
}
