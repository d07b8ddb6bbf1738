//! Accounts, in scripts. `account anna registers a@b.c pw` is somebody new; `starts s1 x 60 0` a session
//! of 60 seconds with the secret `x`, for password number 0; `turns s1 x y 60` exchanges the secret, and
//! `turns s1 x y 60 keyed` does so under a key; `ends s1`, `ends all`; `sets pw2 by 0` a password that is
//! known to be number 0, `sets pw2 with z` one by the letter `z`; `link reset z 60` and `link verify z 60`
//! send letters, and `verifies z` reads one; `lends 1 till` gives a key to a program and `revokes 1` takes
//! it back; `leaves`; `account? anna` looks.

use rowlock_proto::shard::hash64;
use rowlock_raft_store::inventory::accounts::{
    AccountCommand, ApiKey, Proof, Purpose, SecretHash, SessionView,
};
use rowlock_raft_store::inventory::{CommandKind, User};

use super::{Script, number, seconds, time};

fn secret(name: &str) -> SecretHash {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&hash64(name.as_bytes()).to_be_bytes());
    hash
}

/// `s1` is 1.
fn session(name: &str) -> u128 {
    number(name.strip_prefix('s').expect("s<number>")).into()
}

impl Script {
    pub(super) fn account(&mut self, words: &[&str]) {
        let [name, words @ ..] = words else { panic!("whose account?") };
        let user = self.user(name);
        let command = match words {
            ["registers", email, password] => {
                let doc = User {
                    email: (*email).to_owned(),
                    password_hash: (*password).to_owned(),
                    first_name: "A".to_owned(),
                    last_name: String::new(),
                    phone: String::new(),
                    created_ms: 0,
                };
                let kind = CommandKind::RegisterUser { user, doc: Box::new(doc) };
                return self.apply(user, None, kind);
            }
            ["starts", id, word, ttl, passwords] => AccountCommand::StartSession {
                user,
                session: session(id),
                secret: secret(word),
                ttl_ms: seconds(ttl),
                passwords: u32::try_from(number(passwords)).unwrap(),
            },
            ["turns", id, from, to, ttl, keyed @ ..] => AccountCommand::RotateSession {
                user,
                session: session(id),
                from: secret(from),
                to: secret(to),
                ttl_ms: seconds(ttl),
                keyed: keyed == ["keyed"],
            },
            ["ends", "all"] => AccountCommand::EndSessions { user, session: None },
            ["ends", id] => AccountCommand::EndSessions { user, session: Some(session(id)) },
            ["sets", password, how, proof] => {
                let proof = match *how {
                    "by" => Proof::Passwords(u32::try_from(number(proof)).unwrap()),
                    _ => Proof::Link(secret(proof)),
                };
                AccountCommand::SetPassword { user, password_hash: (*password).to_owned(), proof }
            }
            ["link", purpose, word, ttl] => {
                let purpose = match *purpose {
                    "reset" => Purpose::Reset,
                    _ => Purpose::Verify,
                };
                let (secret, ttl_ms) = (secret(word), seconds(ttl));
                AccountCommand::IssueLink { user, purpose, secret, ttl_ms }
            }
            ["verifies", word] => AccountCommand::VerifyEmail { user, secret: secret(word) },
            ["lends", id, word] => {
                let key = ApiKey {
                    secret: secret(word),
                    name: (*word).to_owned(),
                    role: "door".to_owned(),
                    scopes: vec!["tickets".to_owned()],
                    until_ms: 0,
                };
                let grant = Some(Box::new(key));
                AccountCommand::SetApiKey { user, key: number(id).into(), grant }
            }
            ["revokes", id] => {
                AccountCommand::SetApiKey { user, key: number(id).into(), grant: None }
            }
            ["leaves"] => AccountCommand::DeleteUser { user },
            other => panic!("{other:?} can't be done to an account"),
        };
        self.apply(user, None, CommandKind::Account(command));
    }

    pub(super) fn show_account(&mut self, name: &str) {
        let user = self.user(name);
        let view = self.world.state.account(user);
        let email = self.world.state.user(user).map(|doc| doc.email.clone());
        let mut text = match (view.deleted, email) {
            (true, _) => "gone".to_owned(),
            (false, None) => "nobody".to_owned(),
            (false, Some(email)) => email,
        };
        if view.verified_ms > 0 {
            text.push_str(&format!(", verified at {}", time(view.verified_ms)));
        }
        text.push_str(&format!(", password {}", view.passwords));
        self.say(text);
        for SessionView { session, started_ms, used_ms, until_ms } in view.sessions {
            let [started, used, until] = [started_ms, used_ms, until_ms].map(time);
            self.say(format!("s{session} from {started}, used at {used}, until {until}"));
        }
        for (id, key) in view.api_keys {
            self.say(format!("key {id} {}: {} {}", key.name, key.role, key.scopes.join(" ")));
        }
    }
}
