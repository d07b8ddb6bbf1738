//! Which seats each venue of a catalogue gets, by rule.

use std::collections::BTreeMap;
use std::str::FromStr;

use rowlock_proto::ids::VenueId;

use super::hall::HALL_SEATS_MAX;

/// `David Geffen Hall=2200;Carnegie Hall=ven-…;*=800`.
///
/// A number is the size of a hall that is drawn for the venue; an id is a venue that is there. The
/// star is for all that are not named. Semicolons, since venues have commas in their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VenueRule {
    named: BTreeMap<String, Seating>,
    others: Option<Seating>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seating {
    /// A hall of so many seats is drawn, and the venue is put in place with it.
    Drawn {
        seats: u32,
    },
    Existing(VenueId),
}

impl FromStr for VenueRule {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let mut named = BTreeMap::new();
        for rule in text.split(';').filter(|rule| !rule.trim().is_empty()) {
            let (name, seating) = rule
                .rsplit_once('=')
                .map(|(name, seating)| (name.trim(), seating.trim()))
                .ok_or_else(|| format!("'{rule}' is not of the form VENUE=SEATS or VENUE=ID"))?;
            let seating = match (seating.parse::<u32>(), seating.parse::<VenueId>()) {
                (Ok(seats @ 1..=HALL_SEATS_MAX), _) => Seating::Drawn { seats },
                (_, Ok(venue)) => Seating::Existing(venue),
                _ => {
                    return Err(format!(
                        "'{seating}' is neither a number of seats from 1 to {HALL_SEATS_MAX} nor a \
                         venue id"
                    ));
                }
            };
            if named.insert(name.to_owned(), seating).is_some() {
                return Err(format!("'{name}' is given twice"));
            }
        }
        let others = named.remove("*");
        if named.is_empty() && others.is_none() {
            return Err("the rule is empty".to_owned());
        }
        Ok(Self { named, others })
    }
}

impl VenueRule {
    /// The same venue for every concert.
    pub fn all(venue: VenueId) -> Self {
        Self { named: BTreeMap::new(), others: Some(Seating::Existing(venue)) }
    }

    pub fn seating(&self, venue: &str) -> Option<Seating> {
        self.named.get(venue).copied().or(self.others)
    }

    /// Every venue that the rule takes as being there.
    pub fn existing(&self) -> impl Iterator<Item = VenueId> {
        self.named.values().copied().chain(self.others).filter_map(|seating| match seating {
            Seating::Existing(venue) => Some(venue),
            Seating::Drawn { .. } => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_before_the_star() {
        let venue = VenueId(7);
        let rule: VenueRule =
            format!("Hall, The=2200; Park={venue};*=300").parse().expect("a rule");
        assert_eq!(rule.seating("Hall, The"), Some(Seating::Drawn { seats: 2_200 }));
        assert_eq!(rule.seating("Park"), Some(Seating::Existing(venue)));
        assert_eq!(rule.seating("Elsewhere"), Some(Seating::Drawn { seats: 300 }));
        assert_eq!(rule.existing().collect::<Vec<_>>(), [venue]);
        let only: VenueRule = "Park=10".parse().expect("a rule");
        assert_eq!(only.seating("Elsewhere"), None);
        for wrong in ["", "Park", "Park=0", "Park=20001", "Park=-1", "Park=x", "A=1;A=2"] {
            wrong.parse::<VenueRule>().expect_err(wrong);
        }
    }
}
