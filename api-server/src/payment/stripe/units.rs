//! How Stripe counts money. Mostly in the currency's minor unit, as we do; where it does not, a charge
//! would be a hundred times too great or too small.

use crate::payment::Error;
use crate::payment::saga::NOT_CHARGEABLE;

/// Without a minor unit, but counted in hundredths by Stripe.
const AS_HUNDREDTHS: &[&str] = &["ISK", "UGX"];
/// With a minor unit of a hundredth, but counted in whole units by Stripe.
const AS_WHOLE: &[&str] = &["MGA"];
/// With thousandths, of which the last digit must be zero.
const TENS_OF_THOUSANDTHS: &[&str] = &["BHD", "JOD", "KWD", "OMR", "TND"];

/// `minor` as Stripe counts it; refused if Stripe can't charge just that.
pub(super) fn counted(minor: u64, currency: &str) -> Result<u64, Error> {
    let among = |list: &[&str]| list.contains(&currency);
    let refused = || Error::Refused(NOT_CHARGEABLE.to_owned());
    if among(AS_HUNDREDTHS) {
        minor.checked_mul(100).ok_or_else(refused)
    } else if among(AS_WHOLE) {
        if minor.is_multiple_of(100) { Ok(minor / 100) } else { Err(refused()) }
    } else if among(TENS_OF_THOUSANDTHS) && !minor.is_multiple_of(10) {
        Err(refused())
    } else {
        Ok(minor)
    }
}

/// What Stripe counts as `amount`, in the minor unit.
pub(super) fn minor(amount: u64, currency: &str) -> u64 {
    let among = |list: &[&str]| list.contains(&currency);
    if among(AS_HUNDREDTHS) {
        amount / 100
    } else if among(AS_WHOLE) {
        amount.saturating_mul(100)
    } else {
        amount
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_charged_is_what_it_costs() {
        for (cost, currency, wanted) in [
            (16_000, "USD", Some(16_000)),
            (500, "JPY", Some(500)),
            (500, "ISK", Some(50_000)),
            (500, "UGX", Some(50_000)),
            (50_000, "MGA", Some(500)),
            (50_001, "MGA", None),
            (12_340, "KWD", Some(12_340)),
            (12_345, "KWD", None),
        ] {
            let told = counted(cost, currency).ok();
            assert_eq!(told, wanted, "{cost} {currency}");
            if let Some(told) = told {
                assert_eq!(minor(told, currency), cost, "{cost} {currency}");
            }
        }
    }
}
