//! Words as they are compared: without accents, case or punctuation.

use deunicode::deunicode;

/// Words of one text that are indexed.
const WORDS_MAX: usize = 2_000;

pub(super) fn words(text: &str) -> Vec<String> {
    let plain = deunicode(text).to_lowercase();
    let words = plain.split(|letter: char| !letter.is_ascii_alphanumeric());
    words.filter(|word| !word.is_empty()).take(WORDS_MAX).map(str::to_owned).collect()
}

/// A place or category as one word: `New York`, `new-york` and `NEW YORK` are the same.
pub(super) fn squeezed(text: &str) -> String {
    words(text).concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_case_and_hyphens_do_not_matter() {
        assert_eq!(words("Dvořák: Così-fan  tutte!"), ["dvorak", "cosi", "fan", "tutte"]);
        assert_eq!(squeezed("São Paulo"), squeezed("sao-paulo"));
        assert_eq!(squeezed("New York"), "newyork");
    }
}
