//! Lists of users, in scripts: `see b1 as x` looks at a booking as a consumer of the feed would, for its
//! buyer and those who have tickets of it (`see b1 as x with bert`: and one who gave his away), and keeps
//! what was seen; `list x y` brings it to the users; `list? anna` looks at a list, `list? anna 2` at
//! its first page of two; `forget anna`.

use rowlock_proto::ids::UserId;
use rowlock_raft_store::inventory::{BookingState, CommandKind, Listing, SYSTEM, UserListCommand};

use super::{Script, list, name, number, state};

/// Shard of the event.
const SOURCE: u32 = 3;

impl Script {
    pub(super) fn see(&mut self, id: &str, label: &str, with: &[&str]) {
        let view = self.world.state.booking(self.booking(id)).expect("a booking");
        let places = u32::try_from(view.seats.len()).unwrap()
            + view.areas.iter().map(|line| line.count).sum::<u32>();
        let all = places + u32::try_from(view.gone.len()).unwrap();
        let here = (0..all).filter(|place| !view.gone.contains(place));
        let tickets: Vec<(u32, UserId)> = here
            .filter(|_| view.state == BookingState::Confirmed)
            .map(|place| {
                let known = view.tickets.iter().find(|(of, _)| *of == place);
                (place, known.and_then(|(_, ticket)| ticket.holder).unwrap_or(view.user))
            })
            .collect();
        let mut users = vec![view.user];
        users.extend(view.tickets.iter().filter_map(|(_, ticket)| ticket.holder));
        users.extend(with.iter().map(|name| self.user(name)));
        users.sort_unstable();
        users.dedup();
        let revision = self.world.state.revision();
        let listing = |user: UserId| Listing {
            user,
            booking: view.booking,
            event: view.event,
            revision,
            created_ms: view.created_ms,
            state: view.state,
            buyer: user == view.user,
            places,
            total: if user == view.user { view.total } else { 0 },
            currency: view.currency,
            tickets: tickets.iter().filter(|(_, of)| *of == user).map(|(it, _)| *it).collect(),
        };
        self.seen.insert(label.to_owned(), users.into_iter().map(listing).collect());
    }

    pub(super) fn list(&mut self, labels: &[&str]) {
        let listings = labels.iter().flat_map(|label| self.seen[*label].clone()).collect();
        let command = UserListCommand::Apply { source: SOURCE, listings };
        self.apply(SYSTEM, None, CommandKind::UserList(command));
    }

    pub(super) fn forget(&mut self, user: &str) {
        let user = self.user(user);
        self.apply(SYSTEM, None, CommandKind::UserList(UserListCommand::Forget { user }));
    }

    pub(super) fn show_list(&mut self, user: &str, limit: Option<&&str>) {
        let user = self.user(user);
        let limit = limit.map_or(100, |limit| usize::try_from(number(limit)).unwrap());
        let page = self.world.state.user_list(user, None, 0, limit);
        self.say(format!("{} listed{}", page.total, if page.more { ", more follow" } else { "" }));
        for listing in &page.listings {
            self.say(shown(listing));
        }
    }
}

fn shown(listing: &Listing) -> String {
    let Listing { booking, state: is, places, total, tickets, revision, .. } = listing;
    let role = if listing.buyer { format!("bought, {places} for {total}") } else { "given".into() };
    let tickets = if tickets.is_empty() { "none".to_owned() } else { list(tickets) };
    format!("{} {} ({role}), tickets {tickets}, as of {revision}", name(*booking), state(*is))
}
