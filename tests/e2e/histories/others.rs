//! Who else is at work in the histories without knowing of sidecars, and what becomes of the storage.

use std::sync::Arc;

use fenced_lance::TableWrite;
use restore_backend::execute::ProgressSink;
use restore_backend::service::{self, Answer};
use root_objects::clock;
use root_objects::store::Gate;
use sidecar::{Digest, OperationId, OutcomeKind};

use super::model::{Pending, TABLES, Undoing};
use super::{History, ROWS_WRITTEN};
use crate::support::gates::{Before, DiesAt, InTurn, Point};
use crate::support::{done, place, rows};

/// Rows of whoever names no operation.
const NAMELESS: std::ops::Range<u64> = 9_000..9_002;
/// How often somebody tries again to commit.
const TRIES_MAX: usize = 8;
/// How often something is planned anew before it has to have come to an end.
const PLANS_MAX: usize = 4;

impl History<'_> {
    /// One of two writers on the same pins publishes, and the other one dies without a commit.
    pub(super) async fn race(&mut self, tables: u8, first_row: u64) {
        let Some((loser, _)) = self.begin(tables).await else {
            return;
        };
        let (mut winner, tables) = self.begin(tables).await.expect("nobody committed");
        let written = first_row..first_row + ROWS_WRITTEN;
        self.model
            .pending
            .push(Pending::begun(&loser, &tables, written.clone()));
        for table in &tables {
            let write = TableWrite::append_rows(&rows(written.clone()));
            done(winner.commit(table, write).await.unwrap());
        }
        let published = done(winner.publish().await.unwrap());
        done(published.finish().await.unwrap());
        self.tally.count("lost a race");
        self.model.touch(&tables);
        self.model.show(&tables, &written.collect());
        loser.stop();
    }

    pub(super) async fn clean_up(&mut self, which: usize) {
        let table = TABLES[which % TABLES.len()];
        self.store.clean_up(table).await;
        self.tally.count("cleaned up old versions");
        if !self.store.pin_is_there(table).await {
            assert!(self.model.drifting().contains(table), "HEAD is never taken");
            self.tally.count("cleaned up a pin");
            self.model.unreadable.insert(table);
        }
    }

    pub(super) fn back_up(&mut self) {
        self.backup = Some((self.store.backup(), self.model.clone()));
    }

    /// A recovery that was pending is pending again, whatever its journal says.
    pub(super) fn bring_back(&mut self) {
        let Some((files, model)) = &self.backup else {
            return;
        };
        self.store.bring_back(files);
        self.model = model.clone();
        self.tally.count("brought a backup back");
    }

    /// An undo that publishes is under way, and before one of its requests somebody commits to one of its tables; the process may die
    /// there. It is seen to its end, whatever that is: nothing of the undo, or all of it.
    pub(super) async fn undo_beside(&mut self, at: u64, dies: bool, which: usize) {
        let publishes = |undoing: &Undoing| matches!(undoing, Undoing::Hides | Undoing::Shows);
        let Some(last) = self.model.last.clone() else {
            return;
        };
        if !publishes(&last.undoing) || !self.model.can_undo(&last) {
            return;
        }
        let opened = self.store.open().await;
        let answer = service::undo(&opened.root, &last.operation, clock::now()).await;
        let Answer::Done(report) = answer.unwrap() else {
            panic!("{last:?} could not be taken back")
        };
        let (operation, digest) = opened.approve_plan(&report).await;
        let touched: Vec<&'static str> = last.touched.iter().copied().collect();
        let table = touched[which % touched.len()];
        let lance = self.store.lance().await;
        let gate = Before::at(Point::mutation(at), move || {
            let lance = lance.clone();
            async move {
                // Others may commit at the same moment.
                let mut tries = 0;
                while let Err(raced) = lance.append_rows(&place(table), &rows(NAMELESS)).await {
                    tries += 1;
                    assert!(tries < TRIES_MAX, "{raced:?}");
                }
            }
        });
        let gates: Vec<Arc<dyn Gate>> = match dies {
            true => vec![gate.clone(), Arc::new(DiesAt::before(at))],
            false => vec![gate.clone()],
        };
        let opened = self.store.open_behind(Arc::new(InTurn(gates))).await;
        let applied =
            service::apply(&opened.root, &operation, digest, &ProgressSink::default()).await;
        let outcome = applied.map(|report| report.outcome);
        if !gate.is_reached() {
            assert_eq!(outcome.ok(), Some(OutcomeKind::RolledBack));
            self.is_undone(operation, last);
            return;
        }
        let is_over = !dies
            && outcome
                .as_ref()
                .is_ok_and(|ended| *ended == OutcomeKind::RolledBack);
        if !is_over {
            self.see_to_its_end(&last.operation, &operation, digest)
                .await;
        }

        let before = self.model.clone();
        self.is_undone(operation, last.clone());
        let is_left_out = |key: &str| before.unreadable.contains(key);
        let seen = self.store.visible_rows_but_of(is_left_out).await;
        let ends = [before.visible(), self.model.visible()];
        assert!(
            ends.contains(&seen),
            "half an undo, or somebody's unpublished rows: {seen:?}, none of {ends:?}"
        );
        if seen == ends[0] {
            self.tally.count("undo that somebody stopped");
            self.model = before;
            self.model.touch(&last.touched);
        } else {
            self.tally.count("undo beside somebody else");
        }
        self.model.last = None;
        // A commit above what was left is nobody's.
        if self.store.drift().await.contains_key(table) {
            self.model.is_nobodys(table);
        }
    }

    /// Applies, and where that meets a conflict plans anew, until it is done or cannot be.
    async fn see_to_its_end(&self, of: &OperationId, operation: &OperationId, first: Digest) {
        let mut digest = first;
        for _ in 0..PLANS_MAX {
            let opened = self.store.open().await;
            let report = opened.apply(operation, digest).await;
            match report.outcome {
                OutcomeKind::RolledBack | OutcomeKind::RolledForward | OutcomeKind::CleanedUp => {
                    return;
                }
                OutcomeKind::Conflict => {}
                outcome => panic!("{outcome:?}: {}", report.detail),
            }
            match service::undo(&opened.root, of, clock::now()).await.unwrap() {
                // The half that had been done was resolved under this very operation.
                Answer::Done(report)
                    if report.executable && report.operation_id == operation.as_str() =>
                {
                    digest = opened.approve_plan(&report).await.1;
                }
                _ => return,
            }
        }
        panic!("{operation} comes to no end")
    }
}
