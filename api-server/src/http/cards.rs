//! Card numbers: none may reach us. What looks like one is refused before anything reads it.

/// Digits of a card number.
const DIGITS_MIN: usize = 13;
const DIGITS_MAX: usize = 19;

/// Whether `text` has a card number in it: 13 to 19 digits, perhaps with single spaces or hyphens
/// between, that pass Luhn's check and touch no other letter or digit. A number after a `+` is a
/// telephone number.
pub(crate) fn within(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let start = at;
        let mut digits = Vec::new();
        while at < bytes.len() {
            match bytes[at] {
                digit if digit.is_ascii_digit() => digits.push(digit - b'0'),
                b' ' | b'-' if bytes.get(at + 1).is_some_and(u8::is_ascii_digit) => {}
                _ => break,
            }
            at += 1;
        }
        let before = start.checked_sub(1).map(|index| bytes[index]);
        let joined = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
        let free = before.is_none_or(|byte| byte != b'+' && byte != b'.' && !joined(byte))
            && bytes.get(at).is_none_or(|&byte| !joined(byte));
        if free && is_number(&digits) {
            return true;
        }
    }
    false
}

/// Whether all of `text` is a card number: the narrow question for texts that are full of ids.
pub(super) fn whole(text: &str) -> bool {
    let mut digits = Vec::new();
    for byte in text.trim().bytes() {
        match byte {
            digit if digit.is_ascii_digit() => digits.push(digit - b'0'),
            b' ' | b'-' => {}
            _ => return false,
        }
    }
    is_number(&digits)
}

/// Whether any field of a form has one.
pub(crate) fn in_form(fields: &[(String, String)]) -> bool {
    fields.iter().any(|(_, value)| within(value))
}

fn is_number(digits: &[u8]) -> bool {
    (DIGITS_MIN..=DIGITS_MAX).contains(&digits.len())
        && digits.iter().any(|&digit| digit != 0)
        && luhn(digits)
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, &digit)| match (place % 2, u32::from(digit)) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => digit * 2 - 9,
            (_, digit) => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_numbers_are_found() {
        for text in [
            "4242424242424242",
            "4242 4242 4242 4242",
            "my card is 4242-4242-4242-4242, thanks",
            "378282246310005",
            "6011111111111117",
        ] {
            assert!(within(text), "{text}");
        }
    }

    #[test]
    fn other_numbers_are_not() {
        for text in [
            "4242424242424241",
            "pm_4242424242424242",
            "+4242424242424242",
            "2026-11-24T19:30:00Z",
            "00000000-0000-0000-0000-000000000000",
            "seat-4242424242424242zz",
            "424242424242",
        ] {
            assert!(!within(text), "{text}");
        }
        assert!(whole("4242 4242 4242 4242"));
        assert!(!whole("x4242424242424242"));
    }
}
