//! A QR code as a PNG of one bit a pixel.

use qrcode::{Color, EcLevel, QrCode};

/// Pixels of one module, and modules of quiet space around.
const SCALE: usize = 6;
const QUIET: usize = 4;

#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("the code does not fit")]
    Code(#[from] qrcode::types::QrError),
    #[error("the picture can't be written")]
    Png(#[from] png::EncodingError),
}

pub(super) fn png(text: &str) -> Result<Vec<u8>, Error> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M)?;
    let modules = code.width();
    let colours = code.into_colors();
    let side = (modules + 2 * QUIET) * SCALE;
    let stride = side.div_ceil(8);
    let mut pixels = vec![0xff_u8; stride * side];
    for (index, colour) in colours.into_iter().enumerate() {
        if colour == Color::Light {
            continue;
        }
        let (row, column) = (index / modules + QUIET, index % modules + QUIET);
        for y in row * SCALE..(row + 1) * SCALE {
            for x in column * SCALE..(column + 1) * SCALE {
                pixels[y * stride + x / 8] &= !(0x80 >> (x % 8));
            }
        }
    }
    let mut bytes = Vec::new();
    let pixels_side = u32::try_from(side).unwrap_or(u32::MAX);
    let mut encoder = png::Encoder::new(&mut bytes, pixels_side, pixels_side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    Ok(bytes)
}
