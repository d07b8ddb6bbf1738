//! Single seats that a choice of seats would leave over.
//!
//! A free seat is *left over* if both its neighbours are taken, or are none, and it was not so before. A
//! choice out of a run of free neighbours is refused for it only if another would do without: of a run
//! of five, taking one leaves a choice; taking four does not, since one is left wherever it is.

use super::super::event::Event;

/// The seats that taking `seats` would leave over without need, in order.
pub(super) fn left_over(event: &Event, seats: &[u32]) -> Vec<u32> {
    let mut over: Vec<u32> = Vec::new();
    let mut looked: Vec<usize> = Vec::new();
    for &seat in seats {
        let Some(place) = event.layout.stretch_of(seat).filter(|it| !looked.contains(it)) else {
            continue;
        };
        looked.push(place);
        let Some(&stretch) = event.layout.stretches.get(place) else { continue };
        for run in super::super::free::runs(stretch, &|seat| event.is_free(seat)) {
            let rest: Vec<u32> = run.clone().filter(|seat| !seats.contains(seat)).collect();
            let taken = (run.end - run.start) as usize - rest.len();
            if taken == 0 || rest.len() < 2 {
                continue;
            }
            let is_left = |seat: u32| rest.binary_search(&seat).is_ok();
            let alone = rest
                .iter()
                .copied()
                .filter(|&seat| !is_left(seat + 1) && !seat.checked_sub(1).is_some_and(is_left));
            over.extend(alone);
        }
    }
    over.sort_unstable();
    over
}
