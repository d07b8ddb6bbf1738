//! Rows of the feed: changes, and the commands that made them.
//!
//! Changes were kept before their commands were, so what came later stands behind them:
//!
//! ```text
//! length:u32  changes (change.rs)  version:u8 count (command number, request key)*
//! ```

use rowlock_proto::ids::RequestKey;

use super::{
    Error, FORMAT_VERSION, body, decode_changes, decode_front, encode_changes, encode_onto,
};
use crate::inventory::{Change, CommandCode};

pub fn encode_row<'a>(
    changes: impl ExactSizeIterator<Item = &'a Change> + Clone,
    out: &mut Vec<u8>,
) {
    let first = encode_changes(changes.clone());
    let length = u32::try_from(first.len()).expect("a row is under 4 GiB");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&first);
    out.push(FORMAT_VERSION);
    encode_onto(out, changes.len() as u64);
    for change in changes {
        encode_onto(out, (change.command.0, change.key.to_bytes()));
    }
}

pub fn decode_row(bytes: &[u8]) -> Result<Vec<Change>, Error> {
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or(Error::Meaning)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| Error::Meaning)?;
    let (first, rest) = rest.split_at_checked(length).ok_or(Error::Meaning)?;
    let mut changes = decode_changes(first)?;
    let mut rest = body(rest)?;
    let count: u64 = decode_front(&mut rest)?;
    if count != changes.len() as u64 {
        return Err(Error::Meaning);
    }
    for change in &mut changes {
        let (number, key): (u16, [u8; 16]) = decode_front(&mut rest)?;
        change.command = CommandCode(number);
        change.key = RequestKey::from_bytes(key);
    }
    if rest.is_empty() { Ok(changes) } else { Err(Error::TrailingBytes) }
}

#[cfg(test)]
mod tests {
    use rowlock_proto::ids::{UserId, VenueId};

    use super::*;
    use crate::inventory::ChangeKind;

    fn changes() -> Vec<Change> {
        let change = |revision: u64, number| Change {
            revision,
            index: 300,
            time_ms: 1_800_000_000_000,
            principal: UserId(0xaa),
            command: CommandCode(number),
            key: RequestKey(u128::from(revision)),
            kind: ChangeKind::VenuePut { venue: VenueId(5) },
        };
        vec![change(70_000, 9), change(70_001, 300)]
    }

    /// The bytes of version 2 of a row, held in place.
    const ROW: &str = "000000660102fc70110100fb2c01fd00505c18a3010000000000000000000000000000000000aa09\
        00000000000000000000000000000005fc71110100fb2c01fd00505c18a301000000000000000000\
        0000000000000000aa09000000000000000000000000000000050102090000000000000000000000\
        0000011170fb2c0100000000000000000000000000011171";

    #[test]
    fn a_row_is_what_it_was_when_it_was_released() {
        let mut row = Vec::new();
        encode_row(changes().iter(), &mut row);
        let hex: String = row.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, ROW);
        assert_eq!(decode_row(&row).unwrap(), changes());
    }

    #[test]
    fn damaged_rows_are_an_error_and_never_a_panic() {
        let mut row = Vec::new();
        encode_row(changes().iter(), &mut row);
        for end in 0..row.len() {
            decode_row(&row[..end]).expect_err("cut short");
        }
        row.push(0);
        decode_row(&row).expect_err("longer");
    }
}
