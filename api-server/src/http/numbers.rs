//! Whole numbers that are written with a fraction of nothing, as some programs write all their numbers:
//! `2.0` is `2` to JSON Schema, and so it is here.

use std::borrow::Cow;

/// The text with `.0` taken off its whole numbers. What is no JSON comes out as it is, or as other text
/// that is none.
pub(super) fn whole(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let Some(first) = next(bytes, 0) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len());
    let (mut from, mut fraction) = (0, Some(first));
    while let Some((start, end)) = fraction {
        out.push_str(&text[from..start]);
        (from, fraction) = (end, next(bytes, end));
    }
    out.push_str(&text[from..]);
    Cow::Owned(out)
}

/// Where the next fraction of nothing begins and ends.
fn next(text: &[u8], from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => at = end_of_string(text, at),
            b'.' if text.get(at.wrapping_sub(1)).is_some_and(u8::is_ascii_digit) => {
                let zeros = text[at + 1..].iter().take_while(|byte| **byte == b'0').count();
                let end = at + 1 + zeros;
                let goes_on =
                    text.get(end).is_some_and(|it| it.is_ascii_digit() || b"eE.".contains(it));
                if zeros > 0 && !goes_on {
                    return Some((at, end));
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    None
}

/// Behind the string that begins at `start`.
fn end_of_string(text: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fractions_of_nothing_go() {
        for (given, wanted) in [
            ("{\"a\":2.0,\"b\":[1.00,2.50,-3.0]}", "{\"a\":2,\"b\":[1,2.50,-3]}"),
            ("80.00", "80"),
            ("{\"a\":\"2.0\"}", "{\"a\":\"2.0\"}"),
            ("{\"a\\\"2.0\":1.0}", "{\"a\\\"2.0\":1}"),
            ("[1.0e3, 1.05, 10.0, .0, 1.]", "[1.0e3, 1.05, 10, .0, 1.]"),
            ("\"open 2.0", "\"open 2.0"),
            ("\"open\\", "\"open\\"),
            ("", ""),
        ] {
            assert_eq!(whole(given), wanted, "{given}");
        }
    }
}
