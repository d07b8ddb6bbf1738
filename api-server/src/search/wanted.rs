//! What a search asks for.

use super::index::Entry;
use super::words::squeezed;
use crate::http::Query;
use crate::money::Decimal;
use crate::problem::Problem;
use crate::time;

pub(crate) const LIMIT_MAX: usize = 100;
const LIMIT: usize = 20;
const TEXT_CHARS_MAX: usize = 200;

#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) text: String,
    city: String,
    category: String,
    pub(crate) date_from_ms: u64,
    pub(crate) date_to_ms: u64,
    price_min: Option<Decimal>,
    price_max: Option<Decimal>,
    /// From 1.
    pub(crate) page: usize,
    pub(crate) limit: usize,
}

/// One page of what was found, and how many there are.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) entries: Vec<Entry>,
    pub(crate) total: usize,
}

impl Wanted {
    /// From the names of the API's query string.
    pub(crate) fn of(query: &Query) -> Result<Self, Problem> {
        let text = query.get("q").unwrap_or("").to_owned();
        if text.chars().count() > TEXT_CHARS_MAX {
            return Err(Problem::field("q", format!("may have {TEXT_CHARS_MAX} characters")));
        }
        let bound = |name: &str, end: bool| {
            query
                .get(name)
                .map(|text| {
                    time::parse_bound(text, end)
                        .ok_or_else(|| Problem::field(name, "is not a date such as 2026-12-31"))
                })
                .transpose()
        };
        let price = |name: &str| {
            query
                .get(name)
                .map(|text| {
                    let price = Decimal::from_text(text);
                    // Three places are the most that a currency has.
                    match price.minor("KWD") {
                        Ok(_) => Ok(price),
                        Err(error) => Err(Problem::field(name, error)),
                    }
                })
                .transpose()
        };
        let date_from_ms = bound("date_from", false)?.unwrap_or(0);
        let date_to_ms = bound("date_to", true)?.unwrap_or(u64::MAX);
        if date_from_ms > date_to_ms {
            return Err(Problem::field("date_to", "is before date_from"));
        }
        let page = query.number("page")?.unwrap_or(1);
        let limit = query.number("limit")?.unwrap_or(LIMIT);
        if page == 0 {
            return Err(Problem::field("page", "starts at 1"));
        }
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(Problem::field("limit", format!("must be 1 to {LIMIT_MAX}")));
        }
        Ok(Self {
            text,
            city: squeezed(query.get("city").unwrap_or("")),
            category: squeezed(query.get("category").unwrap_or("")),
            date_from_ms,
            date_to_ms,
            price_min: price("price_min")?,
            price_max: price("price_max")?,
            page,
            limit,
        })
    }

    /// Everything but words and dates, which have indexes of their own.
    pub(super) fn takes(&self, entry: &Entry) -> bool {
        let spec = &entry.event.spec;
        let cheapest = spec.prices.iter().min().copied().unwrap_or(0);
        let dearest = spec.prices.iter().max().copied().unwrap_or(0);
        // A bound finer than the currency's unit is rounded down, which is exact for what is asked.
        let bound =
            |price: &Decimal| price.minor("KWD").map_or(u64::MAX, |thousandths| thousandths);
        let thousandths = |minor: u64| match crate::money::places(&spec.currency).unwrap_or(2) {
            0 => minor.saturating_mul(1_000),
            2 => minor.saturating_mul(10),
            _ => minor,
        };
        (self.city.is_empty() || self.city == entry.city)
            && (self.category.is_empty() || self.category == entry.category)
            && self.price_max.as_ref().is_none_or(|max| thousandths(cheapest) <= bound(max))
            && self.price_min.as_ref().is_none_or(|min| thousandths(dearest) >= bound(min))
    }
}
