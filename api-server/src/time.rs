//! Times on their way in and out: milliseconds since 1970 inside, RFC 3339 in UTC outside.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// This machine's clock. Good for what is shown; never for what is decided.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn rfc3339(ms: u64) -> String {
    timestamp(ms).to_string()
}

/// `Tue 24 Nov 2026, 19:30 UTC`.
pub(crate) fn for_people(ms: u64) -> String {
    timestamp(ms).to_zoned_datetime(TimeZone::UTC).strftime("%a %-d %b %Y, %H:%M UTC").to_string()
}

fn timestamp(ms: u64) -> Timestamp {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX)
}

/// An RFC 3339 time with an offset, not before 1970.
pub(crate) fn parse(text: &str) -> Option<u64> {
    let at: Timestamp = text.parse().ok()?;
    u64::try_from(at.as_millisecond()).ok()
}

/// A day or a time. As the end of a range a day lasts until its last millisecond.
pub(crate) fn parse_bound(text: &str, end: bool) -> Option<u64> {
    if text.len() > 10 {
        return parse(text);
    }
    let day: Date = text.parse().ok()?;
    let start = day.to_zoned_datetime(TimeZone::UTC).ok()?.timestamp().as_millisecond();
    let start = u64::try_from(start).ok()?;
    Some(if end { start + DAY_MS - 1 } else { start })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_whole_and_times_need_an_offset() {
        assert_eq!(parse("1970-01-02T00:00:00Z"), Some(DAY_MS));
        assert_eq!(parse("1970-01-02T01:00:00+01:00"), Some(DAY_MS));
        assert_eq!(parse("1970-01-02T00:00:00"), None);
        assert_eq!(parse_bound("1970-01-02", false), Some(DAY_MS));
        assert_eq!(parse_bound("1970-01-02", true), Some(2 * DAY_MS - 1));
        assert_eq!(parse_bound("1970-13-02", true), None);
        assert_eq!(rfc3339(DAY_MS), "1970-01-02T00:00:00Z");
    }
}
