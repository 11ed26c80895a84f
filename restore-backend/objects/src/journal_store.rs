//! Where journals live: `__recovery_log/{operation_id}/`, objects that are only ever created.
//!
//! `000001.json`, `000002.json`… are the records. Three further kinds of objects answer a question in one request and add nothing
//! to the records. `claim.json` says that an executor claimed the operation; writers look for it. `closed.json` says that the
//! terminal record is written and the sidecar gone. `reopened.000009.json` says that record 9 found the terminal record before it
//! untrue, so `closed.json` no longer counts; `closed.000009.json` then says that the operation ended once more. [`OPEN_FOLDER`]
//! names the open operations, so that a look need not list the journals of all operations.

mod create;
mod error;
mod journal;
mod layout;
mod listing;
mod notes;
mod open;
mod records;
mod unwritten;

pub use error::JournalStoreError;
pub use journal::Journal;
pub use layout::{CLAIM_OBJECT, CLOSED_OBJECT, JOURNAL_FOLDER, OPEN_FOLDER};
pub use listing::{JournalEntryOfListing, list_all, list_journal, list_journals};
pub use notes::publish_claim;
pub use open::{Mark, MarkUpkeep, OpenMarks, list_open, list_open_noting, unmark};
pub use records::{read_records, visit_records};
pub use unwritten::{Appended, Unwritten};
