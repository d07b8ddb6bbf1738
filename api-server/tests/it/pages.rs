//! The shop, as a browser without scripts meets it.

use axum::body::Body;
use axum::http::{Method, Request, header};

use crate::harness::{Reply, Server};

/// A browser: it keeps cookies and follows nothing by itself.
struct Browser<'a> {
    server: &'a Server,
    cookies: Vec<(String, String)>,
}

impl<'a> Browser<'a> {
    fn new(server: &'a Server) -> Self {
        Self { server, cookies: Vec::new() }
    }

    async fn send(&mut self, method: Method, path: &str, form: Option<String>) -> Reply {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::ACCEPT, "text/html")
            .header(header::COOKIE, cookies.join("; "));
        if form.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let body = form.map_or_else(Body::empty, Body::from);
        let reply = self.server.raw(request.body(body).unwrap()).await;
        for cookie in reply.headers.get_all(header::SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        reply
    }

    async fn open(&mut self, path: &str) -> Reply {
        self.send(Method::GET, path, None).await
    }

    async fn submit(&mut self, page: &Reply, path: &str, fields: &str) -> Reply {
        let token = field(&page.text, "form_token");
        let nonce = field(&page.text, "nonce");
        let form = format!("form_token={token}&nonce={nonce}&{fields}");
        self.send(Method::POST, path, Some(form)).await
    }
}

/// Value of the first field with this name; empty if there is none.
fn field(page: &str, name: &str) -> String {
    let start = format!("name=\"{name}\" value=\"");
    let rest = page.split_once(&start).map_or("", |(_, rest)| rest);
    rest.split('"').next().unwrap_or("").to_owned()
}

fn location(reply: &Reply) -> String {
    assert_eq!(reply.status, 303, "{}", reply.text);
    reply.headers[header::LOCATION].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn one_finds_books_pays_and_gets_tickets() {
    let server = Server::new();
    let event = server.event().await;
    server.until("/events/search", |reply| reply.at("/pagination/total") == 1).await;
    let seats = server.seats(&event).await;
    let mut browser = Browser::new(&server);
    let list = browser.open("/?q=dvorak").await;
    let path = format!("/events/{event}");
    assert!(list.text.contains(&path), "{}", list.text);
    let page = browser.open(&path).await;
    assert!(page.text.contains(&seats[4]) && page.text.contains("type=\"checkbox\""));

    // Not signed in: first that, then back.
    let held = browser.submit(&page, &format!("{path}/hold"), &format!("seat={}", seats[0])).await;
    assert!(location(&held).starts_with("/sign-in?next=%2Fevents"));
    let form = browser.open(&format!("/register?next={path}")).await;
    let fields =
        format!("next={path}&email=ann%40example.org&password=correct+horse&first_name=Ann");
    assert_eq!(location(&browser.submit(&form, "/register", &fields).await), path);

    let page = browser.open(&path).await;
    let fields = format!("seat={}&seat={}", seats[0], seats[1]);
    let held = browser.submit(&page, &format!("{path}/hold"), &fields).await;
    let booking = location(&held);
    // An impatient hand sends it twice.
    let again = browser.submit(&page, &format!("{path}/hold"), &fields).await;
    assert_eq!(location(&again), booking);

    let checkout = browser.open(&booking).await;
    assert!(checkout.text.contains("160.00 USD") && checkout.text.contains("id=\"countdown\""));
    let pay = format!("{booking}/pay");
    let declined = browser.submit(&checkout, &pay, "method=pm_card_visa_chargeDeclined").await;
    assert_eq!(declined.status, 402);
    assert!(declined.text.contains("declined") && declined.text.contains("Pay 160.00 USD"));
    let paid = browser.submit(&declined, &pay, "method=pm_card_visa").await;
    assert_eq!(location(&paid), booking);
    let tickets = browser.open(&booking).await;
    assert_eq!(tickets.text.matches("data:image/png").count(), 2);
    let ticket = tickets.text.split_once("href=\"/tickets/").unwrap().1.split('"').next().unwrap();
    assert_eq!(browser.open(&format!("/tickets/{ticket}")).await.status, 200);

    // What is gone is said on the event's page.
    let page = browser.open(&path).await;
    let gone = browser.submit(&page, &format!("{path}/hold"), &fields).await;
    assert_eq!(gone.status, 409);
    assert!(gone.text.contains("quicker"));
}

/// Signs up, holds two seats, and sends a card that the bank asks about. The booking's path and the
/// bank's page.
async fn at_the_bank(browser: &mut Browser<'_>) -> (String, Reply) {
    let event = browser.server.event().await;
    let seats = browser.server.seats(&event).await;
    let path = format!("/events/{event}");
    let form = browser.open(&format!("/register?next={path}")).await;
    let fields =
        format!("next={path}&email=ann%40example.org&password=correct+horse&first_name=Ann");
    assert_eq!(location(&browser.submit(&form, "/register", &fields).await), path);
    let page = browser.open(&path).await;
    let fields = format!("seat={}&seat={}", seats[0], seats[1]);
    let booking = location(&browser.submit(&page, &format!("{path}/hold"), &fields).await);
    let checkout = browser.open(&booking).await;
    let method = "method=pm_card_threeDSecure2Required";
    let asked = browser.submit(&checkout, &format!("{booking}/pay"), method).await;
    let bank = location(&asked);
    assert!(bank.starts_with("/sandbox/challenges/pi_"), "{bank}");
    let guess = bank.split('?').next().unwrap();
    assert_eq!(browser.open(&format!("{guess}?secret=guess")).await.status, 404);
    let page = browser.open(&bank).await;
    assert!(page.text.contains("160.00 USD") && page.text.contains("no money"), "{}", page.text);
    (booking, page)
}

#[tokio::test]
async fn a_bank_that_is_none_asks_what_a_bank_would_ask() {
    for (answer, shown) in [("yes", "is confirmed"), ("no", "Pay 160.00 USD")] {
        let server = Server::new();
        let mut browser = Browser::new(&server);
        let (booking, page) = at_the_bank(&mut browser).await;
        let action = page.text.split_once("action=\"/sandbox").unwrap().1;
        let path = format!("/sandbox{}", action.split('"').next().unwrap());
        let fields = format!("secret={}&answer={answer}", field(&page.text, "secret"));
        let answered = browser.submit(&page, &path, &fields).await;
        assert_eq!(location(&answered), booking);
        let after = browser.open(&booking).await;
        assert!(after.text.contains(shown), "{}", after.text);
    }
}

#[tokio::test]
async fn forms_of_others_are_refused() {
    let server = Server::new();
    let mut browser = Browser::new(&server);
    let fields = "form_token=wrong&email=a%40example.org&password=correct+horse".to_owned();
    let reply = browser.send(Method::POST, "/register", Some(fields)).await;
    assert_eq!(reply.status, 403);
    assert!(reply.text.contains("<h1>"));
    assert_eq!(server.fake.sizes()[2], 0);
}

#[tokio::test]
async fn signing_in_leads_nowhere_else() {
    let server = Server::new();
    let mut browser = Browser::new(&server);
    for next in ["https://evil.example/", "//evil.example", "/\\evil.example"] {
        let page = browser.open(&format!("/sign-in?next={next}")).await;
        assert_eq!(field(&page.text, "next"), "/", "{next}");
    }
}

#[tokio::test]
async fn a_page_that_is_not_there_says_so_as_a_page() {
    let server = Server::new();
    let reply = Browser::new(&server).open("/events/evt-nowhere").await;
    assert_eq!(reply.status, 404);
    assert!(reply.headers[header::CONTENT_TYPE].to_str().unwrap().starts_with("text/html"));
    let reply = Browser::new(&server).open("/?limit=9999").await;
    assert_eq!(reply.status, 422);
}

#[tokio::test]
async fn links_in_letters_lead_to_a_new_password() {
    let server = Server::new();
    let mut browser = Browser::new(&server);
    let page = browser.open("/register").await;
    let fields = "email=ann%40example.org&password=correct+horse";
    let made = browser.submit(&page, "/register", fields).await;
    assert_eq!(made.status, 303, "{}", made.text);
    let link = |letters: &[String], path: &str| {
        let start = format!("https://shop.example{path}?token=");
        let found = letters.iter().find_map(|letter| letter.split_once(&start));
        let token = found.expect("a letter with a link").1.split_whitespace().next().unwrap();
        (format!("{path}?token={token}"), format!("token={token}"))
    };
    let (path, token) = link(&server.until_letters(1).await, "/verify-email");
    let page = browser.open(&path).await;
    assert_eq!(page.status, 200);
    let verified = browser.submit(&page, "/verify-email", &token).await;
    assert!(verified.text.contains("Thank you"), "{}", verified.text);

    let page = browser.open("/forgotten-password").await;
    let sent = browser.submit(&page, "/forgotten-password", "email=ann%40example.org").await;
    assert!(sent.text.contains("on its way"), "{}", sent.text);
    let (path, token) = link(&server.until_letters(2).await, "/reset-password");
    let page = browser.open(&path).await;
    let weak = browser.submit(&page, "/reset-password", &format!("{token}&password=short")).await;
    assert_eq!(weak.status, 422, "{}", weak.text);
    let fields = format!("{token}&password=battery+staple");
    let set = browser.submit(&weak, "/reset-password", &fields).await;
    assert_eq!(set.status, 200, "{}", set.text);
    let again = browser.submit(&page, "/reset-password", &fields).await;
    assert_eq!(again.status, 422, "{}", again.text);
    let login = "email=ann%40example.org&password=battery+staple";
    let page = browser.open("/sign-in").await;
    assert_eq!(browser.submit(&page, "/sign-in", login).await.status, 303);
}
