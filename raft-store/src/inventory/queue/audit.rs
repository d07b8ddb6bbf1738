//! What must always hold of a queue.

use super::{Phase, Queue};
use crate::inventory::event::Event;

/// Places that are looked at one by one; of a longer line every so many are.
const LOOKED_AT_MAX: u32 = 4_096;

pub(in crate::inventory) fn audit_queue(event: &Event, found: &mut Vec<String>) {
    let Some(queue) = event.queue.as_deref() else { return };
    let mut say = |what: String| found.push(format!("queue of {}: {what}", event.id));
    let total = queue.total();
    let waiting = (0..total).filter(|&entry| !queue.has_left(entry)).count();
    let admitted = queue.counters.head - queue.holes.before(queue.counters.head);
    if super::count(waiting).checked_sub(admitted) != Some(queue.waiting) {
        let counted = queue.waiting;
        say(format!("{waiting} entries, {admitted} admitted, {counted} counted as waiting"));
    }
    for (user, latest) in &queue.by_user {
        if queue.entries.get(latest.entry as usize) != Some(user) {
            say(format!("entry {} is not that of its user", latest.entry));
        }
    }
    for (&place, pass) in &queue.passes {
        if place >= queue.counters.head
            || queue.place(pass.entry) != Some(place)
            || !queue.ends.contains(&(pass.until_ms, place))
        {
            say(format!("the pass of place {place} is not that of entry {}", pass.entry));
        }
    }
    if queue.ends.len() != queue.passes.len() {
        say("passes and their ends differ in count".to_owned());
    }
    if queue.phase == Phase::Admitting {
        audit_positions(queue, &mut say);
    }
}

/// P8: entries and places belong to one another one to one; positions are dense.
fn audit_positions(queue: &Queue, say: &mut impl FnMut(String)) {
    let total = queue.total();
    let stride = total.div_ceil(LOOKED_AT_MAX).max(1);
    for place in (0..total).step_by(stride as usize) {
        let entry = queue.entry_at(place);
        if queue.place(entry) != Some(place) {
            say(format!("entry {entry} is not in place {place}"));
        }
        if queue.holes.contains(place) != queue.has_left(entry) {
            say(format!("place {place} is empty, or its entry {entry} left, but not both"));
        }
    }
    if stride > 1 {
        return;
    }
    let mut ahead = 0;
    for place in queue.counters.head..total {
        if queue.holes.contains(place) {
            continue;
        }
        if queue.ahead(place) != ahead {
            say(format!(
                "{} are said to be ahead of place {place}, {ahead} are",
                queue.ahead(place)
            ));
        }
        ahead += 1;
    }
    if ahead != queue.waiting {
        say(format!("{ahead} wait, {} are counted", queue.waiting));
    }
}
