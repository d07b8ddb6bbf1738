//! Colours of categories.

/// Colours for categories that name none: apart from one another for most eyes, and dark enough
/// for white text.
const DEFAULTS: [u32; 8] =
    [0x1f77b4, 0xb8450a, 0x2a8a2a, 0xa51d2d, 0x6f4fa0, 0x7a4a3e, 0xb0408c, 0x5c6670];

/// The colour of the `index`-th category if the plan names none.
pub(in crate::plan) fn default(index: u8) -> u32 {
    DEFAULTS[usize::from(index) % DEFAULTS.len()]
}

/// `#RRGGBB` or `#RGB` as a number.
pub(super) fn parse(text: &str) -> Option<u32> {
    let digits = text.trim().strip_prefix('#')?;
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let number = u32::from_str_radix(digits, 16).ok()?;
    match digits.len() {
        6 => Some(number),
        // Each digit stands for two of itself.
        3 => Some(
            ((number >> 8 & 15) * 0x11_0000)
                | ((number >> 4 & 15) * 0x1100)
                | ((number & 15) * 0x11),
        ),
        _ => None,
    }
}
