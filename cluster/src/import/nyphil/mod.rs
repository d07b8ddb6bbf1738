//! The programmes of the New York Philharmonic's performance history, as its archive publishes
//! them: a programme is played in one or more concerts, and each concert is an event of ours.
//!
//! This module turns the archive's words into ours and decides nothing about seats or prices.

mod file;
mod place;
mod text;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::Refused;

/// Bytes of one catalogue file.
pub const FILE_BYTES_MAX: u64 = 256 << 20;

/// When a concert begins that the archive has no time for.
const TIME_UNKNOWN: Time = Time::constant(19, 30, 0, 0);

/// One concert, in our words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concert {
    /// The archive's programme id and the concert's number in it: what our id is made from.
    pub programme: String,
    pub number: usize,
    pub name: String,
    pub description: String,
    pub venue: String,
    pub city: String,
    pub country: String,
    pub begins: Timestamp,
    /// The archive has no time for it.
    pub time_unknown: bool,
}

/// How dates are moved and which are taken.
#[derive(Clone, Debug, Default)]
pub struct Calendar {
    /// Added to every date; 29 February becomes the 28th where there is none.
    pub shift_years: i32,
    /// Whole weeks added after that: weekdays stay.
    pub shift_weeks: i32,
    /// For places whose zone is not known.
    pub fallback_zone: Option<TimeZone>,
}

/// Every concert of a file, in its order, or why it can't be one.
pub fn concerts(json: &str, calendar: &Calendar) -> Result<Vec<Result<Concert, Refused>>, String> {
    let file: file::Catalogue = serde_json::from_str(json.trim_start_matches('\u{feff}'))
        .map_err(|error| format!("not a catalogue of programmes: {error}"))?;
    let mut concerts = Vec::new();
    for programme in &file.programs {
        for (number, concert) in programme.concerts.iter().enumerate() {
            concerts.push(read(programme, number, concert, calendar).map_err(|reason| Refused {
                what: format!("concert {number} of programme {}", programme.id),
                reason,
            }));
        }
    }
    Ok(concerts)
}

fn read(
    programme: &file::Programme,
    number: usize,
    concert: &file::Concert,
    calendar: &Calendar,
) -> Result<Concert, String> {
    let place = place::find(&concert.location);
    let zone = match place.zone {
        Some(zone) => TimeZone::get(zone).map_err(|error| error.to_string())?,
        None => calendar.fallback_zone.clone().ok_or_else(|| {
            format!("no time zone is known for '{}'; name one for such places", concert.location)
        })?,
    };
    // The archive writes the day's midnight in New York as UTC: the day is what it means.
    let day = concert.date.get(..10).unwrap_or(&concert.date);
    let day: Date = day.parse().map_err(|_| format!("'{}' is not a date", concert.date))?;
    let shift = Span::new()
        .try_years(calendar.shift_years)
        .and_then(|span| span.try_weeks(calendar.shift_weeks))
        .map_err(|error| error.to_string())?;
    let day = day.checked_add(shift).map_err(|error| error.to_string())?;
    let time = match concert.time.as_str() {
        "" | "None" => None,
        time => {
            Some(Time::strptime("%I:%M%p", time).map_err(|_| format!("'{time}' is not a time"))?)
        }
    };
    let begins = day.to_datetime(time.unwrap_or(TIME_UNKNOWN));
    let begins = zone.to_timestamp(begins).map_err(|error| error.to_string())?;
    let venue = match concert.venue.trim() {
        "" | "None" => format!("A place in {}", place.city),
        venue => text::one_line(venue),
    };
    Ok(Concert {
        programme: programme.id.clone(),
        number,
        name: text::name(programme, concert),
        description: text::description(programme, concert),
        venue,
        city: place.city,
        country: place.country,
        begins,
        time_unknown: time.is_none(),
    })
}

#[cfg(test)]
mod tests;
