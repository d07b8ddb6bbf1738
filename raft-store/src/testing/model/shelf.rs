//! What users are shown of their bookings, wherever those are.

use rowlock_proto::error_code::ErrorCode;

use super::{Model, Said, Standing, no};

/// Of those that came to nothing a user sees no more.
const ENDED: usize = 20;

/// What one booking was to one user, when somebody looked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slip {
    pub user: u64,
    pub booking: u64,
    pub seen_at: u64,
    pub made_ms: u64,
    pub standing: Standing,
    pub buyer: bool,
    pub total: u64,
    pub tickets: Vec<u32>,
}

#[derive(Clone, Debug)]
pub enum ShelfAsk {
    /// From a shard; a stranger is not listened to.
    Put {
        stranger: bool,
        shard: u32,
        slips: Vec<Slip>,
    },
    Burn {
        user: u64,
    },
}

/// Every slip that counts, with its shard.
#[derive(Clone, Debug, Default)]
pub struct Shelves {
    all: Vec<(u32, Slip)>,
    thrown: Vec<Slip>,
    burnt: Vec<u64>,
}

impl Slip {
    fn age(&self) -> (u64, u64) {
        (self.made_ms, self.booking)
    }
    fn failed(&self) -> bool {
        self.buyer && matches!(self.standing, Standing::Released | Standing::Expired)
    }
    fn unpaid(&self) -> bool {
        let open = matches!(self.standing, Standing::Held | Standing::Paying | Standing::Capturing);
        self.failed() || self.buyer && open
    }
}

impl Shelves {
    fn put(&mut self, shard: u32, slip: &Slip) {
        if self.burnt.contains(&slip.user) {
            return;
        }
        let same = |other: &Slip| (other.user, other.booking) == (slip.user, slip.booking);
        if let Some((of, known)) = self.all.iter_mut().find(|(_, known)| same(known)) {
            if *of == shard && known.seen_at < slip.seen_at {
                *known = slip.clone();
            }
        } else {
            let mut thrown = self.thrown.iter().filter(|other| other.user == slip.user);
            if slip.unpaid() && thrown.any(|other| other.age() >= slip.age()) {
                return;
            }
            self.all.push((shard, slip.clone()));
        }
        let failed = self.all.iter().filter(|(_, it)| it.user == slip.user && it.failed());
        let mut failed: Vec<Slip> = failed.map(|(_, it)| it.clone()).collect();
        failed.sort_by_key(Slip::age);
        if failed.len() > ENDED {
            let oldest = failed.swap_remove(0);
            self.all.retain(|(_, it)| *it != oldest);
            self.thrown.push(oldest);
        }
    }

    /// What the user is shown, the newest first.
    pub fn shown(&self, user: u64) -> Vec<Slip> {
        let its = self.all.iter().map(|(_, slip)| slip);
        let its = its.filter(|it| it.user == user && (it.buyer || !it.tickets.is_empty()));
        let mut its: Vec<Slip> = its.cloned().collect();
        its.sort_by_key(|slip| std::cmp::Reverse(slip.age()));
        its
    }

    /// Users and bookings of a shard that nobody looked at since.
    pub fn not_seen_since(&self, shard: u32, revision: u64) -> Vec<(u64, u64)> {
        let old = self.all.iter().filter(|(of, it)| *of == shard && it.seen_at < revision);
        let mut old: Vec<(u64, u64)> = old.map(|(_, it)| (it.user, it.booking)).collect();
        old.sort_unstable();
        old
    }
}

impl Model {
    pub(super) fn shelf(&mut self, ask: &ShelfAsk) -> Said {
        match ask {
            ShelfAsk::Put { stranger: true, .. } => return no(ErrorCode::NotAllowed),
            ShelfAsk::Put { stranger: false, shard, slips } => {
                slips.iter().for_each(|slip| self.shelves.put(*shard, slip));
            }
            ShelfAsk::Burn { user } => {
                self.shelves.all.retain(|(_, slip)| slip.user != *user);
                self.shelves.burnt.push(*user);
            }
        }
        Said::Done
    }
}
