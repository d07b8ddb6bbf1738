//! The JSON of a companion as it lies in the file. A key that is not here is refused.

use super::super::pretix::UNIT_MM;
use super::super::to_mm;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What is read first, whatever else there is.
#[derive(Deserialize)]
pub(super) struct Head {
    pub(super) version: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct File {
    pub(super) version: u64,
    /// Not there: as the plan says. `null`: there is none, whatever the plan says.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    pub(super) focus: Option<Option<Spot>>,
    #[serde(default)]
    pub(super) areas: Vec<Area>,
    #[serde(default)]
    pub(super) wheelchair: Vec<SeatNames>,
    #[serde(default)]
    pub(super) companions: Vec<SeatNames>,
    #[serde(default)]
    pub(super) restricted_view: Vec<SeatNames>,
    #[serde(default)]
    pub(super) tables: Vec<RowName>,
}

fn present<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Option<Spot>>, D::Error> {
    Option::deserialize(input).map(Some)
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Spot {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// A rectangle by its upper left corner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Area {
    pub(super) name: String,
    pub(super) category: String,
    pub(super) capacity: u32,
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeatNames {
    pub(super) section: String,
    pub(super) row: String,
    pub(super) seats: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RowName {
    pub(super) section: String,
    pub(super) row: String,
}

/// Millimetres, written in units of the plan: a whole number where it is one.
#[derive(Clone, Copy, Debug)]
pub(in crate::plan) struct Units(pub(in crate::plan) i32);

impl Units {
    pub(in crate::plan) fn number(self) -> f64 {
        f64::from(self.0) / UNIT_MM
    }
}

impl Serialize for Units {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // `10.0` would be no whole number to those who read a plan by its schema.
        let units = self.number();
        match to_mm(units).filter(|&whole| f64::from(whole) == units) {
            Some(whole) => serializer.serialize_i32(whole),
            None => serializer.serialize_f64(units),
        }
    }
}
