//! The JSON of a plan as it lies in the file. Every key is optional here, so that what is missing
//! is told by [`super`] with the seat it is missing from.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

#[derive(Debug, serde::Deserialize)]
pub(super) struct Plan {
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) categories: Vec<Category>,
    #[serde(default)]
    pub(super) zones: Vec<Zone>,
    pub(super) size: Option<Size>,
}

#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct Size {
    pub(super) width: Option<f64>,
    pub(super) height: Option<f64>,
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct Category {
    pub(super) name: Option<String>,
    pub(super) color: Option<String>,
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct Zone {
    pub(super) name: Option<String>,
    pub(super) zone_id: Option<Label>,
    pub(super) position: Option<Position>,
    #[serde(default)]
    pub(super) rows: Vec<Row>,
    #[serde(default)]
    pub(super) areas: Vec<Area>,
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct Row {
    pub(super) row_number: Option<Label>,
    pub(super) position: Option<Position>,
    #[serde(default)]
    pub(super) seats: Vec<Seat>,
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct Seat {
    pub(super) seat_guid: Option<Label>,
    pub(super) seat_number: Option<Label>,
    pub(super) position: Option<Position>,
    pub(super) category: Option<String>,
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct Area {
    pub(super) text: Option<AreaText>,
}

/// The newer format has an object here, the older one a string.
#[derive(Debug, serde::Deserialize)]
#[serde(from = "AreaTextShape")]
pub(super) struct AreaText {
    pub(super) text: Option<String>,
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum AreaTextShape {
    Plain(String),
    Object { text: Option<String> },
    Other(serde::de::IgnoredAny),
}

impl From<AreaTextShape> for AreaText {
    fn from(shape: AreaTextShape) -> Self {
        let text = match shape {
            AreaTextShape::Plain(text) => Some(text),
            AreaTextShape::Object { text } => text,
            AreaTextShape::Other(_) => None,
        };
        Self { text }
    }
}

#[derive(Clone, Copy, Debug, Default, serde::Deserialize)]
pub(super) struct Position {
    pub(super) x: Option<f64>,
    pub(super) y: Option<f64>,
}

impl Position {
    pub(super) fn or_zero(self) -> (f64, f64) {
        (self.x.unwrap_or(0.0), self.y.unwrap_or(0.0))
    }
}

/// A label: text, or a whole number as some editors write it.
#[derive(Debug)]
pub(super) struct Label(pub(super) String);

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Label;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a whole number")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Label, E> {
                Ok(Label(text.to_owned()))
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Label, E> {
                Ok(Label(number.to_string()))
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Label, E> {
                Ok(Label(number.to_string()))
            }
        }
        deserializer.deserialize_any(Text)
    }
}
