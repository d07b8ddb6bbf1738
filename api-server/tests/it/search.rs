//! Search: every filter, order and page; and that it follows the feed, from nothing or from a disk.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, header};
use serde_json::{Value, json};

use crate::fake::Fake;
use crate::harness::{Reply, Server, event_body, fake_of_now, plan, venue_body};

/// Names of the events that `query` finds, in order.
async fn names(server: &Server, query: &str) -> Vec<String> {
    let reply = server.get(&format!("/events/search?{query}"), "").await;
    assert_eq!(reply.status, 200, "{query}: {}", reply.text);
    names_of(&reply)
}

fn names_of(reply: &Reply) -> Vec<String> {
    let hits = reply.at("/events").as_array().unwrap().iter();
    hits.map(|hit| hit["name"].as_str().unwrap().to_owned()).collect()
}

/// A venue in a city, somewhere.
async fn venue_in(server: &Server, city: &str, place: Option<(f64, f64)>) -> String {
    let mut body = venue_body();
    body["city"] = json!(city);
    for (index, field) in ["latitude", "longitude"].into_iter().enumerate() {
        body[field] = place.map_or(Value::Null, |place| json!([place.0, place.1][index]));
    }
    let reply = server.post("/venues", "organiser", body).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    reply.word("/id").to_owned()
}

/// Three events in three cities, a day apart; the last is nowhere on the map.
async fn three(server: &Server) -> [String; 3] {
    let places = [
        ("New York", "Beethoven evening", "2099-03-01", 50, "music", Some((40.75, -73.99))),
        ("Boston", "Evening of the Whales", "2099-03-02", 20, "nature", Some((42.36, -71.06))),
        ("Nowhere", "Beethoven's whales", "2099-03-03", 80, "music", None),
    ];
    let mut ids = Vec::new();
    for (city, name, day, price, category, place) in places {
        let venue = venue_in(server, city, place).await;
        let change = json!({"name": name, "date": format!("{day}T19:00:00Z"), "category": category,
            "description": "", "prices": {"Balcony": price, "Floor": price + 5}});
        ids.push(server.event_with(&venue, change).await);
    }
    server.until("/events/search", |reply| reply.at("/pagination/total") == 3).await;
    ids.try_into().unwrap()
}

const BEETHOVEN: &str = "Beethoven evening";
const WHALES: &str = "Evening of the Whales";
const BOTH: &str = "Beethoven's whales";

#[tokio::test]
async fn typos_are_allowed_when_nothing_is_found_without() {
    let server = Server::new();
    three(&server).await;
    let found = server.get("/events/search?q=beetohven", "").await;
    assert_eq!(names_of(&found), [BEETHOVEN, BOTH]);
    assert_eq!(found.at("/typosAllowed"), true);
    assert_eq!(names(&server, "q=whalse").await, [WHALES, BOTH]);
    // Two typos in a long word; the word as it is found without any.
    assert_eq!(names(&server, "q=beathofen").await, [BEETHOVEN, BOTH]);
    assert_eq!(names(&server, "q=beethoven&city=boston").await, [""; 0]);
    let exact = server.get("/events/search?q=beethoven", "").await;
    assert_eq!(exact.at("/typosAllowed"), &Value::Null);
    // Short words have none, and three typos are other words.
    for other in ["q=sevening+teh", "q=xxxtjoven"] {
        assert_eq!(names(&server, other).await, [""; 0], "{other}");
    }
}

#[tokio::test]
async fn words_are_found_by_their_beginnings_and_names_count_most() {
    let server = Server::new();
    three(&server).await;
    assert_eq!(names(&server, "q=bee").await, [BEETHOVEN, BOTH]);
    assert_eq!(names(&server, "q=wha+eve").await, [WHALES]);
    // A place that is in the name of one and the address of another.
    let venue = venue_in(&server, "Whales", None).await;
    let change = json!({"name": "Fair", "date": "2099-01-01T19:00:00Z"});
    server.event_with(&venue, change).await;
    server.until("/events/search?q=fair", |reply| reply.at("/pagination/total") == 1).await;
    assert_eq!(names(&server, "q=whales").await, [WHALES, BOTH, "Fair"]);
    assert_eq!(names(&server, "q=whales&sort=date").await, ["Fair", WHALES, BOTH]);
}

#[tokio::test]
async fn what_was_found_is_counted_by_city_and_category() {
    let server = Server::new();
    three(&server).await;
    let facets = server.get("/events/search?facets=true&limit=1", "").await;
    let music = json!([{"name": "music", "count": 2}, {"name": "nature", "count": 1}]);
    assert_eq!(facets.at("/facets/categories"), &music);
    assert_eq!(facets.at("/facets/cities").as_array().unwrap().len(), 3);
    let some = server.get("/events/search?facets=true&q=beethoven&price_max=60", "").await;
    assert_eq!(
        some.at("/facets"),
        &json!({"cities": [{"name": "New York", "count": 1}],
        "categories": [{"name": "music", "count": 1}]})
    );
    assert_eq!(server.get("/events/search", "").await.at("/facets"), &Value::Null);
}

#[tokio::test]
async fn what_is_near_is_found_with_its_distance() {
    let server = Server::new();
    three(&server).await;
    // From Philadelphia: New York is 130 km away, Boston 435.
    let near = "near=39.95,-75.17";
    let found = server.get(&format!("/events/search?{near}&sort=distance"), "").await;
    assert_eq!(names_of(&found), [BEETHOVEN, WHALES]);
    let km = found.at("/events/0/distanceKm").as_f64().unwrap();
    assert!((125.0..140.0).contains(&km), "{km}");
    assert_eq!(names(&server, &format!("{near}&radius_km=200")).await, [BEETHOVEN]);
    let all = server.get(&format!("/events/search?{near}"), "").await;
    assert_eq!(names_of(&all), [BEETHOVEN, WHALES, BOTH]);
    assert_eq!(all.at("/events/2/distanceKm"), &Value::Null);
    for bad in [
        "near=1",
        "near=a,b",
        "near=91,0",
        "near=0,181",
        "near=0,NaN",
        "radius_km=5",
        "near=0,0&radius_km=0",
        "near=0,0&radius_km=30000",
        "near=0,0&radius_km=x",
        "sort=distance",
        "sort=best",
        "facets=maybe",
        "cursor=x",
        "page=10001&limit=1",
        "page=2&cursor=x",
    ] {
        let reply = server.get(&format!("/events/search?{bad}"), "").await;
        reply.problem(422, "invalid");
        assert!(bad.contains(reply.word("/field")), "{bad}: {}", reply.text);
    }
}

#[tokio::test]
async fn events_are_sorted_by_what_is_asked_for() {
    let server = Server::new();
    let [_, whales, both] = three(&server).await;
    assert_eq!(names(&server, "sort=date").await, [BEETHOVEN, WHALES, BOTH]);
    assert_eq!(names(&server, "sort=price").await, [WHALES, BEETHOVEN, BOTH]);
    // Four of five seats of one, two of another.
    let seats = server.seats(&both).await;
    let body = json!({"eventId": both, "seatIds": &seats[..4]});
    assert_eq!(server.post("/bookings", "alice", body).await.status, 201);
    assert_eq!(server.book(&whales, "bob").await.status, 201);
    let sorted = |reply: &Reply| names_of(reply) == [BOTH, WHALES, BEETHOVEN];
    server.until("/events/search?sort=popularity", sorted).await;
}

#[tokio::test]
async fn cursors_hold_while_events_are_added() {
    let server = Server::new();
    let venue = server.venue().await;
    let add = async |day: u32| {
        let date = format!("2099-05-{day:02}T19:00:00Z");
        let name = format!("Night {day}");
        server.event_with(&venue, json!({"name": name, "date": date})).await
    };
    for day in [10, 12, 14, 16, 18] {
        add(day).await;
    }
    let total = |total: u32| move |reply: &Reply| reply.at("/pagination/total") == total;
    server.until("/events/search", total(5)).await;
    for sort in ["date", "relevance&q=night", "price", "popularity"] {
        let mut seen = Vec::new();
        let mut path = format!("/events/search?sort={sort}&limit=2");
        loop {
            let page = server.get(&path, "").await;
            assert_eq!(page.status, 200, "{}", page.text);
            seen.extend(names_of(&page));
            let Some(cursor) = page.at("/pagination/nextCursor").as_str() else { break };
            path = format!("/events/search?sort={sort}&limit=2&cursor={cursor}");
        }
        assert_eq!(seen, ["Night 10", "Night 12", "Night 14", "Night 16", "Night 18"], "{sort}");
    }
    let first = server.get("/events/search?sort=date&limit=2", "").await;
    let cursor = first.word("/pagination/nextCursor").to_owned();
    // One before the page that was seen, one behind it.
    add(11).await;
    add(13).await;
    server.until("/events/search", total(7)).await;
    let rest = names(&server, &format!("sort=date&cursor={cursor}")).await;
    assert_eq!(rest, ["Night 13", "Night 14", "Night 16", "Night 18"]);
    let otherwise = server.get(&format!("/events/search?sort=price&cursor={cursor}"), "").await;
    otherwise.problem(422, "invalid");
}

#[tokio::test]
async fn search_has_every_filter() {
    let server = Server::new();
    let venue = server.venue().await;
    let mut elsewhere = venue_body();
    elsewhere["city"] = json!("São Paulo");
    elsewhere["seatMap"] = plan();
    let elsewhere = server.post("/venues", "organiser", elsewhere).await;
    let one = server
        .event_with(&venue, json!({"name": "Alpha night", "date": "2099-12-10T19:00:00Z"}))
        .await;
    let change = json!({"name": "Beta night", "date": "2099-12-20T23:30:00Z", "category": "sports",
        "prices": {"Balcony": 20, "Floor": 30}});
    let two = server.event_with(elsewhere.word("/id"), change).await;
    let draft = server.post("/events", "organiser", event_body(&venue)).await;
    assert_eq!(draft.status, 201);
    server.until("/events/search", |reply| reply.at("/pagination/total") == 2).await;
    for (query, expected) in [
        ("", vec![&one, &two]),
        ("q=night", vec![&one, &two]),
        ("q=NIG+alp", vec![&one]),
        ("q=symphony+gamma", vec![]),
        ("q=town", vec![&one, &two]),
        ("city=new-york", vec![&one]),
        ("city=NEW%20YORK", vec![&one]),
        ("city=sao-paulo", vec![&two]),
        ("q=paulo", vec![&two]),
        ("category=Sports", vec![&two]),
        ("date_from=2099-12-11", vec![&two]),
        ("date_to=2099-12-10", vec![&one]),
        ("date_from=2099-12-20&date_to=2099-12-20", vec![&two]),
        ("price_max=79.99", vec![&two]),
        ("price_max=80", vec![&one, &two]),
        ("price_min=31", vec![&one]),
        ("price_min=30&price_max=30", vec![&two]),
        ("limit=1&page=2", vec![&two]),
        ("page=9", vec![]),
    ] {
        let reply = server.get(&format!("/events/search?{query}"), "").await;
        assert_eq!(reply.status, 200, "{query}: {}", reply.text);
        let hits = reply.at("/events").as_array().unwrap().iter();
        let found: Vec<&str> = hits.map(|hit| hit["id"].as_str().unwrap()).collect();
        assert_eq!(found, expected, "{query}");
    }
    let page = server.get("/events/search?limit=1", "").await;
    let pagination = page.at("/pagination");
    assert_eq!(pagination["total"], 2);
    assert_eq!((&pagination["page"], &pagination["pages"]), (&json!(1), &json!(2)));
    assert!(pagination["nextCursor"].is_string());
    let hit = page.at("/events/0");
    assert_eq!(hit["priceRange"], json!({"min": 80.0, "max": 250.0}));
    assert_eq!(hit["availability"], "HIGH");
    assert_eq!((&hit["venue"], &hit["city"]), (&json!("Town Hall"), &json!("New York")));
    for bad in ["limit=101", "limit=0", "page=0", "date_from=x", "price_max=x", "price_max=-1"] {
        server.get(&format!("/events/search?{bad}"), "").await.problem(422, "invalid");
    }
    server.get("/events/search?page=x", "").await.problem(400, "malformed");
}

#[tokio::test]
async fn search_follows_what_is_sold() {
    let server = Server::new();
    let venue = server.venue().await;
    let event = server.event_with(&venue, json!({})).await;
    let seats = server.seats(&event).await;
    let hit =
        |word: &'static str| move |reply: &Reply| reply.word("/events/0/availability") == word;
    server.until("/events/search", hit("HIGH")).await;
    let body = |seats: &[String]| json!({"eventId": event, "seatIds": seats});
    assert_eq!(server.post("/bookings", "alice", body(&seats[..3])).await.status, 201);
    server.until("/events/search", hit("MEDIUM")).await;
    assert_eq!(server.post("/bookings", "alice", body(&seats[3..])).await.status, 201);
    server.until("/events/search", hit("SOLD_OUT")).await;
    assert_eq!(server.get(&format!("/events/{event}"), "").await.word("/status"), "SOLD_OUT");
}

#[tokio::test]
async fn an_event_that_is_called_off_or_renamed_is_found_no_more() {
    let server = Server::new();
    let [one, two, _] = three(&server).await;
    let path = format!("/events/{one}");
    let rename = json!({"name": "Mozart"});
    let call = server.call(Method::PATCH, &path, "organiser", "", Some(rename)).await;
    assert_eq!(call.status, 200, "{}", call.text);
    server.until("/events/search?q=mozart", |reply| reply.at("/pagination/total") == 1).await;
    assert_eq!(names(&server, "q=beethoven").await, [BOTH]);
    let path = format!("/events/{two}/cancel");
    let off = server.call(Method::POST, &path, "organiser", "", None).await;
    assert_eq!(off.status, 200);
    server.until("/events/search", |reply| reply.at("/pagination/total") == 2).await;
    assert_eq!(names(&server, "city=boston").await, [""; 0]);
    // One that is long over is in no list, and is there for who knows it.
    server.fake.archive(one.parse().unwrap());
    server.until("/events/search", |reply| reply.at("/pagination/total") == 1).await;
    let over = server.get(&format!("/events/{one}"), "").await;
    assert_eq!(over.status, 200);
    assert_eq!(over.word("/status"), "ENDED");
}

fn listed(fake: &Fake) -> u64 {
    fake.listed.load(Ordering::SeqCst)
}

/// A server whose index on disk has three events, one of them with seats on hold; it was ended.
async fn ended(fake: &Fake, dir: &Path) -> [String; 3] {
    let server = Server::on_disk(fake, dir);
    let ids = three(&server).await;
    let seats = server.seats(&ids[0]).await;
    let body = json!({"eventId": ids[0], "seatIds": &seats[..3]});
    assert_eq!(server.post("/bookings", "alice", body).await.status, 201);
    let medium = |reply: &Reply| reply.word("/events/0/availability") == "MEDIUM";
    server.until("/events/search?sort=date", medium).await;
    server.end().await;
    ids
}

#[tokio::test]
async fn a_restart_goes_on_from_where_the_index_was() {
    let (fake, dir) = (fake_of_now(), tempfile::tempdir().unwrap());
    let [one, two, _] = ended(&fake, dir.path()).await;
    // Meanwhile another server lists the events, sells and renames.
    let elsewhere = tempfile::tempdir().unwrap();
    let other = Server::on_disk(&fake, elsewhere.path());
    let seats = other.seats(&one).await;
    let body = json!({"eventId": one, "seatIds": &seats[3..]});
    assert_eq!(other.post("/bookings", "bob", body).await.status, 201);
    let rename = json!({"name": "Dolphins"});
    let path = format!("/events/{two}");
    assert_eq!(other.call(Method::PATCH, &path, "organiser", "", Some(rename)).await.status, 200);
    other.until("/events/search?q=dolphins", |reply| reply.at("/pagination/total") == 1).await;
    other.end().await;

    let before = listed(&fake);
    let server = Server::on_disk(&fake, dir.path());
    // What it had is there at once, and what it missed comes by the feed.
    assert_eq!(names(&server, "sort=date").await.len(), 3);
    let renamed = |reply: &Reply| reply.at("/pagination/total") == 1;
    server.until("/events/search?q=dolphins", renamed).await;
    let sold_out = |reply: &Reply| reply.word("/events/0/availability") == "SOLD_OUT";
    server.until("/events/search?sort=date", sold_out).await;
    server.until_ready().await;
    assert_eq!(listed(&fake), before, "nothing was read anew");
    server.end().await;
    // Once more, with nothing new: no count is taken twice.
    let server = Server::on_disk(&fake, dir.path());
    server.until_ready().await;
    assert_eq!(names(&server, "q=dolphins").await, ["Dolphins"]);
    server.until("/events/search?sort=date", sold_out).await;
    assert_eq!(listed(&fake), before);
}

#[tokio::test]
async fn a_damaged_index_is_made_anew() {
    let (fake, dir) = (fake_of_now(), tempfile::tempdir().unwrap());
    ended(&fake, dir.path()).await;
    let files = |ending: &str| -> Vec<PathBuf> {
        let all = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
        all.filter(|path| path.to_string_lossy().ends_with(ending)).collect()
    };
    let flip = |path: &Path| {
        let mut bytes = std::fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        std::fs::write(path, bytes).unwrap();
    };
    let damages: [&dyn Fn(); 4] = [
        &|| files(".fast").iter().for_each(|path| flip(path)),
        &|| files(".idx").iter().for_each(|path| std::fs::remove_file(path).unwrap()),
        &|| files("meta.json").iter().for_each(|path| std::fs::write(path, "{").unwrap()),
        &|| files(".store").iter().for_each(|path| std::fs::write(path, "").unwrap()),
    ];
    for damage in damages {
        damage();
        let before = listed(&fake);
        let server = Server::on_disk(&fake, dir.path());
        server.until_ready().await;
        assert!(listed(&fake) > before, "the events were read anew");
        assert_eq!(names(&server, "q=beethoven").await, [BEETHOVEN, BOTH]);
        server.end().await;
    }
}

#[tokio::test]
async fn how_far_searches_are_behind_is_measured() {
    let server = Server::new();
    three(&server).await;
    let request = Request::builder().uri("/metrics").body(Body::empty()).unwrap();
    let text = server.raw(request).await.text;
    for line in [
        "rowlock_search_documents 3",
        "rowlock_search_lag_seconds ",
        "rowlock_search_silence_seconds ",
        "rowlock_search_visible_seconds_count ",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    // Nothing that was made in this test takes ten seconds to be shown.
    let lag = text.lines().find_map(|line| line.strip_prefix("rowlock_search_lag_seconds "));
    assert!(lag.unwrap().parse::<f64>().unwrap() < 10.0);
}

async fn with_tag(server: &Server, path: &str, tag: &str) -> Reply {
    let request = Request::builder().uri(format!("/api/v1{path}"));
    let request = request.header(header::IF_NONE_MATCH, tag);
    server.raw(request.body(Body::empty()).unwrap()).await
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn lists_details_and_maps_may_be_kept_and_seats_may_not() {
    let server = Server::new();
    let [event, ..] = three(&server).await;
    let details = server.get(&format!("/events/{event}"), "").await;
    let venue = details.word("/venue/id").to_owned();
    for path in [
        "/events/search?q=beethoven".to_owned(),
        format!("/events/{event}"),
        format!("/venues/{venue}"),
        format!("/venues/{venue}/seat-map"),
        format!("/venues/{venue}/seat-map?format=svg"),
    ] {
        let first = server.get(&path, "").await;
        assert_eq!(first.status, 200, "{path}");
        let kept = text(&first.headers, "cache-control");
        assert!(kept.starts_with("public, max-age="), "{path}: {kept}");
        assert!(kept.contains("stale-while-revalidate="), "{path}: {kept}");
        let tag = text(&first.headers, "etag").to_owned();
        let again = with_tag(&server, &path, &tag).await;
        assert_eq!((again.status.as_u16(), again.text.as_str()), (304, ""), "{path}");
        assert_eq!(text(&again.headers, "etag"), tag);
        assert_eq!(with_tag(&server, &path, "\"other\"").await.status, 200, "{path}");
    }
    // What changed has another tag.
    let tag = text(&details.headers, "etag").to_owned();
    assert_eq!(server.book(&event, "alice").await.status, 201);
    assert_eq!(with_tag(&server, &format!("/events/{event}"), &tag).await.status, 200);
    // Who organises sees more, and that is nobody else's.
    let own = server.get(&format!("/events/{event}"), "organiser").await;
    assert_eq!(text(&own.headers, "cache-control"), "private, no-cache");
    assert!(text(&own.headers, "vary").contains("authorization"));
    let seats = server.get(&format!("/events/{event}/seats"), "").await;
    assert_eq!(text(&seats.headers, "cache-control"), "no-store");
    assert_eq!(text(&seats.headers, "etag"), "");
    assert_eq!(with_tag(&server, &format!("/events/{event}/seats"), "*").await.status, 200);
}
