use super::*;

fn new(key: &str, method: &str) -> NewIntent {
    NewIntent {
        key: key.to_owned(),
        booking: "bkg".to_owned(),
        amount: 5_000,
        currency: "USD".to_owned(),
        method: method.to_owned(),
        request: "r".to_owned(),
        fingerprint: "f".to_owned(),
        previous: String::new(),
    }
}

#[test]
fn methods_of_the_published_list_are_known() {
    for method in ["pm_card_visa", "pm_1234567890", "pm_card_visa_chargeDeclined"] {
        assert!(knows(method), "{method}");
    }
    for method in ["", "pm_", "pm_card_", "pm_card_nonsense", "pm_a b", "tok_visa", "4242"] {
        assert!(!knows(method), "{method}");
    }
    let funds = decline_reason("pm_card_chargeDeclinedInsufficientFunds");
    assert_eq!(funds, Some("insufficient_funds"));
    assert_eq!(decline_reason("pm_card_visa"), None);
}

#[tokio::test]
async fn two_servers_share_one_ledger_and_charge_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.jsonl");
    let (one, two) = (Sandbox::open(&path).unwrap(), Sandbox::open(&path).unwrap());
    let made = one.create(new("k", "pm_card_visa")).await.unwrap();
    assert_eq!(two.create(new("k", "pm_card_visa")).await.unwrap(), made);
    let paid = two.confirm(&made.id).await.unwrap();
    assert_eq!(paid.state, IntentState::Succeeded);
    assert_eq!(one.confirm(&made.id).await.unwrap(), paid);
    // Too late to cancel, and the answer says so.
    assert_eq!(one.cancel(&made.id).await.unwrap().state, IntentState::Succeeded);
    let back =
        |key: &str, amount| NewRefund { key: key.to_owned(), intent: made.id.clone(), amount };
    let first = one.refund(back("a", Some(2_000))).await.unwrap();
    assert_eq!(two.refund(back("a", Some(2_000))).await.unwrap(), first);
    let over = two.refund(back("b", Some(3_001))).await;
    assert!(matches!(over, Err(Error::Refused(_))), "{over:?}");
    assert_ne!(two.refund(back("c", None)).await.unwrap(), first);
    assert_eq!(two.find("r", "").await.unwrap(), [paid]);
    let text = std::fs::read_to_string(&path).unwrap();
    let count = |op: &str| text.lines().filter(|line| line.contains(op)).count();
    assert_eq!((count("\"create\""), count("\"succeed\""), count("\"op\":\"refund\"")), (1, 1, 2));
}

#[tokio::test]
async fn a_torn_line_is_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.jsonl");
    let one = Sandbox::open(&path).unwrap();
    let made = one.create(new("k", "pm_card_visa_chargeDeclined")).await.unwrap();
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"{\"op\":\"succeed\",\"inte").unwrap();
    let two = Sandbox::open(&path).unwrap();
    let after = two.confirm(&made.id).await.unwrap();
    assert_eq!(after.state, IntentState::Declined("generic_decline".to_owned()));
    assert_eq!(one.retrieve(&made.id).await.unwrap(), after);
}

#[tokio::test]
async fn a_bank_asks_its_customer_first() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::open(&dir.path().join("ledger.jsonl")).unwrap();
    for (key, method, done, wanted) in [
        ("a", "pm_card_threeDSecure2Required", true, IntentState::Succeeded),
        ("b", "pm_card_threeDSecure2Required", false, declined("authentication_failed")),
        (
            "c",
            "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",
            true,
            declined("insufficient_funds"),
        ),
    ] {
        let made = sandbox.create(new(key, method)).await.unwrap();
        let asked = sandbox.confirm(&made.id).await.unwrap();
        let IntentState::RequiresAction(action) = &asked.state else { panic!("{asked:?}") };
        // Asked again, it is the same question.
        assert_eq!(sandbox.confirm(&made.id).await.unwrap(), asked);
        let wrong = sandbox.authenticate(&made.id, "guess", true).await;
        assert!(matches!(wrong, Err(Error::NoIntent(_))), "{wrong:?}");
        let secret = action.client_secret.reveal();
        let after = sandbox.authenticate(&made.id, secret, done).await.unwrap();
        assert_eq!(after.state, wanted);
        assert_eq!(sandbox.authenticate(&made.id, secret, !done).await.unwrap(), after);
    }
    let given_up = sandbox.create(new("d", "pm_card_threeDSecure2Required")).await.unwrap();
    sandbox.confirm(&given_up.id).await.unwrap();
    assert_eq!(sandbox.cancel(&given_up.id).await.unwrap().state, IntentState::Canceled);
}

fn declined(reason: &str) -> IntentState {
    IntentState::Declined(reason.to_owned())
}
