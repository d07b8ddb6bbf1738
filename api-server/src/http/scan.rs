//! One pass over a JSON text before it is parsed: how deep it nests, and whether a string or number
//! in it is a card number. It keeps nothing and repeats nothing of what it sees.

use super::cards;

/// How deep a body may nest.
pub(super) const DEPTH_MAX: usize = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    TooDeep,
    CardNumber,
}

/// How closely to look for card numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cards {
    /// Anywhere in a string.
    Within,
    /// Strings that are nothing else: for bodies full of ids, as seating plans are.
    Whole,
}

pub(super) fn scan(text: &str, cards: Cards) -> Result<(), Found> {
    let bytes = text.as_bytes();
    let (mut depth, mut at) = (0_usize, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'{' | b'[' => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return Err(Found::TooDeep);
                }
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                at += 1;
            }
            b'"' => {
                let start = at + 1;
                at = end_of_string(bytes, start);
                let raw = text.get(start..at.min(text.len())).unwrap_or("");
                if is_card(raw, cards) {
                    return Err(Found::CardNumber);
                }
                at += 1;
            }
            digit if digit.is_ascii_digit() => {
                let start = at;
                while bytes.get(at).is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.') {
                    at += 1;
                }
                let number = text.get(start..at).unwrap_or("");
                if cards == Cards::Within && cards::whole(number) {
                    return Err(Found::CardNumber);
                }
            }
            _ => at += 1,
        }
    }
    Ok(())
}

/// Index of the quote that ends the string, or of the text's end.
fn end_of_string(bytes: &[u8], mut at: usize) -> usize {
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn is_card(raw: &str, cards: Cards) -> bool {
    let judge = |text: &str| match cards {
        Cards::Within => cards::within(text),
        Cards::Whole => cards::whole(text),
    };
    if !raw.contains('\\') {
        return raw.len() >= 13 && judge(raw);
    }
    // Escapes may hide digits.
    serde_json::from_str::<String>(&format!("\"{raw}\"")).is_ok_and(|text| judge(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_and_cards_are_found_wherever_they_are() {
        let deep = format!("{}{}", "[".repeat(33), "]".repeat(33));
        assert_eq!(scan(&deep, Cards::Within), Err(Found::TooDeep));
        let nested = r#"{"a":{"b":["x","4242 4242 4242 4242"]}}"#;
        assert_eq!(scan(nested, Cards::Within), Err(Found::CardNumber));
        let escaped = "{\"a\":\"\\u0034242424242424242\"}";
        assert_eq!(scan(escaped, Cards::Within), Err(Found::CardNumber));
        let number = r#"{"card":4242424242424242}"#;
        assert_eq!(scan(number, Cards::Within), Err(Found::CardNumber));
        let plain = r#"{"a":"say \"hi\"","n":500.00,"b":[1,2,{"c":null}]}"#;
        assert_eq!(scan(plain, Cards::Within), Ok(()));
        assert_eq!(scan(r#"{"a":"broken"#, Cards::Within), Ok(()));
    }
}
