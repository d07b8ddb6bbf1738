//! Calls in flight by id. An id is a place and the number of times it was used, so that a late
//! answer to a call that is gone finds nobody.

#[derive(Debug)]
struct Place<T> {
    uses: u32,
    item: Option<T>,
}

#[derive(Debug)]
pub(super) struct Slab<T> {
    places: Vec<Place<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    pub(super) fn insert(&mut self, item: T) -> u64 {
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place { uses: 0, item: None });
            u32::try_from(self.places.len() - 1).expect("queues bound the calls in flight")
        });
        let place = &mut self.places[index as usize];
        place.uses = place.uses.wrapping_add(1);
        place.item = Some(item);
        u64::from(place.uses) << 32 | u64::from(index)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the id is cut into its halves")]
    pub(super) fn remove(&mut self, id: u64) -> Option<T> {
        let index = id as u32;
        let place = self.places.get_mut(index as usize)?;
        if u64::from(place.uses) != id >> 32 {
            return None;
        }
        let item = place.item.take()?;
        self.free.push(index);
        Some(item)
    }

    pub(super) fn drain(&mut self) -> Vec<T> {
        let mut items = Vec::new();
        for (index, place) in (0_u32..).zip(&mut self.places) {
            if let Some(item) = place.item.take() {
                self.free.push(index);
                items.push(item);
            }
        }
        items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_id_finds_nobody_in_a_place_used_again() {
        let mut slab = Slab::default();
        let first = slab.insert("first");
        assert_eq!(slab.remove(first), Some("first"));
        let second = slab.insert("second");
        assert_ne!(first, second);
        assert_eq!(slab.remove(first), None);
        assert_eq!(slab.drain(), ["second"]);
        assert_eq!(slab.remove(second), None);
    }
}
