//! What a search asks for, as its query string says it.

use super::geo::Near;
use super::order::{Cursor, Sort};
use super::words::{squeezed, words};
use crate::http::Query;
use crate::money::Decimal;
use crate::problem::Problem;
use crate::time;

pub(crate) const LIMIT_MAX: usize = 100;
const LIMIT: usize = 20;
const TEXT_CHARS_MAX: usize = 200;
/// Hits that can be reached by the number of a page.
const DEPTH_MAX: usize = 10_000;
const RADIUS_KM_MAX: f64 = 20_000.0;

#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// Each of these has to be found.
    pub(super) words: Vec<String>,
    pub(super) city: String,
    pub(super) category: String,
    pub(crate) date_from_ms: u64,
    pub(crate) date_to_ms: u64,
    /// In thousandths of whatever the currency is.
    pub(super) price_min: u64,
    pub(super) price_max: u64,
    pub(super) near: Option<Near>,
    pub(crate) sort: Sort,
    pub(super) facets: bool,
    /// From 1.
    pub(crate) page: usize,
    pub(crate) limit: usize,
    pub(super) cursor: Option<Cursor>,
}

impl Wanted {
    /// From the names of the API's query string.
    pub(crate) fn of(query: &Query) -> Result<Self, Problem> {
        let text = query.get("q").unwrap_or("");
        if text.chars().count() > TEXT_CHARS_MAX {
            return Err(Problem::field("q", format!("may have {TEXT_CHARS_MAX} characters")));
        }
        let near = near(query)?;
        let (date_from_ms, date_to_ms) = dates(query)?;
        let sort = match query.get("sort") {
            None => Sort::Relevance,
            Some(word) => Sort::of(word).ok_or_else(|| {
                let known = "must be relevance, date, price, popularity or distance";
                Problem::field("sort", known)
            })?,
        };
        if sort == Sort::Distance && near.is_none() {
            return Err(Problem::field("sort", "distance is from a point: say near too"));
        }
        let limit = query.number("limit")?.unwrap_or(LIMIT);
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(Problem::field("limit", format!("must be 1 to {LIMIT_MAX}")));
        }
        let page: Option<usize> = query.number("page")?;
        let cursor = cursor(query, sort)?;
        if cursor.is_some() && page.is_some() {
            return Err(Problem::field("page", "can't be given beside cursor"));
        }
        let page = page.unwrap_or(1);
        if page == 0 {
            return Err(Problem::field("page", "starts at 1"));
        }
        if page.saturating_mul(limit) > DEPTH_MAX {
            let what = format!("reaches past {DEPTH_MAX} events: go on by cursor");
            return Err(Problem::field("page", what));
        }
        Ok(Self {
            words: words(text),
            city: squeezed(query.get("city").unwrap_or("")),
            category: squeezed(query.get("category").unwrap_or("")),
            date_from_ms,
            date_to_ms,
            price_min: price(query, "price_min")?.unwrap_or(0),
            price_max: price(query, "price_max")?.unwrap_or(u64::MAX),
            near,
            sort,
            facets: query.flag("facets")?,
            page,
            limit,
            cursor,
        })
    }

    pub(crate) const fn is_by_cursor(&self) -> bool {
        self.cursor.is_some()
    }

    /// Hits before the page.
    pub(super) fn skip(&self) -> usize {
        self.page.saturating_sub(1).saturating_mul(self.limit)
    }
}

fn dates(query: &Query) -> Result<(u64, u64), Problem> {
    let bound = |name: &str, end: bool| {
        query
            .get(name)
            .map(|text| {
                time::parse_bound(text, end)
                    .ok_or_else(|| Problem::field(name, "is not a date such as 2026-12-31"))
            })
            .transpose()
    };
    let from_ms = bound("date_from", false)?.unwrap_or(0);
    let to_ms = bound("date_to", true)?.unwrap_or(u64::MAX);
    if from_ms > to_ms {
        return Err(Problem::field("date_to", "is before date_from"));
    }
    Ok((from_ms, to_ms))
}

fn price(query: &Query, name: &str) -> Result<Option<u64>, Problem> {
    // Three places are the most that a currency has; a bound finer than the currency's own is exact.
    let minor = |text: &str| Decimal::from_text(text).minor("KWD");
    query.get(name).map(|text| minor(text).map_err(|error| Problem::field(name, error))).transpose()
}

fn cursor(query: &Query, sort: Sort) -> Result<Option<Cursor>, Problem> {
    let Some(text) = query.get("cursor") else { return Ok(None) };
    let cursor =
        Cursor::read(text).ok_or_else(|| Problem::field("cursor", "is none that was given out"))?;
    if cursor.sort != sort {
        return Err(Problem::field("cursor", "is of a search that sorts otherwise"));
    }
    Ok(Some(cursor))
}

fn near(query: &Query) -> Result<Option<Near>, Problem> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    let radius = match query.get("radius_km") {
        None => None,
        Some(text) => {
            let known = number(text).filter(|km| *km > 0.0 && *km <= RADIUS_KM_MAX);
            let wrong = format!("must be more than 0 and at most {RADIUS_KM_MAX}");
            Some(known.ok_or_else(|| Problem::field("radius_km", wrong))?)
        }
    };
    let Some(text) = query.get("near") else {
        return match radius {
            None => Ok(None),
            Some(_) => Err(Problem::field("radius_km", "is around a point: say near too")),
        };
    };
    let read = || {
        let (latitude, longitude) = text.split_once(',')?;
        Some((number(latitude)?, number(longitude)?))
    };
    let (latitude, longitude) = read().ok_or_else(|| {
        Problem::field("near", "is not a latitude and a longitude such as 40.75,-73.99")
    })?;
    if latitude.abs() > 90.0 {
        return Err(Problem::field("near", "has a latitude that is not between -90 and 90"));
    }
    if longitude.abs() > 180.0 {
        return Err(Problem::field("near", "has a longitude that is not between -180 and 180"));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 20 million"
    )]
    let radius_m = radius.map(|km| (km * 1_000.0).round() as u64);
    Ok(Some(Near { latitude, longitude, radius_m }))
}
