//! The places of a sale, by number.

use super::{Sale, Standing};

/// A place of a sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Where {
    Seat(u32),
    Area(u16),
}

impl Sale {
    /// Every place that was granted or came since, with its price.
    pub(super) fn granted(&self) -> Vec<(Where, u64)> {
        let mut all: Vec<(Where, u64)> = self
            .seats
            .iter()
            .zip(&self.prices)
            .map(|(&seat, &price)| (Where::Seat(seat), price))
            .collect();
        for &(area, count, price) in &self.areas {
            all.extend((0..count).map(|_| (Where::Area(area), price)));
        }
        all.extend(&self.moves.came);
        all
    }

    /// Those that are still here, by number.
    pub(super) fn here(&self) -> Vec<(u32, Where, u64)> {
        let all = (0_u32..).zip(self.granted());
        all.filter(|(number, _)| !self.gone.contains(number))
            .map(|(number, (place, price))| (number, place, price))
            .collect()
    }

    pub fn total(&self) -> u64 {
        self.total_without(&[])
    }

    pub(super) fn owns(&self) -> bool {
        match self.standing {
            Standing::Held | Standing::Paying | Standing::Capturing | Standing::Confirmed => true,
            Standing::Released | Standing::Expired | Standing::RefundDue | Standing::Refunded => {
                false
            }
        }
    }
}
