//! The bytes of what belongs to the life of an event.

use bincode::{Decode, Encode};
use rowlock_proto::ids::EventId;

use super::{Error, decode, encode};
use crate::inventory::{Life, LifeCommand, Retention};

/// The order of the variants is the format.
#[derive(Encode, Decode)]
pub(super) enum LifeCommandV1 {
    Pause { event: [u8; 16], reason: String },
    Resume { event: [u8; 16] },
    End { event: [u8; 16] },
    SetEnd { event: [u8; 16], ends_ms: u64 },
    Tend { max: u32 },
    Collect { event: [u8; 16], max: u32 },
}

impl From<&LifeCommand> for LifeCommandV1 {
    fn from(command: &LifeCommand) -> Self {
        match command {
            LifeCommand::Pause { event, reason } => {
                Self::Pause { event: event.to_bytes(), reason: reason.clone() }
            }
            LifeCommand::Resume { event } => Self::Resume { event: event.to_bytes() },
            LifeCommand::End { event } => Self::End { event: event.to_bytes() },
            LifeCommand::SetEnd { event, ends_ms } => {
                Self::SetEnd { event: event.to_bytes(), ends_ms: *ends_ms }
            }
            LifeCommand::Tend { max } => Self::Tend { max: *max },
            LifeCommand::Collect { event, max } => {
                Self::Collect { event: event.to_bytes(), max: *max }
            }
        }
    }
}

impl From<LifeCommandV1> for LifeCommand {
    fn from(stored: LifeCommandV1) -> Self {
        let event = EventId::from_bytes;
        match stored {
            LifeCommandV1::Pause { event: id, reason } => Self::Pause { event: event(id), reason },
            LifeCommandV1::Resume { event: id } => Self::Resume { event: event(id) },
            LifeCommandV1::End { event: id } => Self::End { event: event(id) },
            LifeCommandV1::SetEnd { event: id, ends_ms } => {
                Self::SetEnd { event: event(id), ends_ms }
            }
            LifeCommandV1::Tend { max } => Self::Tend { max },
            LifeCommandV1::Collect { event: id, max } => Self::Collect { event: event(id), max },
        }
    }
}

/// What is kept of an event's life; what is derived is not in it.
#[derive(Debug)]
pub struct LifeRecord;

impl LifeRecord {
    /// `None`: there is nothing to keep.
    pub fn encode(life: &Life) -> Option<Vec<u8>> {
        let stored = (&life.pause_reason, life.sale_ends_ms, life.refunds_seen);
        (stored != (&String::new(), 0, 0)).then(|| encode(stored, 64))
    }
    pub fn decode(bytes: &[u8]) -> Result<Life, Error> {
        let (pause_reason, sale_ends_ms, refunds_seen) = decode(bytes)?;
        Ok(Life { pause_reason, sale_ends_ms, refunds_seen, ..Life::default() })
    }
}

/// How far collecting an event has come; what is derived is not in it.
#[derive(Debug)]
pub struct RetentionRecord;

impl RetentionRecord {
    /// `None`: there is nothing to keep.
    pub fn encode(retention: &Retention) -> Option<Vec<u8>> {
        let stored = (retention.swept, retention.swept_ms, retention.archived_ms);
        (stored != (0, 0, 0)).then(|| encode(stored, 24))
    }
    pub fn decode(bytes: &[u8]) -> Result<Retention, Error> {
        let (swept, swept_ms, archived_ms) = decode(bytes)?;
        Ok(Retention { swept, swept_ms, archived_ms, ..Retention::default() })
    }
}
