//! A QR code as a picture: PNG of one bit a pixel, or SVG.

use super::grid::{Grid, QUIET};

/// Pixels of one square.
const SCALE: usize = 6;

pub(super) fn png(grid: &Grid) -> Result<Vec<u8>, png::EncodingError> {
    let side = (grid.side + 2 * QUIET) * SCALE;
    let stride = side.div_ceil(8);
    let mut pixels = vec![0xff_u8; stride * side];
    for (row, column, length) in grid.runs() {
        let (top, left) = ((row + QUIET) * SCALE, (column + QUIET) * SCALE);
        for y in top..top + SCALE {
            for x in left..left + length * SCALE {
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

/// One unit a square; it scales to any size.
pub(super) fn svg(grid: &Grid) -> String {
    let side = grid.side + 2 * QUIET;
    let mut path = String::new();
    for (row, column, length) in grid.runs() {
        let (x, y) = (column + QUIET, row + QUIET);
        path.push_str(&format!("M{x} {y}h{length}v1h-{length}z"));
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" \
         shape-rendering=\"crispEdges\"><rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/>\
         <path d=\"{path}\"/></svg>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_pictures_have_the_codes_squares() {
        let grid = Grid::of("RWL1.test").unwrap();
        let bytes = png(&grid).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().unwrap();
        let side = (grid.side + 2 * QUIET) * SCALE;
        assert_eq!(
            reader.info().size(),
            (u32::try_from(side).unwrap(), u32::try_from(side).unwrap())
        );
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        let dark: usize = grid.runs().iter().map(|(_, _, length)| length).sum();
        let light_bits: u32 = pixels.iter().map(|byte| byte.count_ones()).sum();
        let unused = (side.div_ceil(8) * 8 - side) * side;
        let squares = (side / SCALE) * (side / SCALE);
        let light = light_bits as usize - unused;
        assert_eq!(light, (squares - dark) * SCALE * SCALE);
        let svg = svg(&grid);
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"), "{svg}");
        assert_eq!(svg.matches("v1h-").count(), grid.runs().len());
    }
}
