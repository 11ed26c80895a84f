//! Ids of the graph commits that recoveries add to the history of a graph (protocol section 6).

use crate::digest::{Digest, Tag};
use crate::ids::OperationId;
use crate::timestamp::Timestamp;

/// Characters of a ULID, those of its time first.
const CHARS: usize = 26;
const TIME_CHARS: usize = 10;
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Id of the graph commit of one recovery: a ULID.
///
/// Its random part is derived from the operation, so that a row written before a crash is recognised whatever the time was
/// (see [`Self::is_same_recovery`]). Its time is when the row is written, because engines order what has one version by it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GraphCommitId(String);

impl GraphCommitId {
    /// The id for a recovery of this operation, as of now.
    #[must_use]
    pub fn of_recovery(operation: &OperationId, now: Timestamp) -> Self {
        let millis = now.micros() / 1_000;
        let mut id = String::with_capacity(CHARS);
        id.extend((0..TIME_CHARS).rev().map(|place| {
            let digit = millis.checked_shr(5 * u32::try_from(place).unwrap_or(u32::MAX));
            symbol(digit.unwrap_or_default())
        }));
        let seed = format!("graph-commit\n{operation}");
        let digest = Digest::of(Tag::DerivedId, seed.as_bytes());
        let random = digest.bytes().iter().take(CHARS - TIME_CHARS);
        id.extend(random.map(|byte| symbol(u64::from(*byte))));
        Self(id)
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a row of that id was written for the same recovery.
    #[must_use]
    pub fn is_same_recovery(&self, id: &str) -> bool {
        id.len() == CHARS && id.get(TIME_CHARS..) == self.0.get(TIME_CHARS..)
    }
}

fn symbol(value: u64) -> char {
    // A remainder of 32 fits.
    let index = usize::try_from(value % 32).unwrap_or_default();
    char::from(ALPHABET[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPERATION: &str = "01M86MYTC1V3GCF8NFNKQ30FVM";

    fn at(micros: u64) -> GraphCommitId {
        GraphCommitId::of_recovery(&OPERATION.parse().unwrap(), Timestamp::from_micros(micros))
    }

    #[test]
    fn it_is_a_ulid_of_its_time() {
        let id = at(1_795_519_637_889_540);
        let _: OperationId = id.as_str().parse().unwrap();
        assert_eq!(&id.as_str()[..TIME_CHARS], &OPERATION[..TIME_CHARS]);
        assert!(at(1_795_519_637_890_540) > id);
    }

    #[test]
    fn one_recovery_is_recognised_whatever_the_time_and_another_is_not() {
        let (early, late) = (at(1_000), at(1_795_519_637_889_540));
        assert_ne!(early, late);
        assert!(early.is_same_recovery(late.as_str()));
        let other = "01M86MXMTH2V11QSHQVRJTEYTV".parse().unwrap();
        let other = GraphCommitId::of_recovery(&other, Timestamp::from_micros(1_000));
        assert!(!early.is_same_recovery(other.as_str()));
        assert!(!early.is_same_recovery(""));
        assert!(!early.is_same_recovery(&early.as_str()[TIME_CHARS..]));
    }
}
