//! The life of an event, and what a cancelled one owes.

use rowlock_proto::error_code::ErrorCode;

use super::{Model, Phase, Said, Show, Standing, no};

/// What an organiser does to an event.
#[derive(Clone, Debug)]
pub enum Deed {
    Pause { why: String },
    Resume,
    End,
    SetEnd { ends_ms: u64 },
}

impl Show {
    /// Time ends what it is to end.
    pub(super) fn end_by_time(&mut self, now_ms: u64) {
        let on = matches!(self.phase, Phase::OnSale | Phase::Paused);
        if on && self.ends_ms != 0 && self.ends_ms <= now_ms {
            self.phase = Phase::Ended;
            self.untold = true;
        }
    }

    /// Sales of a cancelled event that are to be looked at next: first those that were paid after
    /// they were looked at.
    fn unsettled(&self) -> Option<usize> {
        if self.phase != Phase::Cancelled {
            return None;
        }
        let late = self.sales.iter().take(self.seen);
        let late = late.into_iter().position(|sale| sale.standing == Standing::Confirmed);
        late.or((self.seen < self.sales.len()).then_some(self.seen))
    }

    pub fn refunding(&self) -> bool {
        self.unsettled().is_some()
    }
}

impl Model {
    pub(super) fn reprice(&mut self, event: usize, prices: &[u64]) -> Said {
        let Some(show) = self.shows.get_mut(event) else {
            return no(ErrorCode::EventNotFound);
        };
        if show.phase == Phase::Cancelled {
            return no(ErrorCode::EventStateConflict);
        }
        let in_use = show.sales.iter().any(|sale| sale.owns() && !sale.here().is_empty());
        if prices != show.prices && in_use {
            return no(ErrorCode::PricesInUse);
        }
        show.prices = prices.to_vec();
        Said::Done
    }

    pub(super) fn deed(&mut self, event: usize, deed: &Deed) -> Said {
        let now_ms = self.clock_ms;
        let Some(show) = self.shows.get_mut(event) else { return no(ErrorCode::EventNotFound) };
        let on = matches!(show.phase, Phase::OnSale | Phase::Paused);
        match deed {
            Deed::Pause { why } if on => {
                show.phase = Phase::Paused;
                show.why.clone_from(why);
            }
            Deed::Resume if on => {
                show.phase = Phase::OnSale;
                show.why.clear();
            }
            Deed::End if on || show.phase == Phase::Ended => {
                show.phase = Phase::Ended;
                show.untold = false;
                show.why.clear();
            }
            Deed::SetEnd { ends_ms } if show.ends_ms == *ends_ms => {}
            Deed::SetEnd { ends_ms } if on || show.phase == Phase::Draft => {
                show.ends_ms = *ends_ms;
                show.end_by_time(now_ms);
            }
            Deed::Pause { .. } | Deed::Resume | Deed::End | Deed::SetEnd { .. } => {
                return no(ErrorCode::EventStateConflict);
            }
        }
        Said::Done
    }

    /// The next event that is to be looked at: cancelled ones first, then by their time.
    fn next_event(&self) -> Option<usize> {
        let cancelled = self.shows.iter().position(Show::refunding);
        let ended = |at: &usize| self.shows.get(*at).is_some_and(|show| show.untold);
        cancelled.or_else(|| {
            let ended = (0..self.shows.len()).filter(ended);
            ended.min_by_key(|&at| self.shows.get(at).map(|show| show.ends_ms))
        })
    }

    pub(super) fn tend(&mut self, max: u32) -> Said {
        let mut steps = 0;
        while steps < max {
            let Some(event) = self.next_event() else { break };
            steps += 1;
            let Some(show) = self.shows.get_mut(event) else { break };
            let Some(at) = show.unsettled() else {
                show.untold = false;
                show.why.clear();
                continue;
            };
            show.seen = show.seen.max(at + 1);
            if let Some(sale) = show.sales.get_mut(at)
                && sale.standing == Standing::Confirmed
            {
                sale.give_back(0, sale.total());
                sale.standing = Standing::Refunded;
            }
        }
        Said::Tended(steps, self.next_event().is_some())
    }
}
