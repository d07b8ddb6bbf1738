//! A payment provider that keeps its own books and answers badly: not at all, late, after it did what
//! it did not answer, and out of order.
//!
//! What it promises is what a real one does: a key creates one intent or refund; an intent is charged
//! once or never; one that is cancelled is never charged, also by what was asked before and comes
//! later.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rowlock_api_server::payment::{
    Answer, Error, Intent, IntentState, NewIntent, NewRefund, Provider,
};

/// The method whose charges are refused.
pub const DECLINED: &str = "declined";
/// Of a thousand calls, how many are lost on the way, and how many answers on the way back.
const LOST: u32 = 60;
/// Of a thousand calls, how many are done long after they were given up.
const LATE: u32 = 40;
const LATE_MS: std::ops::Range<u64> = 1_000..45_000;
const DELAY_MS: std::ops::Range<u64> = 5..400;

#[derive(Debug, Default)]
struct Books {
    intents: BTreeMap<String, Intent>,
    /// Intent by creation key.
    keys: BTreeMap<String, String>,
    /// Intent and amount of each refund, by its key.
    refunds: BTreeMap<String, (String, u64)>,
}

/// What a booking came to, by the provider's books.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Account {
    pub charges: u32,
    pub charged: u64,
    pub refunded: u64,
}

/// See the module. Clones are the same provider.
#[derive(Clone, Debug)]
pub struct Moody {
    books: Arc<Mutex<Books>>,
    random: Arc<Mutex<StdRng>>,
}

/// What becomes of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Answered,
    NotDone,
    DoneUnanswered,
    DoneLate(Duration),
}

impl Moody {
    pub fn new(seed: u64) -> Self {
        let random = StdRng::seed_from_u64(seed ^ 0x6d6f_6e65_7900);
        Self { books: Arc::default(), random: Arc::new(Mutex::new(random)) }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// By booking.
    pub fn accounts(&self) -> BTreeMap<String, Account> {
        let books = self.books();
        let mut accounts: BTreeMap<String, Account> = BTreeMap::new();
        for intent in books.intents.values() {
            let account = accounts.entry(intent.booking.clone()).or_default();
            if intent.state == IntentState::Succeeded {
                account.charges += 1;
                account.charged += intent.amount;
            }
            let refunds = books.refunds.values().filter(|(of, _)| *of == intent.id);
            account.refunded += refunds.map(|(_, amount)| amount).sum::<u64>();
        }
        accounts
    }

    fn fate(&self) -> (Duration, Fate) {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        let delay = Duration::from_millis(random.random_range(DELAY_MS));
        let late = Duration::from_millis(random.random_range(LATE_MS));
        let fate = match random.random_range(0..1_000) {
            drawn if drawn < LOST => Fate::NotDone,
            drawn if drawn < 2 * LOST => Fate::DoneUnanswered,
            drawn if drawn < 2 * LOST + LATE => Fate::DoneLate(late),
            _ => Fate::Answered,
        };
        (delay, fate)
    }

    /// Does what is asked, unless it is lost on the way; who asked may be gone by then.
    async fn call<T: Send + 'static>(
        &self,
        act: impl Fn(&mut Books) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (delay, fate) = self.fate();
        tokio::time::sleep(delay).await;
        let silent = || Error::Silent("no answer".to_owned());
        match fate {
            Fate::Answered => act(&mut self.books()),
            Fate::NotDone => Err(silent()),
            Fate::DoneUnanswered => {
                drop(act(&mut self.books()));
                std::future::pending().await
            }
            Fate::DoneLate(after) => {
                let books = Arc::clone(&self.books);
                drop(tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    drop(act(&mut books.lock().unwrap_or_else(PoisonError::into_inner)));
                }));
                Err(silent())
            }
        }
    }
}

impl Books {
    fn intent(&mut self, id: &str) -> Result<&mut Intent, Error> {
        self.intents.get_mut(id).ok_or_else(|| Error::NoIntent(id.to_owned()))
    }
}

impl Provider for Moody {
    fn name(&self) -> &'static str {
        "moody"
    }
    fn is_test(&self) -> bool {
        true
    }
    fn knows_method(&self, _method: &str) -> bool {
        true
    }
    fn offered(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }

    fn create(&self, new: NewIntent) -> Answer<'_, Intent> {
        Box::pin(self.call(move |books| {
            let id = books.keys.get(&new.key).cloned().unwrap_or_else(|| {
                let id = format!("in_{}", books.intents.len());
                let intent = Intent {
                    id: id.clone(),
                    state: IntentState::RequiresConfirmation,
                    booking: new.booking.clone(),
                    amount: new.amount,
                    currency: new.currency.clone(),
                    method: new.method.clone(),
                    request: new.request.clone(),
                    fingerprint: new.fingerprint.clone(),
                };
                books.intents.insert(id.clone(), intent);
                books.keys.insert(new.key.clone(), id.clone());
                id
            });
            Ok(books.intent(&id)?.clone())
        }))
    }

    fn confirm<'a>(&'a self, intent: &'a str) -> Answer<'a, Intent> {
        let id = intent.to_owned();
        Box::pin(self.call(move |books| {
            let intent = books.intent(&id)?;
            if intent.state == IntentState::RequiresConfirmation {
                intent.state = if intent.method == DECLINED {
                    IntentState::Declined("card_declined".to_owned())
                } else {
                    IntentState::Succeeded
                };
            }
            Ok(intent.clone())
        }))
    }

    fn cancel<'a>(&'a self, intent: &'a str) -> Answer<'a, Intent> {
        let id = intent.to_owned();
        Box::pin(self.call(move |books| {
            let intent = books.intent(&id)?;
            if intent.state == IntentState::RequiresConfirmation {
                intent.state = IntentState::Canceled;
            }
            Ok(intent.clone())
        }))
    }

    fn retrieve<'a>(&'a self, intent: &'a str) -> Answer<'a, Intent> {
        let id = intent.to_owned();
        Box::pin(self.call(move |books| Ok(books.intent(&id)?.clone())))
    }

    fn find<'a>(&'a self, request: &'a str, _last: &'a str) -> Answer<'a, Vec<Intent>> {
        let request = request.to_owned();
        Box::pin(self.call(move |books| {
            let found = books.intents.values().filter(|intent| intent.request == request);
            Ok(found.cloned().collect())
        }))
    }

    fn refund(&self, new: NewRefund) -> Answer<'_, String> {
        Box::pin(self.call(move |books| {
            let intent = books.intent(&new.intent)?.clone();
            if !books.refunds.contains_key(&new.key) {
                let of = books.refunds.values().filter(|(of, _)| *of == new.intent);
                let gone: u64 = of.map(|(_, amount)| amount).sum();
                let left = if intent.state == IntentState::Succeeded {
                    intent.amount.saturating_sub(gone)
                } else {
                    0
                };
                let amount = new.amount.unwrap_or(left);
                if amount > left {
                    return Err(Error::Refused("more than was charged".to_owned()));
                }
                books.refunds.insert(new.key.clone(), (new.intent.clone(), amount));
            }
            Ok(format!("re_{}", new.key))
        }))
    }
}
