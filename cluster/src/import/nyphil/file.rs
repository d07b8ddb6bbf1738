//! The JSON of the archive as it lies in the file.

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct Catalogue {
    pub(super) programs: Vec<Programme>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Programme {
    pub(super) id: String,
    pub(super) orchestra: String,
    pub(super) season: String,
    pub(super) concerts: Vec<Concert>,
    #[serde(default)]
    pub(super) works: Vec<Work>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Concert {
    #[serde(rename = "eventType")]
    pub(super) kind: String,
    #[serde(rename = "Location")]
    pub(super) location: String,
    #[serde(rename = "Venue")]
    pub(super) venue: String,
    #[serde(rename = "Date")]
    pub(super) date: String,
    #[serde(rename = "Time")]
    pub(super) time: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Work {
    #[serde(rename = "composerName")]
    pub(super) composer: Option<String>,
    #[serde(rename = "workTitle")]
    pub(super) title: Option<Text>,
    pub(super) movement: Option<Text>,
    #[serde(rename = "conductorName")]
    pub(super) conductor: Option<String>,
    #[serde(default)]
    pub(super) soloists: Vec<Soloist>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Soloist {
    #[serde(rename = "soloistName")]
    pub(super) name: String,
    #[serde(rename = "soloistInstrument")]
    pub(super) instrument: Option<String>,
    /// `S` is a soloist, `A` an assisting artist.
    #[serde(rename = "soloistRoles")]
    pub(super) roles: Option<String>,
}

/// A text, or a text whose italic parts were taken out of it and stand apart.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Text {
    Plain(String),
    Parts {
        #[serde(rename = "_")]
        plain: Option<String>,
        em: Option<Emphasis>,
    },
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Emphasis {
    One(String),
    Several(Vec<String>),
}

impl Text {
    pub(super) fn joined(&self) -> String {
        match self {
            Self::Plain(text) => text.clone(),
            Self::Parts { plain, em } => {
                let em = match em {
                    None => String::new(),
                    Some(Emphasis::One(text)) => text.clone(),
                    Some(Emphasis::Several(texts)) => texts.join(", "),
                };
                format!("{} {em}", plain.as_deref().unwrap_or_default())
            }
        }
    }
}
