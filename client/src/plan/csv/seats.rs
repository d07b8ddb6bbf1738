//! The lines of a list, gathered by section and row and then placed.

use std::collections::BTreeMap;

use csv::StringRecord;
use rowlock_proto::seat_map::{
    CATEGORIES_MAX, Category, Row, SEATS_MAX, Seat, SeatMap, Section, Shape,
};

use super::RUN_SEATS_MAX;
use super::mapping::{CategoryRule, ColumnMapping, Columns};
use crate::plan::{PlanErrors, frame, labels, layout, pretix::colour, to_mm};

/// Largest place in a zone's grid.
const GRID_MAX: u32 = 10_000;
/// Space around the outermost seats.
const MARGIN_MM: i32 = 2_000;
/// The category of a list that has none.
const ONLY_CATEGORY: &str = "Standard";

#[derive(Debug, Default)]
pub(super) struct SeatList {
    sections: Vec<ListSection>,
    /// Index of each section by name.
    by_name: BTreeMap<String, usize>,
    categories: Vec<String>,
    category_by_name: BTreeMap<String, u8>,
    seats: usize,
}

#[derive(Debug)]
struct ListSection {
    name: String,
    rows: Vec<ListRow>,
    by_label: BTreeMap<String, usize>,
}

#[derive(Debug)]
struct ListRow {
    label: String,
    seats: Vec<ListSeat>,
}

#[derive(Debug)]
struct ListSeat {
    label: String,
    category: u8,
    place: Place,
}

/// Where the list says that a seat stands. All seats of a list say it in the same way.
#[derive(Clone, Copy, Debug)]
enum Place {
    Mm { x: i32, y: i32 },
    Grid { column: Option<u32>, row: Option<u32> },
}

impl SeatList {
    pub(super) fn is_full(&self) -> bool {
        self.seats > SEATS_MAX
    }

    /// Takes one line.
    pub(super) fn take(
        &mut self,
        columns: &Columns,
        mapping: &ColumnMapping,
        record: &StringRecord,
        line: u64,
        errors: &mut PlanErrors,
    ) {
        let before = errors.total();
        let line = Line { record, place: format!("line {line}") };
        let section = line.label(columns.section, "section", errors);
        let row = line.label(columns.row, "row", errors);
        let seats = line.seats(columns, errors);
        let place = line.position(columns, errors);
        let category = match (&mapping.categories, columns.category) {
            (_, Some(column)) => line.label(column, "category", errors),
            (CategoryRule::Section, None) => section,
            (CategoryRule::SectionPrefix(length), None) => {
                section.char_indices().nth(*length).map_or(section, |(end, _)| &section[..end])
            }
            (CategoryRule::Guess | CategoryRule::Column(_) | CategoryRule::Single, None) => {
                ONLY_CATEGORY
            }
        };
        let category = self.category(category, &line.place, errors);
        if errors.total() > before {
            return;
        }
        self.seats += seats.len();
        let row = self.row(section, row);
        for (offset, label) in (0_u32..).zip(seats) {
            // The seats of a run stand side by side.
            let place = match place {
                Place::Grid { column: Some(column), row } => {
                    Place::Grid { column: Some(column + offset), row }
                }
                place => place,
            };
            row.seats.push(ListSeat { label, category, place });
        }
    }

    fn category(&mut self, name: &str, place: &str, errors: &mut PlanErrors) -> u8 {
        if let Some(&category) = self.category_by_name.get(name) {
            return category;
        }
        match u8::try_from(self.categories.len()) {
            Ok(category) if self.categories.len() < CATEGORIES_MAX => {
                self.categories.push(name.to_owned());
                self.category_by_name.insert(name.to_owned(), category);
                category
            }
            _ => {
                let what = format!("'{name}' would be more than {CATEGORIES_MAX} categories");
                errors.push(place, what);
                0
            }
        }
    }

    fn row(&mut self, section: &str, label: &str) -> &mut ListRow {
        let index = *self.by_name.entry(section.to_owned()).or_insert_with(|| {
            let name = section.to_owned();
            self.sections.push(ListSection { name, rows: Vec::new(), by_label: BTreeMap::new() });
            self.sections.len() - 1
        });
        let section = &mut self.sections[index];
        let index = *section.by_label.entry(label.to_owned()).or_insert_with(|| {
            section.rows.push(ListRow { label: label.to_owned(), seats: Vec::new() });
            section.rows.len() - 1
        });
        &mut section.rows[index]
    }

    pub(super) fn into_map(self, arrangement: layout::Arrangement) -> Result<SeatMap, PlanErrors> {
        let mut errors = PlanErrors::default();
        if self.seats == 0 {
            return Err(PlanErrors::one("", "the list has no seats"));
        }
        let grids: Vec<_> = self.sections.iter().map(|s| Grid::of(s, &mut errors)).collect();
        errors.or(())?;
        let zones: Vec<_> = grids.iter().map(|grid| grid.extent).collect();
        let placements = layout::place(&zones, arrangement).ok_or_else(|| {
            PlanErrors::one("", "the zones would take more room than a map may have")
        })?;
        let mut map = SeatMap {
            categories: (0_u8..)
                .zip(self.categories)
                .map(|(index, name)| Category { name, colour: colour::default(index) })
                .collect(),
            ..SeatMap::default()
        };
        for ((section, grid), placement) in self.sections.into_iter().zip(grids).zip(placements) {
            let rows = grid.rows(section.rows, &placement);
            map.sections.push(Section { name: section.name, rows });
        }
        let mut errors = PlanErrors::default();
        labels::check_seat_labels(&map, &mut errors);
        if errors.is_empty() {
            frame(&mut map, None, MARGIN_MM);
            if let Err(error) = map.encode() {
                errors.push("", error.to_string());
            }
        }
        errors.or(map)
    }
}

/// The places of a section's seats in its grid, row by row; the least of each is zero.
struct Grid {
    extent: layout::Zone,
    places: Vec<Vec<(u32, u32)>>,
}

impl Grid {
    fn of(section: &ListSection, errors: &mut PlanErrors) -> Self {
        // Without a grid a seat's place is its number in the row, and a row's its number in the
        // section.
        let place = |row_index: u32, seat_index: u32, place: Place| match place {
            Place::Mm { .. } => (seat_index, row_index),
            Place::Grid { column, row } => (column.unwrap_or(seat_index), row.unwrap_or(row_index)),
        };
        let mut places: Vec<Vec<_>> = (0_u32..)
            .zip(&section.rows)
            .map(|(row_index, row)| {
                let seats = (0_u32..).zip(&row.seats);
                seats.map(|(index, seat)| place(row_index, index, seat.place)).collect()
            })
            .collect();
        let least = |part: fn(&(u32, u32)) -> u32| places.iter().flatten().map(part).min();
        let (left, front) = (least(|p| p.0).unwrap_or(0), least(|p| p.1).unwrap_or(0));
        let mut extent = layout::Zone { columns: 1, rows: 1 };
        let mut taken = BTreeMap::new();
        for (row, seats) in section.rows.iter().zip(&mut places) {
            for (seat, place) in row.seats.iter().zip(seats) {
                let named = *place;
                *place = (place.0 - left, place.1 - front);
                extent.columns = extent.columns.max(place.0 + 1);
                extent.rows = extent.rows.max(place.1 + 1);
                let at_mm = matches!(seat.place, Place::Mm { .. });
                if let (false, Some((row_before, seat_before))) =
                    (at_mm, taken.insert(*place, (&row.label, &seat.label)))
                    && (row_before, seat_before) != (&row.label, &seat.label)
                {
                    errors.push(
                        "",
                        format!(
                            "in '{}' both row {row_before}, seat {seat_before} and row {}, seat {} \
                             stand at column {}, row {} of the grid",
                            section.name, row.label, seat.label, named.0, named.1
                        ),
                    );
                }
            }
        }
        Self { extent, places }
    }

    /// The rows front to back, each along the grid.
    fn rows(self, rows: Vec<ListRow>, placement: &layout::Placement) -> Vec<Row> {
        let mut placed: Vec<_> = rows
            .into_iter()
            .zip(self.places)
            .map(|(row, places)| {
                let mut seats: Vec<_> = places.into_iter().zip(row.seats).collect();
                seats.sort_by_key(|((column, _), _)| *column);
                let front = seats.iter().map(|((_, row), _)| *row).min();
                let seats = seats.into_iter().map(|((column, grid_row), seat)| {
                    let (x_mm, y_mm) = match seat.place {
                        Place::Mm { x, y } => (x, y),
                        Place::Grid { .. } => placement.seat(column, grid_row),
                    };
                    Seat { label: seat.label, x_mm, y_mm, category: seat.category, flags: 0 }
                });
                (front, Row { label: row.label, shape: Shape::Line, seats: seats.collect() })
            })
            .collect();
        placed.sort_by_key(|(front, _)| *front);
        placed.into_iter().map(|(_, row)| row).collect()
    }
}

/// One line, with its place for messages.
struct Line<'a> {
    record: &'a StringRecord,
    place: String,
}

impl<'a> Line<'a> {
    fn field(&self, column: usize) -> &'a str {
        self.record.get(column).unwrap_or_default()
    }

    fn label(&self, column: usize, what: &str, errors: &mut PlanErrors) -> &'a str {
        let text = self.field(column);
        if text.is_empty() {
            errors.push(&self.place, format!("the {what} is empty"));
        }
        labels::check_text(text, &format!("the {what}"), &self.place, errors);
        text
    }

    /// The numbers of the line's seats.
    fn seats(&self, columns: &Columns, errors: &mut PlanErrors) -> Vec<String> {
        let first = self.label(columns.seat, "seat", errors);
        let last = columns.last_seat.map(|column| self.field(column)).unwrap_or_default();
        if last.is_empty() || last == first {
            return vec![first.to_owned()];
        }
        match (first.parse::<u64>(), last.parse::<u64>()) {
            (Ok(from), Ok(to)) if from < to && to - from < RUN_SEATS_MAX => {
                (from..=to).map(|number| number.to_string()).collect()
            }
            _ => {
                let what = format!(
                    "'{first}' to '{last}' is not a rising run of at most {RUN_SEATS_MAX} whole \
                     numbers"
                );
                errors.push(&self.place, what);
                Vec::new()
            }
        }
    }

    fn position(&self, columns: &Columns, errors: &mut PlanErrors) -> Place {
        if let Some((x, y)) = columns.position {
            let x = self.mm(x, errors);
            return Place::Mm { x, y: self.mm(y, errors) };
        }
        let column = columns.grid_column.map(|column| self.grid(column, errors));
        Place::Grid { column, row: columns.grid_row.map(|column| self.grid(column, errors)) }
    }

    fn mm(&self, column: usize, errors: &mut PlanErrors) -> i32 {
        let text = self.field(column);
        text.parse().ok().and_then(to_mm).unwrap_or_else(|| {
            errors.push(&self.place, format!("'{text}' is not a position in millimetres"));
            0
        })
    }

    fn grid(&self, column: usize, errors: &mut PlanErrors) -> u32 {
        let text = self.field(column);
        text.parse().ok().filter(|&place| place <= GRID_MAX).unwrap_or_else(|| {
            errors.push(
                &self.place,
                format!("'{text}' is not a place in a grid: a whole number up to {GRID_MAX}"),
            );
            0
        })
    }
}
