//! The cases that are checked.

use crate::flaw::Flaw;
use crate::subject::Subject;
use crate::world::{Depth, Recovery};

/// The whole case.
pub(crate) const ALL: Recovery = Recovery {
    committed: 1,
    crashes: 2,
    consoles: 2,
    later_writer: true,
    slow_writer: true,
    stranger: false,
    subject: Subject::Write,
    rival: false,
    live_merge: false,
    nameless: 0,
    cleanups: 0,
    backups: 0,
    mends: 0,
    file_changes: 0,
    dataset_changes: 0,
    depth: Depth::Reduced,
    flaw: Flaw::None,
};

/// Others are at work who know of no protocol, or the storage is not what it was. Each with every interleaving of every request.
pub(crate) const OTHERS: [(&str, Recovery); 26] = {
    let alone = Recovery {
        consoles: 2,
        crashes: 1,
        later_writer: false,
        slow_writer: false,
        depth: Depth::Requests,
        ..ALL
    };
    let whole = Recovery {
        committed: 2,
        ..alone
    };
    let undo = Recovery {
        subject: Subject::Undo,
        ..whole
    };
    let dismissal = Recovery {
        subject: Subject::Dismissal,
        ..whole
    };
    let merge = Recovery {
        subject: Subject::Merge,
        live_merge: true,
        consoles: 1,
        ..alone
    };
    let rival = Recovery {
        committed: 0,
        rival: true,
        ..alone
    };
    let version_9 = Recovery {
        subject: Subject::Write9,
        ..whole
    };
    let schema_9 = Recovery {
        subject: Subject::Schema9,
        ..alone
    };
    [
        (
            "a write of version 9 is taken back from one of its tables",
            Recovery {
                committed: 1,
                crashes: 2,
                ..version_9
            },
        ),
        (
            "a write of version 9 is taken back from both of its tables",
            version_9,
        ),
        (
            "the file of version 9 is changed, removed or brought back while the write is taken back",
            Recovery {
                file_changes: 2,
                consoles: 1,
                ..version_9
            },
        ),
        (
            "somebody commits to tables of version 9 while the write is taken back",
            Recovery {
                nameless: 1,
                committed: 1,
                consoles: 1,
                ..version_9
            },
        ),
        (
            "a schema change of version 9 that made a dataset is taken back",
            Recovery {
                crashes: 2,
                ..schema_9
            },
        ),
        (
            "somebody makes a dataset where a schema change made one, commits to it or publishes it",
            Recovery {
                dataset_changes: 2,
                consoles: 1,
                ..schema_9
            },
        ),
        (
            "the file of a schema change is changed while its dataset is removed",
            Recovery {
                file_changes: 2,
                consoles: 1,
                ..schema_9
            },
        ),
        (
            "the file is changed, removed or brought back during a roll back",
            Recovery {
                file_changes: 2,
                consoles: 1,
                ..alone
            },
        ),
        (
            "somebody commits without a name during an undo",
            Recovery {
                nameless: 1,
                ..undo
            },
        ),
        (
            "somebody commits without a name during a roll back",
            Recovery {
                nameless: 1,
                ..alone
            },
        ),
        (
            "somebody commits without a name during a roll forward",
            Recovery {
                nameless: 1,
                ..whole
            },
        ),
        ("a second writer on the same pins wins", rival),
        (
            "two writers on the same pins, both alive",
            Recovery {
                slow_writer: true,
                consoles: 1,
                ..rival
            },
        ),
        ("a merge is alive that made its first commit", merge),
        (
            "a merge is alive that committed once to each of its tables",
            Recovery {
                committed: 2,
                ..merge
            },
        ),
        (
            "a merge is alive that committed all there is",
            Recovery {
                committed: 3,
                ..merge
            },
        ),
        (
            "a merge is alive, and somebody else commits without a name",
            Recovery {
                committed: 2,
                nameless: 1,
                ..merge
            },
        ),
        (
            "a backup comes back under the journal of a roll back",
            Recovery {
                backups: 1,
                ..alone
            },
        ),
        (
            "a backup comes back under the journal of a roll forward",
            Recovery {
                backups: 1,
                ..whole
            },
        ),
        (
            "a backup comes back under the journal of an undo",
            Recovery { backups: 1, ..undo },
        ),
        (
            "a backup comes back under the journal of a roll back, and somebody commits without a name",
            Recovery {
                backups: 1,
                nameless: 1,
                consoles: 1,
                ..alone
            },
        ),
        (
            "old versions are cleaned away during a roll back",
            Recovery {
                cleanups: 2,
                ..alone
            },
        ),
        (
            "old versions are cleaned away during a roll forward",
            Recovery {
                cleanups: 2,
                ..whole
            },
        ),
        (
            "old versions are cleaned away during an undo",
            Recovery {
                cleanups: 2,
                ..undo
            },
        ),
        ("a sidecar is set aside whose table stays gone", dismissal),
        (
            "the table of a sidecar that is set aside comes back",
            Recovery {
                mends: 1,
                crashes: 2,
                ..dismissal
            },
        ),
    ]
};

/// Those that take longer, for the long run: two consoles take over from each other while somebody else is at the file.
pub(crate) const LONGER: [(&str, Recovery); 6] = {
    let version_9 = Recovery {
        subject: Subject::Write9,
        consoles: 2,
        crashes: 1,
        later_writer: false,
        slow_writer: false,
        depth: Depth::Requests,
        ..ALL
    };
    [
        (
            "two consoles, and the file of version 9 is changed",
            Recovery {
                file_changes: 1,
                ..version_9
            },
        ),
        (
            "two consoles, and the file of version 9 is changed twice",
            Recovery {
                file_changes: 2,
                committed: 2,
                ..version_9
            },
        ),
        (
            "two consoles, and somebody commits to tables of version 9",
            Recovery {
                nameless: 1,
                ..version_9
            },
        ),
        (
            "two consoles, and somebody is at the dataset of a schema change",
            Recovery {
                subject: Subject::Schema9,
                dataset_changes: 3,
                ..version_9
            },
        ),
        (
            "somebody is at the dataset and at the file of a schema change",
            Recovery {
                subject: Subject::Schema9,
                dataset_changes: 2,
                file_changes: 2,
                consoles: 1,
                ..version_9
            },
        ),
        (
            "two consoles, and the file is changed during a roll back",
            Recovery {
                subject: Subject::Write,
                file_changes: 2,
                ..version_9
            },
        ),
    ]
};
