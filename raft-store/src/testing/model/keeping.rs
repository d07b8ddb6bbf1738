//! What is let go of in time.

use rowlock_proto::error_code::ErrorCode;

use super::{Model, Moves, Phase, REFUSAL_LIFE_MS, Said, Sale, Show, Standing, no};

const DAY_MS: u64 = 86_400_000;

/// How far letting go has come.
#[derive(Clone, Debug, Default)]
pub struct Keeping {
    pub created_ms: u64,
    begun_ms: u64,
    looked_at: usize,
    /// 0: it is not.
    pub archived_ms: u64,
}

impl Sale {
    pub(super) fn is(&self, user: u64, key: u64) -> bool {
        !self.gone_for_good && self.key == key && self.user == user
    }

    /// Nobody was ever asked for its money.
    fn came_to_nothing(&self) -> bool {
        let over = matches!(self.standing, Standing::Released | Standing::Expired);
        over && self.attempt == 0 && self.moves == Moves::default() && !self.gone_for_good
    }
}

impl Show {
    fn may_be_let_go(&self, at: usize) -> bool {
        !self.was_offered(at) && self.sales.get(at).is_some_and(Sale::came_to_nothing)
    }

    /// Everything is over, paid and paid back.
    fn is_settled(&self) -> bool {
        let open = self.sales.iter().any(|sale| {
            matches!(
                sale.standing,
                Standing::Held | Standing::Paying | Standing::Capturing | Standing::RefundDue
            ) || sale.back.iter().any(|(_, _, name)| name.is_empty())
        });
        let kept = (0..self.sales.len()).any(|at| self.may_be_let_go(at));
        !open && !kept && !self.refunding()
    }
}

impl Model {
    pub(super) fn collect(&mut self, event: usize, max: u32) -> Said {
        let now = self.clock_ms;
        let Some(show) = self.shows.get_mut(event) else { return no(ErrorCode::EventNotFound) };
        let nothing = Said::Tended(0, false);
        let keep = show.keep.clone();
        let over_ms = show.date_ms.max(keep.created_ms).saturating_add(30 * DAY_MS);
        let next_ms = keep.begun_ms.max(keep.created_ms) + DAY_MS;
        let litter = (0..show.sales.len()).any(|at| show.may_be_let_go(at));
        let litter = litter || !show.refusals.is_empty();
        let archive_ms = if keep.begun_ms >= over_ms { next_ms } else { over_ms };
        let due = (litter && next_ms <= now)
            || (show.phase != Phase::Draft && archive_ms <= now)
            || keep.looked_at != 0;
        if keep.archived_ms != 0 || !due {
            return nothing;
        }
        if keep.looked_at == 0 {
            show.keep.begun_ms = now;
            show.refusals.retain(|(_, _, _, at, _)| at + REFUSAL_LIFE_MS >= now);
        }
        let from = keep.looked_at;
        let to = (from + max as usize).min(show.sales.len());
        for at in from..to {
            if show.may_be_let_go(at) && show.sales[at].expires_ms + DAY_MS <= now {
                show.sales[at].gone_for_good = true;
            }
        }
        let more = to < show.sales.len();
        show.keep.looked_at = if more { to } else { 0 };
        if !more && over_ms <= now && show.phase != Phase::Draft && show.is_settled() {
            show.keep.archived_ms = now;
            show.close_line();
            show.why.clear();
            if show.phase != Phase::Cancelled {
                show.phase = Phase::Ended;
                show.untold = false;
            }
        }
        Said::Tended(u32::try_from(to - from).unwrap_or(u32::MAX), more)
    }
}
