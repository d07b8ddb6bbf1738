use super::*;

/// Every seat of every zone, with its zone.
fn seats(zones: &[Zone], arrangement: Arrangement) -> Vec<(usize, i64, i64)> {
    let placements = place(zones, arrangement).expect("room");
    let mut all = Vec::new();
    for (index, (zone, placement)) in zones.iter().zip(placements).enumerate() {
        for row in 0..zone.rows {
            for column in 0..zone.columns {
                let (x, y) = placement.seat(column, row);
                all.push((index, i64::from(x), i64::from(y)));
            }
        }
    }
    all
}

fn check_apart(zones: &[Zone], arrangement: Arrangement) {
    let all = seats(zones, arrangement);
    for (place, a) in all.iter().enumerate() {
        for b in &all[place + 1..] {
            let apart = (a.1 - b.1).pow(2) + (a.2 - b.2).pow(2);
            // A millimetre each is what rounding may cost.
            let least = if a.0 == b.0 { SEAT_PITCH_MM } else { AISLE_MM } - 2;
            assert!(apart >= i64::from(least).pow(2), "{a:?} and {b:?} in {zones:?}");
        }
    }
}

fn zones(sizes: &[(u32, u32)]) -> Vec<Zone> {
    sizes.iter().map(|&(columns, rows)| Zone { columns, rows }).collect()
}

#[test]
fn seats_and_zones_keep_their_distance() {
    let mixed = zones(&[(3, 2), (9, 1), (1, 7), (4, 4), (12, 3)]);
    let many: Vec<_> = (0..40).map(|i| Zone { columns: 3 + i % 9, rows: 1 + i % 4 }).collect();
    for arrangement in [Arrangement::Field, Arrangement::Grid, Arrangement::Auto] {
        check_apart(&mixed, arrangement);
        check_apart(&many, arrangement);
        check_apart(&zones(&[(1, 1)]), arrangement);
    }
}

#[test]
fn a_layout_is_the_same_everywhere() {
    // Written down once: a changed position is a changed map, and a changed map a new venue.
    let ring: Vec<_> = (0..16).map(|i| Zone { columns: 10 + i, rows: 5 }).collect();
    let placements = place(&ring, Arrangement::Auto).expect("room");
    let corners: Vec<_> = placements.iter().step_by(5).map(|zone| zone.seat(0, 4)).collect();
    assert_eq!(corners, GOLDEN_CORNERS);
}

const GOLDEN_CORNERS: [(i32, i32); 4] =
    [(-2_250, 28_360), (-28_560, -947), (13_086, -25_606), (5_273, 28_504)];

#[test]
fn the_first_zone_of_a_ring_faces_up_from_the_bottom() {
    let placements = place(&zones(&[(3, 2)]), Arrangement::Field).expect("room");
    assert_eq!(placements[0].seat(0, 0), (-500, 15_000));
    assert_eq!(placements[0].seat(2, 1), (500, 15_850));
}

#[test]
fn zones_without_end_are_refused() {
    assert_eq!(place(&zones(&[(10_000, 10_000); 3]), Arrangement::Auto), None);
}
