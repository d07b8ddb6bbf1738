//! A provider behind a [`Breaker`]: who is silent too often is not asked for a while, and whoever wants
//! to pay is told so at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::breaker::Breaker;
use super::{
    Answer, Dispute, Error, Intent, NewIntent, NewRefund, Notice, NoticeRefused, PaidBack, Provider,
};

/// A call that takes longer is silent. Shorter than what the saga gives a provider.
const CALL_TIME_MAX: Duration = Duration::from_millis(7_500);

#[derive(Debug)]
pub struct Guarded {
    inner: Arc<dyn Provider>,
    breaker: Mutex<Breaker>,
    started: Instant,
}

impl Guarded {
    pub fn new(inner: Arc<dyn Provider>) -> Self {
        Self { inner, breaker: Mutex::default(), started: Instant::now() }
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    fn ask<'a, T: Send + 'a>(&'a self, call: Answer<'a, T>) -> Answer<'a, T> {
        Box::pin(async move {
            self.breaker().admit(self.now()).map_err(Error::Down)?;
            let late = || Err(Error::Silent(format!("no answer in {CALL_TIME_MAX:?}")));
            let answer = tokio::time::timeout(CALL_TIME_MAX, call).await.unwrap_or_else(|_| late());
            match &answer {
                Err(Error::Silent(_)) => {
                    if self.breaker().silent(self.now()) {
                        tracing::error!(
                            "the payment provider is silent; it is not asked for a while"
                        );
                    }
                }
                Ok(_) | Err(Error::NoIntent(_) | Error::Refused(_) | Error::Down(_)) => {
                    self.breaker().answered();
                }
            }
            answer
        })
    }
}

impl Provider for Guarded {
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
    fn down_for(&self) -> Option<Duration> {
        self.breaker().wait(self.now())
    }
    fn create(&self, new: NewIntent) -> Answer<'_, Intent> {
        self.ask(self.inner.create(new))
    }
    fn confirm<'a>(&'a self, intent: &'a str) -> Answer<'a, Intent> {
        self.ask(self.inner.confirm(intent))
    }
    fn capture<'a>(&'a self, intent: &'a str) -> Answer<'a, Intent> {
        self.ask(self.inner.capture(intent))
    }
    fn cancel<'a>(&'a self, intent: &'a str) -> Answer<'a, Intent> {
        self.ask(self.inner.cancel(intent))
    }
    fn retrieve<'a>(&'a self, intent: &'a str) -> Answer<'a, Intent> {
        self.ask(self.inner.retrieve(intent))
    }
    fn find<'a>(&'a self, request: &'a str, last: &'a str) -> Answer<'a, Vec<Intent>> {
        self.ask(self.inner.find(request, last))
    }
    fn refund(&self, new: NewRefund) -> Answer<'_, String> {
        self.ask(self.inner.refund(new))
    }
    fn authenticate<'a>(
        &'a self,
        intent: &'a str,
        client_secret: &'a str,
        done: bool,
    ) -> Answer<'a, Intent> {
        self.ask(self.inner.authenticate(intent, client_secret, done))
    }
    fn notice(
        &self,
        of: &str,
        signature: &str,
        body: &[u8],
        now_s: u64,
    ) -> Result<Notice, NoticeRefused> {
        self.inner.notice(of, signature, body, now_s)
    }
    fn dispute<'a>(&'a self, dispute: &'a str) -> Answer<'a, Dispute> {
        self.ask(self.inner.dispute(dispute))
    }
    fn paid_back<'a>(&'a self, intent: &'a str) -> Answer<'a, PaidBack> {
        self.ask(self.inner.paid_back(intent))
    }
}
