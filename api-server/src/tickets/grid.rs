//! A QR code as squares, before anything is drawn.

use qrcode::{Color, EcLevel, QrCode};

/// Light squares around the code that scanners need.
pub(crate) const QUIET: usize = 4;

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    /// Squares on a side, without the quiet ones.
    pub(crate) side: usize,
    dark: Vec<bool>,
}

impl Grid {
    pub(crate) fn of(text: &str) -> Result<Self, qrcode::types::QrError> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M)?;
        let side = code.width();
        let dark = code.into_colors().into_iter().map(|colour| colour == Color::Dark).collect();
        Ok(Self { side, dark })
    }

    /// Runs of dark squares: row, first column, length. A run is drawn as one, so that no hairline
    /// shows between its squares.
    pub(crate) fn runs(&self) -> Vec<(usize, usize, usize)> {
        let mut runs = Vec::new();
        for (row, squares) in self.dark.chunks(self.side.max(1)).enumerate() {
            let mut column = 0;
            for run in squares.chunk_by(|a, b| a == b) {
                if run.first() == Some(&true) {
                    runs.push((row, column, run.len()));
                }
                column += run.len();
            }
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_the_dark_squares() {
        let grid = Grid::of("RWL1.test").unwrap();
        let mut drawn = vec![false; grid.side * grid.side];
        for (row, column, length) in grid.runs() {
            drawn[row * grid.side + column..][..length].fill(true);
        }
        assert_eq!(drawn, grid.dark);
        // The upper side of the first of the three corners.
        assert_eq!(grid.runs()[0], (0, 0, 7));
    }
}
