//! Names and labels that must be there, be short enough, and stand once.

use std::collections::BTreeMap;
use std::fmt;

use rowlock_proto::seat_map::{SeatMap, TEXT_MAX};

use super::PlanErrors;

/// Repeated values that a message names.
const REPEATS_SHOWN_MAX: usize = 5;

/// Complains about text that can't be a label; empty text is up to the caller.
pub(super) fn check_text(text: &str, what: &str, place: &str, errors: &mut PlanErrors) {
    if text.len() > TEXT_MAX {
        errors.push(
            place,
            format!("{what} is {} bytes long, and {TEXT_MAX} are allowed", text.len()),
        );
    }
    if text.chars().any(char::is_control) {
        errors.push(place, format!("{what} {text:?} has control characters"));
    }
}

/// Complains if a value stands more than once, and names the values that do.
pub(super) fn check_distinct<T: Ord + fmt::Display>(
    values: impl Iterator<Item = T>,
    of_what: &str,
    errors: &mut PlanErrors,
) {
    // The order of first appearance is the order of the message.
    let mut counts = BTreeMap::<T, (usize, usize)>::new();
    let mut total = 0_usize;
    for value in values {
        let count = counts.entry(value).or_insert((total, 0));
        count.1 += 1;
        total += 1;
    }
    let mut repeated: Vec<_> = counts.iter().filter(|(_, (_, count))| *count > 1).collect();
    if repeated.is_empty() {
        return;
    }
    repeated.sort_by_key(|(_, (first, _))| *first);
    let named: Vec<_> = repeated
        .iter()
        .take(REPEATS_SHOWN_MAX)
        .map(|(value, (_, count))| format!("{value} stands {count} times"))
        .collect();
    let more = match repeated.len().saturating_sub(REPEATS_SHOWN_MAX) {
        0 => String::new(),
        more => format!(", and {more} more repeat"),
    };
    errors.push(
        "",
        format!(
            "{} distinct {of_what} for {total} seats: {}{more}",
            counts.len(),
            named.join(", ")
        ),
    );
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct SeatLabel<'a> {
    section: &'a str,
    row: &'a str,
    seat: &'a str,
}

impl fmt::Display for SeatLabel<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}, row {}, seat {}'", self.section, self.row, self.seat)
    }
}

/// Complains if two seats of the map have the same section, row and number.
pub(super) fn check_seat_labels(map: &SeatMap, errors: &mut PlanErrors) {
    let labels = map.seats().map(|(_, section, row, seat)| SeatLabel {
        section: &section.name,
        row: &row.label,
        seat: &seat.label,
    });
    check_distinct(labels, "(section, row, seat) labels", errors);
}
