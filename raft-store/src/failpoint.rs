//! Named places where a test can stop the machine: between the steps of log, sync, apply, flush and
//! install. Outside tests they compile to nothing.
//!
//! A place is armed for one thread, so that tests run side by side.

/// Every fail point there is, in the order of an entry's life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Point {
    /// The entry is written, its sync not yet asked for.
    LogWritten,
    /// The entry is applied, its answer not yet given.
    Applied,
    /// Dirty records are encoded, not yet written.
    FlushEncoded,
    /// Dirty records are written.
    FlushWritten,
    /// A snapshot's rows are all written, its state not yet loaded.
    SnapshotReceived,
    /// The snapshot's state is loaded, the flip not yet written.
    SnapshotLoaded,
    /// The flip is written, not yet synced.
    SnapshotFlipped,
    /// The flip is synced, the state in memory is still the old one.
    SnapshotSynced,
}

impl Point {
    pub const ALL: [Self; 8] = [
        Self::LogWritten,
        Self::Applied,
        Self::FlushEncoded,
        Self::FlushWritten,
        Self::SnapshotReceived,
        Self::SnapshotLoaded,
        Self::SnapshotFlipped,
        Self::SnapshotSynced,
    ];
}

#[cfg(any(test, feature = "testing"))]
mod armed {
    use std::cell::RefCell;

    use super::Point;

    type Action = Box<dyn FnMut()>;

    thread_local! {
        static ARMED: RefCell<Vec<(Point, Action)>> = const { RefCell::new(Vec::new()) };
    }

    /// Runs `action` whenever this thread passes `point`, until [`disarm`].
    pub fn arm(point: Point, action: impl FnMut() + 'static) {
        ARMED.with_borrow_mut(|armed| armed.push((point, Box::new(action))));
    }

    pub fn disarm() {
        ARMED.with_borrow_mut(Vec::clear);
    }

    pub(crate) fn pass(point: Point) {
        ARMED.with_borrow_mut(|armed| {
            for (at, action) in armed.iter_mut() {
                if *at == point {
                    action();
                }
            }
        });
    }
}

#[cfg(any(test, feature = "testing"))]
pub use armed::{arm, disarm};

/// This thread is at `point`.
#[inline]
pub(crate) fn pass(point: Point) {
    #[cfg(any(test, feature = "testing"))]
    armed::pass(point);
    #[cfg(not(any(test, feature = "testing")))]
    let _: Point = point;
}
