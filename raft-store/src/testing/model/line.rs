//! The waiting room: a list of entries, the order written out, and scans.

use rowlock_proto::error_code::ErrorCode;
use sha2::{Digest as _, Sha256};

use super::{Model, Phase, Said, Show, no};

const MINUTE_MS: u64 = 60_000;
const SAVED_UP_MS: u64 = 5_000;
const ENTRIES_OF_A_USER: usize = 16;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doors {
    pub per_minute: u32,
    pub inside: u32,
    pub pass_ms: u64,
    pub shut: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    pub from_ms: u64,
    pub opens_ms: u64,
    pub reveal_ms: u64,
    pub sealed: [u8; 32],
    pub doors: Doors,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Entering,
    Drawing,
    Admitting,
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    Waiting,
    Gone,
    Inside(u64),
    Over,
}

#[derive(Clone, Debug)]
pub struct Line {
    pub terms: Terms,
    pub stage: Stage,
    /// User and where the entry stands, in the order of entering.
    pub entries: Vec<(u64, At)>,
    pub drawn: usize,
    pub public: Vec<u8>,
    pub secret: Option<[u8; 32]>,
    pub seed: Option<[u8; 32]>,
    pub admitted: u64,
    credit: u64,
    credited_ms: u64,
}

#[derive(Clone, Debug)]
pub enum LineAsk {
    Open(Terms),
    Set(Doors),
    Join { user: u64 },
    Leave { user: u64 },
    Fix { value: Vec<u8> },
    Reveal { secret: [u8; 32] },
    Step,
    Close,
}

/// Event, user, entry, where it stands, position, how many are ahead, how long to wait, pass until.
pub type Spot = (usize, u64, u32, &'static str, u32, u32, Option<u64>, u64);

fn small(count: usize) -> u32 {
    u32::try_from(count).expect("few")
}

pub fn sha(parts: &[&[u8]]) -> [u8; 32] {
    Sha256::digest(parts.concat()).into()
}

/// The entry of each place, as the rules of the draw say.
pub fn draw_order(seed: &[u8; 32], entries: usize) -> Vec<usize> {
    let mut across = 2;
    while across * across < entries {
        across += 2;
    }
    let mut down = 1;
    while across * down < entries {
        down += 1;
    }
    let number = |round: u8, value: usize, most: usize| {
        let hash = sha(&[seed, &[round], &small(value).to_be_bytes()]);
        let head = hash[..8].iter().fold(0_u64, |sum, &byte| (sum << 8) | u64::from(byte));
        usize::try_from(head % most as u64).expect("below a count of entries")
    };
    let step = |x: usize| {
        let (mut column, mut line) = (x % across, x / across);
        for pair in 0..10_u8 {
            column = (column + number(2 * pair, line, across)) % across;
            line = (line + number(2 * pair + 1, column, down)) % down;
        }
        line * across + column
    };
    let mut order = vec![usize::MAX; entries];
    for entry in 0..entries {
        let mut place = step(entry);
        while place >= entries {
            place = step(place);
        }
        order[place] = entry;
    }
    order
}

impl Line {
    fn new(terms: Terms) -> Self {
        Self {
            terms,
            stage: Stage::Entering,
            entries: Vec::new(),
            drawn: 0,
            public: Vec::new(),
            secret: None,
            seed: None,
            admitted: 0,
            credit: 0,
            credited_ms: 0,
        }
    }

    fn close(&mut self) {
        self.stage = Stage::Closed;
        self.entries.clear();
    }

    /// The entries in the order in which they are let in, as far as it is known.
    fn order(&self) -> Vec<usize> {
        let drawn = self.seed.map(|seed| draw_order(&seed, self.drawn)).unwrap_or_default();
        drawn.into_iter().chain(self.drawn..self.entries.len()).collect()
    }

    fn latest(&mut self, user: u64) -> Option<&mut (u64, At)> {
        self.entries.iter_mut().rev().find(|(of, _)| *of == user)
    }

    fn settle(&mut self, now: u64) {
        if self.stage == Stage::Entering && now >= self.terms.opens_ms {
            self.drawn = self.entries.len();
            self.stage = Stage::Drawing;
            if self.drawn == 0 {
                self.admit_from(now);
            }
        }
    }

    fn admit_from(&mut self, now: u64) {
        self.stage = Stage::Admitting;
        self.credited_ms = now;
    }

    fn save_up(&mut self, now: u64) {
        let rate = u64::from(self.terms.doors.per_minute);
        if !self.terms.doors.shut {
            self.credit += rate * (now - self.credited_ms).min(SAVED_UP_MS);
        }
        self.credit = self.credit.min((rate * SAVED_UP_MS).max(MINUTE_MS));
        self.credited_ms = now;
    }

    pub fn inside(&self) -> usize {
        self.entries.iter().filter(|(_, at)| matches!(at, At::Inside(_))).count()
    }

    pub fn waiting(&self) -> usize {
        self.entries.iter().filter(|(_, at)| *at == At::Waiting).count()
    }

    pub fn stage_at(&self, now: u64) -> Stage {
        let mut line = self.clone();
        if line.stage == Stage::Entering {
            line.settle(now);
        }
        line.stage
    }

    fn step(&mut self, now: u64) -> u32 {
        if self.stage == Stage::Drawing && self.seed.is_none() && now >= self.terms.reveal_ms {
            let seed = sha(&[b"secret not revealed", &self.terms.sealed, &self.public]);
            self.seed = Some(seed);
            self.admit_from(now);
        }
        if self.stage != Stage::Admitting {
            return 0;
        }
        self.save_up(now);
        let doors = self.terms.doors.clone();
        let mut let_in = 0;
        for entry in self.order() {
            let by_rate = doors.per_minute == 0 || self.credit >= MINUTE_MS;
            let by_room = doors.inside == 0 || self.inside() < doors.inside as usize;
            if doors.shut || !by_rate || !by_room {
                break;
            }
            if self.entries[entry].1 == At::Waiting {
                self.entries[entry].1 = At::Inside(now + doors.pass_ms);
                self.credit -= if doors.per_minute == 0 { 0 } else { MINUTE_MS };
                self.admitted += 1;
                let_in += 1;
            }
        }
        let_in
    }

    /// The user's entry as it is shown.
    pub fn spot(&self, event: usize, user: u64, now: u64) -> Option<Spot> {
        let entry = self.entries.iter().rposition(|(of, _)| *of == user)?;
        let mut spot = (event, user, small(entry), "in draw", 0, 0, None, 0);
        match self.entries[entry].1 {
            At::Gone => spot.3 = "left",
            At::Over => spot.3 = "over",
            At::Inside(until_ms) => (spot.3, spot.7) = ("admitted", until_ms),
            At::Waiting if self.stage_at(now) == Stage::Admitting => {
                let before = self.order().into_iter().take_while(|&other| other != entry);
                let ahead = before.filter(|&other| self.entries[other].1 == At::Waiting).count();
                (spot.3, spot.4, spot.5) = ("waiting", small(ahead) + 1, small(ahead));
                spot.6 = self.guess(ahead as u64);
            }
            At::Waiting => {}
        }
        Some(spot)
    }

    fn guess(&self, ahead: u64) -> Option<u64> {
        let doors = &self.terms.doors;
        let slow = (ahead + 1) * MINUTE_MS / u64::from(doors.per_minute.max(1));
        let full = ahead / u64::from(doors.inside.max(1)) * doors.pass_ms;
        match (doors.shut, doors.per_minute, doors.inside) {
            (true, ..) => None,
            (false, 0, _) => Some(full),
            (false, _, 0) => Some(slow),
            (false, ..) => Some(slow.max(full)),
        }
    }
}

impl Show {
    /// Whether a guard keeps `user` out.
    pub fn is_kept_out(&self, user: u64) -> bool {
        let Some(line) = self.line.as_ref().filter(|line| line.stage != Stage::Closed) else {
            return false;
        };
        let inside = |(of, at): &(u64, At)| *of == user && matches!(at, At::Inside(_));
        user != 0 && !line.entries.iter().any(inside)
    }

    /// Passes that time has ended.
    pub fn end_passes(&mut self, now: u64, grace_ms: u64) {
        for (_, at) in self.line.iter_mut().flat_map(|line| &mut line.entries) {
            if matches!(at, At::Inside(until_ms) if *until_ms + grace_ms <= now) {
                *at = At::Over;
            }
        }
    }

    pub fn has_shopped(&mut self, user: u64) {
        for (of, at) in self.line.iter_mut().flat_map(|line| &mut line.entries) {
            if *of == user && matches!(at, At::Inside(_)) {
                *at = At::Over;
            }
        }
    }

    pub fn close_line(&mut self) {
        self.line.iter_mut().for_each(Line::close);
    }
}

impl Model {
    pub(super) fn line(&mut self, event: usize, ask: &LineAsk) -> Said {
        let now = self.clock_ms;
        let Some(show) = self.shows.get_mut(event) else { return no(ErrorCode::EventNotFound) };
        let over = show.phase == Phase::Cancelled;
        if let LineAsk::Open(terms) = ask {
            if let Some(line) = &show.line {
                let doors = line.terms.doors.clone();
                if line.terms == (Terms { doors, ..terms.clone() }) {
                    return Said::Done;
                }
                if line.stage != Stage::Closed {
                    return no(ErrorCode::QueueExists);
                }
            }
            if over || show.keep.archived_ms != 0 {
                return no(ErrorCode::EventStateConflict);
            }
            if terms.from_ms < terms.opens_ms && terms.from_ms <= now {
                return Said::Refused(ErrorCode::QueueStateConflict, Vec::new(), now);
            }
            show.line = Some(Line::new(terms.clone()));
            return Said::Done;
        }
        let ended = now >= show.date_ms;
        if (over || ended) && matches!(ask, LineAsk::Join { .. }) {
            return no(ErrorCode::SaleClosed);
        }
        let Some(line) = &mut show.line else { return no(ErrorCode::QueueNotFound) };
        if matches!(ask, LineAsk::Close) || (ended && matches!(ask, LineAsk::Step)) {
            line.close();
            return Said::Done;
        }
        if line.stage == Stage::Closed {
            return no(ErrorCode::QueueClosed);
        }
        line.settle(now);
        let said = line.obey(now, ask);
        match (said, ask) {
            (Said::Done, LineAsk::Join { user } | LineAsk::Leave { user }) => {
                Said::Spot(line.spot(event, *user, now).expect("the user has an entry"))
            }
            (said, _) => said,
        }
    }
}

impl Line {
    fn obey(&mut self, now: u64, ask: &LineAsk) -> Said {
        match ask {
            LineAsk::Open(_) | LineAsk::Close => Said::Done,
            LineAsk::Set(doors) => {
                if self.stage == Stage::Admitting && self.terms.doors != *doors {
                    self.save_up(now);
                }
                self.terms.doors = doors.clone();
                Said::Done
            }
            LineAsk::Join { user } => self.join(now, *user),
            LineAsk::Leave { user } => match self.latest(*user) {
                None => no(ErrorCode::QueueNotJoined),
                Some((_, at)) => {
                    *at = match *at {
                        At::Waiting | At::Gone => At::Gone,
                        At::Inside(_) | At::Over => At::Over,
                    };
                    Said::Done
                }
            },
            LineAsk::Fix { value } if self.public == *value => Said::Done,
            LineAsk::Fix { value } => {
                let fixed = !self.public.is_empty() || self.seed.is_some();
                if self.stage != Stage::Drawing || fixed {
                    return no(ErrorCode::QueueStateConflict);
                }
                self.public.clone_from(value);
                Said::Done
            }
            LineAsk::Reveal { secret } if self.secret == Some(*secret) => Said::Done,
            LineAsk::Reveal { secret } => {
                if self.stage != Stage::Drawing || self.public.is_empty() || self.seed.is_some() {
                    return no(ErrorCode::QueueStateConflict);
                }
                if sha(&[secret]) != self.terms.sealed {
                    return no(ErrorCode::QueueSecretWrong);
                }
                self.secret = Some(*secret);
                self.seed = Some(sha(&[secret, &self.public]));
                self.admit_from(now);
                Said::Done
            }
            LineAsk::Step => Said::Stepped(self.step(now)),
        }
    }

    fn join(&mut self, now: u64, user: u64) -> Said {
        if now < self.terms.from_ms {
            return Said::Refused(ErrorCode::QueueNotOpen, Vec::new(), self.terms.from_ms);
        }
        let entering = self.stage == Stage::Entering;
        match self.latest(user) {
            Some((_, At::Waiting | At::Inside(_))) => return Said::Done,
            Some((_, at)) if entering && *at == At::Gone => {
                *at = At::Waiting;
                return Said::Done;
            }
            Some(_) | None => {}
        }
        if self.entries.iter().filter(|(of, _)| *of == user).count() >= ENTRIES_OF_A_USER {
            return Said::Refused(ErrorCode::LimitExceeded, Vec::new(), 16);
        }
        self.entries.push((user, At::Waiting));
        Said::Done
    }
}
