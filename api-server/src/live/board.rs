//! One event that is looked at: read when it was touched, and told to all.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rowlock_client::types::EventId;
use tokio::sync::{Notify, OwnedSemaphorePermit, watch};
use tokio::time::Instant;

use super::close;
use super::message::{Message, Picture};
use crate::app::App;
use crate::time;

/// Between two readings of the seats at least.
const GAP: Duration = Duration::from_millis(200);
/// Without a change, so that a word such as ON_SALE comes with the time; and in case one was missed.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// After the cluster did not answer.
const RETRY: Duration = Duration::from_secs(1);
/// Changes that are remembered for those who come back.
const CHANGES_KEPT: usize = 256;

#[derive(Debug)]
pub(super) struct Board {
    pub(super) event: EventId,
    touched: Notify,
    now: watch::Sender<Option<Arc<Now>>>,
}

/// What the board shows.
#[derive(Debug)]
struct Now {
    /// The first at which the seats were read as they are.
    revision: u64,
    /// The last, at which they were still so.
    read: u64,
    picture: Picture,
    whole: OnceLock<Message>,
    /// Each with the revision that it comes after, the oldest first.
    changes: VecDeque<(u64, Message)>,
}

impl Now {
    fn whole(&self) -> Message {
        let message = self.whole.get_or_init(|| Message {
            revision: self.revision,
            kind: "state",
            text: self.picture.whole(self.revision).to_string().into(),
        });
        message.clone()
    }

    /// What leads from `seen` to here.
    fn since(&self, seen: Option<u64>) -> Vec<Message> {
        // Only a revision that the board itself has shown: between two of them seats may have changed
        // there and back, and who saw that must hear of it.
        let from = seen.and_then(|seen| self.changes.iter().position(|(from, _)| *from == seen));
        match from {
            Some(from) => self.changes.iter().skip(from).map(|(_, it)| it.clone()).collect(),
            None => vec![self.whole()],
        }
    }

    /// What is shown after the seats were read again.
    fn then(before: Option<&Self>, picture: Picture, read: u64) -> Self {
        let Some(before) = before else {
            let (whole, changes) = (OnceLock::new(), VecDeque::new());
            return Self { revision: read, read, picture, whole, changes };
        };
        let mut changes = before.changes.clone();
        match picture.since(&before.picture, read) {
            None => {
                let whole = before.whole.clone();
                Self { revision: before.revision, read, picture, whole, changes }
            }
            Some(change) => {
                if changes.len() >= CHANGES_KEPT {
                    changes.pop_front();
                }
                changes.push_back((before.revision, change));
                Self { revision: read, read, picture, whole: OnceLock::new(), changes }
            }
        }
    }
}

impl Board {
    pub(super) fn new(event: EventId) -> Self {
        Self { event, touched: Notify::new(), now: watch::Sender::new(None) }
    }

    pub(super) fn touch(&self) {
        self.touched.notify_one();
    }

    pub(super) fn is_idle(&self) -> bool {
        self.now.receiver_count() == 0
    }

    pub(super) fn looker(
        board: &Arc<Self>,
        seen: Option<u64>,
        permit: OwnedSemaphorePermit,
    ) -> Looker {
        Looker {
            board: Arc::clone(board),
            now: board.now.subscribe(),
            seen,
            asked: false,
            told: VecDeque::new(),
            _permit: permit,
        }
    }

    async fn read(&self, app: &App) -> Result<(), rowlock_client::Error> {
        let found = app.inventory.seats(self.event).await?;
        let now_ms = found.at.log_time_ms.max(time::now_ms());
        let picture = Picture::of(&found.value, now_ms);
        self.now.send_modify(|now| {
            // Answers of two leaders may come in any order.
            let is_newer = now.as_ref().is_none_or(|now| found.at.revision >= now.read);
            if is_newer {
                *now = Some(Arc::new(Now::then(now.as_deref(), picture, found.at.revision)));
            }
        });
        Ok(())
    }
}

/// Keeps the board in step until nobody looks.
pub(super) async fn run(app: App, board: Arc<Board>) {
    loop {
        let pause = match board.read(&app).await {
            Ok(()) => GAP,
            Err(error) => {
                tracing::debug!(event = %board.event, %error, "read seats that are looked at");
                board.touch();
                RETRY
            }
        };
        let earliest = Instant::now() + pause;
        tokio::select! {
            () = board.touched.notified() => tokio::time::sleep_until(earliest).await,
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            () = app.stopped() => return,
        }
        if close(&app, &board) {
            return;
        }
    }
}

/// One who looks at a board.
#[derive(Debug)]
pub(crate) struct Looker {
    board: Arc<Board>,
    now: watch::Receiver<Option<Arc<Now>>>,
    seen: Option<u64>,
    /// The board was asked for something as new as the looker has.
    asked: bool,
    told: VecDeque<Message>,
    _permit: OwnedSemaphorePermit,
}

impl Looker {
    /// The next message; `None`: there will be no more. Safe to drop and call again.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = self.told.pop_front() {
                return Some(message);
            }
            let now = self.now.borrow_and_update().clone();
            match now {
                // It was told elsewhere what this board has not read yet: nobody is sent back in time.
                Some(now) if !self.asked && self.seen.is_some_and(|seen| seen > now.read) => {
                    self.asked = true;
                    self.board.touch();
                }
                Some(now) if self.seen != Some(now.revision) => {
                    self.told.extend(now.since(self.seen));
                    self.seen = Some(now.revision);
                    continue;
                }
                Some(_) | None => {}
            }
            self.now.changed().await.ok()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(before: Option<&Now>, letters: &str, read: u64) -> Now {
        Now::then(before, Picture::named(letters), read)
    }

    fn kinds(messages: &[Message]) -> Vec<(&'static str, u64)> {
        messages.iter().map(|message| (message.kind, message.revision)).collect()
    }

    #[test]
    fn who_comes_back_gets_what_changed_and_others_get_all() {
        let first = shown(None, "AAA", 3);
        let same = shown(Some(&first), "AAA", 5);
        let second = shown(Some(&same), "ARA", 8);
        let third = shown(Some(&second), "AAA", 9);
        assert_eq!((same.revision, same.read), (3, 5));
        assert_eq!(kinds(&third.since(Some(3))), [("change", 8), ("change", 9)]);
        assert_eq!(kinds(&third.since(Some(8))), [("change", 9)]);
        // At 5 the board has shown nothing; elsewhere something else may have been seen then.
        for seen in [None, Some(5), Some(1), Some(20)] {
            assert_eq!(kinds(&third.since(seen)), [("state", 9)], "{seen:?}");
        }
    }

    #[test]
    fn old_changes_are_let_go() {
        let mut now = shown(None, "A", 1);
        for (read, letters) in (2..600).zip(["R", "A"].iter().cycle()) {
            now = shown(Some(&now), letters, read);
        }
        assert_eq!(now.changes.len(), CHANGES_KEPT);
        assert_eq!(kinds(&now.since(Some(2))), [("state", 599)]);
    }
}
