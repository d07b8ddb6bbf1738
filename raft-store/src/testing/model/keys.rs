//! Who has keys to which account, and what ends them.

use rowlock_proto::error_code::ErrorCode;

use super::{Model, Said, no};

const KEYS: usize = 16;
const LOANS: usize = 16;
const SECOND_ASKING_MS: u64 = 10_000;

/// Secrets are numbers here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub number: u8,
    pub notches: Vec<u8>,
    pub cut_ms: u64,
    pub turned_ms: u64,
    pub until_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Letter {
    to_reset: bool,
    secret: u8,
    until_ms: u64,
    read: bool,
}

/// Somebody who lives here, or did.
#[derive(Clone, Debug, Default)]
pub struct Tenant {
    pub user: u64,
    pub address: u8,
    pub lock: String,
    pub locks: u32,
    pub known_since_ms: u64,
    pub keys: Vec<Key>,
    letters: Vec<Letter>,
    pub gone: bool,
}

/// Of a tenant or a stranger: number, and to whom until when.
pub type Loan = (u64, u8, (u8, u64));

#[derive(Clone, Copy, Debug)]
pub enum Why {
    Lock(u32),
    Letter(u8),
}

#[derive(Clone, Debug)]
pub enum Deed {
    MoveIn {
        address: u8,
        lock: String,
    },
    Cut {
        number: u8,
        secret: u8,
        ms: u64,
        locks: u32,
    },
    Turn {
        number: u8,
        from: u8,
        to: u8,
        ms: u64,
        named: bool,
    },
    TakeBack {
        number: Option<u8>,
    },
    Relock {
        lock: String,
        why: Why,
    },
    Write {
        to_reset: bool,
        secret: u8,
        ms: u64,
    },
    Read {
        secret: u8,
    },
    MoveOut,
    /// Leave for somebody to come in for the tenant, until then; or no more.
    Lend {
        number: u8,
        to: Option<(u8, u64)>,
    },
}

#[derive(Clone, Debug)]
pub struct KeyAsk {
    pub user: u64,
    /// 0: the house itself.
    pub by: u64,
    pub deed: Deed,
}

impl Tenant {
    /// Those that still turn.
    pub fn good_keys(&self, now: u64) -> Vec<Key> {
        let mut keys: Vec<Key> = self.keys.iter().filter(|it| it.until_ms > now).cloned().collect();
        keys.sort_by_key(|key| key.number);
        keys
    }

    fn cut(&mut self, now: u64, number: u8, secret: u8, ms: u64, locks: u32) -> Said {
        if locks != self.locks {
            return no(ErrorCode::CredentialsChanged);
        }
        if self.keys.iter().any(|key| key.number == number) {
            return Said::Done;
        }
        self.keys.retain(|key| key.until_ms > now);
        if self.keys.len() == KEYS {
            let idle = |key: &Key| (key.turned_ms, key.number);
            let oldest = self.keys.iter().map(idle).min().expect("there are sixteen");
            self.keys.retain(|key| idle(key) != oldest);
        }
        let until_ms = now + ms;
        let notches = vec![secret];
        self.keys.push(Key { number, notches, cut_ms: now, turned_ms: now, until_ms });
        Said::Done
    }

    fn turn(&mut self, now: u64, number: u8, [from, to]: [u8; 2], ms: u64, named: bool) -> Said {
        let Some(at) = self.keys.iter().position(|key| key.number == number) else {
            return Said::Alive(false);
        };
        let key = &mut self.keys[at];
        let last = *key.notches.last().expect("there is one from the beginning");
        let turned = key.notches.len() > 1;
        if key.until_ms > now && last == from {
            key.notches.push(to);
            (key.turned_ms, key.until_ms) = (now, now + ms);
            return Said::Alive(true);
        }
        let again = turned && key.notches.ends_with(&[from, to]);
        let soon = now - key.turned_ms <= SECOND_ASKING_MS;
        if key.until_ms > now && again && (named || soon) {
            return Said::Alive(true);
        }
        self.keys.remove(at);
        Said::Alive(false)
    }

    fn relock(&mut self, now: u64, lock: &str, why: Why) -> Said {
        let same = self.lock == lock;
        match why {
            Why::Lock(seen) if seen == self.locks => {}
            Why::Lock(seen) if seen + 1 == self.locks && same => return Said::Done,
            Why::Lock(_) => return no(ErrorCode::CredentialsChanged),
            Why::Letter(secret) => {
                let its = |it: &&mut Letter| it.to_reset && it.secret == secret;
                match self.letters.iter_mut().find(its) {
                    Some(letter) if letter.read && same => return Said::Done,
                    Some(letter) if !letter.read && letter.until_ms > now => letter.read = true,
                    _ => return no(ErrorCode::LinkUnknown),
                }
                if self.known_since_ms == 0 {
                    self.known_since_ms = now;
                }
            }
        }
        lock.clone_into(&mut self.lock);
        self.locks += 1;
        self.keys.clear();
        Said::Done
    }

    fn read(&mut self, now: u64, secret: u8) -> Said {
        let its = |it: &&mut Letter| !it.to_reset && it.secret == secret;
        match self.letters.iter_mut().find(its) {
            Some(letter) if letter.read => return Said::Done,
            Some(letter) if letter.until_ms > now => letter.read = true,
            _ => return no(ErrorCode::LinkUnknown),
        }
        if self.known_since_ms == 0 {
            self.known_since_ms = now;
        }
        Said::Done
    }
}

impl Model {
    fn move_in(&mut self, user: u64, address: u8, lock: &str) -> Said {
        let here = |it: &&Tenant| !it.gone && it.address == address;
        if let Some(tenant) = self.tenants.iter().find(here) {
            let same = tenant.user == user && tenant.lock == lock;
            return if same { Said::Done } else { no(ErrorCode::EmailTaken) };
        }
        match self.tenants.iter().find(|it| it.user == user) {
            Some(tenant) if tenant.gone => no(ErrorCode::IdempotencyKeyReused),
            Some(_) => no(ErrorCode::EmailTaken),
            None => {
                let lock = lock.to_owned();
                self.tenants.push(Tenant { user, address, lock, ..Tenant::default() });
                Said::Done
            }
        }
    }

    fn lend(&mut self, user: u64, number: u8, to: Option<(u8, u64)>) -> Said {
        if self.tenants.iter().any(|it| it.user == user && it.gone) {
            return no(ErrorCode::UserNotFound);
        }
        let lent = self.loans.iter().find(|it| (it.0, it.1) == (user, number)).map(|it| it.2);
        match (lent, to) {
            (None, Some(to)) => {
                if self.loans.iter().filter(|it| it.0 == user).count() == LOANS {
                    return Said::Refused(ErrorCode::ApiKeyLimitReached, Vec::new(), 16);
                }
                self.loans.push((user, number, to));
            }
            (Some(lent), Some(to)) if lent != to => return no(ErrorCode::IdempotencyKeyReused),
            (Some(_), None) => self.loans.retain(|it| (it.0, it.1) != (user, number)),
            (Some(_), Some(_)) | (None, None) => {}
        }
        Said::Done
    }

    pub(super) fn keys(&mut self, ask: &KeyAsk) -> Said {
        let (now, user) = (self.clock_ms, ask.user);
        if let Deed::MoveIn { address, lock } = &ask.deed {
            return self.move_in(user, *address, lock);
        }
        if ask.by != user && ask.by != 0 {
            return no(ErrorCode::NotAllowed);
        }
        if let Deed::Lend { number, to } = &ask.deed {
            return self.lend(user, *number, *to);
        }
        let tenant = self.tenants.iter_mut().find(|it| it.user == user);
        let was_here = tenant.is_some();
        let Some(tenant) = tenant.filter(|it| !it.gone) else {
            return match ask.deed {
                Deed::Turn { .. } => Said::Alive(false),
                Deed::TakeBack { .. } => Said::Done,
                Deed::Read { .. } => no(ErrorCode::LinkUnknown),
                Deed::MoveOut if was_here => Said::Done,
                _ => no(ErrorCode::UserNotFound),
            };
        };
        match &ask.deed {
            Deed::MoveIn { .. } | Deed::Lend { .. } => unreachable!("was answered above"),
            Deed::Cut { number, secret, ms, locks } => {
                tenant.cut(now, *number, *secret, *ms, *locks)
            }
            Deed::Turn { number, from, to, ms, named } => {
                tenant.turn(now, *number, [*from, *to], *ms, *named)
            }
            Deed::TakeBack { number } => {
                tenant.keys.retain(|key| number.is_some_and(|number| key.number != number));
                Said::Done
            }
            Deed::Relock { lock, why } => tenant.relock(now, lock, *why),
            Deed::Write { to_reset, secret, ms } => {
                let known = |it: &Letter| it.to_reset == *to_reset && it.secret == *secret;
                if !tenant.letters.iter().any(known) {
                    tenant.letters.retain(|it| it.to_reset != *to_reset);
                    let (to_reset, secret, until_ms) = (*to_reset, *secret, now + ms);
                    tenant.letters.push(Letter { to_reset, secret, until_ms, read: false });
                }
                Said::Done
            }
            Deed::Read { secret } => tenant.read(now, *secret),
            Deed::MoveOut => {
                self.loans.retain(|(of, ..)| *of != user);
                *tenant = Tenant { user, gone: true, ..Tenant::default() };
                Said::Done
            }
        }
    }
}
