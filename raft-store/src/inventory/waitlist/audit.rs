//! What must always hold of a waitlist.

use std::collections::BTreeSet;

use super::stored::is_open;
use super::{Kept, Waitlist};
use crate::inventory::event::Event;
use crate::inventory::hold::judge_sale;
use crate::inventory::{Deadline, State};

/// Entries whose positions are looked at one by one; of a longer list every so many are.
const LOOKED_AT_MAX: u32 = 1_024;

pub(in crate::inventory) fn audit_waitlist(event: &Event, found: &mut Vec<String>) {
    let Some(list) = event.waitlist.as_deref() else { return };
    let mut say = |what: String| found.push(format!("waitlist of {}: {what}", event.id));
    audit_entries(event, list, &mut say);
    let mut waiting = 0;
    for (wish, line) in &list.lines {
        waiting += line.len();
        let head = line.first().and_then(|first| list.heads.get(first));
        if head != Some(wish) {
            say(format!("{wish:?} is not led by its first"));
        }
        let own = |entry: &&u32| {
            let waiter = list.entry(**entry);
            waiter.is_some_and(|it| it.kept == Kept::Waiting && it.wish == *wish)
        };
        if !line.iter().all(|entry| own(&entry)) {
            say(format!("{wish:?} has a line of others"));
        }
    }
    if list.heads.len() != list.lines.len() || waiting != list.waiting as usize {
        say(format!("{waiting} in {} lines wait", list.lines.len()));
    }
    audit_positions(list, &mut say);
}

fn audit_entries(event: &Event, list: &Waitlist, say: &mut impl FnMut(String)) {
    let mut live = BTreeSet::new();
    let mut open = 0;
    for (entry, waiter) in (0_u32..).zip(&list.entries) {
        let lives = match waiter.kept {
            Kept::Waiting => true,
            Kept::Left | Kept::PassedOver => false,
            Kept::Offered(seq) => {
                let booking = event.booking(seq).filter(|it| it.user == waiter.user);
                if booking.is_none() || list.offer(seq) != Some(entry) {
                    say(format!("entry {entry} was not offered booking {seq}"));
                }
                let is_open = booking.is_some_and(is_open);
                if is_open != list.open.contains(&seq) {
                    say(format!("the offer of entry {entry} is open, or not"));
                }
                open += usize::from(is_open);
                is_open
            }
        };
        if lives && !live.insert(waiter.user) {
            say(format!("the user of entry {entry} has two at once"));
        }
    }
    if open != list.open.len() || list.by_user.len() != list.entries.len() {
        say("offers or users differ in count".to_owned());
    }
}

fn audit_positions(list: &Waitlist, say: &mut impl FnMut(String)) {
    let stride = list.total().div_ceil(LOOKED_AT_MAX).max(1);
    let mut ahead = 0;
    for (entry, waiter) in (0_u32..).zip(&list.entries) {
        if entry.is_multiple_of(stride) && list.ahead(entry) != ahead {
            say(format!("{} are said to be ahead of entry {entry}", list.ahead(entry)));
        }
        ahead += u32::from(waiter.kept == Kept::Waiting);
    }
}

impl State {
    /// Nobody waits for what is free, and what is to be looked after is noted.
    pub(in crate::inventory) fn audit_waiting(&self, found: &mut Vec<String>) {
        let now_ms = self.log.clock_ms;
        let mut noted = 0;
        for (id, event) in &self.events {
            let Some(list) = event.waitlist.as_deref() else { continue };
            noted += usize::from(list.due_at.is_some());
            if list.due_at.is_some_and(|at| !self.offers_due.contains(&(at, *id)))
                || list.waits() != self.deadlines.is_watched(*id)
            {
                found.push(format!("waitlist of {id}: when to look after it is not noted"));
            }
            let due = |deadline: &Deadline| deadline.at_ms <= now_ms;
            let settled = !list.pending && !self.deadlines.of(*id).any(|it| due(&it));
            if !settled || judge_sale(event, now_ms, "").is_err() {
                continue;
            }
            for wish in list.lines.keys().filter(|wish| wish.fits_plainly(event)) {
                found.push(format!("waitlist of {id}: {wish:?} waits for what is free"));
            }
        }
        if noted != self.offers_due.len() {
            found.push("a waitlist is looked after that is not there".to_owned());
        }
    }
}
