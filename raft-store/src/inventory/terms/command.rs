//! What can be asked of the terms of an event, and the checks that need no state.

use rowlock_proto::error_code::ErrorCode;
use rowlock_proto::ids::{BookingId, EventId};

use super::super::command::SEATS_PER_BLOCKING_MAX;
use super::super::command::{
    Cart, NAME_BYTES_MAX, PRICE_MAX, Subject, check_cart, check_seat_list, invalid, prices,
    required, text,
};
use super::super::reply::Refusal;
use super::{Channel, Discount, Fee, FeeKind, Limits, Promotion};

/// Fees of one version, quotas of a channel, categories of a fee or a promotion.
const ITEMS_MAX: usize = 256;
/// Access codes of one command.
const CODES_PER_COMMAND_MAX: usize = 1_000;
/// Bytes of an access or promotion code.
pub(super) const CODE_BYTES_MAX: usize = 64;
/// All of it, in hundredths of a percent.
pub(super) const WHOLE: u32 = 10_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TermsCommand {
    SetLimits {
        event: EventId,
        limits: Limits,
    },
    /// From now on; bookings keep those that they were made under.
    SetFees {
        event: EventId,
        fees: Vec<Fee>,
    },
    /// What is held or sold keeps its price.
    Reprice {
        event: EventId,
        prices: Vec<u64>,
    },
    /// Adds a channel, or moves the times of one.
    PutChannel {
        event: EventId,
        channel: Box<Channel>,
    },
    /// Keeps free seats for a channel.
    KeepSeats {
        event: EventId,
        channel: String,
        seats: Vec<u32>,
    },
    /// Kept seats go back to all.
    FreeSeats {
        event: EventId,
        seats: Vec<u32>,
    },
    /// All that is kept for a channel goes back, and it is closed for good.
    ReleaseChannel {
        event: EventId,
        channel: String,
    },
    AddCodes {
        event: EventId,
        channel: String,
        /// Live bookings that each of them may have; 0: any number.
        uses_max: u32,
        codes: Vec<String>,
    },
    /// Nothing more is held with these; what is held or sold stays.
    RevokeCodes {
        event: EventId,
        codes: Vec<String>,
    },
    AddPromotion {
        event: EventId,
        promotion: Box<Promotion>,
    },
    /// No more bookings get it; those that have it keep it.
    ClosePromotion {
        event: EventId,
        code: String,
    },
    /// Puts a promotion on a hold, in place of the one that it had; empty: takes it off.
    ApplyPromotion {
        booking: BookingId,
        code: String,
    },
    /// A hold by somebody who has an access code.
    Hold {
        event: EventId,
        cart: Box<Cart>,
        code: String,
    },
}

fn code(what: &str, code: &str) -> Result<(), Refusal> {
    required(what, code)?;
    text(what, code, CODE_BYTES_MAX)
}

fn few(what: &str, count: usize, most: usize) -> Result<(), Refusal> {
    if count > most {
        return Err(invalid(format!("there are {count} {what}, and {most} are allowed")));
    }
    Ok(())
}

fn share(what: &str, hundredths: u32) -> Result<(), Refusal> {
    if hundredths > WHOLE {
        return Err(invalid(format!(
            "{what}: {hundredths} is over {WHOLE} hundredths of a percent"
        )));
    }
    Ok(())
}

fn amount(what: &str, amount: u64) -> Result<(), Refusal> {
    if amount > PRICE_MAX {
        return Err(invalid(format!("{what}: {amount} is over {PRICE_MAX} minor units")));
    }
    Ok(())
}

fn window(from_ms: u64, until_ms: u64) -> Result<(), Refusal> {
    if until_ms != 0 && until_ms <= from_ms {
        return Err(invalid("it ends before it begins"));
    }
    Ok(())
}

fn check_fee(fee: &Fee) -> Result<(), Refusal> {
    required("fee", &fee.name)?;
    few("categories of a fee", fee.categories.len(), ITEMS_MAX)?;
    match fee.kind {
        FeeKind::PerPlace(minor) | FeeKind::PerBooking(minor) => amount("fee", minor),
        FeeKind::Share(hundredths) => share("fee", hundredths),
    }
}

fn check_promotion(promotion: &Promotion) -> Result<(), Refusal> {
    code("promotion code", &promotion.code)?;
    few("categories of a promotion", promotion.categories.len(), ITEMS_MAX)?;
    window(promotion.from_ms, promotion.until_ms)?;
    match promotion.discount {
        Discount::Share(hundredths) => share("discount", hundredths),
        Discount::PerPlace(minor) | Discount::PerBooking(minor) => amount("discount", minor),
    }
}

fn check_channel(channel: &Channel) -> Result<(), Refusal> {
    required("channel", &channel.name)?;
    few("quotas of a channel", channel.quotas.len(), ITEMS_MAX)?;
    window(channel.opens_ms, channel.closes_ms)?;
    let mut categories: Vec<u8> = channel.quotas.iter().map(|&(category, _)| category).collect();
    categories.sort_unstable();
    let twice = categories.windows(2).find_map(|pair| match pair {
        [a, b] if a == b => Some(*a),
        _ => None,
    });
    match twice {
        Some(category) => Err(invalid(format!("category {category} has two quotas"))),
        None => Ok(()),
    }
}

fn check_codes(codes: &[String]) -> Result<(), Refusal> {
    if codes.is_empty() {
        return Err(invalid("no codes are named"));
    }
    few("codes", codes.len(), CODES_PER_COMMAND_MAX)?;
    codes.iter().try_for_each(|it| code("access code", it))?;
    let distinct: std::collections::BTreeSet<&String> = codes.iter().collect();
    if distinct.len() < codes.len() {
        return Err(invalid("a code is named twice"));
    }
    Ok(())
}

impl TermsCommand {
    pub const fn subject(&self) -> Subject {
        match self {
            Self::SetLimits { event, .. }
            | Self::SetFees { event, .. }
            | Self::Reprice { event, .. }
            | Self::PutChannel { event, .. }
            | Self::KeepSeats { event, .. }
            | Self::FreeSeats { event, .. }
            | Self::ReleaseChannel { event, .. }
            | Self::AddCodes { event, .. }
            | Self::RevokeCodes { event, .. }
            | Self::AddPromotion { event, .. }
            | Self::ClosePromotion { event, .. }
            | Self::Hold { event, .. } => Subject::Event(*event),
            Self::ApplyPromotion { booking, .. } => Subject::Booking(booking.locator()),
        }
    }

    /// What can be wrong whatever the state is.
    pub fn check(&self) -> Result<(), Refusal> {
        match self {
            Self::SetLimits { .. } => Ok(()),
            Self::SetFees { fees, .. } => {
                few("fees", fees.len(), ITEMS_MAX)?;
                fees.iter().try_for_each(check_fee)
            }
            Self::Reprice { prices: new, .. } => {
                if new.is_empty() {
                    return Err(invalid("no prices are given"));
                }
                prices(new)
            }
            Self::PutChannel { channel, .. } => check_channel(channel),
            Self::KeepSeats { channel, seats, .. } => {
                required("channel", channel)?;
                check_seat_list(seats, SEATS_PER_BLOCKING_MAX)
            }
            Self::FreeSeats { seats, .. } => check_seat_list(seats, SEATS_PER_BLOCKING_MAX),
            Self::ReleaseChannel { channel, .. } => text("channel", channel, NAME_BYTES_MAX),
            Self::AddCodes { channel, codes, .. } => {
                required("channel", channel)?;
                check_codes(codes)
            }
            Self::RevokeCodes { codes, .. } => check_codes(codes),
            Self::AddPromotion { promotion, .. } => check_promotion(promotion),
            Self::ClosePromotion { code: it, .. } => code("promotion code", it),
            Self::ApplyPromotion { code, .. } => text("promotion code", code, CODE_BYTES_MAX),
            Self::Hold { cart, code: it, .. } => {
                code("access code", it)?;
                check_cart(cart)
            }
        }
    }
}

/// A refusal that names the code.
pub(super) fn about(code: ErrorCode, detail: &str) -> Refusal {
    Refusal { detail: detail.to_owned(), ..Refusal::of(code) }
}
