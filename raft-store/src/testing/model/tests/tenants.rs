//! Accounts, to the inventory and to the model.

use super::wishes::{timed, wish};
use super::*;
use crate::inventory::User;
use crate::inventory::accounts::{
    AccountCommand, AccountView, ApiKey, Proof, Purpose, SecretHash, SessionView,
};
use crate::testing::model::keys::{Deed, Key, KeyAsk, Tenant, Why};

/// Few of all, so that they meet.
const USERS: u64 = 4;

fn deed() -> impl Strategy<Value = Deed> {
    let lock = || prop_oneof![Just("oak".to_owned()), Just("ash".to_owned())];
    let secret = || 0_u8..4;
    let number = || prop_oneof![3 => 0_u8..3, 1 => 0_u8..24];
    let ms = || prop_oneof![Just(60_000_u64), Just(400_000)];
    let locks = || prop_oneof![3 => Just(0_u32), 2 => Just(1), 1 => 2_u32..4];
    let why = prop_oneof![2 => locks().prop_map(Why::Lock), 2 => secret().prop_map(Why::Letter)];
    prop_oneof![
        4 => (0_u8..3, lock()).prop_map(|(address, lock)| Deed::MoveIn { address, lock }),
        8 => (number(), secret(), ms(), locks())
            .prop_map(|(number, secret, ms, locks)| Deed::Cut { number, secret, ms, locks }),
        16 => (0_u8..3, secret(), 1_u8..4, ms(), any::<bool>()).prop_map(
            |(number, from, by, ms, named)| {
                Deed::Turn { number, from, to: (from + by) % 4, ms, named }
            }
        ),
        2 => prop_oneof![number().prop_map(Some), Just(None)]
            .prop_map(|number| Deed::TakeBack { number }),
        4 => (lock(), why).prop_map(|(lock, why)| Deed::Relock { lock, why }),
        4 => (any::<bool>(), secret(), ms())
            .prop_map(|(to_reset, secret, ms)| Deed::Write { to_reset, secret, ms }),
        3 => secret().prop_map(|secret| Deed::Read { secret }),
        1 => Just(Deed::MoveOut),
        4 => (0_u8..24, prop_oneof![3 => (0_u8..4, 0_u64..2).prop_map(Some), 1 => Just(None)])
            .prop_map(|(number, to)| Deed::Lend { number, to }),
    ]
}

fn ask() -> impl Strategy<Value = KeyAsk> {
    let user = prop_oneof![3 => Just(1_u64), 1 => 2..USERS];
    let by = prop_oneof![6 => Just(None), 6 => Just(Some(0_u64)), 1 => Just(Some(77))];
    (user, by, deed()).prop_map(|(user, by, deed)| KeyAsk { user, by: by.unwrap_or(user), deed })
}

/// Histories of accounts beside a little traffic.
pub(super) fn key_steps() -> BoxedStrategy<Vec<(i64, Wish)>> {
    timed(prop_oneof![
        8 => ask().prop_map(|ask| Wish::Ask(Ask::Keys(ask))),
        1 => wish(),
    ])
}

fn hash(secret: u8) -> SecretHash {
    [secret; 32]
}

pub(super) fn command(ask: KeyAsk) -> (UserId, u64, CommandKind) {
    let KeyAsk { user, by, deed } = ask;
    let (user, by) = (UserId(user.into()), UserId(by.into()));
    let command = match deed {
        Deed::MoveIn { address, lock } => {
            let doc = User {
                email: format!("{address}@example.org"),
                password_hash: lock,
                first_name: String::new(),
                last_name: String::new(),
                phone: String::new(),
                created_ms: 0,
            };
            return (by, 0, CommandKind::RegisterUser { user, doc: Box::new(doc) });
        }
        Deed::Cut { number, secret, ms: ttl_ms, locks: passwords } => {
            let (session, secret) = (number.into(), hash(secret));
            AccountCommand::StartSession { user, session, secret, ttl_ms, passwords }
        }
        Deed::Turn { number, from, to, ms: ttl_ms, named: keyed } => {
            let (session, from, to) = (number.into(), hash(from), hash(to));
            AccountCommand::RotateSession { user, session, from, to, ttl_ms, keyed }
        }
        Deed::TakeBack { number } => {
            AccountCommand::EndSessions { user, session: number.map(u128::from) }
        }
        Deed::Relock { lock: password_hash, why } => {
            let proof = match why {
                Why::Lock(number) => Proof::Passwords(number),
                Why::Letter(secret) => Proof::Link(hash(secret)),
            };
            AccountCommand::SetPassword { user, password_hash, proof }
        }
        Deed::Write { to_reset, secret, ms: ttl_ms } => {
            let purpose = if to_reset { Purpose::Reset } else { Purpose::Verify };
            AccountCommand::IssueLink { user, purpose, secret: hash(secret), ttl_ms }
        }
        Deed::Read { secret } => AccountCommand::VerifyEmail { user, secret: hash(secret) },
        Deed::MoveOut => AccountCommand::DeleteUser { user },
        Deed::Lend { number, to } => {
            let grant = to.map(|to| Box::new(api_key(to)));
            AccountCommand::SetApiKey { user, key: number.into(), grant }
        }
    };
    let kind = CommandKind::Account(command);
    assert_eq!(kind.check(), Ok(()));
    (by, 0, kind)
}

fn api_key((secret, until_ms): (u8, u64)) -> ApiKey {
    ApiKey {
        secret: hash(secret),
        name: "till".to_owned(),
        role: "door".to_owned(),
        scopes: vec!["tickets".to_owned()],
        until_ms,
    }
}

fn session(key: Key) -> SessionView {
    SessionView {
        session: key.number.into(),
        started_ms: key.cut_ms,
        used_ms: key.turned_ms,
        until_ms: key.until_ms,
    }
}

pub(super) fn compare(model: &Model, state: &State) {
    for number in 1..USERS {
        let user = UserId(number.into());
        let nobody = Tenant::default();
        let tenant = model.tenants.iter().find(|it| it.user == number);
        let (here, it) = (tenant.is_some_and(|it| !it.gone), tenant.unwrap_or(&nobody));
        let keys = it.good_keys(model.clock_ms).into_iter();
        let loans = model.loans.iter().filter(|loan| loan.0 == number);
        let mut loans: Vec<_> = loans.copied().collect();
        loans.sort_unstable();
        let expected = AccountView {
            passwords: it.locks,
            verified_ms: it.known_since_ms,
            deleted: it.gone,
            sessions: keys.map(session).collect(),
            api_keys: loans.into_iter().map(|(_, id, to)| (id.into(), api_key(to))).collect(),
        };
        assert_eq!(state.account(user), expected);
        let doc = state.user(user);
        assert_eq!(doc.map(|doc| doc.password_hash.clone()), here.then(|| it.lock.clone()));
        if here {
            let address = format!("{}@example.org", it.address);
            assert_eq!(state.user_by_email(&address).map(|(id, _)| id), Some(user));
        }
    }
}
