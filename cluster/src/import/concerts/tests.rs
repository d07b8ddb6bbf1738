use super::*;

fn concert(number: usize, venue: &str) -> Concert {
    Concert {
        programme: "p-1".to_owned(),
        number,
        name: "Beethoven".to_owned(),
        description: String::new(),
        venue: venue.to_owned(),
        city: "New York".to_owned(),
        country: "United States".to_owned(),
        begins: "2030-01-02T20:00:00Z".parse().expect("a time"),
        time_unknown: false,
    }
}

fn terms(venues: &str, prices: &str) -> Terms {
    Terms {
        venues: venues.parse().expect("a rule"),
        prices: prices.parse().expect("a rule"),
        currency: "USD".parse().expect("a currency"),
        sale_start: "90d-before".parse().expect("a rule"),
        hold_ttl_ms: 600_000,
        seats_per_user_max: 0,
        category: "concert".to_owned(),
    }
}

#[test]
fn a_hall_is_drawn_once_for_each_venue() {
    let concerts = [concert(0, "A"), concert(1, "A"), concert(2, "B"), concert(3, "C")];
    let terms = terms("A=300;B=100", "base=80,step=-15");
    let drafts = drafts(&concerts, &terms, &BTreeMap::new(), 0).expect("right rules");
    let seats: Vec<_> = drafts.venues.values().map(|venue| venue.doc.capacity).collect();
    assert_eq!(seats.iter().sum::<u32>(), 400);
    let prices: Vec<_> = drafts.events.iter().map(|event| event.spec.prices.as_slice()).collect();
    assert_eq!(prices, [&[8_000, 6_500, 5_000][..], &[8_000, 6_500, 5_000], &[8_000]]);
    let ids: BTreeSet<_> = drafts.events.iter().map(|event| event.id).collect();
    assert_eq!(ids.len(), 3);
    let refused: Vec<_> = drafts.refused.iter().map(Refused::to_string).collect();
    assert_eq!(refused, ["concert 3 of programme p-1: the rule has no seats for 'C'"]);
    for event in &drafts.events {
        assert_eq!(event.spec.map, drafts.venues[&event.spec.venue].doc.map);
        assert_eq!(event.spec.date_ms - event.spec.sale_start_ms, 90 * 24 * 3_600_000);
    }
}

#[test]
fn rules_that_name_what_is_not_there_are_wrong() {
    let check = |venues: &str, prices: &str, expected: &str| {
        let error = drafts(&[concert(0, "A")], &terms(venues, prices), &BTreeMap::new(), 0)
            .expect_err("a wrong rule");
        assert_eq!(error, expected);
    };
    check(
        "*=300",
        "Parkett=120,*=40",
        "no seat map has a category 'Parkett'; there are Balcony, Gallery, Stalls",
    );
    let venue = VenueId(5);
    check(&format!("*={venue}"), "*=40", &format!("there is no venue {venue}"));
}

#[test]
fn a_venue_that_is_there_lends_its_seats_and_place() {
    let map = hall::draw(10).expect("a hall");
    let details = VenueDetails {
        name: "Ours".to_owned(),
        city: "Here".to_owned(),
        ..VenueDetails::default()
    };
    let venue = VenueDraft::new(details, map).expect("a valid map");
    let id = venue.id;
    let existing = BTreeMap::from([(id, venue)]);
    let terms = terms(&format!("*={id}"), "Stalls=1.5");
    let drafts = drafts(&[concert(0, "A")], &terms, &existing, 0).expect("right rules");
    assert!(drafts.venues.is_empty());
    let spec = &drafts.events[0].spec;
    assert_eq!((spec.venue_name.as_str(), spec.city.as_str()), ("Ours", "Here"));
    assert_eq!(spec.prices, [150]);
}
