//! How old a sidecar is, and why one is too young.

use super::SidecarFile;
use crate::code::{Code, Reason};
use crate::follow_up::covers_what_is_never_whole;
use crate::journal::JournalState;
use crate::timestamp::{Timestamp, age_text};

impl SidecarFile {
    /// Whole seconds since its writer is known to have been at work; `None` if nothing tells.
    ///
    /// That is when the writer began, by its own clock, or when the store says that the file was last written, whichever is
    /// younger: a wrong clock makes a file older only if both clocks are wrong. A time in the future makes the file 0 s old.
    ///
    /// No writer is behind a sidecar of ours that covers what must never be published, so the store's time says nothing about it.
    #[must_use]
    pub fn age_seconds(&self, now: Timestamp) -> Option<u64> {
        let modified_at = self.modified_at.filter(|_| !self.is_covering());
        let times = self.said_to_start_at().into_iter().chain(modified_at);
        times.map(|time| time.age_seconds(now)).min()
    }

    /// The `started_at` of the sidecar, or of a file that is none but has the same field.
    fn said_to_start_at(&self) -> Option<Timestamp> {
        match &self.content {
            Ok(sidecar) => Some(sidecar.started_at),
            Err(_) => self
                .glimpse
                .started_at
                .clone()
                .and_then(|text| text.try_into().ok()),
        }
    }

    fn is_covering(&self) -> bool {
        self.content.as_ref().is_ok_and(covers_what_is_never_whole)
    }

    /// Why it is too young: its writer may still be running, or a clock is ahead. Not part of a plan, since it passes by itself.
    ///
    /// A file of no known age is never too young.
    #[must_use]
    pub fn too_young(&self, now: Timestamp, min_age_seconds: u64) -> Option<Reason> {
        let age_seconds = self.age_seconds(now)?;
        if age_seconds >= min_age_seconds {
            return None;
        }
        let detail = self.clock_ahead(now, min_age_seconds).unwrap_or_else(|| {
            format!(
                "the sidecar is {} old, its writer may still be running; executable from an age of {} (--min-age)",
                age_text(age_seconds),
                age_text(min_age_seconds)
            )
        });
        Some(Reason::new(Code::TooYoung, detail))
    }

    /// As [`SidecarFile::too_young`], with the journal of its operation. A file that this program wrote the undo into was old enough
    /// before, and is only as young as that.
    #[must_use]
    pub fn too_young_beside(
        &self,
        journal: Option<&JournalState>,
        now: Timestamp,
        min_age_seconds: u64,
    ) -> Option<Reason> {
        let written_here = journal.into_iter().flat_map(JournalState::prepared);
        let is_ours = written_here
            .into_iter()
            .any(|ours| Some(ours) == self.digest);
        self.too_young(now, min_age_seconds).filter(|_| !is_ours)
    }

    /// What it means that a time of the file lies ahead of the clock here.
    fn clock_ahead(&self, now: Timestamp, min_age_seconds: u64) -> Option<String> {
        let started_at = self.said_to_start_at().filter(|time| *time > now);
        let modified_at = self
            .modified_at
            .filter(|time| *time > now && !self.is_covering());
        let latest = started_at.max(modified_at)?;
        let says = match (started_at, modified_at) {
            (Some(started_at), None) => {
                format!("it says that its writer started at {started_at}")
            }
            (None, Some(modified_at)) => {
                format!("the store says that it was written at {modified_at}")
            }
            (Some(started_at), Some(modified_at)) => format!(
                "it says that its writer started at {started_at}, and the store says that it was written at {modified_at}"
            ),
            (None, None) => return None,
        };
        let min_age_micros = min_age_seconds.saturating_mul(1_000_000);
        let from = Timestamp::from_micros(latest.micros().saturating_add(min_age_micros));
        Some(format!(
            "the sidecar counts as 0 s old: {says}, which is ahead of the clock here ({now}). The younger of these two times counts, so it is executable from {from}; find out which clock is wrong. Once you know that its writer is stopped, --min-age 0s makes it executable at once"
        ))
    }
}
