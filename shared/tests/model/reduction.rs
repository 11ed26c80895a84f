//! The reduced model stores the same as the whole one.

use crate::cases::ALL;
use crate::runner::stored;
use crate::world::{Depth, Recovery};

/// Leaving out interleavings leaves out nothing that can come to be stored.
#[test]
fn what_is_left_out_changes_nothing() {
    let one = Recovery { consoles: 1, ..ALL };
    let two = Recovery {
        committed: 2,
        ..ALL
    };
    let all = Depth::Histories(u64::MAX);
    for (case, full) in [
        (
            Recovery {
                crashes: 1,
                later_writer: false,
                ..one
            },
            all,
        ),
        (Recovery { crashes: 0, ..one }, all),
        (
            Recovery {
                crashes: 1,
                committed: 2,
                ..one
            },
            all,
        ),
        (one, Depth::Requests),
        (
            Recovery {
                crashes: 1,
                committed: 2,
                stranger: true,
                ..one
            },
            Depth::Requests,
        ),
        (Recovery { crashes: 1, ..two }, Depth::Requests),
        (
            Recovery {
                crashes: 0,
                later_writer: false,
                ..ALL
            },
            Depth::Requests,
        ),
    ] {
        let reduced = stored(&case);
        let visited = stored(&Recovery {
            depth: full,
            ..case
        });
        println!("{case:?}: {} and {} stores", reduced.len(), visited.len());
        assert_eq!(
            reduced.difference(&visited).count(),
            0,
            "{case:?} {full:?}: made up"
        );
        assert_eq!(
            visited.difference(&reduced).count(),
            0,
            "{case:?} {full:?}: left out"
        );
    }
    // Without an end, histories are compared as far as they go.
    let case = Recovery {
        slow_writer: false,
        later_writer: false,
        crashes: 1,
        ..ALL
    };
    let reduced = stored(&case);
    let visited = stored(&Recovery {
        depth: Depth::Histories(11),
        ..case
    });
    println!("{case:?}: {} and {} stores", reduced.len(), visited.len());
    assert_eq!(
        visited.difference(&reduced).count(),
        0,
        "{case:?}: left out"
    );
}
