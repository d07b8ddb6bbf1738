//! Where a server dies: at the n-th point of its work, before or after any call that changes
//! something. A server that sleeps there for good is as dead as any; woken again, it is one that was
//! slow.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rowlock_api_server::payment::{
    Answer, Dispute, Error, Intent, NewIntent, NewRefund, PaidBack, Provider,
};
use tokio::sync::Semaphore;

#[derive(Debug)]
pub(crate) struct Gate {
    stop_at: u32,
    passed: AtomicU32,
    stopped: Semaphore,
    opened: Semaphore,
}

impl Gate {
    pub(crate) fn new(stop_at: u32) -> Arc<Self> {
        Arc::new(Self {
            stop_at,
            passed: AtomicU32::new(0),
            stopped: Semaphore::new(0),
            opened: Semaphore::new(0),
        })
    }

    pub(crate) async fn pass(&self) {
        if self.passed.fetch_add(1, Ordering::SeqCst) == self.stop_at {
            self.stopped.add_permits(1);
            self.opened.acquire().await.unwrap().forget();
        }
    }

    /// Returns once the server is dead.
    pub(crate) async fn stopped(&self) {
        self.stopped.acquire().await.unwrap().forget();
    }

    /// Wakes it.
    pub(crate) fn open(&self) {
        self.opened.add_permits(1);
    }
}

/// What becomes of the calls by which money moves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mood {
    Answers,
    /// Nothing is done, and nobody hears of it.
    Silent,
    /// It is done, and nobody hears of it.
    Unknown,
}

/// A provider as a server sees it that dies at a gate.
#[derive(Debug)]
pub(crate) struct Gated {
    pub(crate) inner: Arc<dyn Provider>,
    pub(crate) gate: Arc<Gate>,
    pub(crate) mood: Mood,
}

impl Gated {
    async fn through<T>(&self, call: Answer<'_, T>) -> Result<T, Error> {
        self.gate.pass().await;
        let silent = || Err(Error::Silent("as the test wants it".to_owned()));
        let answer = match self.mood {
            Mood::Answers => call.await,
            Mood::Silent => silent(),
            Mood::Unknown => call.await.and_then(|_| silent()),
        };
        self.gate.pass().await;
        answer
    }

    async fn in_peace<T>(&self, call: Answer<'_, T>) -> Result<T, Error> {
        self.gate.pass().await;
        let answer = call.await;
        self.gate.pass().await;
        answer
    }
}

impl Provider for Gated {
    fn name(&self) -> &'static str {
        self.inner.name()
    }
    fn is_test(&self) -> bool {
        self.inner.is_test()
    }
    fn knows_method(&self, method: &str) -> bool {
        self.inner.knows_method(method)
    }
    fn offered(&self) -> &'static [(&'static str, &'static str)] {
        self.inner.offered()
    }
    fn create(&self, new: NewIntent) -> Answer<'_, Intent> {
        Box::pin(self.in_peace(self.inner.create(new)))
    }
    fn confirm<'a>(&'a self, intent: &'a str) -> Answer<'a, Intent> {
        Box::pin(self.through(self.inner.confirm(intent)))
    }
    fn capture<'a>(&'a self, intent: &'a str) -> Answer<'a, Intent> {
        Box::pin(self.through(self.inner.capture(intent)))
    }
    fn cancel<'a>(&'a self, intent: &'a str) -> Answer<'a, Intent> {
        Box::pin(self.through(self.inner.cancel(intent)))
    }
    fn retrieve<'a>(&'a self, intent: &'a str) -> Answer<'a, Intent> {
        self.inner.retrieve(intent)
    }
    fn find<'a>(&'a self, request: &'a str, last: &'a str) -> Answer<'a, Vec<Intent>> {
        self.inner.find(request, last)
    }
    fn refund(&self, new: NewRefund) -> Answer<'_, String> {
        Box::pin(self.through(self.inner.refund(new)))
    }
    fn dispute<'a>(&'a self, dispute: &'a str) -> Answer<'a, Dispute> {
        self.inner.dispute(dispute)
    }
    fn paid_back<'a>(&'a self, intent: &'a str) -> Answer<'a, PaidBack> {
        self.inner.paid_back(intent)
    }
}
