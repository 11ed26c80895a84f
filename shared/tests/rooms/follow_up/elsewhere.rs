//! Whether the version that an undo brings back is the one that readers saw.

use sidecar::follow_up::refusal::{BranchVersion, seen_elsewhere};

use crate::support::{on_branch, pin};

#[test]
fn a_version_of_another_lance_branch_comes_back_only_if_the_branch_was_made_from_it() {
    let pin = on_branch(pin("node:Author", 4, 5), "feature");
    let on = |branch: Option<&str>, version: u64| -> BranchVersion {
        (branch.map(str::to_owned), version)
    };
    let (main, feature) = (
        |version| on(None, version),
        |version| on(Some("feature"), version),
    );
    for (before, origin, is_told) in [
        // Readers saw the same Lance branch, whatever it was made from.
        (Some(feature(4)), Some(main(2)), false),
        (Some(feature(4)), None, false),
        // The write made the branch from what readers saw.
        (Some(main(4)), Some(main(4)), false),
        // Somebody made it from another version, or another branch.
        (Some(main(4)), Some(main(1)), true),
        (Some(main(4)), Some(on(Some("other"), 4)), true),
        (Some(main(3)), Some(main(3)), true),
        (Some(main(4)), None, true),
        // The catalog of then is gone.
        (None, Some(main(4)), true),
    ] {
        let found = seen_elsewhere(&pin, 4, before.as_ref(), origin.as_ref());
        let code = found.map(|reason| reason.code.name());
        assert_eq!(
            code,
            is_told.then_some("target_not_restorable"),
            "{before:?} {origin:?}"
        );
    }
}
