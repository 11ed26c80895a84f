//! What is carried out: the recovery of a write or of a merge, the undo of a recovery, or the dismissal of a sidecar.

use std::cell::RefCell;
use std::collections::HashMap;

use sidecar::follow_up::{FollowUp, Undo, dismissal, dismissed_because, undo_id};
use sidecar::journal::Finished;
use sidecar::observation::Observation;
use sidecar::{
    Effect, Limits, OperationId, OutcomeKind, Plan, PlanBytes, PlanInput, Reason, RootId, Sidecar,
    Timestamp, judge, plan, refuse,
};

use crate::file::Written;
use crate::flaw::Flaw;
use crate::journal::Journal;
use crate::store::{Store, TABLES};
use crate::version_9::{file_of, place, schema_change};

/// The write whose sidecar is pending.
pub(crate) const OPERATION: &str = "01M8125ENACWR9X1EZNRMDV5V2";

/// What is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    /// The recovery of a write that makes one commit to each of its tables.
    Write,
    /// The recovery of a merge, which makes as many commits as it needs, and knows nothing of claims.
    Merge,
    /// The undo of a roll forward of the write.
    Undo,
    /// The recovery of a write of version 9, which never confirmed: its undo is written into its file first.
    Write9,
    /// The recovery of a schema change of version 9 that added one table, made its dataset, and never confirmed.
    Schema9,
    /// The write is whole, and a table of it is gone: its sidecar is set aside. Once the table is back, the write is recovered.
    Dismissal,
}

thread_local! {
    /// The file as the writer left it, and another under its name.
    static FILES: RefCell<HashMap<(Subject, bool), Written>> = RefCell::default();
    static UNDO: RefCell<Option<&'static Undo>> = const { RefCell::new(None) };
}

impl Subject {
    pub(crate) fn operation(self) -> OperationId {
        match self {
            Self::Write | Self::Write9 | Self::Schema9 | Self::Merge | Self::Dismissal => write(),
            Self::Undo => undo_id(&write()),
        }
    }

    /// Whether its sidecar is of version 9, so that its undo is written into its file first.
    pub(crate) const fn is_of_version_9(self) -> bool {
        match self {
            Self::Write9 | Self::Schema9 => true,
            Self::Write | Self::Merge | Self::Undo | Self::Dismissal => false,
        }
    }

    /// The bytes of the sidecar, or of what stands for it in the journal.
    pub(crate) fn sidecar_text(self) -> String {
        match self {
            Self::Write | Self::Dismissal => text("Mutation", &[0, 1], ""),
            Self::Write9 => String::from_utf8(file_of(&[0, 1])).unwrap(),
            Self::Schema9 => String::from_utf8(schema_change()).unwrap(),
            Self::Merge => text(
                "BranchMerge",
                &[0, 1],
                r#","merge_source_commit_id":"01M8125ENACWR9X1EZNRMDV5V1""#,
            ),
            Self::Undo => serde_json::to_string_pretty(&undone().sidecar).unwrap(),
        }
    }

    pub(crate) fn sidecar(self) -> Sidecar {
        let file = self.operation().file_name();
        Sidecar::parse(&file, self.sidecar_text().as_bytes(), &Limits::default()).unwrap()
    }

    /// The file as the writer left it.
    pub(crate) fn written(self) -> Written {
        self.known_file(false, || self.sidecar_text().into_bytes())
    }

    /// Another file under its name: it says of the same operation that it writes the second table only.
    pub(crate) fn another(self) -> Written {
        self.known_file(true, || match self {
            Self::Write9 | Self::Schema9 => file_of(&[1]),
            Self::Write | Self::Merge | Self::Dismissal | Self::Undo => {
                text("Mutation", &[1], "").into_bytes()
            }
        })
    }

    fn known_file(self, is_another: bool, bytes: impl Fn() -> Vec<u8>) -> Written {
        let known = FILES.with_borrow(|files| files.get(&(self, is_another)).copied());
        known.unwrap_or_else(|| {
            let written = Written::of(self, bytes());
            FILES.with_borrow_mut(|files| files.insert((self, is_another), written));
            written
        })
    }

    /// The real plan that resolves the operation for which these bytes stand, and what blocks it.
    pub(crate) fn plan(self, stands: Written, observation: &Observation) -> (Plan, Vec<Reason>) {
        let file = stands.file();
        let sidecar = file.content.as_ref();
        let verdict = match sidecar {
            Ok(sidecar) => judge(sidecar, None, observation),
            Err(reason) => refuse(reason.clone(), None),
        };
        let plan = plan(&PlanInput {
            root: &root(),
            operation_id: &self.operation(),
            file: &file.file,
            sidecar_digest: stands.digest(),
            sidecar: sidecar.ok(),
            observation: Some(observation),
            verdict: &verdict,
        });
        (plan, verdict.blockers)
    }

    /// The real dismissal of its sidecar, whether or not anything can be done about that by now.
    pub(crate) fn dismissal(self, stands: Written, observation: &Observation) -> FollowUp {
        let (plan, blockers) = self.plan(stands, observation);
        let (disposition, reasons) = dismissed_because(&plan, &blockers);
        let file = stands.file();
        let bytes = Some(file.bytes.clone());
        dismissal(
            &root(),
            self.operation(),
            file,
            bytes,
            disposition,
            &reasons,
        )
    }
}

fn write() -> OperationId {
    OPERATION.parse().unwrap()
}

pub(crate) fn root() -> RootId {
    RootId::new("memory://")
}

/// The undo of the roll forward of the write, before anything of it is looked at.
pub(crate) fn undone() -> &'static Undo {
    UNDO.with_borrow_mut(|undo| {
        *undo.get_or_insert_with(|| {
            let write = Subject::Write;
            let store = Store::crashed(write, 2, false, Journal::new(write, false));
            let (plan, _) = write.plan(write.written(), &store.observe(Flaw::None));
            let finished = Finished {
                digest: PlanBytes::of(&plan).unwrap().digest(),
                plan,
                outcome: OutcomeKind::RolledForward,
                tables: Vec::new(),
                catalog: Effect::Changed,
                sidecar: write.sidecar_text().into(),
                recorded_at: Timestamp::from_micros(1),
            };
            let undo = Undo::of(&write.operation(), &finished, &write.sidecar());
            Box::leak(Box::new(undo.unwrap()))
        })
    })
}

fn text(kind: &str, tables: &[usize], more: &str) -> String {
    let pin = |table: &usize| {
        format!(
            r#"{{"table_key":"{}","table_path":"memory:///{}","expected_version":1,"post_commit_pin":2}}"#,
            TABLES[*table],
            place(*table)
        )
    };
    let pins: Vec<String> = tables.iter().map(pin).collect();
    format!(
        r#"{{"schema_version":1,"operation_id":"{OPERATION}","started_at":"1","branch":null,"actor_id":null,"writer_kind":"{kind}","tables":[{}]{more}}}"#,
        pins.join(",")
    )
}
