//! What everybody looks at, as a plan's drawing says it: the area that is called a stage.

use super::file;

/// What the place is called that everybody looks at, in small letters.
const WORDS: [&str; 18] = [
    "stage",
    "main stage",
    "bühne",
    "scène",
    "escenario",
    "palco",
    "palcoscenico",
    "podium",
    "screen",
    "leinwand",
    "court",
    "field",
    "playing field",
    "spielfeld",
    "pitch",
    "rink",
    "舞台",
    "ステージ",
];

/// Whether a text names the place that everybody looks at.
pub(super) fn is_focus(text: &str) -> bool {
    let text = text.trim().to_lowercase();
    WORDS.contains(&text.as_str())
}

/// Where the text of an area stands, in units of the plan.
pub(super) fn text_at(zone_at: (f64, f64), area: &file::Area) -> (f64, f64) {
    let at = area.position.0.unwrap_or_default().or_zero();
    let half = |size: file::Size| {
        Some((size.width.unwrap_or(0.0) / 2.0, size.height.unwrap_or(0.0) / 2.0))
    };
    let own = area.text.as_ref().and_then(|text| text.position).map(file::Position::or_zero);
    let drawn = area.rectangle.0.and_then(half);
    // The older form has the size in the area itself.
    let older = half(file::Size { width: area.width.0, height: area.height.0 });
    let offset = own.or(drawn).or(older).unwrap_or_default();
    (zone_at.0 + at.0 + offset.0, zone_at.1 + at.1 + offset.1)
}
