//! Where one call's answer is put and waited for.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use rowlock_proto::v1;

/// How an attempt ended without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The node never got the call.
    Unsent,
    /// The node may have got the call.
    Sent,
}

#[derive(Debug, Default)]
struct State {
    sent: bool,
    abandoned: bool,
    waiter: Option<Waker>,
    answer: Option<Result<v1::Answer, Broken>>,
}

/// Shared by a caller and the connection for one attempt.
#[derive(Debug, Default)]
pub(super) struct Cell(Mutex<State>);

impl Cell {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn answer(&self) -> Result<v1::Answer, Broken> {
        std::future::poll_fn(|context| {
            let mut state = self.lock();
            if let Some(answer) = state.answer.take() {
                return Poll::Ready(answer);
            }
            match &mut state.waiter {
                Some(waiter) => waiter.clone_from(context.waker()),
                none @ None => *none = Some(context.waker().clone()),
            }
            Poll::Pending
        })
        .await
    }

    pub(super) fn complete(&self, answer: Result<v1::Answer, Broken>) {
        let waiter = {
            let mut state = self.lock();
            state.answer = Some(answer);
            state.waiter.take()
        };
        if let Some(waiter) = waiter {
            waiter.wake();
        }
    }

    /// `false`: the caller has gone, the call must not be sent.
    pub(super) fn mark_sent(&self) -> bool {
        let mut state = self.lock();
        state.sent = !state.abandoned;
        state.sent
    }

    /// The caller goes; from here on an unsent call stays unsent.
    pub(super) fn abandon(&self) -> Broken {
        let mut state = self.lock();
        state.abandoned = true;
        if state.sent { Broken::Sent } else { Broken::Unsent }
    }
}
