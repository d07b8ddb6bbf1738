//! The best seats that are free, as a request asks for them: names become numbers here.

use rowlock_client::types::{Best, EventId, Together};
use rowlock_proto::ErrorCode;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::bookings::{SEATS_MAX, layout_of};
use crate::app::App;
use crate::money::Decimal;
use crate::problem::Problem;

/// The best seats that are free: near what everybody looks at, and no single seat left over.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct BestAvailable {
    /// 1 to 100.
    quantity: u32,
    /// Names of categories; none: any.
    #[serde(default)]
    categories: Vec<String>,
    /// Names of sections; none: any.
    #[serde(default)]
    sections: Vec<String>,
    /// The dearest that a seat may be.
    #[schema(value_type = Option<f64>)]
    max_price: Option<Decimal>,
    #[serde(default)]
    together: Togetherness,
    /// At least one wheelchair place, and companion seats for the others.
    #[serde(default)]
    accessible: bool,
}

#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum Togetherness {
    /// Side by side, else in one row, else in groups as large as there are.
    #[default]
    Preferred,
    SameRow,
    Adjacent,
}

impl BestAvailable {
    /// What the cluster is asked for, or what is wrong with the request.
    pub(super) async fn read(self, app: &App, event: EventId) -> Result<Best, Problem> {
        let quantity = usize::try_from(self.quantity).unwrap_or(usize::MAX);
        if quantity == 0 || quantity > SEATS_MAX {
            let what =
                format!("bestAvailable.quantity is {quantity}; 1 to {SEATS_MAX} are allowed");
            let field = json!("bestAvailable.quantity");
            return Err(Problem::new(ErrorCode::Invalid, what).with("field", field));
        }
        let layout = layout_of(app, event).await?;
        let map = &layout.map;
        let price_max = match &self.max_price {
            None => None,
            Some(price) => {
                let known = app.events.get(&*app.inventory, event).await?;
                Some(price.minor(&known.spec.currency).map_err(|error| {
                    let what = format!("bestAvailable.maxPrice {error}");
                    let field = json!("bestAvailable.maxPrice");
                    Problem::new(ErrorCode::Invalid, what).with("field", field)
                })?)
            }
        };
        let categories = map.categories.iter().map(|category| category.name.as_str());
        let sections = map.sections.iter().map(|section| section.name.as_str());
        Ok(Best {
            quantity: self.quantity,
            categories: numbers("bestAvailable.categories", &self.categories, categories)?,
            sections: numbers("bestAvailable.sections", &self.sections, sections)?,
            price_max,
            together: match self.together {
                Togetherness::Preferred => Together::Preferred,
                Togetherness::SameRow => Together::SameRow,
                Togetherness::Adjacent => Together::Adjacent,
            },
            accessible: self.accessible,
        })
    }
}

/// The places of `wanted` among `known`. `field` is what the request calls them.
pub(super) fn numbers<'a>(
    field: &str,
    wanted: &[String],
    known: impl Iterator<Item = &'a str> + Clone,
) -> Result<Vec<u32>, Problem> {
    let number = |name: &String| {
        let found = (0_u32..).zip(known.clone()).find(|(_, other)| other == name);
        found.map(|(number, _)| number).ok_or_else(|| {
            let names: Vec<&str> = known.clone().collect();
            Problem::field(field, "names something that the map does not have")
                .with("allowed", json!(names))
        })
    };
    wanted.iter().map(number).collect()
}
