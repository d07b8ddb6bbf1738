//! Seat lists as CSV: a line a seat, or a line a run of seats.
//!
//! Which column means what is told by a [`ColumnMapping`]; what it leaves open is guessed from
//! headers that are known, and never guessed between two. Seats come with coordinates, with places
//! in a grid of their zone, or with neither: then they stand in the order of the file, and
//! [`layout`](super::layout) makes the positions.

mod mapping;
mod seats;

use std::io::Read;

use rowlock_proto::seat_map::SeatMap;

use super::{Plan, PlanErrors};
use mapping::Columns;
pub use mapping::{CategoryRule, ColumnMapping};

/// Bytes of one list.
pub const CSV_BYTES_MAX: u64 = 64 << 20;
/// Seats that one line may stand for.
pub const RUN_SEATS_MAX: u64 = 1_000;

/// The seat map of a list.
pub fn parse(reader: impl Read, mapping: &ColumnMapping) -> Result<SeatMap, PlanErrors> {
    parse_plan(reader, mapping).map(|plan| plan.map)
}

/// The map, and what was left out.
pub fn parse_plan(reader: impl Read, mapping: &ColumnMapping) -> Result<Plan, PlanErrors> {
    let text = read(reader)?;
    let mut lines = csv::ReaderBuilder::new()
        .delimiter(delimiter(&text))
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let headers = lines.headers().map_err(|error| PlanErrors::one("", error.to_string()))?.clone();
    let columns = Columns::choose(&headers, mapping)?;
    let mut list = seats::SeatList::default();
    let mut errors = PlanErrors::default();
    for record in lines.records() {
        match record {
            Ok(record) => {
                let line = record.position().map_or(0, csv::Position::line);
                list.take(&columns, mapping, &record, line, &mut errors);
            }
            // The rest of the file may be read wrongly after this.
            Err(error) => {
                errors.push("", error.to_string());
                break;
            }
        }
        if list.is_full() {
            errors.push("", "the list has more seats than one map may have");
            break;
        }
    }
    errors.or(())?;
    let map = list.into_map(mapping.arrangement)?;
    Ok(Plan { name: String::new(), map, notes: columns.notes(&headers) })
}

fn read(reader: impl Read) -> Result<String, PlanErrors> {
    let mut bytes = Vec::new();
    reader
        .take(CSV_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| PlanErrors::one("", format!("can't read the list: {error}")))?;
    if bytes.len() as u64 > CSV_BYTES_MAX {
        let what = format!("the list takes more than {CSV_BYTES_MAX} bytes");
        return Err(PlanErrors::one("", what));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()]
            .iter()
            .filter(|&&byte| byte == b'\n')
            .count()
            + 1;
        PlanErrors::one(format!("line {line}"), "the text is not UTF-8")
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// The one of comma, semicolon and tab that the first line has most of.
fn delimiter(text: &str) -> u8 {
    let first = text.lines().next().unwrap_or_default();
    let count = |delimiter: &u8| first.bytes().filter(|byte| byte == delimiter).count();
    // The last of equals wins, so the comma stands last.
    [b'\t', b';', b','].into_iter().max_by_key(count).unwrap_or(b',')
}

#[cfg(test)]
mod tests;
