//! Where an event has free neighbours: what a search for the best seats asks.
//!
//! Derived from the owners of the seats, built when first asked for, never stored. A change only notes
//! which stretch it touched; the next search looks at those again. So a hold of named seats pays next
//! to nothing for it, and a search pays for what changed, not for what there is.
//!
//! Each zone has a tree over its stretches, best first, once it was searched. A node says of how many
//! neighbours some stretch below it has room, one bit for each number, so the best stretch for `n` is
//! found by going down.

use std::ops::Range;

use super::layout::{Layout, Stretch};

/// More neighbours than this are not searched for: the bits of a node.
pub(super) const NEIGHBOURS_MAX: u32 = u32::BITS;

/// What a stretch, or any stretch under a node, has room for. Bit `n - 1` stands for `n` neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
struct Room {
    any: u32,
    /// Without leaving a single seat over.
    clean: u32,
    /// Free seats, of all stretches under the node.
    free: u32,
}

/// Which room is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// No single seat may be left over.
    Clean,
    Any,
}

#[derive(Clone, Debug, Default)]
pub struct Free {
    zones: Vec<Tree>,
    is_stale: Vec<bool>,
}

/// What is known of one zone.
#[derive(Clone, Debug, Default)]
struct Tree {
    /// Node 1 is the root, the children of node i are 2i and 2i + 1. Empty until the zone is searched.
    rooms: Vec<Room>,
    /// Stretches that changed since they were looked at.
    stale: Vec<u32>,
}

impl Room {
    fn over(self, other: Self) -> Self {
        Self {
            any: self.any | other.any,
            clean: self.clean | other.clean,
            free: self.free + other.free,
        }
    }

    fn has(self, neighbours: u32, fit: Fit) -> bool {
        let rooms = match fit {
            Fit::Clean => self.clean,
            Fit::Any => self.any,
        };
        let bit = neighbours.checked_sub(1).and_then(|shift| 1_u32.checked_shl(shift));
        bit.is_some_and(|bit| rooms & bit != 0)
    }

    fn add_run(&mut self, count: u32) {
        // As many low bits as there are neighbours.
        let up_to = |n: u32| u32::MAX.checked_shr(NEIGHBOURS_MAX - n.min(NEIGHBOURS_MAX));
        self.free += count;
        self.any |= up_to(count).unwrap_or(0);
        self.clean |= up_to(count.saturating_sub(2)).unwrap_or(0);
        if (1..=NEIGHBOURS_MAX).contains(&count) {
            self.clean |= 1 << (count - 1);
        }
    }
}

/// The runs of free neighbours in a stretch.
pub(super) fn runs<F: Fn(u32) -> bool>(
    stretch: Stretch,
    is_free: &F,
) -> impl Iterator<Item = Range<u32>> + use<'_, F> {
    let end = stretch.end();
    let mut next = stretch.first;
    std::iter::from_fn(move || {
        let start = (next..end).find(|&seat| is_free(seat))?;
        let stop = (start..end).find(|&seat| !is_free(seat)).unwrap_or(end);
        next = stop;
        Some(start..stop)
    })
}

impl Free {
    /// Of an event that nothing is known of yet.
    pub fn unknown(layout: &Layout) -> Self {
        Self {
            zones: vec![Tree::default(); layout.zones.len()],
            is_stale: vec![false; layout.stretches.len()],
        }
    }

    /// A seat changed.
    pub fn touch(&mut self, layout: &Layout, seat: u32) {
        let Some(place) = layout.stretch_of(seat) else { return };
        let zone = layout.stretches.get(place).map_or(u32::MAX, |stretch| stretch.zone);
        let Some(tree) = self.zones.get_mut(zone as usize) else { return };
        if tree.rooms.is_empty() {
            return;
        }
        if let Some(is_stale) = self.is_stale.get_mut(place).filter(|is_stale| !**is_stale) {
            *is_stale = true;
            tree.stale.push(u32::try_from(place).unwrap_or(u32::MAX));
        }
    }

    /// Looks again at what changed in `zones`, and for the first time at those that are not known.
    pub fn refresh(&mut self, layout: &Layout, zones: &[usize], is_free: &impl Fn(u32) -> bool) {
        for &zone in zones {
            let known = self.zones.get_mut(zone).zip(layout.zones.get(zone));
            let Some((tree, of)) = known else { continue };
            if tree.rooms.is_empty() {
                tree.rooms = vec![Room::default(); of.stretches.len().next_power_of_two() * 2];
                tree.stale.clone_from(&of.stretches);
            }
            for index in tree.stale.drain(..) {
                let place = usize::try_from(index).unwrap_or(usize::MAX);
                if let Some(is_stale) = self.is_stale.get_mut(place) {
                    *is_stale = false;
                }
                let Some(&stretch) = layout.stretches.get(place) else { continue };
                let mut room = Room::default();
                for run in runs(stretch, is_free) {
                    room.add_run(run.end - run.start);
                }
                set(&mut tree.rooms, stretch.place as usize, room);
            }
        }
    }

    /// The place of the zone's best stretch that has the room.
    pub fn first(&self, zone: usize, neighbours: u32, fit: Fit) -> Option<usize> {
        let tree = &self.zones.get(zone)?.rooms;
        tree.get(1).filter(|root| root.has(neighbours, fit))?;
        let leaves = tree.len() / 2;
        let mut node = 1;
        while node < leaves {
            node *= 2;
            if !tree.get(node)?.has(neighbours, fit) {
                node += 1;
            }
        }
        Some(node - leaves)
    }

    /// Free seats of a zone.
    pub fn count(&self, zone: usize) -> u32 {
        self.root(zone).free
    }

    /// The most neighbours that a zone has room for, up to the most that are searched for.
    pub fn most(&self, zone: usize) -> u32 {
        NEIGHBOURS_MAX - self.root(zone).any.leading_zeros()
    }

    fn root(&self, zone: usize) -> Room {
        self.zones.get(zone).and_then(|tree| tree.rooms.get(1)).copied().unwrap_or_default()
    }
}

/// Writes a leaf, and what follows from it above.
fn set(tree: &mut [Room], leaf: usize, room: Room) {
    let mut node = tree.len() / 2 + leaf;
    let Some(slot) = tree.get_mut(node) else { return };
    *slot = room;
    while node > 1 {
        node /= 2;
        let children = tree.get(node * 2).copied().zip(tree.get(node * 2 + 1).copied());
        let Some((left, right)) = children else { return };
        if let Some(slot) = tree.get_mut(node) {
            *slot = left.over(right);
        }
    }
}
