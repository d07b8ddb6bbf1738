//! Faults that the fault suite plants in the product, one at a time, to see that it finds them.
//!
//! With the feature `teeth` a test chooses one for its thread, by [`plant`]; without it nothing is
//! left of the question. No binary that is shipped has the feature.

pub use crate::inventory::planted::Mistake;

/// A fault that can be planted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tooth {
    /// In the core.
    Core(Mistake),
    /// A vote counts before it is durable.
    VoteNotAwaited,
    /// An append counts before it is durable.
    AppendNotAwaited,
    /// A leader that was asked answers a read without asking whether it still leads.
    ReadUnconfirmed,
    /// Batches are stamped with the node's own wall clock, which nobody has checked.
    ClockUnchecked,
    /// Of each part of a snapshot the last row is not kept.
    SnapshotRowLost,
    /// Who is a member is forgotten with a snapshot.
    MembersForgotten,
    /// State is flushed as if less had been applied, and applied again after a restart.
    AppliedBehind,
}

#[cfg(not(any(test, feature = "teeth")))]
#[inline]
pub const fn planted(_: Tooth) -> bool {
    false
}

#[cfg(any(test, feature = "teeth"))]
mod armed {
    use std::cell::Cell;

    use super::Tooth;

    thread_local! {
        static PLANTED: Cell<Option<Tooth>> = const { Cell::new(None) };
    }

    pub fn planted(tooth: Tooth) -> bool {
        PLANTED.get() == Some(tooth)
    }

    /// Plants one fault, or none, in this thread.
    pub fn plant(tooth: Option<Tooth>) {
        PLANTED.set(tooth);
    }
}

#[cfg(any(test, feature = "teeth"))]
pub use armed::{plant, planted};
