//! Distances between places on the Earth.

const EARTH_RADIUS_M: f64 = 6_371_000.0;
const METRES_PER_DEGREE_MIN: f64 = 111_000.0;

/// A place that distances are measured from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Near {
    /// Degrees.
    pub(crate) latitude: f64,
    pub(crate) longitude: f64,
    /// What lies further away is left out.
    pub(crate) radius_m: Option<u64>,
}

impl Near {
    /// Whether the place is so far north or south that it need not be measured.
    pub(super) fn is_out_of_reach(&self, (latitude_e6, _): (i32, i32)) -> bool {
        let Some(radius_m) = self.radius_m.and_then(|metres| u32::try_from(metres).ok()) else {
            return false;
        };
        let degrees = (self.latitude - f64::from(latitude_e6) / 1e6).abs();
        // A little less than a degree is, so that rounding leaves nothing out.
        degrees * METRES_PER_DEGREE_MIN > f64::from(radius_m) + 1.0
    }

    /// Metres to a place given in millionths of a degree, along the surface of a sphere: off by half a
    /// percent at most, as the Earth is none.
    pub(super) fn metres_to(&self, (latitude_e6, longitude_e6): (i32, i32)) -> u64 {
        let [latitude, longitude] = [latitude_e6, longitude_e6].map(|e6| f64::from(e6) / 1e6);
        let half_sine = |from: f64, to: f64| ((to - from).to_radians() / 2.0).sin().powi(2);
        let widths = self.latitude.to_radians().cos() * latitude.to_radians().cos();
        let part =
            half_sine(self.latitude, latitude) + widths * half_sine(self.longitude, longitude);
        let metres = 2.0 * EARTH_RADIUS_M * part.clamp(0.0, 1.0).sqrt().asin();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and half of the Earth's circumference"
        )]
        let metres = metres.round() as u64;
        metres
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metres(from: (f64, f64), to: (i32, i32)) -> u64 {
        Near { latitude: from.0, longitude: from.1, radius_m: None }.metres_to(to)
    }

    #[test]
    fn known_distances_come_out() {
        // London to Paris.
        let far = metres((51.5074, -0.1278), (48_856_600, 2_352_200));
        assert!((341_000..346_000).contains(&far), "{far}");
        assert_eq!(metres((40.7505, -73.9934), (40_750_500, -73_993_400)), 0);
        let near = Near { latitude: 51.5, longitude: 0.0, radius_m: Some(300_000) };
        assert!(near.is_out_of_reach((48_000_000, 0)) && !near.is_out_of_reach((49_000_000, 0)));
        // The date line is no border, and antipodes are half around.
        assert!(metres((0.0, 179.9), (0, -179_900_000)) < 23_000);
        let half = metres((90.0, 0.0), (-90_000_000, 0));
        assert!((20_014_000..20_016_000).contains(&half), "{half}");
    }
}
