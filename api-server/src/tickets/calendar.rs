//! A calendar entry for a visit: iCalendar, RFC 5545.
//!
//! How long an event lasts is not known here, so the entry has a start and no end.

/// Bytes of a line before it is folded, without its end.
const LINE_BYTES_MAX: usize = 75;

/// One visit to one event.
#[derive(Debug)]
pub(crate) struct Visit<'a> {
    /// Unique in the world, and the same however often it is asked for.
    pub(crate) uid: String,
    pub(crate) made_ms: u64,
    pub(crate) starts_ms: u64,
    pub(crate) event: &'a str,
    pub(crate) venue: &'a str,
    pub(crate) city: &'a str,
    /// One line a thing that the visitor must know.
    pub(crate) notes: Vec<String>,
    pub(crate) cancelled: bool,
}

pub(crate) fn ics(visit: &Visit<'_>) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: &str| fold(&mut out, &format!("{name}:{value}"));
    line("BEGIN", "VCALENDAR");
    line("VERSION", "2.0");
    line("PRODID", "-//Rowlock//Tickets//EN");
    line("METHOD", "PUBLISH");
    line("BEGIN", "VEVENT");
    line("UID", &escaped(&visit.uid));
    line("DTSTAMP", &utc(visit.made_ms));
    line("DTSTART", &utc(visit.starts_ms));
    line("SUMMARY", &escaped(visit.event));
    let place = [visit.venue, visit.city];
    let place: Vec<_> = place.into_iter().filter(|part| !part.is_empty()).collect();
    line("LOCATION", &escaped(&place.join(", ")));
    line("DESCRIPTION", &escaped(&visit.notes.join("\n")));
    line("STATUS", if visit.cancelled { "CANCELLED" } else { "CONFIRMED" });
    line("TRANSP", "OPAQUE");
    line("END", "VEVENT");
    line("END", "VCALENDAR");
    out
}

/// Control characters have no place in a value; the others that mean something are marked.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | ';' | ',' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            control if control.is_control() => {}
            other => out.push(other),
        }
    }
    out
}

/// A line goes on behind a space on the next; no character is torn.
fn fold(out: &mut String, line: &str) {
    let mut width = 0;
    for character in line.chars() {
        if width + character.len_utf8() > LINE_BYTES_MAX {
            out.push_str("\r\n ");
            width = 1;
        }
        out.push(character);
        width += character.len_utf8();
    }
    out.push_str("\r\n");
}

/// `20261124T193000Z`.
fn utc(ms: u64) -> String {
    let text = crate::time::rfc3339(ms);
    let whole = text.split('.').next().unwrap_or("").trim_end_matches('Z');
    format!("{}Z", whole.replace(['-', ':'], ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit() -> Visit<'static> {
        Visit {
            uid: "BKG-7@rowlock".to_owned(),
            made_ms: 1_500,
            starts_ms: 86_400_000,
            event: "Ariadne, auf Naxos; \\ und mehr",
            venue: "Größtes Haus am Platz mit einem sehr langen Namen, der nicht in eine Zeile passt",
            city: "Köln",
            notes: vec!["Booking BKG-7".to_owned(), "Stalls, row 4, seat 12".to_owned()],
            cancelled: false,
        }
    }

    #[test]
    fn lines_are_folded_and_values_escaped() {
        let text = ics(&visit());
        assert!(text.starts_with("BEGIN:VCALENDAR\r\n") && text.ends_with("END:VCALENDAR\r\n"));
        for line in text.split("\r\n") {
            assert!(line.len() <= LINE_BYTES_MAX, "{line}");
            assert!(!line.contains('\n'), "{line}");
        }
        let whole = text.replace("\r\n ", "");
        assert!(whole.contains("SUMMARY:Ariadne\\, auf Naxos\\; \\\\ und mehr\r\n"), "{whole}");
        assert!(whole.contains("DTSTAMP:19700101T000001Z\r\n"), "{whole}");
        assert!(whole.contains("DTSTART:19700102T000000Z\r\n"), "{whole}");
        assert!(whole.contains("passt\\, Köln\r\n"), "{whole}");
        assert!(whole.contains("BKG-7\\nStalls\\, row 4\\, seat 12\r\n"), "{whole}");
        assert!(whole.contains("STATUS:CONFIRMED\r\n"), "{whole}");
        let off = ics(&Visit { cancelled: true, ..visit() });
        assert!(off.contains("STATUS:CANCELLED\r\n"), "{off}");
    }

    #[test]
    fn nothing_that_is_put_in_makes_a_line_of_its_own() {
        let event = "Evil\r\nEND:VCALENDAR\r\nBEGIN:VCALENDAR";
        let text = ics(&Visit { event, ..visit() });
        assert_eq!(text.matches("\r\nEND:VCALENDAR").count(), 1, "{text}");
    }
}
