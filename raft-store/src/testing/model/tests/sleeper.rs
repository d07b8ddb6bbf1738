//! A second state beside the first, which leaves its events on disk whenever it may, and loses power
//! now and then: nothing of that may show.

use super::*;
use crate::inventory::Applied;
use crate::inventory::record::event_prefixes;

#[derive(Default)]
pub(super) struct Sleeper {
    state: State,
    disk: BTreeMap<Vec<u8>, Vec<u8>>,
    /// What was applied since the last flush, as the log keeps it.
    log: Vec<(u64, u64, Command)>,
    pub(super) evicted: u64,
    pub(super) woken: u64,
}

fn rows_of(disk: &BTreeMap<Vec<u8>, Vec<u8>>, no: (u16, u32)) -> Vec<(RecordKey, Vec<u8>)> {
    let rows = event_prefixes(no).flat_map(|prefix| {
        let from = disk.range(prefix.to_vec()..);
        from.take_while(move |(row, _)| row.starts_with(&prefix))
    });
    rows.map(|(row, bytes)| (RecordKey::from_bytes(row).unwrap(), bytes.clone())).collect()
}

impl Sleeper {
    pub(super) fn new() -> Self {
        Self { state: State::new(Config { clock_bound_ms: BOUND_MS }), ..Self::default() }
    }

    fn wake(&mut self, no: (u16, u32)) {
        self.woken += 1;
        self.state.wake(no, &rows_of(&self.disk, no)).unwrap();
        assert_eq!(self.state.cold_events().iter().find(|&&cold| cold == no), None);
    }

    fn apply(&mut self, stamp_ms: u64, index: u64, command: &Command) -> (Applied, Vec<Change>) {
        if let Some(no) = self.state.cold_for(command) {
            self.wake(no);
        }
        let applied = self.state.apply(stamp_ms, index, command);
        (applied, self.state.take_changes())
    }

    /// The same command, the same answer and changes.
    pub(super) fn follow(
        &mut self,
        (stamp_ms, index, command): (u64, u64, &Command),
        (applied, changes): (&Applied, &Vec<Change>),
    ) {
        let (its, its_changes) = self.apply(stamp_ms, index, command);
        assert_eq!((&its, &its_changes), (applied, changes), "a cold event answers otherwise");
        self.log.push((stamp_ms, index, command.clone()));
        // Not at the moment of a flush: what is dirty then must stay.
        if index.is_multiple_of(3) {
            self.evicted += self.state.evict_over(0).len() as u64;
        }
        if index.is_multiple_of(5) {
            self.flush();
        }
        assert_eq!(self.state.audit(), Vec::<String>::new());
    }

    fn flush(&mut self) {
        for key in self.state.take_dirty() {
            match self.state.encode_record(key) {
                Some(bytes) => self.disk.insert(key.to_bytes(), bytes),
                None => self.disk.remove(&key.to_bytes()),
            };
        }
        self.log.clear();
    }

    /// Opens what is on disk, event by event, and replays what the log has behind it.
    pub(super) fn lose_power(&mut self, expected: &State) {
        let mut state = State::new(Config { clock_bound_ms: BOUND_MS });
        let is_of_event = |key: RecordKey| key.event().is_some();
        for (row, bytes) in &self.disk {
            let key = RecordKey::from_bytes(row).unwrap();
            let says_what_it_is = matches!(key, RecordKey::Event(_) | RecordKey::Retention(_));
            if !is_of_event(key) || says_what_it_is {
                state.load_record(key, bytes).unwrap();
            }
        }
        state.put_away_archived();
        for no in state.event_numbers() {
            state.wake(no, &rows_of(&self.disk, no)).unwrap();
            drop(state.evict_over(0));
        }
        state.finish_load().unwrap();
        self.state = state;
        for (stamp_ms, index, command) in std::mem::take(&mut self.log) {
            self.apply(stamp_ms, index, &command);
            self.log.push((stamp_ms, index, command));
        }
        self.compare(expected);
    }

    /// Everything is the same, once it is all read back; and so is what is on disk.
    pub(super) fn compare(&mut self, expected: &State) {
        for event in expected.events_after(None, 10).0 {
            assert_eq!(self.state.event(event.event).as_ref(), Some(&event));
        }
        assert_eq!(self.state.stats(), expected.stats());
        self.flush();
        for no in self.state.cold_events() {
            self.wake(no);
        }
        assert_eq!(self.state.digest(), expected.digest());
        let rows = expected.record_keys().into_iter();
        let rows = rows.filter_map(|key| Some((key.to_bytes(), expected.encode_record(key)?)));
        assert!(self.disk.iter().map(|(row, bytes)| (row.clone(), bytes.clone())).eq(rows));
        assert_eq!(self.state.audit(), Vec::<String>::new());
    }
}

#[test]
fn what_is_left_on_disk_and_read_back_is_what_it_was() {
    sleeps(150, &steps());
}

#[test]
fn a_waitlist_that_is_left_on_disk_and_read_back_is_what_it_was() {
    sleeps(150, &waitlists::wait_steps());
}

#[test]
fn an_archive_that_is_left_on_disk_and_read_back_is_what_it_was() {
    sleeps(150, &keeping::keep_steps());
}

fn sleeps(cases: u32, steps: &BoxedStrategy<Vec<(i64, Wish)>>) {
    let counted = Cell::new((0, 0));
    let outcome = runner(cases, 0x0051_ee9f).run(steps, |steps| {
        let (sleeper, (evicted, woken)) = (run(steps, Some(Sleeper::new())).1, counted.get());
        let sleeper = sleeper.expect("it was given one");
        counted.set((evicted + sleeper.evicted, woken + sleeper.woken));
        Ok(())
    });
    outcome.unwrap();
    let (evicted, woken) = counted.get();
    assert!(evicted > 1_000 && woken > 1_000, "{evicted} were evicted, {woken} woken");
}
