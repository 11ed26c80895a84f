//! Ids of the graph commits that recoveries add to the history of a graph (PROTOCOL.md, section 6.2).

use crate::digest::{Digest, Tag};
use crate::ids::OperationId;
use crate::timestamp::Timestamp;

/// Characters of a ULID, those of its time first.
const CHARS: usize = 26;
const TIME_CHARS: usize = 10;
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Id of the graph commit of one recovery: a ULID.
///
/// The random part derives from operation, plan digest and published version, so a row written before a crash is recognised (see
/// [`Self::is_same_recovery`]) and a row of another plan is not. The time is the time of writing: engines order rows of one version
/// by it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GraphCommitId {
    text: String,
    /// The random part as older builds derived it: from the operation alone.
    of_operation: String,
}

impl GraphCommitId {
    /// The id for a recovery of this operation by the plan with this digest, as of now. `published` is the version of the catalog
    /// that it published, if it published any.
    #[must_use]
    pub fn of_recovery(
        operation: &OperationId,
        plan: Digest,
        published: Option<u64>,
        now: Timestamp,
    ) -> Self {
        let millis = now.micros() / 1_000;
        let mut text = String::with_capacity(CHARS);
        text.extend((0..TIME_CHARS).rev().map(|place| {
            let digit = millis.checked_shr(5 * u32::try_from(place).unwrap_or(u32::MAX));
            symbol(digit.unwrap_or_default())
        }));
        let of_operation = format!("graph-commit\n{operation}");
        let published = published.map_or_else(String::new, |version| version.to_string());
        text.push_str(&random_part(&format!(
            "{of_operation}\n{plan}\n{published}"
        )));
        Self {
            text,
            of_operation: random_part(&of_operation),
        }
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a row of that id was written for the same recovery.
    #[must_use]
    pub fn is_same_recovery(&self, id: &str) -> bool {
        id.len() == CHARS && id.get(TIME_CHARS..) == self.text.get(TIME_CHARS..)
    }

    /// Whether an earlier build wrote a row of that id for some recovery of the operation. Only the rest of the row tells which
    /// plan that recovery carried out.
    #[must_use]
    pub fn is_same_operation(&self, id: &str) -> bool {
        id.len() == CHARS && id.get(TIME_CHARS..) == Some(self.of_operation.as_str())
    }
}

fn random_part(seed: &str) -> String {
    let digest = Digest::of(Tag::DerivedId, seed.as_bytes());
    let random = digest.bytes().iter().take(CHARS - TIME_CHARS);
    random.map(|byte| symbol(u64::from(*byte))).collect()
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

    fn of(operation: &str, plan: &[u8], published: Option<u64>, micros: u64) -> GraphCommitId {
        GraphCommitId::of_recovery(
            &operation.parse().unwrap(),
            Digest::of(Tag::Plan, plan),
            published,
            Timestamp::from_micros(micros),
        )
    }

    fn at(micros: u64) -> GraphCommitId {
        of(OPERATION, b"plan", Some(7), micros)
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
        for other in [
            of("01M86MXMTH2V11QSHQVRJTEYTV", b"plan", Some(7), 1_000),
            of(OPERATION, b"another plan", Some(7), 1_000),
            of(OPERATION, b"plan", Some(8), 1_000),
            of(OPERATION, b"plan", None, 1_000),
        ] {
            assert!(!early.is_same_recovery(other.as_str()));
        }
        assert!(!early.is_same_recovery(""));
        assert!(!early.is_same_recovery(&early.as_str()[TIME_CHARS..]));
    }
    #[test]
    fn an_id_of_an_earlier_build_is_of_the_operation_and_of_no_plan() {
        let derived = random_part(&format!("graph-commit\n{OPERATION}"));
        let before = format!("{}{derived}", &OPERATION[..TIME_CHARS]);
        assert!(at(1_000).is_same_operation(&before));
        assert!(!at(1_000).is_same_recovery(&before));
        assert!(!at(1_000).is_same_operation(at(1_000).as_str()));
    }
}
