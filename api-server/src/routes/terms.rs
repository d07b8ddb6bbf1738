//! On what terms an event is sold: limits, fees and prices, and all of it at a glance.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use rowlock_client::key;
use rowlock_client::terms::{AccessCode, Fee, Limits, Sum};
use rowlock_client::types::{Event, Position, RequestKey};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::best_available::numbers;
use super::channels::ChannelView;
use super::events;
use super::promotions::PromotionView;
use super::venues::{NAME_BYTES_MAX, text};
use crate::app::App;
use crate::http::{Caller, Json, Path, Query, reply};
use crate::inventory::TermsOrder;
use crate::layout::Layout;
use crate::money::{Amount, Decimal};
use crate::problem::Problem;

/// Fees of an event; the core has the same bound.
const FEES_MAX: usize = 256;
/// Access codes of one page.
const CODES: u32 = 100;
const CODES_MAX: u32 = 1_000;

/// An event whose terms are looked at or changed, by those who may.
pub(super) struct Subject {
    pub(super) event: Event,
    pub(super) layout: Arc<Layout>,
}

impl Subject {
    pub(super) async fn find(app: &App, id: &str, caller: &Caller) -> Result<Self, Problem> {
        caller.must_organise()?;
        let event = events::find(app, id, Some(caller)).await?.value;
        let layout = app.layouts.get(&*app.inventory, event.id.slot(), event.spec.map).await?;
        Ok(Self { event, layout })
    }

    /// Numbers of categories by their names.
    pub(super) fn categories(&self, field: &str, names: &[String]) -> Result<Vec<u32>, Problem> {
        let known = self.layout.map.categories.iter().map(|category| category.name.as_str());
        numbers(field, names, known)
    }

    pub(super) fn category_names(&self, numbers: &[u32]) -> Vec<String> {
        numbers.iter().map(|&number| self.layout.category_name(number).to_owned()).collect()
    }

    pub(super) async fn change(
        &self,
        app: &App,
        order: TermsOrder,
        caller: &Caller,
        key: RequestKey,
    ) -> Result<Position, Problem> {
        let event = self.event.id;
        let changed = app.inventory.change_terms(event, order, caller.user, key).await;
        Ok(changed.map_err(|error| Problem::of_event(error, event))?.at)
    }
}

/// A bound that is given is at least 1; one that is left out is none, which the cluster calls 0.
pub(super) fn bound(field: &str, given: Option<u32>) -> Result<u32, Problem> {
    match given {
        Some(0) => Err(Problem::field(field, "must be 1 or more; leave it out for no limit")),
        Some(most) => Ok(most),
        None => Ok(0),
    }
}

pub(super) const fn shown_bound(bound: u32) -> Option<u32> {
    if bound == 0 { None } else { Some(bound) }
}

pub(super) fn nothing(at: Position) -> Response {
    reply::with_position(StatusCode::NO_CONTENT.into_response(), at)
}

/// Exactly one of the three ways in which a sum is given.
pub(super) fn sum(
    field: &str,
    per_place: Option<&Decimal>,
    per_booking: Option<&Decimal>,
    percent: Option<&Decimal>,
    currency: &str,
) -> Result<Sum, Problem> {
    let named = |name: &str| format!("{field}.{name}");
    let minor = |name: &str, amount: &Decimal| {
        amount.minor(currency).map_err(|error| Problem::field(&named(name), error))
    };
    match (per_place, per_booking, percent) {
        (Some(amount), None, None) => Ok(Sum::PerPlace(minor("perPlace", amount)?)),
        (None, Some(amount), None) => Ok(Sum::PerBooking(minor("perBooking", amount)?)),
        (None, None, Some(part)) => {
            let part = part.percent().map_err(|error| Problem::field(&named("percent"), error))?;
            Ok(Sum::Share(part))
        }
        _ => Err(Problem::field(field, "needs exactly one of perPlace, perBooking and percent")),
    }
}

/// The same on its way out.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SumView {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    per_place: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    per_booking: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<f64>)]
    percent: Option<Amount>,
}

impl SumView {
    pub(super) fn of(sum: Sum, currency: &str) -> Self {
        let amount = |minor| Some(Amount::new(minor, currency));
        let nothing = Self { per_place: None, per_booking: None, percent: None };
        match sum {
            Sum::PerPlace(minor) => Self { per_place: amount(minor), ..nothing },
            Sum::PerBooking(minor) => Self { per_booking: amount(minor), ..nothing },
            Sum::Share(part) => Self { percent: Some(Amount::percent(part)), ..nothing },
        }
    }
}

/// What one user or one order may have. What is left out has no limit.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LimitsView {
    max_places_per_order: Option<u32>,
    /// That one user may have on hold at one time, in payment included.
    max_held_places: Option<u32>,
    /// Holds of one user that may end unpaid; after that there are no more.
    max_lapsed_holds: Option<u32>,
    /// A hold by seats' ids may not leave a single seat over, where it could do without.
    #[serde(default)]
    no_single_seats: bool,
}

impl LimitsView {
    const fn of(limits: Limits) -> Self {
        Self {
            max_places_per_order: shown_bound(limits.places_per_order_max),
            max_held_places: shown_bound(limits.held_places_max),
            max_lapsed_holds: shown_bound(limits.lapsed_holds_max),
            no_single_seats: limits.no_single_seats,
        }
    }
}

/// Set the limits, all of them: what is left out is none. What is held stays.
#[utoipa::path(put, path = "/events/{eventId}/limits", tag = "terms", security(("bearer" = [])),
    request_body = LimitsView, params(("eventId" = String, Path)),
    responses((status = 200, description = "The limits", body = LimitsView),
        (status = 403, description = "not-allowed: needs the role organiser"),
        (status = 404, description = "event-not-found"),
        (status = 409, description = "event-state-conflict"),
        (status = 422, description = "invalid")))]
pub(super) async fn set_limits(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body: Json<LimitsView>,
) -> Result<Response, Problem> {
    let subject = Subject::find(&app, &id, &caller).await?;
    let new = body.value;
    let limits = Limits {
        places_per_order_max: bound("maxPlacesPerOrder", new.max_places_per_order)?,
        held_places_max: bound("maxHeldPlaces", new.max_held_places)?,
        lapsed_holds_max: bound("maxLapsedHolds", new.max_lapsed_holds)?,
        no_single_seats: new.no_single_seats,
    };
    let order = TermsOrder::SetLimits(limits);
    let at = subject.change(&app, order, &caller, key::request_key()).await?;
    Ok(reply::at(StatusCode::OK, at, &LimitsView::of(limits)))
}

/// What is paid besides the places. Exactly one of `perPlace`, `perBooking` and `percent`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct NewFee {
    name: String,
    #[schema(value_type = Option<f64>)]
    per_place: Option<Decimal>,
    #[schema(value_type = Option<f64>)]
    per_booking: Option<Decimal>,
    /// Of what the places cost after the discount.
    #[schema(value_type = Option<f64>)]
    percent: Option<Decimal>,
    /// Names of the categories that it is for; none: all.
    #[serde(default)]
    categories: Vec<String>,
}

#[derive(Deserialize, ToSchema)]
pub(super) struct NewFees {
    fees: Vec<NewFee>,
}

#[derive(Serialize, ToSchema)]
struct FeeView {
    name: String,
    #[serde(flatten)]
    sum: SumView,
    categories: Vec<String>,
}

impl FeeView {
    fn of(fee: &Fee, subject: &Subject) -> Self {
        Self {
            name: fee.name.clone(),
            sum: SumView::of(fee.sum, &subject.event.spec.currency),
            categories: subject.category_names(&fee.categories),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct FeesView {
    fees: Vec<FeeView>,
}

/// Set the fees, all of them, from now on. Bookings keep those that they were made under.
#[utoipa::path(put, path = "/events/{eventId}/fees", tag = "terms", security(("bearer" = [])),
    request_body = NewFees, params(("eventId" = String, Path)),
    responses((status = 200, description = "The fees", body = FeesView),
        (status = 403, description = "not-allowed: needs the role organiser"),
        (status = 404, description = "event-not-found"),
        (status = 409, description = "event-state-conflict, terms-full"),
        (status = 422, description = "invalid")))]
pub(super) async fn set_fees(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body: Json<NewFees>,
) -> Result<Response, Problem> {
    let subject = Subject::find(&app, &id, &caller).await?;
    let given = body.value.fees;
    if given.len() > FEES_MAX {
        return Err(Problem::field("fees", format!("may have {FEES_MAX}")));
    }
    let fee = |(index, new): (usize, &NewFee)| {
        let field = format!("fees[{index}]");
        text(&format!("{field}.name"), &new.name, NAME_BYTES_MAX)?;
        let currency = &subject.event.spec.currency;
        let (per_place, per_booking) = (new.per_place.as_ref(), new.per_booking.as_ref());
        let sum = sum(&field, per_place, per_booking, new.percent.as_ref(), currency)?;
        let categories = subject.categories(&format!("{field}.categories"), &new.categories)?;
        Ok(Fee { name: new.name.clone(), sum, categories })
    };
    let fees: Vec<Fee> = given.iter().enumerate().map(fee).collect::<Result<_, Problem>>()?;
    let view = FeesView { fees: fees.iter().map(|fee| FeeView::of(fee, &subject)).collect() };
    let order = TermsOrder::SetFees(fees);
    let at = subject.change(&app, order, &caller, key::request_key()).await?;
    Ok(reply::at(StatusCode::OK, at, &view))
}

#[derive(Deserialize, ToSchema)]
pub(super) struct NewPrices {
    /// A price for each category of the seating plan.
    #[schema(value_type = BTreeMap<String, f64>)]
    prices: BTreeMap<String, Decimal>,
}

/// Set the prices also while seats are held or sold: those keep theirs.
#[utoipa::path(put, path = "/events/{eventId}/prices", tag = "terms", security(("bearer" = [])),
    request_body = NewPrices, params(("eventId" = String, Path)),
    responses((status = 200, description = "The event", body = events::EventView),
        (status = 403, description = "not-allowed: needs the role organiser"),
        (status = 404, description = "event-not-found"),
        (status = 409, description = "event-state-conflict"),
        (status = 422, description = "invalid")))]
pub(super) async fn reprice(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    body: Json<NewPrices>,
) -> Result<Response, Problem> {
    let subject = Subject::find(&app, &id, &caller).await?;
    let currency = &subject.event.spec.currency;
    let prices = events::prices(&body.value.prices, &subject.layout, currency)?;
    let order = TermsOrder::Reprice(prices);
    subject.change(&app, order, &caller, key::request_key()).await?;
    events::shown(&app, subject.event.id, StatusCode::OK).await
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CodeView {
    code: String,
    channel: String,
    /// Live bookings that may have it.
    max_uses: Option<u32>,
    /// Live bookings that have it.
    uses: u32,
    revoked: bool,
}

impl CodeView {
    fn of(it: AccessCode) -> Self {
        let AccessCode { code, channel, uses_max, uses, revoked } = it;
        Self { code, channel, max_uses: shown_bound(uses_max), uses, revoked }
    }
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TermsView {
    event_id: String,
    limits: LimitsView,
    /// Those in force.
    fees: Vec<FeeView>,
    promotions: Vec<PromotionView>,
    channels: Vec<ChannelView>,
    /// One page of them.
    codes: Vec<CodeView>,
    /// The next page of codes begins behind this; not there on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// All terms of an event, access codes page by page.
#[utoipa::path(get, path = "/events/{eventId}/terms", tag = "terms", security(("bearer" = [])),
    params(("eventId" = String, Path),
        ("limit" = Option<u32>, Query, description = "Access codes: 1 to 1000; 100 unless said otherwise"),
        ("cursor" = Option<String>, Query, description = "nextCursor of the page before")),
    responses((status = 200, description = "The terms", body = TermsView),
        (status = 403, description = "not-allowed: needs the role organiser"),
        (status = 404, description = "event-not-found"),
        (status = 422, description = "invalid")))]
pub(super) async fn get(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    query: Query,
) -> Result<Response, Problem> {
    let subject = Subject::find(&app, &id, &caller).await?;
    let limit = query.number("limit")?.unwrap_or(CODES);
    if !(1..=CODES_MAX).contains(&limit) {
        return Err(Problem::field("limit", format!("must be 1 to {CODES_MAX}")));
    }
    let unknown = |_| Problem::field("cursor", "is none that was given out");
    let after = query.get("cursor").map(str::parse::<u32>).transpose().map_err(unknown)?;
    let after = after.unwrap_or(0);
    let found = app.inventory.terms(subject.event.id, after, limit).await?;
    let terms = found.value;
    let promotions = terms.promotions.iter();
    let channels = terms.channels.iter();
    let next = u32::try_from(terms.codes.len()).unwrap_or(u32::MAX).saturating_add(after);
    let view = TermsView {
        event_id: subject.event.id.to_string(),
        limits: LimitsView::of(terms.limits),
        fees: terms.fees.iter().map(|fee| FeeView::of(fee, &subject)).collect(),
        promotions: promotions
            .map(|(promotion, uses)| PromotionView::of(promotion, Some(*uses), &subject))
            .collect(),
        channels: channels
            .map(|(channel, places, kept)| {
                ChannelView::of(channel, &subject).with_use(*places, kept, &subject)
            })
            .collect(),
        codes: terms.codes.into_iter().map(CodeView::of).collect(),
        next_cursor: terms.more_codes.then(|| next.to_string()),
    };
    Ok(reply::at(StatusCode::OK, found.at, &view))
}
