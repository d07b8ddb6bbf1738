//! When a sale starts, by rule.

use std::str::FromStr;

use jiff::{
    Timestamp,
    civil::{Date, Time},
    tz::TimeZone,
};

const HOUR_MS: u64 = 3_600_000;
/// Longest time before an event that a rule may name: ten years.
const BEFORE_HOURS_MAX: u64 = 10 * 366 * 24;

/// When tickets go on sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SaleRule {
    /// So long before the event begins: `90d-before`, `6w-before`, `12h-before`.
    Before { hours: u64 },
    /// At one instant for all: `2027-01-15` (midnight UTC) or `2027-01-15T10:00:00Z`.
    At { ms: u64 },
    /// As soon as the import runs: `now`.
    Now,
}

impl FromStr for SaleRule {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("'{text}' is not a rule such as 90d-before, 12h-before, 2027-01-15 or now");
        if text == "now" {
            return Ok(Self::Now);
        }
        if let Some(length) = text.strip_suffix("-before") {
            let unit = length.chars().last().ok_or_else(wrong)?;
            let hours = match unit {
                'h' => 1,
                'd' => 24,
                'w' => 7 * 24,
                _ => return Err(wrong()),
            };
            let count: u64 = length.trim_end_matches(unit).parse().map_err(|_| wrong())?;
            let hours = count.checked_mul(hours).filter(|&hours| hours <= BEFORE_HOURS_MAX);
            return Ok(Self::Before { hours: hours.ok_or_else(wrong)? });
        }
        let at = match text.parse::<Timestamp>() {
            Ok(at) => at,
            Err(_) => {
                let date: Date = text.parse().map_err(|_| wrong())?;
                TimeZone::UTC
                    .to_timestamp(date.to_datetime(Time::midnight()))
                    .map_err(|_| wrong())?
            }
        };
        Ok(Self::At { ms: u64::try_from(at.as_millisecond()).map_err(|_| wrong())? })
    }
}

impl SaleRule {
    /// The start of the sale of an event that begins at `date_ms`.
    pub fn start_ms(self, date_ms: u64, now_ms: u64) -> Result<u64, String> {
        let start_ms = match self {
            Self::Before { hours } => date_ms.saturating_sub(hours * HOUR_MS),
            Self::At { ms } => ms,
            // An event of the past was on sale until it began.
            Self::Now => now_ms.min(date_ms),
        };
        if start_ms > date_ms {
            return Err("the sale would start after the event".to_owned());
        }
        Ok(start_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: u64 = 24 * HOUR_MS;

    #[test]
    fn rules_name_an_instant() {
        let date_ms = 1_800_000_000_000;
        let check = |rule: &str, expected: Result<u64, &str>| {
            let rule: SaleRule = rule.parse().expect("a rule");
            let start = rule.start_ms(date_ms, date_ms - DAY_MS);
            assert_eq!(start.as_ref().map_err(String::as_str), expected.as_ref().map_err(|e| *e));
        };
        check("90d-before", Ok(date_ms - 90 * DAY_MS));
        check("2w-before", Ok(date_ms - 14 * DAY_MS));
        check("12h-before", Ok(date_ms - DAY_MS / 2));
        check("now", Ok(date_ms - DAY_MS));
        check("2026-01-02", Ok(1_767_312_000_000));
        check("2026-01-02T10:00:00+01:00", Ok(1_767_312_000_000 + 9 * HOUR_MS));
        check("2036-01-02", Err("the sale would start after the event"));
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for wrong in
            ["", "90", "d-before", "-1d-before", "9y-before", "1969-01-01", "99999999w-before"]
        {
            wrong.parse::<SaleRule>().expect_err(wrong);
        }
    }
}
