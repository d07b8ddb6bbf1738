use super::*;

const CATALOGUE: &str = r#"{"programs": [
 {"id": "p-1", "programID": "1", "orchestra": "New York Philharmonic", "season": "2004-05",
  "concerts": [
   {"eventType": "Subscription Season", "Location": "Manhattan, NY", "Venue": "Avery Fisher Hall",
    "Date": "2004-09-24T04:00:00Z", "Time": "11:00AM"},
   {"eventType": "Tour", "Location": "Tokyo, JAPAN", "Venue": "Suntory  Hall",
    "Date": "2005-02-28T05:00:00Z", "Time": "7:00PM"},
   {"eventType": "Very Young People's Concert", "Location": "Atlantis", "Venue": "None",
    "Date": "2004-02-29T05:00:00Z", "Time": "None"},
   {"eventType": "Tour", "Location": "Vail, CO", "Venue": "V", "Date": "soon", "Time": "7:00PM"},
   {"eventType": "Tour", "Location": "Vail, CO", "Venue": "V", "Date": "2004-02-29", "Time": "19 Uhr"}],
  "works": [
   {"ID": "1*", "composerName": "Beethoven,  Ludwig  van",
    "workTitle": "SYMPHONY NO. 7 IN A MAJOR, OP.92", "movement": "Vivace",
    "conductorName": "Maazel, Lorin", "soloists": []},
   {"ID": "0*", "interval": "Intermission", "soloists": []},
   {"ID": "2*", "composerName": "Vivaldy [Vivaldi],  Antonio",
    "workTitle": {"_": "CONCERTO ( FROM ) (ARR. Seipp)", "em": ["SPRING", "THE FOUR SEASONS"]},
    "conductorName": "Maazel, Lorin",
    "soloists": [{"soloistName": "Vengerow [Vengerov], Maxim", "soloistInstrument": "Violin", "soloistRoles": "S"}]}]},
 {"id": "p-2", "programID": "2", "orchestra": "NY Philharmonic Ensembles", "season": "2024-25",
  "concerts": [{"eventType": "Chamber", "Location": "Paris, FRANCE", "Venue": "Salle Pleyel",
                "Date": "2024-09-22T04:00:00Z", "Time": "4:00PM"}],
  "works": []}]}"#;

fn read_all(calendar: &Calendar) -> Vec<Result<Concert, Refused>> {
    concerts(CATALOGUE, calendar).expect("a catalogue")
}

#[test]
fn each_concert_begins_at_its_place_s_time() {
    let concerts = read_all(&Calendar::default());
    let begins: Vec<_> =
        concerts.iter().flatten().map(|concert| concert.begins.to_string()).collect();
    assert_eq!(begins, ["2004-09-24T15:00:00Z", "2005-02-28T10:00:00Z", "2024-09-22T14:00:00Z"]);
    let refused: Vec<_> = concerts
        .iter()
        .filter_map(|concert| concert.as_ref().err())
        .map(Refused::to_string)
        .collect();
    assert_eq!(
        refused,
        [
            "concert 2 of programme p-1: no time zone is known for 'Atlantis'; name one for such places",
            "concert 3 of programme p-1: 'soon' is not a date",
            "concert 4 of programme p-1: '19 Uhr' is not a time",
        ]
    );
}

#[test]
fn dates_move_by_years_and_weeks() {
    let calendar = Calendar { shift_years: 21, shift_weeks: 1, fallback_zone: Some(TimeZone::UTC) };
    let concerts = read_all(&calendar);
    let nowhere = concerts[2].as_ref().expect("a concert");
    // The leap day falls on the 28th, a week on is March, and the time was not known.
    assert_eq!(nowhere.begins.to_string(), "2025-03-07T19:30:00Z");
    assert!(nowhere.time_unknown);
    assert_eq!(nowhere.venue, "A place in Atlantis");
}

#[test]
fn concerts_have_names_for_people() {
    let concerts = read_all(&Calendar::default());
    let names: Vec<_> = concerts.iter().flatten().map(|concert| concert.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "Beethoven and Vivaldi with Maxim Vengerov",
            "Beethoven and Vivaldi with Maxim Vengerov",
            "Chamber: NY Philharmonic Ensembles",
        ]
    );
    let tokyo = concerts[1].as_ref().expect("a concert");
    assert_eq!((tokyo.venue.as_str(), tokyo.city.as_str()), ("Suntory Hall", "Tokyo"));
    assert_eq!(
        tokyo.description,
        "New York Philharmonic, season 2004-05 (Tour)\n\
         Conductor: Lorin Maazel\n\
         Soloists: Maxim Vengerov (violin)\n\
         Ludwig van Beethoven: Symphony No. 7 in A Major, Op.92: Vivace\n\
         Antonio Vivaldi: Concerto ( from ) (Arr. Seipp) Spring, the Four Seasons"
    );
}

#[test]
fn capitals_become_titles() {
    for (archived, expected) in [
        ("ROYAL FIREWORKS MUSIC: LA REJOUISSANCE", "Royal Fireworks Music: La Rejouissance"),
        (
            "CONCERTO, PIANO, NO. 2 IN B-FLAT MAJOR, K.595",
            "Concerto, Piano, No. 2 in B-Flat Major, K.595",
        ),
        ("SUITE NO. 3, BWV 1068", "Suite No. 3, BWV 1068"),
        ("HENRY VIII OVERTURE", "Henry VIII Overture"),
        ("LA MER", "La Mer"),
        ("Alborada del gracioso", "Alborada del gracioso"),
        ("", ""),
    ] {
        assert_eq!(text::title(archived), expected);
    }
}

#[test]
fn what_is_no_catalogue_is_refused() {
    for wrong in ["", "[]", "{}", r#"{"programs": [{"id": 1}]}"#] {
        concerts(wrong, &Calendar::default()).expect_err(wrong);
    }
}
