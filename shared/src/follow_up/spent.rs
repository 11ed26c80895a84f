//! Whether an undo or a release that has a journal is spent, so that the next one of its recovery is planned in its place.

use super::kind::{FollowUpKind, has_undone};
use super::release::{SetTag, tags_of, tags_of_plan};
use crate::journal::{Finished, JournalState};
use crate::plan::{Plan, Step};

/// What has to be looked at before one knows whether an undo or a release is spent.
///
/// It is spent once it is finished without lasting effect: an interrupted undo was rolled back, a restored backup removed its effects,
/// or the tags it dropped are there again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpentIf<'a> {
    /// It is not finished: it is not spent.
    Never,
    /// It is an undo that took the recovery back: it is spent once its effects are gone.
    EffectsAreGone {
        /// How it ended.
        finished: &'a Finished,
    },
    /// It is an undo whose interrupted half was rolled back, so that it is spent. The tables stand where that plan left them, unless its
    /// effects are gone.
    Already {
        /// How it ended.
        finished: &'a Finished,
    },
    /// It is a release: it is spent once any of these tags is there.
    TagsAreThere {
        /// The tags that the recovery set.
        tags: Vec<SetTag>,
    },
}

/// When an undo or a release is spent, of which this is the journal. `recovery` is the journal of the recovery that it follows.
#[must_use]
pub fn spent_if<'a>(
    kind: FollowUpKind,
    follow_up: &'a JournalState,
    recovery: &JournalState,
) -> SpentIf<'a> {
    let Some(finished) = follow_up.finished() else {
        return SpentIf::Never;
    };
    match kind {
        FollowUpKind::Undo if has_undone(&finished.plan) => SpentIf::EffectsAreGone { finished },
        FollowUpKind::Undo => SpentIf::Already { finished },
        FollowUpKind::Release => SpentIf::TagsAreThere {
            tags: tags_of(recovery),
        },
    }
}

impl JournalState {
    /// Whether a release of which this is the journal has dropped tags, or may have.
    #[must_use]
    pub fn has_begun_to_drop(&self) -> bool {
        let mut interrupted = self.interrupted().iter();
        self.finished().is_some() || interrupted.any(|attempt| attempt.has_begun(Step::drops_a_tag))
    }
}

/// `there`: the tags set by `recovery` that still exist. True if any is missing.
#[must_use]
pub fn is_any_dropped(recovery: &Plan, there: &[SetTag]) -> bool {
    there.len() < tags_of_plan(recovery).count()
}
