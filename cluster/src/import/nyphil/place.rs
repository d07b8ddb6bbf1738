//! Where a concert was: the archive's "Manhattan, NY" or "Tokyo, JAPAN" as city, country and zone.

/// A place; its zone is `None` if it is not known.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) city: String,
    pub(super) country: String,
    pub(super) zone: Option<&'static str>,
}

pub(super) fn find(location: &str) -> Place {
    let (city, region) = location.rsplit_once(',').unwrap_or((location, location));
    let (city, region) = (city.trim(), region.trim());
    let state = STATES.iter().find(|(states, _)| states.split(' ').any(|state| state == region));
    if let Some((_, zone)) = state {
        // The city's boroughs are what visitors look for as New York.
        let borough = ["Manhattan", "Brooklyn", "Queens", "Bronx", "Staten Island"].contains(&city);
        let city = if region == "NY" && borough { "New York" } else { city };
        let country = "United States".to_owned();
        return Place { city: city.to_owned(), country, zone: Some(zone) };
    }
    let known = COUNTRIES
        .iter()
        .find(|(names, ..)| names.split('|').any(|name| name.eq_ignore_ascii_case(region)));
    let (country, zone) = match known {
        Some((names, "", zone)) => (names.split('|').next().unwrap_or(region), Some(*zone)),
        Some((_, country, zone)) => (*country, Some(*zone)),
        None => (region, None),
    };
    Place { city: city.to_owned(), country: country.to_owned(), zone }
}

/// States by zone. A state that has two is listed under the one that most of its people live in.
const STATES: &[(&str, &str)] = &[
    ("NY NJ PA CT MA RI NH VT ME DE MD DC VA WV NC SC GA FL OH KY", "America/New_York"),
    ("MI", "America/Detroit"),
    ("IN", "America/Indiana/Indianapolis"),
    ("IL WI MN IA MO AR LA MS AL TN TX OK KS NE SD ND", "America/Chicago"),
    ("CO NM WY MT UT", "America/Denver"),
    ("ID", "America/Boise"),
    ("AZ", "America/Phoenix"),
    ("CA NV OR WA", "America/Los_Angeles"),
    ("AK", "America/Anchorage"),
    ("HI", "Pacific/Honolulu"),
    ("PR", "America/Puerto_Rico"),
];

/// The archive's words for a country, our name if it is another than the first, and the zone.
const COUNTRIES: &[(&str, &str, &str)] = &[
    ("Argentina", "", "America/Argentina/Buenos_Aires"),
    ("Australia", "", "Australia/Sydney"),
    ("Austria", "", "Europe/Vienna"),
    ("Belgium", "", "Europe/Brussels"),
    ("Brazil", "", "America/Sao_Paulo"),
    ("Bulgaria", "", "Europe/Sofia"),
    ("Canada", "", "America/Toronto"),
    ("Chile", "", "America/Santiago"),
    ("China|People's Republic of China", "", "Asia/Shanghai"),
    ("Colombia", "", "America/Bogota"),
    ("Croatia", "", "Europe/Zagreb"),
    ("Cuba", "", "America/Havana"),
    ("Cyprus", "", "Asia/Nicosia"),
    ("Czech Republic|Czechoslovakia", "", "Europe/Prague"),
    ("Democratic People's Republic of Korea|North Korea", "North Korea", "Asia/Pyongyang"),
    ("Denmark", "", "Europe/Copenhagen"),
    ("Dominican Republic", "", "America/Santo_Domingo"),
    ("Ecuador", "", "America/Guayaquil"),
    ("Egypt", "", "Africa/Cairo"),
    ("England|Scotland|Wales|United Kingdom|Northern Ireland", "United Kingdom", "Europe/London"),
    ("Estonia", "", "Europe/Tallinn"),
    ("Finland", "", "Europe/Helsinki"),
    ("France", "", "Europe/Paris"),
    ("Germany|W. Germany|E. Germany|West Germany|East Germany", "", "Europe/Berlin"),
    ("Greece", "", "Europe/Athens"),
    ("Hong Kong", "", "Asia/Hong_Kong"),
    ("Hungary", "", "Europe/Budapest"),
    ("Iceland", "", "Atlantic/Reykjavik"),
    ("India", "", "Asia/Kolkata"),
    ("Indonesia", "", "Asia/Jakarta"),
    ("Ireland", "", "Europe/Dublin"),
    ("Israel", "", "Asia/Jerusalem"),
    ("Italy", "", "Europe/Rome"),
    ("Japan", "", "Asia/Tokyo"),
    ("Latvia", "", "Europe/Riga"),
    ("Lebanon", "", "Asia/Beirut"),
    ("Lithuania", "", "Europe/Vilnius"),
    ("Luxembourg", "", "Europe/Luxembourg"),
    ("Malaysia", "", "Asia/Kuala_Lumpur"),
    ("Mexico", "", "America/Mexico_City"),
    ("Monaco", "", "Europe/Monaco"),
    ("Netherlands|The Netherlands|Holland", "", "Europe/Amsterdam"),
    ("New Zealand", "", "Pacific/Auckland"),
    ("Norway", "", "Europe/Oslo"),
    ("Panama", "", "America/Panama"),
    ("Peru", "", "America/Lima"),
    ("Philippines", "", "Asia/Manila"),
    ("Poland", "", "Europe/Warsaw"),
    ("Portugal", "", "Europe/Lisbon"),
    ("Puerto Rico", "", "America/Puerto_Rico"),
    ("Romania", "", "Europe/Bucharest"),
    ("Russia|USSR|U.S.S.R.", "", "Europe/Moscow"),
    ("Serbia|Yugoslavia", "", "Europe/Belgrade"),
    ("Singapore", "", "Asia/Singapore"),
    ("Slovakia", "", "Europe/Bratislava"),
    ("Slovenia", "", "Europe/Ljubljana"),
    ("South Africa", "", "Africa/Johannesburg"),
    ("South Korea|Korea|Republic of Korea", "", "Asia/Seoul"),
    ("Spain", "", "Europe/Madrid"),
    ("Sweden", "", "Europe/Stockholm"),
    ("Switzerland", "", "Europe/Zurich"),
    ("Taiwan", "", "Asia/Taipei"),
    ("Thailand", "", "Asia/Bangkok"),
    ("Turkey", "", "Europe/Istanbul"),
    ("United Arab Emirates", "", "Asia/Dubai"),
    ("Uruguay", "", "America/Montevideo"),
    ("Venezuela", "", "America/Caracas"),
    ("Vietnam", "", "Asia/Ho_Chi_Minh"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(location: &str, city: &str, country: &str, zone: Option<&'static str>) {
        let (city, country) = (city.to_owned(), country.to_owned());
        assert_eq!(find(location), Place { city, country, zone });
    }

    #[test]
    fn places_are_found_by_state_or_country() {
        check("Manhattan, NY", "New York", "United States", Some("America/New_York"));
        check("Vail, CO", "Vail", "United States", Some("America/Denver"));
        check("Stuttgart, W. GERMANY", "Stuttgart", "Germany", Some("Europe/Berlin"));
        check("Incheon, South Korea", "Incheon", "South Korea", Some("Asia/Seoul"));
        check("Hong Kong, CHINA", "Hong Kong", "China", Some("Asia/Shanghai"));
        check("Singapore", "Singapore", "Singapore", Some("Asia/Singapore"));
        check("Atlantis", "Atlantis", "Atlantis", None);
    }

    #[test]
    fn every_zone_is_one_that_is_known() {
        let zones = STATES.iter().map(|row| row.1).chain(COUNTRIES.iter().map(|row| row.2));
        for zone in zones {
            jiff::tz::TimeZone::get(zone).expect(zone);
        }
    }
}
