//! Waitlists in transcripts.
//!
//! ```text
//! > anna waits 2 adjacent cat=1       > anna leaves w0        > anna accepts w0
//! > waitlist offer=60                 > waitlist closed       > waitlist?       > anna waits?
//! ```

use std::fmt::Write as _;

use rowlock_proto::ids::UserId;
use rowlock_raft_store::inventory::waitlist::{
    WaitStanding, WaiterView, WaitlistChange, WaitlistCommand, WaitlistRules, Wish,
};
use rowlock_raft_store::inventory::{CommandKind, SYSTEM};

use super::{Script, name, seconds, small, time};

fn wish(words: &[&str]) -> Wish {
    let mut wish = Wish { quantity: 0, categories: Vec::new(), adjacent: false, accessible: false };
    for word in words {
        match word.split_once('=') {
            None if *word == "adjacent" => wish.adjacent = true,
            None if *word == "accessible" => wish.accessible = true,
            None => wish.quantity = small(word),
            Some(("cat", category)) => wish.categories.push(u8::try_from(small(category)).unwrap()),
            Some((other, _)) => panic!("a wish has no {other}"),
        }
    }
    wish
}

fn told(wish: &Wish) -> String {
    let mut text = wish.quantity.to_string();
    for (is, what) in [(wish.adjacent, " adjacent"), (wish.accessible, " accessible")] {
        text.push_str(if is { what } else { "" });
    }
    for category in &wish.categories {
        write!(text, " cat={category}").unwrap();
    }
    text
}

pub(super) fn waiter(view: &WaiterView) -> String {
    let mut text = format!("w{} for {}: ", view.entry, told(&view.wish));
    text.push_str(match view.standing {
        WaitStanding::Waiting => "waits",
        WaitStanding::Offered => "is offered",
        WaitStanding::Bought => "bought",
        WaitStanding::Declined => "declined",
        WaitStanding::RanOut => "let run out",
        WaitStanding::PassedOver => "passed over",
        WaitStanding::Left => "left",
        WaitStanding::Closed => "closed",
    });
    if view.position > 0 {
        write!(text, " at {}", view.position).unwrap();
    }
    if let Some(booking) = view.booking {
        write!(text, " {}, until {}", name(booking), time(view.until_ms)).unwrap();
    }
    text
}

fn entry(text: &str) -> u32 {
    small(text.strip_prefix('w').expect("w<number>"))
}

impl Script {
    /// Does what the words say, if that is something about the waitlist.
    pub(super) fn is_of_waitlist(&mut self, words: &[&str], key: Option<&str>) -> bool {
        let event = self.event;
        let (user, command) = match words {
            ["waitlist?"] => {
                self.show_waitlist();
                return true;
            }
            ["waitlist", words @ ..] => {
                self.set_waitlist(words);
                return true;
            }
            [user, "waits?"] => {
                let user = self.user(user);
                let view = self.world.state.waiter_of(event, user);
                self.say(view.map_or("no entry".to_owned(), |view| waiter(&view)));
                return true;
            }
            [user, "waits", wishes @ ..] => {
                (user, WaitlistCommand::Join { event, wish: wish(wishes) })
            }
            [user, "leaves", which] => {
                (user, WaitlistCommand::Leave { event, entry: entry(which) })
            }
            [user, "accepts", which] => {
                (user, WaitlistCommand::Accept { event, entry: entry(which) })
            }
            _ => return false,
        };
        let user = self.user(user);
        self.apply(user, key, CommandKind::Waitlist(command));
        true
    }

    fn set_waitlist(&mut self, words: &[&str]) {
        let event = self.event;
        let mut rules = WaitlistRules::default();
        for word in words {
            match word.split_once('=') {
                None if *word == "closed" => rules.closed = true,
                Some(("offer", offer)) => rules.offer_ms = seconds(offer),
                _ => panic!("a waitlist has no {word}"),
            }
        }
        let command = WaitlistCommand::Set { event, rules };
        self.apply(SYSTEM, None, CommandKind::Waitlist(command));
    }

    fn show_waitlist(&mut self) {
        let view = self.world.state.waitlist(self.event).unwrap();
        self.say(format!(
            "{} entries, {} wait, {} are offered",
            view.entries, view.waiting, view.offered
        ));
        for view in self.world.state.waiters_of(self.event, 0, 100, true).unwrap().0 {
            let user = self.named(view.user);
            self.say(format!("{user} {}", waiter(&view)));
        }
    }

    fn named(&self, user: UserId) -> String {
        self.users.get(&user).map_or("?", String::as_str).to_owned()
    }

    pub(super) fn waitlist_change(&self, change: &WaitlistChange) -> String {
        match change {
            WaitlistChange::RulesSet { rules, .. } => {
                let closed = if rules.closed { ", no new entries" } else { "" };
                format!("offers last {} s{closed}", time(rules.offer_ms))
            }
            WaitlistChange::Joined { user, entry, wish, .. } => {
                format!("{} waits for {}, w{entry}", self.named(*user), told(wish))
            }
            WaitlistChange::Left { user, entry, .. } => {
                format!("{} left, w{entry}", self.named(*user))
            }
            WaitlistChange::Offered { user, entry, booking, until_ms, .. } => {
                let (user, until) = (self.named(*user), time(*until_ms));
                format!("{} is offered to {user}, w{entry}, until {until}", name(*booking))
            }
            WaitlistChange::PassedOver { user, entry, .. } => {
                format!("{} is passed over, w{entry}", self.named(*user))
            }
        }
    }
}
