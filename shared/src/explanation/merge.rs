//! Words for a merge whose sidecar does not name all of it.

use super::words::{NAME_CHARS_MAX, count_word, some_of, table_name, written};
use crate::observation::ShownTable;
use crate::plan::Plan;
use crate::text::shown;
use crate::verdict::LeftOut;

/// What else can be done about it.
pub(super) const OTHER_CHOICE: &str =
    "It can be rolled back instead, and the branch merged anew: that is a plan of its own.";

/// Why it is not rolled forward.
pub(super) const CHOSEN_BACK: &str = "This plan rolls it back by choice, because its sidecar does not name all of the merge, or may not.";

/// What rolling back leaves as it is.
pub(super) fn stays_unpublished(plan: &Plan) -> String {
    let keys: Vec<String> = plan
        .left_out
        .iter()
        .filter_map(|left_out| match left_out {
            LeftOut::Uncovered {
                table_key, branch, ..
            } => Some(table_name(table_key, branch.as_deref())),
            LeftOut::Differs { .. } | LeftOut::Untold { .. } => None,
        })
        .collect();
    some_of(&keys).map_or_else(String::new, |keys| {
        format!(" The versions above the published one of {keys} stay there: no sidecar says whose they are.")
    })
}

/// The headline, without the claim that all of the merge is there.
pub(super) fn headline(write: &str, plan: &Plan) -> String {
    let tables = match written(plan).count() {
        1 => "the one table that its sidecar names".to_owned(),
        2 => "both tables that its sidecar names".to_owned(),
        total => format!("all {} tables that its sidecar names", count_word(total)),
    };
    format!("{write} was committed to {tables}, but never published.")
}

/// The tables that are left out, and the consequence of that.
pub(super) fn left_out_consequence(plan: &Plan) -> String {
    let mut keys: Vec<String> = plan
        .left_out
        .iter()
        .filter_map(LeftOut::table_key)
        .map(|table_key| table_name(table_key, None))
        .collect();
    keys.sort_unstable();
    keys.dedup();
    let what = match (some_of(&keys), keys.len()) {
        (None, _) => "Nothing tells whether that is all of the merge.".to_owned(),
        (Some(key), 1) => format!(
            "{key} is not in its sidecar and stays as it is, though the merge changed it, or may have."
        ),
        (Some(keys), _) => format!(
            "{keys} are not in its sidecar and stay as they are, though the merge changed them, or may have."
        ),
    };
    format!(
        "{what} The branch counts as merged all the same, so merging it again brings nothing more."
    )
}

/// One thing that publishing a merge by its sidecar leaves out, or may.
#[must_use]
pub fn left_out_sentence(left_out: &LeftOut) -> String {
    match left_out {
        LeftOut::Differs {
            table_key,
            source,
            target,
        } => format!(
            "{}: the merged branch shows {}, the target shows {}.",
            table_name(table_key, None),
            version_shown(source.as_ref()),
            version_shown(target.as_ref())
        ),
        LeftOut::Uncovered {
            table_key,
            branch,
            pinned,
            head,
        } => format!(
            "{}: its Lance HEAD {head} stands above version {pinned}, and no pending sidecar covers that.",
            table_name(table_key, branch.as_deref())
        ),
        LeftOut::Untold { reason } => {
            format!("The merge may have changed more tables, which cannot be told: {reason}.")
        }
    }
}

fn version_shown(table: Option<&ShownTable>) -> String {
    match table {
        None => "no such table".to_owned(),
        Some(ShownTable {
            version,
            branch: None,
            ..
        }) => format!("version {version}"),
        Some(ShownTable {
            version,
            branch: Some(branch),
            ..
        }) => format!(
            "version {version} of Lance branch {}",
            shown(branch, NAME_CHARS_MAX)
        ),
    }
}
