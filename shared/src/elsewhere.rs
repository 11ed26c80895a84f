//! The words about an attempt that was begun at another root.

use crate::code::{Code, Reason};
use crate::ids::RootId;

/// Why an attempt that was begun at the root `there` is not carried on at the root `here`.
pub(crate) fn begun_elsewhere(there: &RootId, here: &RootId) -> Reason {
    Reason::new(
        Code::BegunElsewhere,
        format!(
            "this was approved for {there} and begun there, and this root is {here}: none of its steps is done here. An attempt continues at its own root alone, whatever the name of that root is by now. If this root is a copy, or a backup that was put back, end the attempt here, with `end`, which ends nothing there; then look at the plan as it is here"
        ),
    )
}
