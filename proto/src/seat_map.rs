//! A seat map and its bytes.
//!
//! A map is immutable and named by the SHA-256 of its bytes, so the bytes are canonical: one map
//! has one encoding, and [`SeatMap::decode`] refuses every other. They are written by hand because
//! the inventory reads them on every replica and may not depend on a library's idea of a format.
//!
//! ```text
//! map      = version:u8  width_mm:u32  height_mm:u32  focus  categories  sections  areas
//! focus    = x_mm:i32 y_mm:i32, since version 2; x is `i32::MIN` if there is none
//! a list   = count:u32, then its items
//! category = name:text colour:u24
//! section  = name:text rows
//! row      = label:text shape seats
//! shape    = 0 a row, 1 a table; since version 2
//! seat     = label:text x_mm:i32 y_mm:i32 category:u8 flags:u8
//! area     = name:text category:u8 capacity:u32 x_mm:i32 y_mm:i32 width_mm:u32 height_mm:u32
//! text     = length:u16, UTF-8
//! ```
//!
//! Numbers are little-endian. Seats are numbered in the order of the bytes; that number is the
//! seat's index everywhere else. A map that has nothing of version 2 is written as version 1.

use std::collections::BTreeSet;

/// The newest version that is read and written.
pub const FORMAT_VERSION: u8 = 2;
/// Seats of one map.
pub const SEATS_MAX: usize = 200_000;
/// Categories of one map: an index fits a byte, and prices stay a short list.
pub const CATEGORIES_MAX: usize = 100;
/// Bytes of one map. 200,000 seats with five-letter labels are 3.4 MB.
pub const BYTES_MAX: usize = 16 << 20;
/// Bytes of one name or label.
pub const TEXT_MAX: usize = 255;

/// The layout of a venue: sections of rows of seats, and areas without seats.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct SeatMap {
    pub width_mm: u32,
    pub height_mm: u32,
    /// What everybody looks at: the nearer, the better a seat. `None`: the middle of the front edge
    /// of the seats.
    pub focus_mm: Option<(i32, i32)>,
    pub categories: Vec<Category>,
    pub sections: Vec<Section>,
    /// General-admission areas.
    pub areas: Vec<Area>,
}

/// A price level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    pub name: String,
    /// `0xRRGGBB`.
    pub colour: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    pub name: String,
    pub rows: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub label: String,
    pub shape: Shape,
    pub seats: Vec<Seat>,
}

/// Who sits beside whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Shape {
    /// Neighbours in the list are neighbours, unless there is an aisle between them.
    #[default]
    Line,
    /// All sit together, and the last beside the first.
    Table,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    pub label: String,
    pub x_mm: i32,
    pub y_mm: i32,
    /// Index into `SeatMap::categories`.
    pub category: u8,
    /// Bits of [`flag`].
    pub flags: u8,
}

/// What is special about a seat.
pub mod flag {
    pub const WHEELCHAIR: u8 = 1;
    pub const COMPANION: u8 = 2;
    pub const RESTRICTED_VIEW: u8 = 4;
    /// Every bit that has a meaning.
    pub const ALL: u8 = 7;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Area {
    pub name: String,
    pub category: u8,
    pub capacity: u32,
    pub x_mm: i32,
    pub y_mm: i32,
    pub width_mm: u32,
    pub height_mm: u32,
}

/// Why bytes or a map are no seat map.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the bytes end in the middle of a map")]
    Truncated,
    #[error("bytes are left over after the map")]
    TrailingBytes,
    #[error("format version {0} is not known")]
    Version(u8),
    #[error("a text is not UTF-8, or longer than {TEXT_MAX} bytes")]
    Text,
    #[error("the map is not written in the oldest version that can say it")]
    NotCanonical,
    #[error("the focus is out of bounds")]
    Focus,
    #[error("there is no row shape {0}")]
    Shape(u8),
    #[error("the map has no seats and no areas")]
    Empty,
    #[error("the map has {0} seats, more than {SEATS_MAX}")]
    TooManySeats(usize),
    #[error("the map has {0} categories; 1 to {CATEGORIES_MAX} are allowed")]
    Categories(usize),
    #[error("{place} has category {category}, and there are {count}")]
    UnknownCategory { place: String, category: u8, count: usize },
    #[error("{0} has flags that have no meaning")]
    Flags(String),
    #[error("{0} stands twice in the map")]
    Repeated(String),
    #[error("the map takes {0} bytes, more than {BYTES_MAX}")]
    TooLong(usize),
}

impl SeatMap {
    /// Every seat with its index, section and row.
    pub fn seats(&self) -> impl Iterator<Item = (u32, &Section, &Row, &Seat)> {
        let nested = self.sections.iter().flat_map(|section| {
            section
                .rows
                .iter()
                .flat_map(move |row| row.seats.iter().map(move |seat| (section, row, seat)))
        });
        (0..).zip(nested).map(|(index, (section, row, seat))| (index, section, row, seat))
    }

    pub fn seat_count(&self) -> usize {
        self.sections.iter().flat_map(|section| &section.rows).map(|row| row.seats.len()).sum()
    }

    /// What may not be wrong in a map, whoever made it.
    pub fn check(&self) -> Result<(), Error> {
        let seats = self.seat_count();
        if seats == 0 && self.areas.is_empty() {
            return Err(Error::Empty);
        }
        if seats > SEATS_MAX {
            return Err(Error::TooManySeats(seats));
        }
        if self.focus_mm.is_some_and(|(x_mm, _)| x_mm == NO_FOCUS) {
            return Err(Error::Focus);
        }
        let count = self.categories.len();
        if count == 0 || count > CATEGORIES_MAX {
            return Err(Error::Categories(count));
        }
        let mut names = BTreeSet::new();
        for category in &self.categories {
            if !names.insert(category.name.as_str()) {
                return Err(Error::Repeated(format!("category {:?}", category.name)));
            }
        }
        let mut labels = BTreeSet::new();
        for (_, section, row, seat) in self.seats() {
            let place =
                || format!("seat {:?} of row {:?} in {:?}", seat.label, row.label, section.name);
            if usize::from(seat.category) >= count {
                return Err(Error::UnknownCategory {
                    place: place(),
                    category: seat.category,
                    count,
                });
            }
            if seat.flags & !flag::ALL != 0 {
                return Err(Error::Flags(place()));
            }
            if !labels.insert((&section.name, &row.label, &seat.label)) {
                return Err(Error::Repeated(place()));
            }
        }
        for area in &self.areas {
            if usize::from(area.category) >= count {
                let place = format!("area {:?}", area.name);
                return Err(Error::UnknownCategory { place, category: area.category, count });
            }
        }
        Ok(())
    }

    /// The canonical bytes, after [`SeatMap::check`].
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        self.check()?;
        let version = self.version();
        let mut out = Writer(Vec::with_capacity(64 + self.seat_count() * 16));
        out.0.push(version);
        out.u32(self.width_mm);
        out.u32(self.height_mm);
        if version > 1 {
            let (x_mm, y_mm) = self.focus_mm.unwrap_or((NO_FOCUS, 0));
            out.i32(x_mm);
            out.i32(y_mm);
        }
        out.count(self.categories.len());
        for category in &self.categories {
            out.text(&category.name)?;
            out.0.extend_from_slice(&category.colour.to_le_bytes()[..3]);
        }
        out.count(self.sections.len());
        for section in &self.sections {
            out.text(&section.name)?;
            out.count(section.rows.len());
            for row in &section.rows {
                out.text(&row.label)?;
                if version > 1 {
                    out.0.push(match row.shape {
                        Shape::Line => 0,
                        Shape::Table => 1,
                    });
                }
                out.count(row.seats.len());
                for seat in &row.seats {
                    out.text(&seat.label)?;
                    out.i32(seat.x_mm);
                    out.i32(seat.y_mm);
                    out.0.extend_from_slice(&[seat.category, seat.flags]);
                }
            }
        }
        out.count(self.areas.len());
        for area in &self.areas {
            out.text(&area.name)?;
            out.0.push(area.category);
            out.u32(area.capacity);
            out.i32(area.x_mm);
            out.i32(area.y_mm);
            out.u32(area.width_mm);
            out.u32(area.height_mm);
        }
        if out.0.len() > BYTES_MAX {
            return Err(Error::TooLong(out.0.len()));
        }
        Ok(out.0)
    }

    /// The map that `bytes` are the encoding of, checked.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > BYTES_MAX {
            return Err(Error::TooLong(bytes.len()));
        }
        let mut input = Reader(bytes);
        let version = input.u8()?;
        if version == 0 || version > FORMAT_VERSION {
            return Err(Error::Version(version));
        }
        let map = Self {
            width_mm: input.u32()?,
            height_mm: input.u32()?,
            focus_mm: if version > 1 { input.focus()? } else { None },
            categories: input.list(|input| {
                let name = input.text()?;
                let [red, green, blue] = input.array::<3>()?;
                Ok(Category { name, colour: u32::from_le_bytes([red, green, blue, 0]) })
            })?,
            sections: input.list(|input| {
                Ok(Section { name: input.text()?, rows: input.list(|input| input.row(version))? })
            })?,
            areas: input.list(|input| {
                Ok(Area {
                    name: input.text()?,
                    category: input.u8()?,
                    capacity: input.u32()?,
                    x_mm: input.i32()?,
                    y_mm: input.i32()?,
                    width_mm: input.u32()?,
                    height_mm: input.u32()?,
                })
            })?,
        };
        if !input.0.is_empty() {
            return Err(Error::TrailingBytes);
        }
        map.check()?;
        if version != map.version() {
            return Err(Error::NotCanonical);
        }
        Ok(map)
    }

    /// The oldest version that can say it.
    fn version(&self) -> u8 {
        let mut rows = self.sections.iter().flat_map(|section| &section.rows);
        let new = self.focus_mm.is_some() || rows.any(|row| row.shape != Shape::Line);
        if new { 2 } else { 1 }
    }
}

/// Stands for the x of a focus that is not there.
const NO_FOCUS: i32 = i32::MIN;

struct Writer(Vec<u8>);

impl Writer {
    fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }
    fn i32(&mut self, value: i32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }
    fn count(&mut self, count: usize) {
        // `check` bounds seats and categories; more rows or sections than this can't be in memory.
        self.u32(u32::try_from(count).expect("a list that fits memory many times over"));
    }
    fn text(&mut self, text: &str) -> Result<(), Error> {
        let length =
            u16::try_from(text.len()).ok().filter(|&length| usize::from(length) <= TEXT_MAX);
        self.0.extend_from_slice(&length.ok_or(Error::Text)?.to_le_bytes());
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (head, rest) = self.0.split_at_checked(length).ok_or(Error::Truncated)?;
        self.0 = rest;
        Ok(head)
    }
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        self.take(N)?.try_into().map_err(|_| Error::Truncated)
    }
    fn u8(&mut self) -> Result<u8, Error> {
        Ok(u8::from_le_bytes(self.array()?))
    }
    fn u32(&mut self) -> Result<u32, Error> {
        Ok(u32::from_le_bytes(self.array()?))
    }
    fn i32(&mut self) -> Result<i32, Error> {
        Ok(i32::from_le_bytes(self.array()?))
    }
    fn text(&mut self) -> Result<String, Error> {
        let length = usize::from(u16::from_le_bytes(self.array()?));
        if length > TEXT_MAX {
            return Err(Error::Text);
        }
        let text = std::str::from_utf8(self.take(length)?).map_err(|_| Error::Text)?;
        Ok(text.to_owned())
    }
    fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let count = self.u32()? as usize;
        // Every item takes at least a byte: a count past the bytes is a lie, and must not allocate.
        if count > self.0.len() {
            return Err(Error::Truncated);
        }
        (0..count).map(|_| item(self)).collect()
    }
    fn focus(&mut self) -> Result<Option<(i32, i32)>, Error> {
        match (self.i32()?, self.i32()?) {
            (NO_FOCUS, 0) => Ok(None),
            (NO_FOCUS, _) => Err(Error::NotCanonical),
            focus => Ok(Some(focus)),
        }
    }
    fn row(&mut self, version: u8) -> Result<Row, Error> {
        Ok(Row {
            label: self.text()?,
            shape: match if version > 1 { self.u8()? } else { 0 } {
                0 => Shape::Line,
                1 => Shape::Table,
                other => return Err(Error::Shape(other)),
            },
            seats: self.list(|input| {
                Ok(Seat {
                    label: input.text()?,
                    x_mm: input.i32()?,
                    y_mm: input.i32()?,
                    category: input.u8()?,
                    flags: input.u8()?,
                })
            })?,
        })
    }
}

#[cfg(test)]
mod tests;
