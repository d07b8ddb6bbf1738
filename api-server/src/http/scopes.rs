//! What programs with keys may do: each route needs a scope, or can't be had with a key at all.
//!
//! A route that is not known here is one for people only, so that nothing is opened by forgetting it.

use axum::http::Method;

/// A part of what its user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    EventsRead,
    EventsWrite,
    BookingsRead,
    BookingsWrite,
    RefundsWrite,
    TicketsRedeem,
}

impl Scope {
    pub(crate) const ALL: [Self; 6] = [
        Self::EventsRead,
        Self::EventsWrite,
        Self::BookingsRead,
        Self::BookingsWrite,
        Self::RefundsWrite,
        Self::TicketsRedeem,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::EventsRead => "events:read",
            Self::EventsWrite => "events:write",
            Self::BookingsRead => "bookings:read",
            Self::BookingsWrite => "bookings:write",
            Self::RefundsWrite => "refunds:write",
            Self::TicketsRedeem => "tickets:redeem",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }
}

/// What a key needs for a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// It is public, or says only who asks.
    Nothing,
    Scope(Scope),
    /// Accounts are people's own business.
    Person,
}

/// `route` as the router names it, below the API's base.
pub(crate) fn needed(method: &Method, route: &str) -> Need {
    let reads = *method == Method::GET || *method == Method::HEAD;
    let either = |read, write| Need::Scope(if reads { read } else { write });
    let parts: Vec<&str> = route.trim_matches('/').split('/').collect();
    match parts.as_slice() {
        ["openapi.json"] => Need::Nothing,
        ["users", "me"] if reads => Need::Nothing,
        ["users", "me", "bookings"] if reads => Need::Scope(Scope::BookingsRead),
        ["bookings", _, "refund" | "refunds", ..] => Need::Scope(Scope::RefundsWrite),
        ["bookings" | "payments", ..] => either(Scope::BookingsRead, Scope::BookingsWrite),
        ["tickets", "redeem"]
        | ["tickets", _, "unredeem"]
        | ["events", _, "scans" | "admissions"] => Need::Scope(Scope::TicketsRedeem),
        ["tickets", _, "void"] => Need::Scope(Scope::EventsWrite),
        ["tickets", ..] => either(Scope::BookingsRead, Scope::BookingsWrite),
        ["events", _, "waitlist"] if *method == Method::PUT => Need::Scope(Scope::EventsWrite),
        ["events", _, "waitlist"] | ["events", _, "waitlist", "accept"] => {
            either(Scope::BookingsRead, Scope::BookingsWrite)
        }
        ["events", _, "terms" | "money" | "refunds"] | ["events", _, "waitlist", "entries"]
            if reads =>
        {
            Need::Scope(Scope::EventsRead)
        }
        ["reports", ..] => Need::Scope(Scope::EventsRead),
        ["events" | "venues", ..] if reads => Need::Nothing,
        ["events" | "venues", ..] => Need::Scope(Scope::EventsWrite),
        _ => Need::Person,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_for_people() {
        for (method, route) in [
            (Method::POST, "/users/me/api-keys"),
            (Method::GET, "/users/me/api-keys"),
            (Method::PATCH, "/users/me"),
            (Method::DELETE, "/users/me"),
            (Method::POST, "/auth/logout"),
            (Method::GET, "/something/new"),
            (Method::GET, ""),
        ] {
            assert_eq!(needed(&method, route), Need::Person, "{method} {route}");
        }
        assert_eq!(needed(&Method::GET, "/events/{eventId}/seats"), Need::Nothing);
        let refund = needed(&Method::POST, "/bookings/{bookingId}/refund");
        assert_eq!(refund, Need::Scope(Scope::RefundsWrite));
        for scope in Scope::ALL {
            assert_eq!(Scope::parse(scope.as_str()), Some(scope));
        }
    }
}
