//! What caches between server and browser may keep: an entity tag for each reply, and for how long it is
//! good without asking.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use sha2::{Digest as _, Sha256};

/// For how long a reply is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Lists and details: places that are left may be wrong by seconds, as they are on any screen.
    Moments,
    /// What hardly ever changes.
    Minutes,
    /// What is named by its content.
    Forever,
    /// For the one who asked alone, who has to ask whether it still holds.
    Private,
    /// What decides: seats as they are this moment.
    Never,
}

impl Keep {
    const fn control(self) -> &'static str {
        match self {
            Self::Moments => "public, max-age=5, stale-while-revalidate=30",
            Self::Minutes => "public, max-age=300, stale-while-revalidate=3600",
            Self::Forever => "public, max-age=31536000, immutable",
            Self::Private => "private, no-cache",
            Self::Never => "no-store",
        }
    }

    /// The same, unless the caller is known: who organises sees more.
    pub(crate) const fn unless_private(self, is_private: bool) -> Self {
        if is_private { Self::Private } else { self }
    }
}

/// The tag of a body.
pub(crate) fn tag(body: &[u8]) -> String {
    let hash = Sha256::digest(body);
    let (head, _) = hash.split_at(16);
    format!("\"{}\"", hex::encode(head))
}

/// Whether the caller has what `tag` names.
pub(crate) fn has(request: &HeaderMap, tag: &str) -> bool {
    let values = request.get_all(header::IF_NONE_MATCH).iter();
    values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|given| {
        let given = given.trim();
        given == "*" || given.strip_prefix("W/").unwrap_or(given) == tag
    })
}

/// Makes `response` a reply that is kept: with a tag of `body`, or without the body if the caller has it.
pub(crate) fn keep(request: &HeaderMap, mut response: Response, tag: &str, keep: Keep) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep.control()));
    // An organiser's reply must not be another's.
    headers.insert(header::VARY, HeaderValue::from_static("authorization, accept"));
    if keep == Keep::Never {
        return response;
    }
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(header::ETAG, tag);
    }
    if has(request, tag) {
        headers.remove(header::CONTENT_TYPE);
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_among_others_and_weak_or_not() {
        let tag = tag(b"text");
        let asks = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_str(value).unwrap());
            has(&headers, &tag)
        };
        assert!(asks(&tag) && asks("*") && asks(&format!("W/{tag}")));
        assert!(asks(&format!("\"other\", {tag}")));
        assert!(!asks("\"other\"") && !asks("text"));
        assert!(!has(&HeaderMap::new(), &tag));
    }
}
