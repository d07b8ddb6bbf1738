//! Why a hold is refused, in the order in which it is asked.

use rowlock_proto::error_code::ErrorCode;

use super::{Basket, Phase, Said, Show, Where};

pub(super) fn no(code: ErrorCode) -> Said {
    Said::Refused(code, Vec::new(), 0)
}

pub(super) fn why_not(
    show: &Show,
    now: u64,
    user: u64,
    basket: &Basket,
    wants: usize,
) -> Option<Said> {
    match show.phase {
        Phase::OnSale => {}
        Phase::Draft => return Some(no(ErrorCode::EventStateConflict)),
        Phase::Cancelled | Phase::Ended => return Some(no(ErrorCode::SaleClosed)),
        Phase::Paused => return Some(no(ErrorCode::SalePaused)),
    }
    let Some(way) = show.way_of(&basket.word) else {
        return Some(no(ErrorCode::AccessCodeUnknown));
    };
    let opens_ms = show.opening(&way);
    if now < opens_ms {
        return Some(Said::Refused(ErrorCode::SaleNotOpen, Vec::new(), opens_ms));
    }
    if now >= show.date_ms {
        return Some(Said::Refused(ErrorCode::SaleClosed, Vec::new(), show.date_ms));
    }
    unfit(show, user, basket, wants).or_else(|| {
        let wants = u32::try_from(wants).unwrap_or(u32::MAX);
        show.forbidden(user, basket, wants, None)
    })
}

/// Why these places can't be had by this user, whoever comes in whatever way.
pub(super) fn unfit(show: &Show, user: u64, basket: &Basket, wants: usize) -> Option<Said> {
    if let Some(said) = unfree(show, &basket.seats) {
        return Some(said);
    }
    for &(area, count) in &basket.areas {
        let Some(&(_, capacity)) = show.areas.get(usize::from(area)) else {
            return Some(Said::Refused(ErrorCode::AreaUnknown, Vec::new(), area.into()));
        };
        let room = capacity - show.taken(area);
        if room < count {
            return Some(Said::Refused(ErrorCode::NotEnoughSeats, Vec::new(), room.into()));
        }
    }
    let limit = show.limit;
    let owned = show.owned_by(user) + wants;
    if limit != 0 && u32::try_from(owned).unwrap_or(u32::MAX) > limit {
        return Some(Said::Refused(ErrorCode::LimitExceeded, Vec::new(), limit.into()));
    }
    None
}

/// Seats that are not there, or not free.
pub(super) fn unfree(show: &Show, seats: &[u32]) -> Option<Said> {
    let there = |seat: u32| usize::try_from(seat).is_ok_and(|seat| seat < show.seats.len());
    let unknown: Vec<u32> = seats.iter().copied().filter(|&seat| !there(seat)).collect();
    if !unknown.is_empty() {
        return Some(Said::Refused(ErrorCode::SeatUnknown, unknown, 0));
    }
    let taken: Vec<u32> =
        seats.iter().copied().filter(|&seat| !show.is_free(Where::Seat(seat), 1)).collect();
    if !taken.is_empty() {
        return Some(Said::Refused(ErrorCode::SeatTaken, taken, 0));
    }
    None
}
