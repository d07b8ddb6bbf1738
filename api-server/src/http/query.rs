//! The query string, by name. A parameter that is empty counts as left out.

use std::collections::BTreeMap;
use std::str::FromStr;

use axum::extract::FromRequestParts;
use axum::http::Uri;
use axum::http::request::Parts;

use crate::problem::Problem;

#[derive(Debug, Default)]
pub(crate) struct Query(BTreeMap<String, String>);

impl Query {
    /// Of the text behind the question mark.
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        let unreadable = || Problem::malformed("the query string can't be read");
        let uri: Uri = format!("/?{text}").parse().map_err(|_| unreadable())?;
        let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&uri);
        let axum::extract::Query(pairs) = pairs.map_err(|_| unreadable())?;
        let set = pairs.into_iter().map(|(name, value)| (name, value.trim().to_owned()));
        Ok(Self(set.filter(|(_, value)| !value.is_empty()).collect()))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(crate) fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>, Problem> {
        self.get(name)
            .map(|text| {
                text.parse().map_err(|_| {
                    if text.bytes().all(|byte| byte.is_ascii_digit()) {
                        return Problem::field(name, "is too great");
                    }
                    Problem::malformed(format!("{name} is not a whole number"))
                        .with("field", name.into())
                })
            })
            .transpose()
    }

    /// `true` or `false`; not there: false.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Problem> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Problem::field(name, "must be true or false")),
        }
    }

    /// What the parameters would be with one of them set anew.
    pub(crate) fn with(&self, name: &str, value: &str) -> String {
        let mut all = self.0.clone();
        all.insert(name.to_owned(), value.to_owned());
        let pairs = all.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
        pairs.collect::<Vec<_>>().join("&")
    }
}

/// `text` as it may stand in a query string.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::parse(parts.uri.query().unwrap_or(""))
    }
}
