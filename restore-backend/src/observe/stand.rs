//! Where one table stands against its pin, on the Lance branch that writes to a branch of the graph use.

use fenced_lance::{Head, LanceRoot, Pin, TableError, TableLocation};

/// Where a table stands against its pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PinStand {
    /// Nothing lies above the pin, and nothing is missing.
    AtPin,
    /// It has commits above the pin.
    Above {
        /// The visible version, or the one that the Lance branch was made from.
        pinned: u64,
        /// The latest version.
        head: u64,
    },
    /// Its latest version is below the pin.
    Below {
        /// The latest version.
        head: u64,
    },
    /// It has the Lance branch without an unpublished commit, and the pin does not name it. After a first write that died it was made
    /// from the very pin.
    Forked {
        /// The latest version of the Lance branch.
        head: u64,
        /// The version that it was made from.
        made_from: u64,
    },
    /// Its dataset, or the Lance branch of its pin, is not there.
    NotThere,
}

impl PinStand {
    /// Looks at the table at `location`, which readers of `branch` see as `pin`: one listing, and on a branch of the graph two
    /// small reads more.
    pub(crate) async fn read(
        lance: &LanceRoot,
        location: &str,
        pin: &Pin,
        branch: Option<&str>,
    ) -> Result<Self, TableError> {
        let place = TableLocation::on(location, branch);
        let is_elsewhere = pin.table_branch.as_deref() != branch;
        let head = match lance.head(&place).await? {
            Head::At { version } => version,
            // The first write to a table on a branch makes its Lance branch.
            Head::BranchMissing if is_elsewhere => return Ok(Self::AtPin),
            Head::BranchMissing | Head::DatasetMissing => return Ok(Self::NotThere),
        };
        if !is_elsewhere {
            return Ok(match head.cmp(&pin.version) {
                std::cmp::Ordering::Less => Self::Below { head },
                std::cmp::Ordering::Equal => Self::AtPin,
                std::cmp::Ordering::Greater => Self::Above {
                    pinned: pin.version,
                    head,
                },
            });
        }
        // Versions of a table are published in rising order, whichever Lance branch they are on. The version a branch was
        // made from is no commit on that branch.
        let origin = lance.branch_origin(&place).await?;
        let origin = origin.and_then(|origin| origin.version).unwrap_or_default();
        let pinned = origin.max(pin.version.saturating_sub(1));
        Ok(if head > pinned {
            Self::Above { pinned, head }
        } else {
            Self::Forked {
                head,
                made_from: origin,
            }
        })
    }
}
