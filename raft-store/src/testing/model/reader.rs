//! Named readers of the feed, of which one works at a time.

use rowlock_proto::error_code::ErrorCode;

use super::{Model, Said, no};

const READERS: usize = 64;

/// A reader: its name, how far it is, and who works for it, under which number, until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    pub name: u8,
    pub done: u64,
    pub turn: Option<(u8, u64, u64)>,
}

/// `newest` is the shard's revision at that moment.
#[derive(Clone, Debug)]
pub enum ReaderAsk {
    Register { name: u8, after: Option<u64>, newest: u64 },
    Lease { name: u8, by: u8, ttl_ms: u64 },
    Done { name: u8, by: u8, turn: u64, revision: u64, newest: u64 },
    Yield { name: u8, by: u8, turn: u64 },
    Unregister { name: u8 },
}

/// All readers, and how many turns there were.
#[derive(Clone, Debug, Default)]
pub struct Readers {
    pub all: Vec<Reader>,
    pub turns: u64,
}

fn its(all: &mut [Reader], name: u8) -> Option<&mut Reader> {
    all.iter_mut().find(|reader| reader.name == name)
}

impl Model {
    pub(super) fn reader(&mut self, ask: &ReaderAsk) -> Said {
        let (now, grace_ms) = (self.clock_ms, 2 * self.bound_ms);
        let Readers { all, turns } = &mut self.readers;
        match *ask {
            ReaderAsk::Register { name, after, newest } => {
                if let Some(reader) = its(all, name) {
                    return Said::Reader(reader.clone());
                }
                if after.is_some_and(|after| after > newest) {
                    return Said::Refused(ErrorCode::ConsumerPositionAhead, Vec::new(), newest);
                }
                if all.len() == READERS {
                    let code = ErrorCode::ConsumerLimitReached;
                    return Said::Refused(code, Vec::new(), READERS as u64);
                }
                let reader = Reader { name, done: after.unwrap_or(newest + 1), turn: None };
                all.push(reader.clone());
                Said::Reader(reader)
            }
            ReaderAsk::Lease { name, by, ttl_ms } => {
                let Some(reader) = its(all, name) else { return no(ErrorCode::ConsumerNotFound) };
                let live = reader.turn.filter(|&(_, _, until_ms)| until_ms + grace_ms > now);
                let (number, at_least_ms) = match live {
                    Some((holder, _, until_ms)) if holder != by => {
                        let code = ErrorCode::ConsumerLeased;
                        return Said::Refused(code, Vec::new(), until_ms + grace_ms);
                    }
                    Some((_, number, until_ms)) => (number, until_ms),
                    None => {
                        *turns += 1;
                        (*turns, 0)
                    }
                };
                reader.turn = Some((by, number, (now + ttl_ms).max(at_least_ms)));
                Said::Reader(reader.clone())
            }
            ReaderAsk::Done { name, by, turn, revision, newest } => {
                let Some(reader) = its(all, name) else { return no(ErrorCode::ConsumerNotFound) };
                if reader.turn.is_none_or(|(holder, number, _)| (holder, number) != (by, turn)) {
                    return no(ErrorCode::ConsumerFenced);
                }
                if revision > newest {
                    return Said::Refused(ErrorCode::ConsumerPositionAhead, Vec::new(), newest);
                }
                reader.done = reader.done.max(revision);
                Said::Reader(reader.clone())
            }
            ReaderAsk::Yield { name, by, turn } => {
                if let Some(reader) = its(all, name)
                    && reader.turn.is_some_and(|(holder, number, _)| (holder, number) == (by, turn))
                {
                    reader.turn = None;
                }
                Said::Done
            }
            ReaderAsk::Unregister { name } => {
                all.retain(|reader| reader.name != name);
                Said::Done
            }
        }
    }
}
