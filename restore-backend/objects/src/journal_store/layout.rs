//! The names of a journal's objects, written and read, and the largest size of a journal.

use object_store::path::{Path, PathPart};
use sidecar::OperationId;
use sidecar::journal::JournalRecord;

use crate::store::is_odd;
use sidecar::root_layout::{REPLACED_FOLDER, ROOT_OBJECT, STAGED_FOLDER};

pub use sidecar::root_layout::{CLAIM_OBJECT, CLOSED_OBJECT, JOURNAL_FOLDER, OPEN_FOLDER};

/// Prefix of the name of the object that says that every open operation has a mark; digits that stand for the root follow.
pub(super) const COMPLETE: &str = "complete.";

/// Prefix of the name of the object that closes a reopened operation; the number of the reopening record follows.
pub(super) const CLOSED_AGAIN: &str = "closed.";
/// Prefix of the name of the object that says that the terminal record is untrue; the number of the reopening record follows.
pub(super) const REOPENED: &str = "reopened.";
/// The same without a number, as earlier builds wrote it: nothing closes such an operation.
pub(super) const REOPENED_OBJECT: &str = "reopened.json";

/// Bytes of all records of one journal. The largest attempt dismisses a file of 32 MiB and takes 86 MiB, and 43 more each time it
/// is taken over; an ordinary one takes some thousand bytes.
pub(super) const JOURNAL_BYTES_MAX: u64 = 512 << 20;

pub(super) fn folder(operation_id: &OperationId) -> Path {
    Path::from(JOURNAL_FOLDER).join(operation_id.as_str())
}

/// The folder of the objects by which a store is probed.
const PROBE_FOLDER: &str = ".probe";

/// Whether an object of this path belongs below the journal folder; if not, the shortest prefix of the path that does not.
pub(super) fn stray(path: &Path) -> Option<Path> {
    let parts: Vec<PathPart<'_>> = path.parts().collect();
    let names: Vec<&str> = parts.iter().skip(1).map(AsRef::as_ref).collect();
    let is_operation = |name: &str| name.parse::<OperationId>().is_ok();
    let is_root = |name: &str| name.starts_with(ROOT_OBJECT.0) && name.ends_with(ROOT_OBJECT.1);
    let is_plain = !is_odd(path);
    let upto = match names.as_slice() {
        [PROBE_FOLDER, _] if is_plain => return None,
        [name] if is_plain && is_root(name) => return None,
        [OPEN_FOLDER, name] if is_plain && is_a_mark(name) => return None,
        [operation, name] if is_operation(operation) && of_name(name) => return None,
        [operation, STAGED_FOLDER | REPLACED_FOLDER, kept @ ..] if is_operation(operation) => {
            match kept {
                [_] if is_plain => return None,
                _ => 3,
            }
        }
        [OPEN_FOLDER, _, ..] => 2,
        [operation, _, ..] if is_operation(operation) => 2,
        _ => 1,
    };
    Some(parts.into_iter().take(1 + upto).collect())
}

/// Whether the name is one of those that say which operations are open, here or at the place that the root was copied from.
fn is_a_mark(name: &str) -> bool {
    name.starts_with(COMPLETE) || marked(name).is_some()
}

/// The operation that an object of this name in [`OPEN_FOLDER`] says is open, and the number of the record that opened it.
pub(super) fn marked(name: &str) -> Option<(OperationId, u64)> {
    let (operation_id, sequence) = name.split_once('.')?;
    Some((operation_id.parse().ok()?, sequence.parse().ok()?))
}

/// Whether an object of this name, in the folder of a journal, is read.
fn of_name(object: &str) -> bool {
    object == CLAIM_OBJECT
        || closes(object).is_some()
        || reopens(object).is_some()
        || number(object).is_some()
}

/// The operation to whose journal a path belongs: the folder of the journal, or an object that is read in it.
pub(super) fn of_a_journal(path: &Path) -> Option<OperationId> {
    let mut parts = path.parts().skip(1);
    let operation_id = parts.next()?.as_ref().parse().ok()?;
    let object = parts.next();
    let is_read = object.is_none_or(|object| of_name(object.as_ref()));
    (is_read && parts.next().is_none()).then_some(operation_id)
}

/// The number of the record that opened the run that an object of this name closes, if it closes one.
pub(super) fn closes(object: &str) -> Option<u64> {
    if object == CLOSED_OBJECT {
        return Some(1);
    }
    number(object.strip_prefix(CLOSED_AGAIN)?)
}

/// The number of the reopening record that an object of this name announces, if it announces one.
pub(super) fn reopens(object: &str) -> Option<u64> {
    if object == REOPENED_OBJECT {
        return Some(u64::MAX);
    }
    number(object.strip_prefix(REOPENED)?)
}

/// The number of the record with this name; `None` for any other name.
pub(super) fn number(name: &str) -> Option<u64> {
    let sequence = name
        .strip_suffix(".json")?
        .parse()
        .ok()
        .filter(|sequence| *sequence > 0)?;
    (JournalRecord::object_name(sequence) == name).then_some(sequence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_no_part_of_a_journal_is_told_from_what_is() {
        const ID: &str = "01M8125ENACWR9X1EZNRMDV5V2";
        let stray = |below: &str| {
            let below = below.replace("OP", ID);
            let found = stray(&Path::from(format!("{JOURNAL_FOLDER}/{below}")));
            found.map(|path| path.as_ref()[JOURNAL_FOLDER.len() + 1..].replace(ID, "OP"))
        };
        for part in [
            "OP/000001.json",
            "OP/claim.json",
            "OP/closed.json",
            "OP/closed.000009.json",
            "OP/reopened.000009.json",
            "OP/reopened.json",
            "OP/staged/_schema.pg.staging.0123",
            "OP/replaced/_schema.pg.0123",
            "open/OP.000001",
            "open/complete.0123456789abcdef",
            "root-0123.json",
            ".probe/0123",
        ] {
            assert_eq!(stray(part), None, "{part}");
        }
        for (other, named) in [
            ("notes.txt", "notes.txt"),
            ("OP", "OP"),
            ("open", "open"),
            ("op/000001.json", "op"),
            ("OP/notes.txt", "OP/notes.txt"),
            ("OP/000001.json.bak", "OP/000001.json.bak"),
            ("OP/folder/000001.json", "OP/folder"),
            ("OP/staged/folder/file", "OP/staged/folder"),
            ("open/notes.txt", "open/notes.txt"),
            ("open/OP", "open/OP"),
            ("open/OP.000001/file", "open/OP.000001"),
            ("root-0123.json/file", "root-0123.json"),
        ] {
            assert_eq!(stray(other).as_deref(), Some(named), "{other}");
        }
    }
}
