//! The checksum around our own values: `crc:4 version:1 body`.
//!
//! RocksDB checks its blocks and its log records; this one also covers our code, a copy that went
//! wrong, and a row that came back under another key's value.

/// The bytes are not what was written, or were written by a version that is not known here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    #[error("value is shorter than its checksum")]
    Short,
    #[error("checksum does not match")]
    Checksum,
    #[error("format version {0} is not known")]
    Version(u8),
}

/// Appends what `body` writes, sealed, to `out`.
pub(crate) fn seal(version: u8, out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.push(version);
    body(out);
    let crc = crc32fast::hash(&out[start + 4..]);
    out[start..start + 4].copy_from_slice(&crc.to_be_bytes());
}

/// The body, if its checksum and version are as they should be.
pub(crate) fn open(version: u8, sealed: &[u8]) -> Result<&[u8], Error> {
    let (crc, rest) = sealed.split_first_chunk::<4>().ok_or(Error::Short)?;
    let (&found, body) = rest.split_first().ok_or(Error::Short)?;
    if crc32fast::hash(rest) != u32::from_be_bytes(*crc) {
        return Err(Error::Checksum);
    }
    if found != version {
        return Err(Error::Version(found));
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_and_no_bit_of_it_may_change() {
        let mut sealed = vec![9];
        seal(1, &mut sealed, |out| out.extend_from_slice(b"body"));
        let sealed = &sealed[1..];
        assert_eq!(open(1, sealed), Ok(&b"body"[..]));
        assert_eq!(open(2, sealed), Err(Error::Version(1)));
        assert_eq!(open(1, &sealed[..4]), Err(Error::Short));
        for bit in 0..sealed.len() * 8 {
            let mut damaged = sealed.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(open(1, &damaged), Err(Error::Checksum), "bit {bit}");
        }
    }
}
