//! Money: integers in the currency's minor unit inside, decimal numbers outside. No float is ever
//! computed with; JSON numbers are read and written as their digits.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// Currencies without a minor unit, and those with a thousandth.
const WHOLE: &[&str] = &[
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV",
    "XAF", "XOF", "XPF",
];
const THOUSANDTHS: &[&str] = &["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"];
const HUNDREDTHS: &[&str] = &[
    "AED", "AFN", "ALL", "AMD", "ANG", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT",
    "BGN", "BMD", "BND", "BOB", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF",
    "CNY", "COP", "CRC", "CUP", "CVE", "CZK", "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR",
    "FJD", "FKP", "GBP", "GEL", "GHS", "GIP", "GMD", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF",
    "IDR", "ILS", "INR", "IRR", "JMD", "KES", "KGS", "KHR", "KPW", "KYD", "KZT", "LAK", "LBP",
    "LKR", "LRD", "LSL", "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR",
    "MWK", "MXN", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "PAB", "PEN", "PGK",
    "PHP", "PKR", "PLN", "QAR", "RON", "RSD", "RUB", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD",
    "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP", "SZL", "THB", "TJS", "TMT", "TOP",
    "TRY", "TTD", "TWD", "TZS", "UAH", "USD", "UYU", "UZS", "VED", "VES", "WST", "XCD", "XCG",
    "YER", "ZAR", "ZMW", "ZWG",
];

/// Decimal places of the currency, if there is such a currency.
pub(crate) fn places(currency: &str) -> Option<u32> {
    let among = |list: &[&str]| list.contains(&currency);
    if among(HUNDREDTHS) {
        Some(2)
    } else if among(WHOLE) {
        Some(0)
    } else if among(THOUSANDTHS) {
        Some(3)
    } else {
        None
    }
}

/// `1234` in a currency of two places is `12.34`.
pub(crate) fn decimal(minor: u64, currency: &str) -> String {
    let places = places(currency).unwrap_or(2);
    let unit = 10_u64.pow(places);
    match places {
        0 => minor.to_string(),
        places => {
            let width = usize::try_from(places).unwrap_or(2);
            format!("{}.{:0width$}", minor / unit, minor % unit)
        }
    }
}

/// The same, with its sign.
pub(crate) fn signed(minor: i128, currency: &str) -> String {
    let digits = decimal(u64::try_from(minor.unsigned_abs()).unwrap_or(u64::MAX), currency);
    if minor < 0 { format!("-{digits}") } else { digits }
}

/// `12.34 EUR`.
pub(crate) fn for_people(minor: u64, currency: &str) -> String {
    format!("{} {currency}", decimal(minor, currency))
}

/// An amount as a JSON number, digit by digit.
#[derive(Clone, Debug)]
pub(crate) struct Amount(Box<RawValue>);

impl Amount {
    pub(crate) fn new(minor: u64, currency: &str) -> Self {
        let digits = decimal(minor, currency);
        Self::of_digits(digits)
    }

    /// What may be below nothing.
    pub(crate) fn signed(minor: i128, currency: &str) -> Self {
        Self::of_digits(signed(minor, currency))
    }

    /// Hundredths of a percent as a percentage.
    pub(crate) fn percent(hundredths: u32) -> Self {
        Self::of_digits(format!("{}.{:02}", hundredths / 100, hundredths % 100))
    }

    fn of_digits(digits: String) -> Self {
        Self(RawValue::from_string(digits).expect("digits and a point are a JSON number"))
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// A decimal number from outside, not yet of a currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decimal(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("must not be negative")]
    Negative,
    #[error("has too many decimal places")]
    TooPrecise,
    #[error("is not a number")]
    NotANumber,
    #[error("is too great")]
    TooGreat,
}

impl Decimal {
    pub(crate) fn from_text(text: &str) -> Self {
        Self(text.trim().to_owned())
    }

    pub(crate) fn minor(&self, currency: &str) -> Result<u64, Error> {
        self.scaled(places(currency).unwrap_or(2))
    }

    /// A percentage in hundredths of a percent, 100 at most.
    pub(crate) fn percent(&self) -> Result<u32, Error> {
        let hundredths = u32::try_from(self.scaled(2)?).map_err(|_| Error::TooGreat)?;
        if hundredths > 10_000 { Err(Error::TooGreat) } else { Ok(hundredths) }
    }

    /// The number without its point, with so many digits behind it.
    fn scaled(&self, places: u32) -> Result<u64, Error> {
        let text = self.0.as_str();
        if let Some(rest) = text.strip_prefix('-') {
            return Err(if digits(rest) { Error::Negative } else { Error::NotANumber });
        }
        if !digits(text) {
            return Err(Error::NotANumber);
        }
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let fraction = fraction.trim_end_matches('0');
        let width = usize::try_from(places).unwrap_or(2);
        if fraction.len() > width {
            return Err(Error::TooPrecise);
        }
        let minor = format!("{whole}{fraction:0<width$}");
        minor.parse().map_err(|_| Error::TooGreat)
    }
}

fn digits(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let all = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    all(whole) && all(fraction)
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The shortest digits of a double are what was written, up to 15 of them; prices have 13.
        serde_json::Number::deserialize(deserializer).map(|number| Self(number.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minor(json: &str, currency: &str) -> Result<u64, Error> {
        serde_json::from_str::<Decimal>(json).unwrap().minor(currency)
    }

    #[test]
    fn amounts_are_exact_both_ways() {
        assert_eq!(minor("500.00", "USD"), Ok(50_000));
        assert_eq!(minor("0.29", "USD"), Ok(29));
        assert_eq!(minor("80", "EUR"), Ok(8_000));
        assert_eq!(minor("80.1", "EUR"), Ok(8_010));
        assert_eq!(minor("5000", "JPY"), Ok(5_000));
        assert_eq!(minor("1.234", "KWD"), Ok(1_234));
        assert_eq!(minor("1.235", "USD"), Err(Error::TooPrecise));
        assert_eq!(minor("-1", "USD"), Err(Error::Negative));
        assert_eq!(minor("1e300", "USD"), Err(Error::NotANumber));
        let shown = |minor, currency| serde_json::to_string(&Amount::new(minor, currency)).unwrap();
        assert_eq!(shown(50_000, "USD"), "500.00");
        assert_eq!(shown(5, "USD"), "0.05");
        assert_eq!(shown(5, "JPY"), "5");
    }

    #[test]
    fn percentages_are_exact_both_ways() {
        let read = |json: &str| serde_json::from_str::<Decimal>(json).unwrap().percent();
        assert_eq!(read("12.5"), Ok(1_250));
        assert_eq!(read("100"), Ok(10_000));
        assert_eq!(read("100.01"), Err(Error::TooGreat));
        assert_eq!(read("0.001"), Err(Error::TooPrecise));
        assert_eq!(serde_json::to_string(&Amount::percent(1_205)).unwrap(), "12.05");
    }

    #[test]
    fn strings_are_no_amounts() {
        assert!(serde_json::from_str::<Decimal>("\"5\"").is_err());
    }
}
