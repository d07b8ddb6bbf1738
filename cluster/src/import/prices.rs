//! Prices by rule: what an event's categories cost, worked out in minor units.

use std::str::FromStr;

use rowlock_proto::seat_map::Category;

/// The largest price, in minor units: far below what a sum of a booking could overflow.
const PRICE_MINOR_MAX: u64 = 1_000_000_000;

/// An ISO 4217 currency code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Currency(String);

impl Currency {
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// Decimal digits of the minor unit.
    fn digits(&self) -> u32 {
        match self.0.as_str() {
            "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF"
            | "UGX" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
            "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
            _ => 2,
        }
    }
}

impl FromStr for Currency {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("'{text}' is not a currency code of three capital letters"))
        }
    }
}

/// A decimal number as it was written: what it is in minor units depends on the currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Decimal {
    negative: bool,
    /// Thousandths.
    milli: u64,
}

impl FromStr for Decimal {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("'{text}' is not an amount such as 80 or 79.50");
        let digits = text.trim().strip_prefix('-').unwrap_or(text.trim());
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !plain(whole) || !plain(fraction) || fraction.len() > 3 {
            return Err(wrong());
        }
        let whole: u64 = whole.parse().map_err(|_| wrong())?;
        let milli: u64 = format!("{fraction:0<3}").parse().map_err(|_| wrong())?;
        let milli = whole.checked_mul(1_000).and_then(|whole| whole.checked_add(milli));
        let milli = milli.filter(|&milli| milli <= PRICE_MINOR_MAX * 10).ok_or_else(wrong)?;
        Ok(Self { negative: text.trim().starts_with('-'), milli })
    }
}

impl Decimal {
    fn minor(self, currency: &Currency) -> Result<i64, String> {
        let divisor = 10_u64.pow(3 - currency.digits());
        if !self.milli.is_multiple_of(divisor) {
            return Err(format!(
                "an amount has more decimals than {} has ({})",
                currency.as_str(),
                currency.digits()
            ));
        }
        let minor = i64::try_from(self.milli / divisor).map_err(|error| error.to_string())?;
        Ok(if self.negative { -minor } else { minor })
    }
}

/// How categories get their prices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriceRule(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// `Stalls=120,Balcony=60,*=40`; the star is for all that are not named.
    ByName { named: Vec<(String, Decimal)>, others: Option<Decimal> },
    /// `base=80,step=-15`: the first category costs the base, each next one a step more.
    Steps { base: Decimal, step: Decimal },
}

impl FromStr for PriceRule {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let mut named: Vec<(String, Decimal)> = Vec::new();
        for rule in text.split(',') {
            let (name, amount) = rule
                .rsplit_once('=')
                .ok_or_else(|| format!("'{rule}' is not of the form CATEGORY=AMOUNT"))?;
            let name = name.trim();
            if named.iter().any(|(known, _)| known == name) {
                return Err(format!("'{name}' is given twice"));
            }
            named.push((name.to_owned(), amount.parse()?));
        }
        let amount =
            |wanted: &str| named.iter().find(|(name, _)| name == wanted).map(|rule| rule.1);
        if let (Some(base), Some(step), 2) = (amount("base"), amount("step"), named.len()) {
            return Ok(Self(Kind::Steps { base, step }));
        }
        if let Some((name, _)) = named.iter().find(|(_, amount)| amount.negative) {
            return Err(format!("the price of '{name}' is negative"));
        }
        let others = amount("*");
        named.retain(|(name, _)| name != "*");
        Ok(Self(Kind::ByName { named, others }))
    }
}

impl PriceRule {
    /// A price for each category, in minor units.
    pub fn prices(&self, categories: &[Category], currency: &Currency) -> Result<Vec<u64>, String> {
        let price = |(index, category): (i64, &Category)| {
            let minor = match &self.0 {
                Kind::Steps { base, step } => {
                    base.minor(currency)? + index * step.minor(currency)?
                }
                Kind::ByName { named, others } => named
                    .iter()
                    .find(|(name, _)| *name == category.name)
                    .map(|rule| rule.1)
                    .or(*others)
                    .ok_or_else(|| format!("the rule has no price for '{}'", category.name))?
                    .minor(currency)?,
            };
            u64::try_from(minor)
                .ok()
                .filter(|&minor| minor <= PRICE_MINOR_MAX)
                .ok_or_else(|| format!("'{}' would cost {minor} minor units", category.name))
        };
        (0..).zip(categories).map(price).collect()
    }

    /// The names that the rule gives a price to; a name that no map has is a slip of the pen.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let named = match &self.0 {
            Kind::ByName { named, .. } => named.as_slice(),
            Kind::Steps { .. } => &[],
        };
        named.iter().map(|(name, _)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn categories(names: &[&str]) -> Vec<Category> {
        names.iter().map(|&name| Category { name: name.to_owned(), colour: 0 }).collect()
    }

    fn check(rule: &str, currency: &str, expected: Result<&[u64], &str>) {
        let currency = currency.parse().expect("a currency");
        let rule: PriceRule = rule.parse().expect("a rule");
        let prices = rule.prices(&categories(&["Stalls", "Balcony", "Gallery"]), &currency);
        assert_eq!(prices.as_deref().map_err(String::as_str), expected);
    }

    #[test]
    fn rules_give_each_category_its_price() {
        check("Stalls=120,Balcony=60.5,*=40", "EUR", Ok(&[12_000, 6_050, 4_000]));
        check("base=80,step=-15", "USD", Ok(&[8_000, 6_500, 5_000]));
        check("base=8000,step=500", "JPY", Ok(&[8_000, 8_500, 9_000]));
        check("*=1.125", "KWD", Ok(&[1_125; 3]));
        check("*=0", "EUR", Ok(&[0; 3]));
    }

    #[test]
    fn prices_that_cannot_be_are_refused() {
        check("Stalls=1,Balcony=2", "EUR", Err("the rule has no price for 'Gallery'"));
        check("base=20,step=-15", "EUR", Err("'Gallery' would cost -1000 minor units"));
        check("*=1.5", "JPY", Err("an amount has more decimals than JPY has (0)"));
        check("*=1.125", "EUR", Err("an amount has more decimals than EUR has (2)"));
        for wrong in ["", "*", "*=", "*=x", "*=-1", "*=1,*=2", "*=1.2345", "*=1e3", "*=99999999999"]
        {
            wrong.parse::<PriceRule>().expect_err(wrong);
        }
        for wrong in ["", "eur", "EURO", "E1R"] {
            wrong.parse::<Currency>().expect_err(wrong);
        }
    }
}
