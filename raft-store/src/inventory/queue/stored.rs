//! A queue as records, and back.

use super::{ENTRIES_PER_BLOCK, LEFT_PER_BLOCK, PASSES_PER_BLOCK, Phase, Queue};
use crate::codec::{BlockOfEntries, BlockOfLeft, BlockOfPasses, Error, QueueRecord};
use crate::inventory::State;
use crate::inventory::record::{EventNo, RecordKey};

const WORDS_PER_BLOCK: usize = (LEFT_PER_BLOCK / u64::BITS) as usize;

/// The part of `items` that is block number `block` of `size`.
fn block_of<T>(items: &[T], block: u32, size: usize) -> &[T] {
    let start = (block as usize).saturating_mul(size).min(items.len());
    let end = start.saturating_add(size).min(items.len());
    items.get(start..end).unwrap_or(&[])
}

impl State {
    fn queue_at(&self, no: EventNo) -> Option<&Queue> {
        self.event_at(no)?.queue.as_deref()
    }

    fn loading_queue(&mut self, no: EventNo) -> Result<&mut Queue, Error> {
        self.loading(no)?.queue.as_deref_mut().ok_or(Error::Orphan)
    }

    pub(in crate::inventory) fn encode_queue(&self, key: RecordKey) -> Option<Vec<u8>> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the keys of a queue, and no others")]
        match key {
            RecordKey::Queue(no) => Some(QueueRecord::encode(self.queue_at(no)?)),
            RecordKey::QueueEntries(no, block) => {
                let entries =
                    block_of(&self.queue_at(no)?.entries, block, ENTRIES_PER_BLOCK as usize);
                (!entries.is_empty()).then(|| BlockOfEntries::encode(entries))
            }
            RecordKey::QueueLeft(no, block) => {
                let left = block_of(&self.queue_at(no)?.left, block, WORDS_PER_BLOCK);
                // Without zeros at its end, of which there may be more or fewer.
                let used = left.iter().rposition(|&word| word != 0)? + 1;
                Some(BlockOfLeft::encode(left.get(..used)?))
            }
            RecordKey::QueuePasses(no, block) => {
                let first = block.checked_mul(PASSES_PER_BLOCK)?;
                let last = first.saturating_add(PASSES_PER_BLOCK - 1);
                let mut passes = self.queue_at(no)?.passes.range(first..=last).peekable();
                passes.peek()?;
                Some(BlockOfPasses::encode(passes))
            }
            _ => None,
        }
    }

    pub(in crate::inventory) fn load_queue(
        &mut self,
        key: RecordKey,
        bytes: &[u8],
    ) -> Result<(), Error> {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the keys of a queue, and no others")]
        match key {
            RecordKey::Queue(no) => {
                let loaded = QueueRecord::decode(bytes)?;
                self.loading(no)?.queue = Some(Box::new(loaded));
            }
            RecordKey::QueueEntries(no, block) => {
                let queue = self.loading_queue(no)?;
                if queue.entries.len() != block as usize * ENTRIES_PER_BLOCK as usize {
                    return Err(Error::Orphan);
                }
                queue.entries.extend(BlockOfEntries::decode(bytes)?);
            }
            RecordKey::QueueLeft(no, block) => {
                let queue = self.loading_queue(no)?;
                let first = block as usize * WORDS_PER_BLOCK;
                if first < queue.left.len() || first / 2 > queue.entries.len() {
                    return Err(Error::Orphan);
                }
                queue.left.resize(first, 0);
                queue.left.extend(BlockOfLeft::decode(bytes)?);
            }
            RecordKey::QueuePasses(no, _) => {
                self.loading_queue(no)?.passes.extend(BlockOfPasses::decode(bytes)?);
            }
            _ => return Err(Error::Meaning),
        }
        Ok(())
    }

    /// Rebuilds what is derived of an event's queue.
    pub(in crate::inventory) fn finish_queue(&mut self, no: EventNo) -> Result<(), Error> {
        let event = self.loading(no)?;
        let id = event.id;
        let Some(queue) = event.queue.as_deref_mut() else { return Ok(()) };
        if !queue.rebuild() {
            return Err(Error::Meaning);
        }
        if queue.phase != Phase::Closed {
            self.queues.insert(id);
        }
        Ok(())
    }
}
