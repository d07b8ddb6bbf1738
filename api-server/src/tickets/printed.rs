//! What stands on a ticket, in words, for all documents that are made of it.

/// One ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Printed {
    pub(crate) event: String,
    /// `Tue 24 Nov 2026, 19:30 UTC`.
    pub(crate) when: String,
    pub(crate) venue: String,
    pub(crate) city: String,
    pub(crate) section: String,
    /// Empty for a place in an area, as is `seat`.
    pub(crate) row: String,
    pub(crate) seat: String,
    /// `BKG-…`
    pub(crate) reference: String,
    pub(crate) ticket: String,
    /// What the QR code says.
    pub(crate) code: String,
    /// Paid with play money.
    pub(crate) test: bool,
}

impl Printed {
    /// `Stalls, row 4, seat 12`.
    pub(crate) fn place(&self) -> String {
        if self.row.is_empty() && self.seat.is_empty() {
            self.section.clone()
        } else {
            format!("{}, row {}, seat {}", self.section, self.row, self.seat)
        }
    }
}
