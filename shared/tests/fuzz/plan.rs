//! Plan bytes: refused with a reason, or exactly what this build writes for the plan they hold.

use std::collections::BTreeSet;

use serde_json::Value;
use sidecar::{
    Action, Approval, AuthorizationError, Digest, Effect, Plan, PlanBytes, PlanError, Purpose,
    Requirement, RootId, SchemaFile, Step, TableOutcome, Tag, Timestamp, authorize, differences,
};

use crate::campaign::Reached;
use crate::dice::Dice;
use crate::{mutation, shown};

pub(crate) fn check(bytes: &[u8]) -> Reached {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Reached::refused("not text");
    };
    let digest = Digest::of(Tag::Plan, bytes);
    let stored = PlanBytes::verify(text.to_owned(), digest).unwrap();
    assert_eq!((stored.text(), stored.digest()), (text, digest));
    let plan = match stored.decode() {
        Ok(plan) => plan,
        Err(PlanError::NotAPlan {
            digest: named,
            reason,
        }) => {
            assert_eq!(named, digest);
            assert!(matches!(
                authorize(stored, &[]),
                Err(AuthorizationError::Plan(_))
            ));
            return Reached::refused(&reason);
        }
        Err(PlanError::TableTwice { digest: named, .. }) => {
            assert_eq!(named, digest);
            assert!(matches!(
                authorize(stored, &[]),
                Err(AuthorizationError::Plan(_))
            ));
            return Reached::refused("a table twice");
        }
        Err(PlanError::Unlawful {
            digest: named,
            reason,
        }) => {
            assert_eq!(named, digest);
            assert!(matches!(
                authorize(stored, &[]),
                Err(AuthorizationError::Plan(_))
            ));
            return Reached::refused(&reason);
        }
        Err(error) => panic!("{error}"),
    };
    touches_only_its_own(&plan);
    let dice = &mut Dice::of(bytes);
    let again = PlanBytes::of(&plan).unwrap();
    assert_eq!(again, stored, "it is written as it was read, to the byte");
    assert_eq!(
        RootId::new(plan.root.as_str()),
        plan.root,
        "the root is in normal form"
    );
    no_other_bytes_are_it(&stored, &plan, dice);
    only_its_approval_counts(&stored, &plan);
    what_is_read_off_it(&plan);
    Reached::taken(format!(
        "{} {} {:?} {}",
        plan.purpose.name(),
        plan.disposition.name(),
        plan.steps
            .iter()
            .map(sidecar::Step::kind)
            .take(4)
            .collect::<Vec<_>>(),
        plan.tables.len().min(3)
    ))
}

/// Whatever the bytes, what is removed or replaced is the operation's own.
fn touches_only_its_own(plan: &Plan) {
    let operation = plan.operation_id.as_str();
    for step in &plan.steps {
        match step {
            Step::Tag { name, .. } => {
                assert!(
                    name.starts_with(&format!("recovery-{operation}-")),
                    "{name}"
                );
            }
            Step::Untag { name, .. } => {
                let Purpose::Release { of } = &plan.purpose else {
                    panic!("a tag is dropped by a {}", plan.purpose.name())
                };
                let undo = sidecar::follow_up::undo_id(of);
                let starts = |of| name.starts_with(&format!("recovery-{of}-"));
                assert!(starts(of) || starts(&undo), "{name}");
            }
            Step::PromoteSchema { files, .. } | Step::DiscardSchema { files, .. } => {
                for file in files {
                    assert!(SchemaFile::named(&file.live, &file.staged).is_some());
                }
            }
            Step::Retire { file, .. } => {
                assert_eq!(*file, plan.file);
                assert!(!file.contains('/') && file.ends_with(".json"), "{file}");
            }
            Step::Announce { file, .. } => {
                let id = file.strip_suffix(".json").unwrap();
                assert!(id.parse::<sidecar::OperationId>().is_ok(), "{file}");
            }
            Step::PrepareSidecar { file, .. } => {
                assert_eq!(*file, plan.file, "only its own file is written anew");
                assert_eq!(*file, plan.operation_id.file_name());
            }
            Step::DropDataset {
                table_key,
                location,
                files,
                ..
            } => {
                let named = plan.tables.iter().any(|table| {
                    table.table_key == *table_key
                        && table.location.as_ref() == Some(location)
                        && table.action == Action::Drop
                        && table.manifest_pinned.is_none()
                });
                assert!(named, "no table of the plan drops {location}");
                let strange = files.iter().find(|file| !file.is_of_a_new_dataset());
                assert_eq!(strange, None, "a file that no new dataset has");
            }
            // They change versions that a fence guards, or what the operation alone is named in.
            Step::FenceCatalog { .. }
            | Step::Restore { .. }
            | Step::Publish { .. }
            | Step::GraphHistory { .. }
            | Step::UnlockSchema { .. }
            | Step::Record { .. } => {}
        }
    }
    if !plan.steps.is_empty() {
        for location in plan
            .tables
            .iter()
            .filter_map(|table| table.location.as_deref())
        {
            assert!(!location.starts_with('_'), "{location}");
            assert!(!location.split('/').any(|part| part == ".."), "{location}");
        }
    }
}

fn no_other_bytes_are_it(stored: &PlanBytes, plan: &Plan, dice: &mut Dice) {
    let text = stored.text();
    let value: Value = serde_json::from_str(text).unwrap();
    let mut flipped = text.as_bytes().to_vec();
    let index = dice.below(flipped.len());
    flipped[index] ^= 1;
    let others = [
        serde_json::to_string_pretty(&value).unwrap(),
        format!("{text} "),
        format!("\u{feff}{text}"),
        text.replacen(':', ": ", 1),
        text.replacen('{', "{\"note\":null,", 1),
        String::from_utf8_lossy(&flipped).into_owned(),
    ];
    for other in others.into_iter().filter(|other| other != text) {
        let refused = PlanBytes::verify(other.clone(), stored.digest());
        assert!(
            matches!(refused, Err(PlanError::DigestDiffers { .. })),
            "{other}"
        );
        let digest = Digest::of(Tag::Plan, other.as_bytes());
        let decoded = PlanBytes::verify(other.clone(), digest).unwrap().decode();
        assert_ne!(
            decoded.as_ref(),
            Ok(plan),
            "{other} is the same plan under another digest"
        );
    }
}

fn only_its_approval_counts(stored: &PlanBytes, plan: &Plan) {
    let approval = Approval {
        operation_id: plan.operation_id.clone(),
        plan_digest: stored.digest(),
        approved_by: "bea".to_owned(),
        approved_at: Timestamp::from_micros(1_795_340_000_000_000),
        reason: Some("tested".to_owned()),
        writers_stopped: true,
        acknowledged: plan.requires.iter().copied().collect(),
    };
    let authorized =
        |approval: &Approval| authorize(stored.clone(), std::slice::from_ref(approval)).is_ok();
    assert_eq!(authorized(&approval), plan.has_effect());
    assert!(!plan.has_effect() || !plan.steps.is_empty());
    assert!(authorize(stored.clone(), &[]).is_err());
    let another = Digest::of(Tag::Sidecar, stored.text().as_bytes());
    assert!(!authorized(&Approval {
        plan_digest: another,
        ..approval.clone()
    }));
    for requirement in &plan.requires {
        let mut partial = approval.clone();
        match requirement {
            Requirement::WritersStopped => partial.writers_stopped = false,
            Requirement::Reason => partial.reason = Some(" \t".to_owned()),
            _ => drop(partial.acknowledged.remove(requirement)),
        }
        assert!(!authorized(&partial), "without {requirement}");
    }
}

fn what_is_read_off_it(plan: &Plan) {
    shown::check(plan, None, &[]);
    let tables: BTreeSet<_> = plan
        .tables
        .iter()
        .map(|table| (&table.table_key, &table.branch))
        .collect();
    assert_eq!(tables.len(), plan.tables.len(), "no table is named twice");
    assert_eq!(differences(plan, plan), []);
    let changed = Plan {
        requires: [plan.requires.clone(), vec![Requirement::Reason]].concat(),
        ..plan.clone()
    };
    assert_ne!(differences(plan, &changed), []);
    for table in &plan.tables {
        if let (Some(_), Some(after), Some(head)) =
            (table.restore_to, table.head_after(), table.lance_head)
        {
            assert!(after > head, "a restore is a new version");
        }
        for effect in [Effect::Changed, Effect::Unchanged, Effect::Unknown] {
            let outcome = TableOutcome::of(plan, table, effect);
            assert_eq!(
                (&outcome.table_key, outcome.effect),
                (&table.table_key, effect)
            );
        }
    }
}

pub(crate) fn mutate(bytes: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    if dice.one_in(8) {
        return mutation::raw(bytes, other, dice);
    }
    let Some(changed) = mutation::json(bytes, dice) else {
        return mutation::raw(bytes, other, dice);
    };
    if dice.one_in(6) {
        changed
    } else {
        canonical(changed)
    }
}

/// As this build writes it, if it is a plan at all: else nothing would get past the comparison of bytes.
pub(crate) fn canonical(bytes: Vec<u8>) -> Vec<u8> {
    match serde_json::from_slice::<Plan>(&bytes) {
        Ok(plan) => PlanBytes::of(&plan).unwrap().text().as_bytes().to_vec(),
        Err(_) => bytes,
    }
}
