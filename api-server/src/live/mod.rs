//! Seats as they change, for all who look at them.
//!
//! Each event that somebody looks at has one board. When the change feed says that something happened
//! to it, the board reads the seats anew, at most a few times a second, and says what differs. So what is
//! shown is always what the cluster had at one revision, and a thousand lookers cost no more than one.
//!
//! Whoever comes with the revision that it has seen gets what changed since, if the board still knows,
//! and else the whole state: both lead to the same.

mod board;
mod message;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rowlock_client::terms::TermsChange;
use rowlock_client::types::{ChangeKind, EventId, SeatsReturned};
use rowlock_proto::ErrorCode;
use tokio::sync::Semaphore;

pub(crate) use self::board::Looker;
use self::board::{Board, run};
pub(crate) use self::message::{Message, Picture};
use crate::app::App;
use crate::problem::Problem;

/// Events that are looked at, at once.
const BOARDS_MAX: usize = 1_000;
/// Those who look, at once.
const LOOKERS_MAX: usize = 20_000;

/// Every board of this server.
#[derive(Debug)]
pub(crate) struct Boards {
    boards: Mutex<HashMap<EventId, Arc<Board>>>,
    lookers: Arc<Semaphore>,
}

impl Default for Boards {
    fn default() -> Self {
        Self { boards: Mutex::default(), lookers: Arc::new(Semaphore::new(LOOKERS_MAX)) }
    }
}

impl Boards {
    fn with<T>(&self, act: impl FnOnce(&mut HashMap<EventId, Arc<Board>>) -> T) -> T {
        act(&mut self.boards.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Something happened to the seats of this event.
    fn touch(&self, event: EventId) {
        if let Some(board) = self.with(|boards| boards.get(&event).cloned()) {
            board.touch();
        }
    }

    /// Changes of any event may have been missed.
    pub(crate) fn touch_all(&self) {
        let boards: Vec<_> = self.with(|boards| boards.values().cloned().collect());
        boards.iter().for_each(|board| board.touch());
    }

    /// Takes a change from the feed.
    pub(crate) fn see(&self, kind: &ChangeKind) {
        match kind {
            ChangeKind::EventChanged { event, .. }
            | ChangeKind::SeatsHeld { event, .. }
            | ChangeKind::SeatsSold { event, .. }
            | ChangeKind::PlacesChanged { event, .. }
            | ChangeKind::SeatsBlocked { event, .. }
            | ChangeKind::SeatsUnblocked { event, .. }
            | ChangeKind::SeatsReturned(SeatsReturned { event, .. })
            | ChangeKind::Terms {
                event,
                change: TermsChange::SeatsKept { .. } | TermsChange::SeatsFreed(_),
            } => self.touch(*event),
            ChangeKind::HoldsExpired(holds) => holds.iter().for_each(|hold| self.touch(hold.event)),
            // What they did to seats is said by a change of its own, or they did nothing to any.
            ChangeKind::PaymentStarted { .. }
            | ChangeKind::IntentAttached { .. }
            | ChangeKind::PaymentFailed { .. }
            | ChangeKind::RefundOwed { .. }
            | ChangeKind::PlacesRefunded { .. }
            | ChangeKind::RefundSettled { .. }
            | ChangeKind::HoldExtended { .. }
            | ChangeKind::TicketTransferred { .. }
            | ChangeKind::TicketRedeemed { .. }
            | ChangeKind::TicketUnredeemed { .. }
            | ChangeKind::TicketVoided { .. }
            | ChangeKind::ScanConflict { .. }
            | ChangeKind::VenuePut { .. }
            | ChangeKind::UserChanged { .. }
            | ChangeKind::SeatMapSealed { .. }
            | ChangeKind::Queue { .. }
            | ChangeKind::Waitlist { .. }
            | ChangeKind::Terms { .. }
            | ChangeKind::Money { .. }
            | ChangeKind::Consumer { .. }
            | ChangeKind::Other => {}
        }
    }
}

/// Starts to look at an event's seats; `seen` is the revision that the looker has.
pub(crate) fn look(app: &App, event: EventId, seen: Option<u64>) -> Result<Looker, Problem> {
    let full = || Problem::new(ErrorCode::Overloaded, "too many look at seats here");
    let permit = Arc::clone(&app.boards.lookers).try_acquire_owned().map_err(|_| full())?;
    let (looker, new) = app.boards.with(|boards| {
        if let Some(board) = boards.get(&event) {
            return Ok((Board::looker(board, seen, permit), None));
        }
        if boards.len() >= BOARDS_MAX {
            return Err(full());
        }
        let board = Arc::new(Board::new(event));
        boards.insert(event, Arc::clone(&board));
        Ok((Board::looker(&board, seen, permit), Some(board)))
    })?;
    if let Some(board) = new {
        tokio::spawn(run(app.clone(), board));
    }
    Ok(looker)
}

/// Takes a board down if nobody looks at it.
fn close(app: &App, board: &Board) -> bool {
    // Under the lock, under which lookers come.
    app.boards.with(|boards| {
        let idle = board.is_idle();
        if idle {
            boards.remove(&board.event);
        }
        idle
    })
}
