//! Tickets as PDF: one page each, on A4 to print and cut, or as narrow as a phone to show.
//!
//! The fonts are two of the fourteen that every reader has, so nothing is embedded; a letter that they
//! don't have is written in the nearest Latin ones. The code is drawn in lines, not in pixels.

use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str, TextStr};
use qrcode::types::QrError;

use super::grid::{Grid, QUIET};
use super::printed::Printed;

/// What the ticket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paper {
    A4,
    Phone,
}

impl Paper {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "a4" => Some(Self::A4),
            "phone" => Some(Self::Phone),
            _ => None,
        }
    }

    /// Width and height in points of 1/72 inch; room around the ticket.
    const fn size(self) -> (f32, f32, f32) {
        match self {
            Self::A4 => (595.0, 842.0, 48.0),
            Self::Phone => (270.0, 540.0, 12.0),
        }
    }
}

const REGULAR: Name<'static> = Name(b"F1");
const BOLD: Name<'static> = Name(b"F2");
/// Thousandths of the size that letters from the space to the tilde are wide, in the regular font.
const WIDTHS: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667,
    611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667,
    667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500,
    222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];
/// Of letters beyond those, at most.
const WIDTH_ELSE: u16 = 1_000;
/// How much wider the bold font is, at most.
const BOLD_IS_WIDER: f32 = 1.12;
const MARK: &str = "TEST - NOT VALID FOR ENTRY";

/// All of `tickets`, one page each.
pub(crate) fn pdf(tickets: &[Printed], title: &str, paper: Paper) -> Result<Vec<u8>, QrError> {
    let mut pdf = Pdf::new();
    let (catalog, tree, info) = (Ref::new(1), Ref::new(2), Ref::new(3));
    let (regular, bold) = (Ref::new(4), Ref::new(5));
    let page_ids = |number: i32| (Ref::new(6 + 2 * number), Ref::new(7 + 2 * number));
    let count = i32::try_from(tickets.len()).unwrap_or(i32::MAX);
    let mut root = pdf.catalog(catalog);
    root.pages(tree).lang(TextStr("en"));
    root.viewer_preferences().display_doc_title(true);
    root.finish();
    pdf.document_info(info).title(TextStr(title)).producer(TextStr("Rowlock"));
    pdf.pages(tree).kids((0..count).map(|number| page_ids(number).0)).count(count);
    for (id, name) in [(regular, &b"Helvetica"[..]), (bold, &b"Helvetica-Bold"[..])] {
        let mut font = pdf.type1_font(id);
        font.base_font(Name(name)).encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    let (width, height, _) = paper.size();
    for (number, printed) in (0..count).zip(tickets) {
        let (page_id, content_id) = page_ids(number);
        let mut page = pdf.page(page_id);
        page.media_box(Rect::new(0.0, 0.0, width, height)).parent(tree).contents(content_id);
        page.resources().fonts().pair(REGULAR, regular).pair(BOLD, bold);
        page.finish();
        let content = draw(printed, &Grid::of(&printed.code)?, paper);
        pdf.stream(content_id, &content);
    }
    Ok(pdf.finish())
}

fn draw(ticket: &Printed, grid: &Grid, paper: Paper) -> Vec<u8> {
    let (width, height, margin) = paper.size();
    let inner = margin + 20.0;
    let measure = width - 2.0 * inner;
    let mut page = Page { content: Content::new(), left: inner, y: height - inner, measure };
    if ticket.test {
        page.mark(width, margin);
    }
    page.gap(4.0);
    page.text(&ticket.event, BOLD, if paper == Paper::A4 { 24.0 } else { 17.0 }, 4);
    page.gap(6.0);
    page.text(&ticket.when, REGULAR, 12.0, 1);
    page.text(&format!("{}, {}", ticket.venue, ticket.city), REGULAR, 12.0, 3);
    page.gap(14.0);
    let side = if paper == Paper::A4 { 230.0 } else { measure.min(206.0) };
    page.code(grid, side);
    page.gap(14.0);
    page.text(&ticket.section, BOLD, 15.0, 2);
    if !ticket.row.is_empty() || !ticket.seat.is_empty() {
        page.text(&format!("Row {}   Seat {}", ticket.row, ticket.seat), BOLD, 15.0, 2);
    }
    page.gap(8.0);
    page.text(&format!("Booking {}", ticket.reference), REGULAR, 10.0, 1);
    page.text(&ticket.ticket, REGULAR, 8.0, 1);
    page.gap(6.0);
    page.frame(margin, width, height);
    page.content.finish().into_vec()
}

struct Page {
    content: Content,
    left: f32,
    /// Where the next line's top is.
    y: f32,
    measure: f32,
}

impl Page {
    fn gap(&mut self, points: f32) {
        self.y -= points;
    }

    /// Lines of at most the page's measure; what needs more than `lines_max` is cut.
    fn text(&mut self, text: &str, font: Name<'static>, size: f32, lines_max: usize) {
        for line in wrapped(&encoded(text), font, size, self.measure, lines_max) {
            self.y -= size * 1.3;
            self.line(&line, font, size, self.left, self.y + size * 0.3);
        }
    }

    fn line(&mut self, line: &[u8], font: Name<'static>, size: f32, x: f32, y: f32) {
        self.content.begin_text();
        self.content.set_fill_gray(0.1).set_font(font, size);
        self.content.next_line(x, y).show(Str(line)).end_text();
    }

    fn code(&mut self, grid: &Grid, side: f32) {
        let squares = f32::from(u16::try_from(grid.side + 2 * QUIET).unwrap_or(u16::MAX));
        let square = side / squares;
        let top = self.y;
        // The quiet squares stand over the page's own left edge, so that the code lines up with the text.
        let at = |number: usize| f32::from(u16::try_from(number).unwrap_or(u16::MAX)) * square;
        self.content.set_fill_gray(0.0);
        for (row, column, length) in grid.runs() {
            let y = top - at(row + 1);
            self.content.rect(self.left + at(column), y, at(length), square);
        }
        self.content.fill_nonzero();
        self.y -= at(grid.side);
    }

    /// Across the top: good for no door.
    fn mark(&mut self, width: f32, margin: f32) {
        let size = 12.0;
        self.y -= 4.0;
        self.content.set_fill_rgb(0.7, 0.15, 0.12);
        self.content.rect(margin, self.y - 6.0, width - 2.0 * margin, size + 14.0).fill_nonzero();
        self.content.begin_text();
        self.content.set_fill_gray(1.0).set_font(BOLD, size);
        self.content.next_line(self.left, self.y).show(Str(MARK.as_bytes())).end_text();
        self.y -= 14.0;
    }

    /// Around all that was written.
    fn frame(&mut self, margin: f32, width: f32, height: f32) {
        let bottom = self.y - 14.0;
        self.content.set_line_width(1.2).set_stroke_gray(0.1);
        self.content.rect(margin, bottom, width - 2.0 * margin, height - margin - bottom).stroke();
    }
}

/// In the encoding of the fonts, which is that of old Windows for western Europe.
fn encoded(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for character in text.chars() {
        match character {
            control if control.is_control() => out.push(b' '),
            '\u{20}'..='\u{7e}' | '\u{a0}'..='\u{ff}' => {
                out.push(u8::try_from(u32::from(character)).unwrap_or(b'?'));
            }
            '€' => out.push(0x80),
            '…' => out.push(0x85),
            '‘' => out.push(0x91),
            '’' => out.push(0x92),
            '“' => out.push(0x93),
            '”' => out.push(0x94),
            '•' => out.push(0x95),
            '–' => out.push(0x96),
            '—' => out.push(0x97),
            other => match deunicode::deunicode_char(other) {
                Some(latin) => out.extend(latin.bytes()),
                None => out.push(b'?'),
            },
        }
    }
    out
}

fn width(text: &[u8], font: Name<'static>, size: f32) -> f32 {
    let of = |byte: &u8| {
        let place = usize::from(*byte).checked_sub(0x20);
        f32::from(place.and_then(|it| WIDTHS.get(it)).copied().unwrap_or(WIDTH_ELSE))
    };
    let wider = if font == BOLD { BOLD_IS_WIDER } else { 1.0 };
    text.iter().map(of).sum::<f32>() / 1_000.0 * size * wider
}

/// Broken at spaces, or within a word that is wider than a line.
fn wrapped(
    text: &[u8],
    font: Name<'static>,
    size: f32,
    measure: f32,
    lines_max: usize,
) -> Vec<Vec<u8>> {
    let mut lines: Vec<Vec<u8>> = Vec::new();
    let mut line = Vec::new();
    for word in text.split(|byte| *byte == b' ').filter(|word| !word.is_empty()) {
        let mut longer = line.clone();
        if !longer.is_empty() {
            longer.push(b' ');
        }
        longer.extend_from_slice(word);
        if width(&longer, font, size) <= measure {
            line = longer;
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        for &byte in word {
            line.push(byte);
            if width(&line, font, size) > measure && line.len() > 1 {
                line.pop();
                lines.push(std::mem::replace(&mut line, vec![byte]));
            }
        }
    }
    lines.push(line);
    if lines.len() > lines_max {
        lines.truncate(lines_max);
        if let Some(last) = lines.last_mut() {
            last.push(0x85);
            while width(last, font, size) > measure && last.len() > 1 {
                last.remove(last.len() - 2);
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(test: bool) -> Printed {
        Printed {
            event: "Ariadne auf Naxos (konzertant)".to_owned(),
            when: "Tue 24 Nov 2026, 19:30 UTC".to_owned(),
            venue: "Größtes Haus".to_owned(),
            city: "Łódź".to_owned(),
            section: "Balcony".to_owned(),
            row: "C".to_owned(),
            seat: "12".to_owned(),
            reference: "BKG-7".to_owned(),
            ticket: "tkt-1".to_owned(),
            code: "RWL1.a.b".to_owned(),
            test,
        }
    }

    #[test]
    fn each_ticket_has_its_page() {
        for paper in [Paper::A4, Paper::Phone] {
            let tickets = [true, false, false].map(printed);
            let bytes = pdf(&tickets, "Tickets BKG-7", paper).unwrap();
            assert!(bytes.starts_with(b"%PDF-1.7") && bytes.trim_ascii_end().ends_with(b"%%EOF"));
            let text = String::from_utf8_lossy(&bytes);
            assert_eq!(text.matches("/Type /Page\n").count(), 3, "{text}");
            assert_eq!(text.matches(MARK).count(), 1);
        }
    }

    #[test]
    fn what_the_fonts_lack_is_written_in_latin() {
        assert_eq!(encoded("Größe"), b"Gr\xf6\xdfe");
        assert_eq!(encoded("Łódź – 20 €"), b"L\xf3dz \x96 20 \x80");
        assert_eq!(encoded("Дворец"), b"Dvorets");
        assert_eq!(encoded("a\nb"), b"a b");
    }

    #[test]
    fn no_line_is_wider_than_the_page() {
        let long = "a ".repeat(80) + &"w".repeat(100);
        let lines = wrapped(&encoded(&long), BOLD, 12.0, 200.0, 4);
        assert_eq!(lines.len(), 4);
        for line in &lines {
            assert!(width(line, BOLD, 12.0) <= 200.0);
        }
        assert_eq!(lines[3].last(), Some(&0x85));
        assert_eq!(wrapped(b"one", REGULAR, 12.0, 200.0, 1), [b"one".to_vec()]);
    }
}
