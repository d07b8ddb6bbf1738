//! Which column of a seat list means what.

use std::str::FromStr;

use crate::plan::{PlanErrors, layout::Arrangement};

/// What the columns of a list mean, by header. What is `None` is guessed from the headers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnMapping {
    pub section: Option<String>,
    pub row: Option<String>,
    pub seat: Option<String>,
    /// A line stands for the seats from `seat` to this one, both whole numbers.
    pub last_seat: Option<String>,
    /// Place in the zone's grid, front to back.
    pub grid_row: Option<String>,
    /// Place in the zone's grid, along the row.
    pub grid_column: Option<String>,
    pub x_mm: Option<String>,
    pub y_mm: Option<String>,
    pub categories: CategoryRule,
    /// How zones without coordinates are arranged.
    pub arrangement: Arrangement,
}

/// Where a seat's price category comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CategoryRule {
    /// A column whose header says so, else one category for all.
    #[default]
    Guess,
    Column(String),
    /// One category a section.
    Section,
    /// The first so many characters of the section's name.
    SectionPrefix(usize),
    /// One for all.
    Single,
}

impl FromStr for CategoryRule {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "section" => Ok(Self::Section),
            None if text == "single" => Ok(Self::Single),
            Some(("column", column)) if !column.is_empty() => Ok(Self::Column(column.to_owned())),
            Some(("prefix", length)) => match length.parse() {
                Ok(length @ 1..=255) => Ok(Self::SectionPrefix(length)),
                _ => Err(format!("'{length}' is not a number of characters from 1 to 255")),
            },
            _ => Err(format!("'{text}' is not section, single, prefix:N or column:HEADER")),
        }
    }
}

impl FromStr for ColumnMapping {
    type Err = String;
    /// `section=zone,row=rowNumber,seat=colNumber`.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut mapping = Self::default();
        for rule in text.split(',') {
            let (meaning, header) = rule
                .split_once('=')
                .map(|(meaning, header)| (meaning.trim(), header.trim()))
                .filter(|(_, header)| !header.is_empty())
                .ok_or_else(|| format!("'{rule}' is not of the form MEANING=HEADER"))?;
            if meaning == "category" {
                mapping.categories = CategoryRule::Column(header.to_owned());
                continue;
            }
            let known = mapping.slots();
            let meanings: Vec<_> = known.iter().map(|slot| slot.0).collect();
            let slot = known.into_iter().find(|slot| slot.0 == meaning).map(|slot| slot.1);
            let slot = slot.ok_or_else(|| {
                format!("'{meaning}' is not one of {}, category", meanings.join(", "))
            })?;
            if slot.replace(header.to_owned()).is_some() {
                return Err(format!("'{meaning}' is given twice"));
            }
        }
        Ok(mapping)
    }
}

impl ColumnMapping {
    fn slots(&mut self) -> [(&'static str, &mut Option<String>); 8] {
        [
            ("section", &mut self.section),
            ("row", &mut self.row),
            ("seat", &mut self.seat),
            ("last-seat", &mut self.last_seat),
            ("grid-row", &mut self.grid_row),
            ("grid-column", &mut self.grid_column),
            ("x", &mut self.x_mm),
            ("y", &mut self.y_mm),
        ]
    }
}

/// Headers that are known, in lower case without spaces, hyphens and underscores.
mod known {
    pub(super) const SECTION: &[&str] = &["section", "zone", "block", "sector", "stand"];
    pub(super) const ROW: &[&str] = &["row", "rownumber", "rowlabel", "rowname"];
    pub(super) const SEAT: &[&str] =
        &["seat", "seatnumber", "seatlabel", "colnumber", "columnnumber", "firstseat"];
    pub(super) const LAST_SEAT: &[&str] = &["lastseat", "toseat"];
    pub(super) const GRID_ROW: &[&str] = &["gridrow", "positionrownumber", "rowindex"];
    pub(super) const GRID_COLUMN: &[&str] =
        &["gridcolumn", "gridcol", "positioncolnumber", "columnindex", "colindex"];
    pub(super) const X: &[&str] = &["x", "xmm"];
    pub(super) const Y: &[&str] = &["y", "ymm"];
    pub(super) const CATEGORY: &[&str] = &["category", "pricecategory", "pricelevel"];
}

/// The columns' places in a line.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) section: usize,
    pub(super) row: usize,
    pub(super) seat: usize,
    pub(super) last_seat: Option<usize>,
    pub(super) grid_row: Option<usize>,
    pub(super) grid_column: Option<usize>,
    pub(super) position: Option<(usize, usize)>,
    pub(super) category: Option<usize>,
}

impl Columns {
    pub(super) fn choose(
        headers: &csv::StringRecord,
        mapping: &ColumnMapping,
    ) -> Result<Self, PlanErrors> {
        let mut search = Search { headers, errors: PlanErrors::default() };
        let section = search.required("section", mapping.section.as_deref(), known::SECTION);
        let row = search.required("row", mapping.row.as_deref(), known::ROW);
        let seat = search.required("seat", mapping.seat.as_deref(), known::SEAT);
        let last_seat = search.find("last-seat", mapping.last_seat.as_deref(), known::LAST_SEAT);
        let grid_row = search.find("grid-row", mapping.grid_row.as_deref(), known::GRID_ROW);
        let grid_column =
            search.find("grid-column", mapping.grid_column.as_deref(), known::GRID_COLUMN);
        let x = search.find("x", mapping.x_mm.as_deref(), known::X);
        let y = search.find("y", mapping.y_mm.as_deref(), known::Y);
        let category = match &mapping.categories {
            CategoryRule::Guess => search.find("category", None, known::CATEGORY),
            CategoryRule::Column(header) => search.find("category", Some(header), &[]),
            CategoryRule::Section | CategoryRule::SectionPrefix(_) | CategoryRule::Single => None,
        };
        if x.is_some() != y.is_some() {
            let what = "one of x and y has a column and the other has none";
            search.errors.push("", search.with_headers(what));
        }
        let chosen = section.zip(row).zip(seat);
        search.errors.or(())?;
        let ((section, row), seat) =
            chosen.ok_or_else(|| PlanErrors::one("", "a required column is missing"))?;
        let position = x.zip(y);
        Ok(Self { section, row, seat, last_seat, grid_row, grid_column, position, category })
    }

    /// Which columns carried nothing into the map.
    pub(super) fn notes(&self, headers: &csv::StringRecord) -> Vec<String> {
        let (x, y) = self.position.unzip();
        let used = [
            Some(self.section),
            Some(self.row),
            Some(self.seat),
            self.last_seat,
            self.grid_row,
            self.grid_column,
            x,
            y,
            self.category,
        ];
        let unused: Vec<_> = headers
            .iter()
            .enumerate()
            .filter(|(index, _)| !used.contains(&Some(*index)))
            .map(|(_, header)| format!("'{header}'"))
            .collect();
        match unused.as_slice() {
            [] => Vec::new(),
            unused => {
                vec![format!("columns without a meaning were left out: {}", unused.join(", "))]
            }
        }
    }
}

struct Search<'a> {
    headers: &'a csv::StringRecord,
    errors: PlanErrors,
}

impl Search<'_> {
    /// The only column that `header` names, or else the only one with a known header.
    fn find(&mut self, meaning: &str, header: Option<&str>, known: &[&str]) -> Option<usize> {
        let matches: Vec<_> = self
            .headers
            .iter()
            .enumerate()
            .filter(|(_, found)| match header {
                Some(header) => *found == header,
                None => known.contains(&plain(found).as_str()),
            })
            .collect();
        match (matches.as_slice(), header) {
            ([(index, _)], _) => Some(*index),
            ([], None) => None,
            ([], Some(header)) => {
                let what = format!("there is no column '{header}' for {meaning}");
                self.errors.push("", self.with_headers(&what));
                None
            }
            (several, _) => {
                let names: Vec<_> = several.iter().map(|(_, name)| format!("'{name}'")).collect();
                let what = format!(
                    "{} could each be the {meaning}; say which with {meaning}=HEADER",
                    names.join(" and ")
                );
                self.errors.push("", what);
                None
            }
        }
    }

    fn required(&mut self, meaning: &str, header: Option<&str>, known: &[&str]) -> Option<usize> {
        let before = self.errors.total();
        let found = self.find(meaning, header, known);
        if found.is_none() && self.errors.total() == before {
            let what =
                format!("no column is known to be the {meaning}; say which with {meaning}=HEADER");
            self.errors.push("", self.with_headers(&what));
        }
        found
    }

    fn with_headers(&self, what: &str) -> String {
        let headers: Vec<_> = self.headers.iter().map(|header| format!("'{header}'")).collect();
        format!("{what} (the columns are {})", headers.join(", "))
    }
}

fn plain(header: &str) -> String {
    header
        .chars()
        .filter(|letter| !matches!(letter, ' ' | '-' | '_'))
        .flat_map(char::to_lowercase)
        .collect()
}
