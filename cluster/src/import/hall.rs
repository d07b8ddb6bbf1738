//! Halls that we draw ourselves, for venues that nobody has a plan of.
//!
//! A hall has stalls, a balcony and a gallery, each of curved rows that widen towards the back, and
//! each a price category. All in integers: the same number of seats is always the same map.

use rowlock_proto::seat_map::{Category, Row, Seat, SeatMap, Section, Shape};

/// Seats of the largest hall.
pub const HALL_SEATS_MAX: u32 = 20_000;
/// Below this a hall has stalls only.
const TIERS_SEATS_MIN: u32 = 200;

const SEAT_PITCH_MM: i32 = 550;
const ROW_PITCH_MM: i32 = 900;
/// Between tiers.
const CROSS_AISLE_MM: i32 = 2_500;
/// From the stage's middle to the first row.
const STAGE_MM: i32 = 8_000;
/// Of the rows' curve: a row is an arc of this radius around a point before the stage.
const CURVE_RADIUS_MM: i64 = 45_000;
const MARGIN_MM: i32 = 2_000;

/// Name, colour, and share of the seats in percent.
const TIERS: [(&str, u32, u32); 3] =
    [("Stalls", 0xa5_1d_2d, 60), ("Balcony", 0x1f_77_b4, 25), ("Gallery", 0x2a_8a_2a, 15)];

/// A hall with exactly `seats` seats, 1 to [`HALL_SEATS_MAX`].
pub fn draw(seats: u32) -> Option<SeatMap> {
    if seats == 0 || seats > HALL_SEATS_MAX {
        return None;
    }
    let tiers = if seats < TIERS_SEATS_MIN { &TIERS[..1] } else { &TIERS[..] };
    // A row grows by one seat a row from this, which makes a hall a little wider than it is deep.
    let first_row = seats.isqrt().max(4);
    let mut map = SeatMap::default();
    let mut left = seats;
    let mut y = STAGE_MM;
    for (index, &(name, colour, percent)) in (0_u8..).zip(tiers) {
        let last = usize::from(index) + 1 == tiers.len();
        let count = if last { left } else { seats * percent / 100 };
        left -= count;
        map.categories.push(Category { name: name.to_owned(), colour });
        let rows = tier(count, first_row, index, &mut y);
        map.sections.push(Section { name: name.to_owned(), rows });
        y += CROSS_AISLE_MM;
    }
    center(&mut map);
    Some(map)
}

/// The rows of a tier from `y` on, which is then behind the last.
fn tier(mut seats: u32, first_row: u32, category: u8, y: &mut i32) -> Vec<Row> {
    let mut rows = Vec::new();
    for number in 0.. {
        if seats == 0 {
            break;
        }
        // The last row takes what is left, so that it is never a row of one or two.
        let wide = first_row + number;
        let row = if seats < wide + wide / 2 { seats } else { wide };
        seats -= row;
        let seats = arc(row, category, *y);
        rows.push(Row { label: row_label(number), shape: Shape::Line, seats });
        *y += ROW_PITCH_MM;
    }
    rows
}

/// A row around the middle; its ends are nearer to the stage.
fn arc(seats: u32, category: u8, y: i32) -> Vec<Seat> {
    let count = i32::try_from(seats).unwrap_or(i32::MAX);
    let seat = |index: i32| {
        let x_mm = (2 * index + 1 - count) * SEAT_PITCH_MM / 2;
        let x = i64::from(x_mm).min(CURVE_RADIUS_MM);
        let rise = CURVE_RADIUS_MM - (CURVE_RADIUS_MM * CURVE_RADIUS_MM - x * x).max(0).isqrt();
        let rise = i32::try_from(rise).unwrap_or(0);
        Seat { label: (index + 1).to_string(), x_mm, y_mm: y - rise, category, flags: 0 }
    };
    (0..count).map(seat).collect()
}

/// A, B, … Z, AA, AB, …: as rows are called.
fn row_label(number: u32) -> String {
    let letter = |place: u32| char::from_digit(place % 26 + 10, 36).map(|c| c.to_ascii_uppercase());
    let first = if number < 26 { None } else { letter(number / 26 - 1) };
    first.into_iter().chain(letter(number)).collect()
}

fn center(map: &mut SeatMap) {
    let (mut left, mut right, mut top, mut bottom) = (0, 0, 0, 0);
    for (_, _, _, seat) in map.seats() {
        (left, right) = (seat.x_mm.min(left), seat.x_mm.max(right));
        (top, bottom) = (seat.y_mm.min(top), seat.y_mm.max(bottom));
    }
    let size = |least: i32, most: i32| u32::try_from(most - least + 2 * MARGIN_MM).unwrap_or(0);
    (map.width_mm, map.height_mm) = (size(left, right), size(top, bottom));
    for seat in map.sections.iter_mut().flat_map(|s| &mut s.rows).flat_map(|row| &mut row.seats) {
        seat.x_mm += MARGIN_MM - left;
        seat.y_mm += MARGIN_MM - top;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hall_has_the_seats_that_were_asked_for() {
        for seats in [1, 7, 199, 200, 800, 2_738, HALL_SEATS_MAX] {
            let map = draw(seats).expect("a hall");
            assert_eq!(map.seat_count(), seats as usize);
            map.encode().expect("a valid map");
            let inside = |at: i32, size: u32| u32::try_from(at).is_ok_and(|at| at < size);
            for (_, _, _, seat) in map.seats() {
                assert!(inside(seat.x_mm, map.width_mm), "{seat:?}");
                assert!(inside(seat.y_mm, map.height_mm), "{seat:?}");
            }
        }
        assert_eq!(draw(0), None);
        assert_eq!(draw(HALL_SEATS_MAX + 1), None);
    }

    #[test]
    fn rows_are_called_like_columns_of_a_sheet() {
        let labels: Vec<_> = [0, 25, 26, 51, 52].map(row_label).to_vec();
        assert_eq!(labels, ["A", "Z", "AA", "AZ", "BA"]);
    }
}
