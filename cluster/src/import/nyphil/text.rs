//! The archive's words made readable: capitals, names, and what a concert is called.

use super::file::{Concert, Programme, Soloist, Work};

/// Bytes of an event's name. The archive's longest programmes are cut here.
const NAME_BYTES_MAX: usize = 160;
const DESCRIPTION_BYTES_MAX: usize = 4_000;
/// Composers and soloists that a name names.
const NAMED_MAX: usize = 4;
const SOLOISTS_NAMED_MAX: usize = 2;

/// Whitespace, also of several lines, as single spaces.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// At most `bytes_max` bytes, at a word's end where there is one.
fn cut(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(bytes_max - '…'.len_utf8());
    let end = text[..end].rfind(char::is_whitespace).unwrap_or(end);
    format!("{}…", text[..end].trim_end_matches([' ', ',', ';', ':']))
}

/// "Beethoven,  Ludwig  van" as people say it.
fn person(archived: &str) -> String {
    match archived.split_once(',') {
        Some((family, given)) => {
            one_line(&format!("{} {}", own_spelling(given), own_spelling(family)))
        }
        None => one_line(own_spelling(archived)),
    }
}

fn family_name(archived: &str) -> String {
    one_line(own_spelling(archived.split(',').next().unwrap_or(archived)))
}

/// "Paert [Pärt]": in brackets stands how the name is spelt in its own language.
fn own_spelling(name: &str) -> &str {
    let own = name.trim_end().strip_suffix(']').and_then(|name| name.split_once('['));
    own.map_or(name, |(_, own)| own)
}

/// Words that stay small inside a title.
const SMALL: [&str; 22] = [
    "a", "an", "and", "as", "at", "by", "da", "de", "des", "di", "du", "for", "from", "in", "la",
    "le", "of", "on", "or", "the", "to", "with",
];
/// Catalogues of works, which are written in capitals.
const CATALOGUES: [&str; 6] = ["BWV", "HWV", "RV", "TWV", "BB", "FP"];

/// "SYMPHONY NO. 7 IN A MAJOR, OP.92" as "Symphony No. 7 in A Major, Op.92". Words that are not in
/// capitals were written with care and stay.
pub(super) fn title(archived: &str) -> String {
    let line = one_line(archived);
    let words: Vec<_> = line.split(' ').collect();
    let mut out = Vec::with_capacity(words.len());
    for (index, word) in words.iter().enumerate() {
        let letters: String = word.chars().filter(|letter| letter.is_alphabetic()).collect();
        let roman = letters.len() > 1 && letters.chars().all(|letter| "IVX".contains(letter));
        let shouted = !letters.chars().any(char::is_lowercase);
        let small = letters.to_lowercase();
        // "in A Major": the letter is a key.
        let key = letters.len() == 1
            && words.get(index + 1).is_some_and(|next| {
                let next = next.to_uppercase();
                ["MAJOR", "MINOR", "FLAT", "SHARP"].iter().any(|mode| next.starts_with(mode))
            });
        let inside = index > 0 && !out.last().is_some_and(|last: &String| last.ends_with(':'));
        out.push(if !shouted || roman || key || CATALOGUES.contains(&letters.as_str()) {
            (*word).to_owned()
        } else if inside && SMALL.contains(&small.as_str()) && word.starts_with(char::is_alphabetic)
        {
            word.to_lowercase()
        } else {
            capitalise(word)
        });
    }
    out.join(" ")
}

/// The first letter of the word and after each hyphen large, the others small.
fn capitalise(word: &str) -> String {
    let mut first = true;
    let mut out = String::with_capacity(word.len());
    for letter in word.chars() {
        if letter.is_alphabetic() {
            if first {
                out.extend(letter.to_uppercase())
            } else {
                out.extend(letter.to_lowercase())
            }
            first = false;
        } else {
            out.push(letter);
            first |= matches!(letter, '-' | '/');
        }
    }
    out
}

/// The works in their order, each once, without the intermissions.
fn works(programme: &Programme) -> Vec<(Option<&str>, String)> {
    let mut works: Vec<(Option<&str>, String)> = Vec::new();
    for work in &programme.works {
        let Some(text) = &work.title else { continue };
        let work = (composer(work), title(&text.joined()));
        if !works.contains(&work) {
            works.push(work);
        }
    }
    works
}

/// The composer, unless the archive says that there is none that is known.
fn composer(work: &Work) -> Option<&str> {
    let name = work.composer.as_deref()?.trim();
    let none =
        name.is_empty() || name.starts_with("No composer") || name.starts_with("Unspecified");
    (!none).then_some(name)
}

fn soloists(programme: &Programme) -> Vec<&Soloist> {
    let mut soloists: Vec<&Soloist> = Vec::new();
    for soloist in programme.works.iter().flat_map(|work| &work.soloists) {
        if !soloists.iter().any(|known| known.name == soloist.name) {
            soloists.push(soloist);
        }
    }
    soloists
}

/// What the concert is called: its works if they are few, else its composers, and its soloists.
pub(super) fn name(programme: &Programme, concert: &Concert) -> String {
    let works = works(programme);
    let mut composers: Vec<String> = Vec::new();
    for name in works.iter().filter_map(|(composer, _)| *composer).map(family_name) {
        if !composers.contains(&name) {
            composers.push(name);
        }
    }
    let played = match (works.as_slice(), composers.as_slice()) {
        ([], _) | (_, []) => one_line(&programme.orchestra),
        ([(Some(composer), title)], _) => format!("{}: {title}", family_name(composer)),
        (_, [only]) => format!("Music by {only}"),
        (_, composers) => listed(composers, NAMED_MAX),
    };
    let stars: Vec<_> = soloists(programme)
        .into_iter()
        .filter(|soloist| soloist.roles.as_deref().is_some_and(|roles| roles.contains('S')))
        .map(|soloist| person(&soloist.name))
        .collect();
    let with = match stars.as_slice() {
        [] => String::new(),
        stars if stars.len() <= SOLOISTS_NAMED_MAX => {
            format!(" with {}", listed(stars, SOLOISTS_NAMED_MAX))
        }
        stars => format!(" with {} and others", stars[0]),
    };
    // The plain season needs no word; a matinee for children does.
    let kind = match concert.kind.as_str() {
        "" | "Subscription Season" | "Tour" | "Non-Subscription" | "Runout" => String::new(),
        kind => format!("{}: ", one_line(kind)),
    };
    cut(&format!("{kind}{played}{with}"), NAME_BYTES_MAX)
}

/// "A", "A and B", "A, B and C", "A, B, C and more".
fn listed(names: &[String], names_max: usize) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        names if names.len() > names_max => format!("{} and more", names[..names_max].join(", ")),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Who plays what, a line each.
pub(super) fn description(programme: &Programme, concert: &Concert) -> String {
    let mut lines = vec![format!(
        "{}, season {} ({})",
        one_line(&programme.orchestra),
        one_line(&programme.season),
        one_line(&concert.kind)
    )];
    let mut conductors: Vec<String> = Vec::new();
    for conductor in programme.works.iter().filter_map(|work| work.conductor.as_deref()) {
        let conductor = person(conductor);
        if !conductors.contains(&conductor) {
            conductors.push(conductor);
        }
    }
    if !conductors.is_empty() {
        lines.push(format!("Conductor: {}", conductors.join(", ")));
    }
    let soloists: Vec<_> = soloists(programme)
        .into_iter()
        .map(|soloist| match soloist.instrument.as_deref().map(one_line) {
            Some(instrument) if !instrument.is_empty() => {
                format!("{} ({})", person(&soloist.name), instrument.to_lowercase())
            }
            _ => person(&soloist.name),
        })
        .collect();
    if !soloists.is_empty() {
        lines.push(format!("Soloists: {}", soloists.join(", ")));
    }
    for work in &programme.works {
        let Some(text) = &work.title else { continue };
        let mut line = title(&text.joined());
        if let Some(movement) = &work.movement {
            line = format!("{line}: {}", one_line(&movement.joined()));
        }
        lines.push(match composer(work) {
            Some(composer) => format!("{}: {line}", person(composer)),
            None => line,
        });
    }
    cut(&lines.join("\n"), DESCRIPTION_BYTES_MAX)
}
