//! Mistakes that tests plant in the core, one at a time, to see that the model and the fault suite find
//! them. Outside tests nothing is planted, and nothing is left of the question: see [`crate::teeth`].

use crate::teeth::{self, Tooth};

/// A mistake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mistake {
    /// A taken seat passes for a free one.
    TakenIsFree,
    /// A grant is not found by its key.
    KeyForgotten,
    /// A hold ends when the customer was told, by a clock that may be ahead.
    DueTooEarly,
    /// An extended hold still ends at its first deadline.
    DeadlineKept,
    /// A booking in payment keeps the deadline of its hold.
    FenceIgnored,
    /// An attempt that was overtaken is obeyed.
    AttemptUnchecked,
    /// Places in areas don't count against the limit of a user.
    AreasUncounted,
    /// Anybody may act on a booking.
    OwnerUnchecked,
    /// A ticket is let in again.
    RedeemedAgain,
    /// The code from before a transfer is good.
    OldCodeGood,
    /// A refund that is asked for twice is decided twice.
    RefundRepeated,
    /// Blocked seats are sold.
    BlockedIsFree,
    /// What went back is still charged.
    GoneIsCharged,
    /// Single seats are left over without need.
    SinglesLeft,
    /// Any stretch will do, not the nearest.
    FarthestFirst,
    /// What changed in a booking's extras is not written.
    ExtrasNotWritten,
    /// A cancelled event keeps its holds.
    HoldsKept,
    /// An event is evicted before its records are written.
    EvictedUnwritten,
    /// An event is evicted while it has holds.
    EvictedWhileHeld,
    /// The draw is first in, first out.
    DrawSkipped,
    /// Who left is still waited for.
    HoleUncounted,
    /// Who leaves before the draw and comes back has another entry in it.
    RejoinedTwice,
    /// A guarded event sells to everybody.
    PassUnchecked,
    /// Who has bought goes on shopping.
    PassKept,
    /// Who left is not written.
    LeftNotWritten,
    /// A paused event sells.
    PauseIgnored,
    /// A payment that succeeds after the list of refunds has passed it is not refunded.
    LateSaleKept,
    /// A voided ticket is let in.
    VoidLetIn,
    /// A scan that comes later takes the place of the first.
    MergedOver,
    /// Who was let in by mistake still counts at the door.
    DoorCountKept,
    /// Anybody may sell at the desk.
    SellerUnchecked,
    /// What was given away has a price.
    GiftIsCharged,
    /// A payment that was over pays what was sold at the desk meanwhile.
    LateChargeKept,
    /// A provider is asked for money that was taken at the desk.
    DeskRefundSent,
    /// A ticket is valid before its payment is captured.
    CaptureNotAwaited,
    /// A refund is owed that a bank has paid.
    PaidTwice,
    /// A ticket is let in while its money is charged back.
    ChargedBackLetIn,
    /// What changed in a booking's money is not written.
    MoneyNotWritten,
    /// An exchange that is asked for twice is done twice.
    ExchangeRepeated,
    /// Who is refused other places loses the old ones.
    RefusedGivesUp,
    /// What is left over of an exchange is not owed.
    LeftOverKept,
    /// Dearer places are had without paying.
    DearerForNothing,
    /// A payment that was over pays for other places than it was for.
    ExchangeUnfenced,
    /// A holder whose lease another has is obeyed.
    FencedObeyed,
    /// A lease is given to another when its holder was told, by a clock that may be ahead.
    LeaseTakenEarly,
    /// An acknowledgement that comes late goes back.
    AcknowledgedBack,
    /// The last in line is served first.
    LastFirst,
    /// Buyers are served before those who wait.
    BuyerFirst,
    /// An offer that was declined is still held.
    DeclinedKept,
    /// Where an entry stands is not written.
    WaiterNotWritten,
    /// What a booking is under is not written.
    TermsNotWritten,
    /// Seats that are kept for a channel are sold to all.
    KeptSold,
    /// Places that are promised to a channel are sold to all.
    QuotaSold,
    /// What is sold is still counted as free for quotas.
    PoolUncounted,
    /// A promotion is used more often than it may be.
    PromotionOverused,
    /// Holds that end unpaid are not counted.
    LapsedUncounted,
    /// A hold by name leaves a single seat over.
    SingleLeft,
    /// A listing that comes late takes the place of a newer one.
    OldListingTaken,
    /// What came to nothing and was dropped from a list comes back.
    DroppedListedAgain,
    /// A row of a user's list is not written.
    ListingNotWritten,
    /// What came to nothing is collected before its day is over.
    CollectedEarly,
    /// A booking is collected for which a payment was begun.
    PaymentCollected,
    /// The request of a collected booking still leads to it.
    CollectedKeyKept,
    /// An event goes into the archive that owes money.
    ArchivedOwing,
    /// A session is started with a password that was changed meanwhile.
    OldPasswordSignsIn,
    /// A secret that was exchanged and is shown again does not end its session.
    StolenSecretKept,
    /// A new password leaves the sessions of the old one alive.
    SessionsOutlivePassword,
    /// A letter is good again.
    LinkUsedAgain,
    /// What changed in an account is not written.
    AccountNotWritten,
}

#[inline]
pub(super) fn planted(mistake: Mistake) -> bool {
    teeth::planted(Tooth::Core(mistake))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::Mistake;
    use crate::teeth::{self, Tooth};

    pub(crate) const ALL: &[Mistake] = &[
        Mistake::TakenIsFree,
        Mistake::KeyForgotten,
        Mistake::DueTooEarly,
        Mistake::DeadlineKept,
        Mistake::FenceIgnored,
        Mistake::AttemptUnchecked,
        Mistake::AreasUncounted,
        Mistake::OwnerUnchecked,
        Mistake::RedeemedAgain,
        Mistake::OldCodeGood,
        Mistake::RefundRepeated,
        Mistake::BlockedIsFree,
        Mistake::GoneIsCharged,
        Mistake::SinglesLeft,
        Mistake::FarthestFirst,
        Mistake::ExtrasNotWritten,
        Mistake::HoldsKept,
        Mistake::EvictedUnwritten,
        Mistake::EvictedWhileHeld,
        Mistake::DrawSkipped,
        Mistake::HoleUncounted,
        Mistake::RejoinedTwice,
        Mistake::PassUnchecked,
        Mistake::PassKept,
        Mistake::LeftNotWritten,
        Mistake::PauseIgnored,
        Mistake::LateSaleKept,
        Mistake::VoidLetIn,
        Mistake::MergedOver,
        Mistake::DoorCountKept,
        Mistake::SellerUnchecked,
        Mistake::GiftIsCharged,
        Mistake::LateChargeKept,
        Mistake::DeskRefundSent,
        Mistake::CaptureNotAwaited,
        Mistake::PaidTwice,
        Mistake::ChargedBackLetIn,
        Mistake::MoneyNotWritten,
        Mistake::ExchangeRepeated,
        Mistake::RefusedGivesUp,
        Mistake::LeftOverKept,
        Mistake::DearerForNothing,
        Mistake::ExchangeUnfenced,
        Mistake::FencedObeyed,
        Mistake::LeaseTakenEarly,
        Mistake::AcknowledgedBack,
        Mistake::LastFirst,
        Mistake::BuyerFirst,
        Mistake::DeclinedKept,
        Mistake::WaiterNotWritten,
        Mistake::TermsNotWritten,
        Mistake::KeptSold,
        Mistake::QuotaSold,
        Mistake::PoolUncounted,
        Mistake::PromotionOverused,
        Mistake::LapsedUncounted,
        Mistake::SingleLeft,
        Mistake::OldListingTaken,
        Mistake::DroppedListedAgain,
        Mistake::ListingNotWritten,
        Mistake::CollectedEarly,
        Mistake::PaymentCollected,
        Mistake::CollectedKeyKept,
        Mistake::ArchivedOwing,
        Mistake::OldPasswordSignsIn,
        Mistake::StolenSecretKept,
        Mistake::SessionsOutlivePassword,
        Mistake::LinkUsedAgain,
        Mistake::AccountNotWritten,
    ];

    /// Plants one mistake, or none, in this thread.
    pub(crate) fn plant(mistake: Option<Mistake>) {
        teeth::plant(mistake.map(Tooth::Core));
    }
}
