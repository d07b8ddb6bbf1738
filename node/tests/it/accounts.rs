//! Accounts: sessions, letters and goodbyes, on nodes that all die in between.

use bytes::Bytes;
use rowlock_proto::v1::{account_command, call, command, query, query_reply, reply};
use rowlock_proto::{ErrorCode, UserId, v1};

use crate::cluster::{Client, Cluster, Decided, user};

const ANNA: u128 = 5;
const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

async fn execute(client: &mut Client, kind: command::Kind) -> Result<reply::Kind, ErrorCode> {
    let command = v1::Command { principal: user(ANNA), key: client.key(), kind: Some(kind) };
    match client.execute(UserId(ANNA).slot(), call::Body::Command(command)).await.1 {
        Decided::Reply(reply) => Ok(reply),
        Decided::Refusal(refusal) => Err(ErrorCode::from_number(refusal.code).unwrap()),
        other => panic!("{other:?}"),
    }
}

async fn tell(client: &mut Client, kind: account_command::Kind) -> Result<reply::Kind, ErrorCode> {
    let command = v1::AccountCommand { user: user(ANNA), kind: Some(kind) };
    execute(client, command::Kind::Account(command)).await
}

async fn account(client: &mut Client) -> v1::Account {
    let get = query::Kind::GetAccount(v1::GetAccount { user: user(ANNA) });
    match client.query(UserId(ANNA).slot(), get).await {
        query_reply::Kind::Account(account) => account,
        other => panic!("{other:?}"),
    }
}

fn secret(number: u8) -> Bytes {
    Bytes::copy_from_slice(&[number; 32])
}

fn rotate(from: u8, to: u8) -> account_command::Kind {
    account_command::Kind::RotateSession(v1::RotateSession {
        session: user(9),
        from: secret(from),
        to: secret(to),
        ttl_ms: DAY_MS,
        keyed: true,
    })
}

fn start(passwords: u32) -> account_command::Kind {
    account_command::Kind::StartSession(v1::StartSession {
        session: user(9),
        secret: secret(1),
        ttl_ms: DAY_MS,
        passwords,
    })
}

fn alive(alive: bool) -> Result<reply::Kind, ErrorCode> {
    Ok(reply::Kind::Session(v1::SessionAnswer { alive }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_outlives_every_node_and_is_gone_when_its_user_says_so() {
    let done = Ok(reply::Kind::Done(v1::Done {}));
    let mut cluster = Cluster::start(3);
    let mut client = cluster.client();
    assert_eq!(tell(&mut client, start(0)).await, Err(ErrorCode::UserNotFound));
    let doc = v1::User {
        email: "anna@example.org".to_owned(),
        password_hash: "oak".to_owned(),
        ..v1::User::default()
    };
    let register = v1::RegisterUser { user: user(ANNA), doc: Some(doc) };
    assert_eq!(execute(&mut client, command::Kind::RegisterUser(register)).await, done);
    assert_eq!(tell(&mut client, start(0)).await, done);
    assert_eq!(tell(&mut client, rotate(1, 2)).await, alive(true));
    let link = account_command::Kind::IssueLink(v1::IssueLink {
        purpose: v1::LinkPurpose::Verify.into(),
        secret: secret(7),
        ttl_ms: DAY_MS,
    });
    assert_eq!(tell(&mut client, link).await, done);

    for id in cluster.running() {
        cluster.stop(id);
    }
    for id in 1..=3 {
        cluster.start_again(id);
    }
    let mut client = cluster.client();
    let kept = account(&mut client).await;
    assert_eq!((kept.sessions.len(), kept.passwords, kept.verified_ms), (1, 0, 0));
    assert_eq!(tell(&mut client, rotate(1, 2)).await, alive(true), "asked again, under its key");
    assert_eq!(tell(&mut client, rotate(2, 3)).await, alive(true));
    let verify = account_command::Kind::VerifyEmail(secret(7));
    assert_eq!(tell(&mut client, verify).await, done);
    assert_eq!(tell(&mut client, rotate(1, 2)).await, alive(false), "used twice");
    let kept = account(&mut client).await;
    assert_eq!((kept.sessions.len(), kept.verified_ms > 0), (0, true));

    let proof = Some(v1::set_password::Proof::Passwords(0));
    let set = v1::SetPassword { password_hash: "elm".to_owned(), proof };
    assert_eq!(tell(&mut client, account_command::Kind::SetPassword(set)).await, done);
    assert_eq!(tell(&mut client, start(0)).await, Err(ErrorCode::CredentialsChanged));
    assert_eq!(tell(&mut client, start(1)).await, done);
    let short = account_command::Kind::VerifyEmail(Bytes::from_static(&[7; 31]));
    assert_eq!(tell(&mut client, short).await, Err(ErrorCode::Malformed));

    let grant = v1::ApiKey {
        secret: secret(8),
        name: "till".to_owned(),
        role: "door".to_owned(),
        scopes: vec!["tickets".to_owned()],
        until_ms: 0,
    };
    let set = v1::SetApiKey { key: user(77), grant: Some(grant.clone()) };
    assert_eq!(tell(&mut client, account_command::Kind::SetApiKey(set)).await, done);
    let entry = v1::ApiKeyEntry { key: user(77), grant: Some(grant) };
    assert_eq!(account(&mut client).await.api_keys, [entry]);

    let leave = account_command::Kind::DeleteUser(v1::Done {});
    assert_eq!(tell(&mut client, leave).await, done);
    let gone = account(&mut client).await;
    assert!(gone.deleted && gone.sessions.is_empty() && gone.api_keys.is_empty());
}
