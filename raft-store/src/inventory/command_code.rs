//! The number and the name of each command, by which changes name what made them.
//!
//! Numbers are a format: none is ever used for another command. Whoever adds a command adds its line.

use super::accounts::AccountCommand as Account;
use super::command::CommandKind as Kind;
use super::consumers::ConsumerCommand as Consumer;
use super::door::DoorCommand as Door;
use super::life::LifeCommand as Life;
use super::money::MoneyCommand as Money;
use super::queue::QueueCommand as Queue;
use super::terms::TermsCommand as Terms;
use super::user_lists::UserListCommand as UserList;
use super::waitlist::WaitlistCommand as Waitlist;

/// Which command it was. 0: of a change that was kept before commands were named.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct CommandCode(pub u16);

macro_rules! codes {
    ($($number:literal: $pattern:pat => $name:literal,)*) => {
        impl Kind {
            pub const fn code(&self) -> CommandCode {
                match self { $($pattern => CommandCode($number),)* }
            }
        }

        impl CommandCode {
            /// Every command that there is.
            pub const ALL: &[Self] = &[$(Self($number),)*];

            /// Empty for a number that is not known here.
            pub const fn name(self) -> &'static str {
                match self.0 { $($number => $name,)* _ => "" }
            }
        }
    };
}

codes! {
    1: Kind::HoldSeats { .. } => "hold-seats",
    2: Kind::ReleaseHold { .. } => "release-hold",
    3: Kind::BeginPayment { .. } => "begin-payment",
    4: Kind::AttachIntent { .. } => "attach-intent",
    5: Kind::ConfirmPayment { .. } => "confirm-payment",
    6: Kind::FailPayment { .. } => "fail-payment",
    7: Kind::ExpireDue { .. } => "expire-due",
    8: Kind::PutSeatMapPart { .. } => "put-seat-map-part",
    9: Kind::PutVenue { .. } => "put-venue",
    10: Kind::CreateEvent { .. } => "create-event",
    11: Kind::UpdateEvent { .. } => "update-event",
    12: Kind::PublishEvent { .. } => "publish-event",
    13: Kind::CancelEvent { .. } => "cancel-event",
    14: Kind::RegisterUser { .. } => "register-user",
    15: Kind::UpdateUser { .. } => "update-user",
    16: Kind::Checksum { .. } => "checksum",
    17: Kind::HoldCart { .. } => "hold-cart",
    18: Kind::ExtendHold { .. } => "extend-hold",
    19: Kind::ReleasePlaces { .. } => "release-places",
    20: Kind::BlockSeats { .. } => "block-seats",
    21: Kind::UnblockSeats { .. } => "unblock-seats",
    22: Kind::RefundPlaces { .. } => "refund-places",
    23: Kind::SettleRefund { .. } => "settle-refund",
    24: Kind::TransferTicket { .. } => "transfer-ticket",
    25: Kind::RedeemTicket { .. } => "redeem-ticket",
    26: Kind::UnredeemTicket { .. } => "unredeem-ticket",
    100: Kind::Queue(Queue::Open { .. }) => "open-queue",
    101: Kind::Queue(Queue::SetAdmission { .. }) => "set-admission",
    102: Kind::Queue(Queue::Join { .. }) => "join-queue",
    103: Kind::Queue(Queue::Leave { .. }) => "leave-queue",
    104: Kind::Queue(Queue::FixPublicValue { .. }) => "fix-public-value",
    105: Kind::Queue(Queue::Reveal { .. }) => "reveal-secret",
    106: Kind::Queue(Queue::Step { .. }) => "step-queue",
    107: Kind::Queue(Queue::Close { .. }) => "close-queue",
    120: Kind::Life(Life::Pause { .. }) => "pause-sales",
    121: Kind::Life(Life::Resume { .. }) => "resume-sales",
    122: Kind::Life(Life::End { .. }) => "end-sales",
    123: Kind::Life(Life::SetEnd { .. }) => "set-sale-end",
    124: Kind::Life(Life::Tend { .. }) => "tend-events",
    125: Kind::Life(Life::Collect { .. }) => "collect",
    140: Kind::Door(Door::Void { .. }) => "void-ticket",
    141: Kind::Door(Door::Merge { .. }) => "merge-scans",
    145: Kind::Waitlist(Waitlist::Set { .. }) => "set-waitlist",
    146: Kind::Waitlist(Waitlist::Join { .. }) => "join-waitlist",
    147: Kind::Waitlist(Waitlist::Leave { .. }) => "leave-waitlist",
    148: Kind::Waitlist(Waitlist::Accept { .. }) => "accept-offer",
    150: Kind::Money(Money::ConfirmDirect { .. }) => "confirm-direct",
    151: Kind::Money(Money::CommitAuthorized { .. }) => "commit-authorized",
    152: Kind::Money(Money::MarkChargeback { .. }) => "mark-chargeback",
    153: Kind::Money(Money::ReverseChargeback { .. }) => "reverse-chargeback",
    154: Kind::Money(Money::Exchange { .. }) => "exchange-places",
    160: Kind::Consumer(Consumer::Register { .. }) => "register-consumer",
    161: Kind::Consumer(Consumer::Lease { .. }) => "lease-consumer",
    162: Kind::Consumer(Consumer::Acknowledge { .. }) => "acknowledge-changes",
    163: Kind::Consumer(Consumer::Yield { .. }) => "yield-consumer",
    164: Kind::Consumer(Consumer::Unregister { .. }) => "unregister-consumer",
    170: Kind::Terms(Terms::SetLimits { .. }) => "set-limits",
    171: Kind::Terms(Terms::SetFees { .. }) => "set-fees",
    172: Kind::Terms(Terms::Reprice { .. }) => "reprice",
    173: Kind::Terms(Terms::PutChannel { .. }) => "put-channel",
    174: Kind::Terms(Terms::KeepSeats { .. }) => "keep-seats",
    175: Kind::Terms(Terms::FreeSeats { .. }) => "free-seats",
    176: Kind::Terms(Terms::ReleaseChannel { .. }) => "release-channel",
    177: Kind::Terms(Terms::AddCodes { .. }) => "add-codes",
    178: Kind::Terms(Terms::RevokeCodes { .. }) => "revoke-codes",
    179: Kind::Terms(Terms::AddPromotion { .. }) => "add-promotion",
    180: Kind::Terms(Terms::ClosePromotion { .. }) => "close-promotion",
    181: Kind::Terms(Terms::ApplyPromotion { .. }) => "apply-promotion",
    182: Kind::Terms(Terms::Hold { .. }) => "hold-with-code",
    183: Kind::UserList(UserList::Apply { .. }) => "apply-user-list",
    184: Kind::UserList(UserList::Forget { .. }) => "forget-user-list",
    185: Kind::Account(Account::StartSession { .. }) => "start-session",
    186: Kind::Account(Account::RotateSession { .. }) => "rotate-session",
    187: Kind::Account(Account::EndSessions { .. }) => "end-sessions",
    188: Kind::Account(Account::SetPassword { .. }) => "set-password",
    189: Kind::Account(Account::IssueLink { .. }) => "issue-link",
    190: Kind::Account(Account::VerifyEmail { .. }) => "verify-email",
    191: Kind::Account(Account::DeleteUser { .. }) => "delete-user",
    192: Kind::Account(Account::SetApiKey { .. }) => "set-api-key",
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_command_has_a_number_and_a_name_of_its_own() {
        let numbers: BTreeSet<_> = CommandCode::ALL.iter().collect();
        let names: BTreeSet<_> = CommandCode::ALL.iter().map(|code| code.name()).collect();
        assert_eq!((numbers.len(), names.len()), (CommandCode::ALL.len(), CommandCode::ALL.len()));
        assert!(!numbers.contains(&CommandCode(0)) && !names.contains(""));
        assert_eq!(CommandCode(0).name(), "");
    }
}
