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

#[derive(Clone, Copy, Debug, Default, serde::Deserialize)]
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

/// A drawing. All of it is loose: nothing of a drawing is a reason to refuse a plan.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Area {
    pub(super) text: Option<AreaText>,
    #[serde(default)]
    pub(super) position: Loose<Position>,
    #[serde(default)]
    pub(super) rectangle: Loose<Size>,
    #[serde(default)]
    pub(super) width: Loose<f64>,
    #[serde(default)]
    pub(super) height: Loose<f64>,
}

/// A value, or nothing where something else stands in its place.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
#[serde(from = "LooseShape<T>")]
#[serde(bound = "T: Deserialize<'de>")]
pub(super) struct Loose<T>(pub(super) Option<T>);

impl<T> Default for Loose<T> {
    fn default() -> Self {
        Self(None)
    }
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum LooseShape<T> {
    Right(T),
    Other(serde::de::IgnoredAny),
}

impl<T> From<LooseShape<T>> for Loose<T> {
    fn from(shape: LooseShape<T>) -> Self {
        match shape {
            LooseShape::Right(value) => Self(Some(value)),
            LooseShape::Other(_) => Self(None),
        }
    }
}

/// The newer format has an object here, the older one a string.
#[derive(Debug, serde::Deserialize)]
#[serde(from = "AreaTextShape")]
pub(super) struct AreaText {
    pub(super) text: Option<String>,
    pub(super) position: Option<Position>,
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum AreaTextShape {
    Plain(String),
    Object {
        text: Option<String>,
        #[serde(default)]
        position: Loose<Position>,
    },
    Other(serde::de::IgnoredAny),
}

impl From<AreaTextShape> for AreaText {
    fn from(shape: AreaTextShape) -> Self {
        let (text, position) = match shape {
            AreaTextShape::Plain(text) => (Some(text), None),
            AreaTextShape::Object { text, position } => (text, position.0),
            AreaTextShape::Other(_) => (None, None),
        };
        Self { text, position }
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
