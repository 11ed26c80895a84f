//! A merge pins only the tables that it rewrites: what its sidecar does not name is named, acknowledged, or the reason to take it
//! back.

use sidecar::follow_up::{Undo, undo};
use sidecar::journal::Finished;
use sidecar::observation::{
    DifferingTable, HeadObservation, KeptHistory, MergeObservation, Restorability, Shown,
    ShownTable, UncoveredTable, differing_tables,
};
use sidecar::{
    Action, Choice, Code, Decision, Digest, Disposition, Effect, Extent, GraphHistoryRow, LeftOut,
    Observation, OutcomeKind, Plan, PlanBytes, PlanInput, RecoveryKind, Requirement, RootId,
    Sidecar, Step, Tag, WriterKind, authorize, differences, explain, judge, judge_choice, plan,
};

use crate::support::{Scene, approval, at, bytes, pin, scene, sidecar, world};

fn merge() -> Sidecar {
    Sidecar {
        merge_source_commit_id: Some("01M8125E20G3JA88BS9CEJEX1K".to_owned()),
        ..sidecar(WriterKind::BranchMerge, vec![pin("node:Author", 5, 6)])
    }
}

fn shown(version: u64, branch: Option<&str>) -> ShownTable {
    ShownTable {
        version,
        branch: branch.map(str::to_owned),
        location: Some("nodes/book".to_owned()),
    }
}

/// The adopted table of the released engine's graph `forward-merge-adopted`.
fn adopted() -> MergeObservation {
    MergeObservation {
        differing: vec![DifferingTable {
            table_key: "node:Book".to_owned(),
            source: Some(shown(5, Some("feature"))),
            target: Some(shown(4, None)),
        }],
        uncovered: vec![UncoveredTable {
            table_key: "node:Book".to_owned(),
            branch: None,
            pinned: 4,
            head: 5,
        }],
        untold: Vec::new(),
    }
}

/// The merge with its one table at this pin and HEAD.
fn found(write: &Sidecar, stand: (u64, u64), merge: Option<MergeObservation>) -> Observation {
    Observation {
        merge,
        kept_history: KeptHistory::InTables,
        ..world(vec![at(&write.tables[0], stand.0, stand.1)])
    }
}

fn planned(write: &Sidecar, observation: &Observation, choice: Choice) -> Plan {
    plan(&PlanInput {
        root: &RootId::new("file:///data/graph"),
        operation_id: &write.operation_id,
        file: &write.operation_id.file_name(),
        sidecar_digest: Digest::of(Tag::Sidecar, &bytes(write)),
        sidecar: Some(write),
        observation: Some(observation),
        verdict: &judge_choice(write, None, observation, choice),
    })
}

/// The same as a scene, with something that cannot be told as well.
pub(crate) fn incomplete_merge(pinned: u64, head: u64, choice: Choice) -> Scene {
    let write = merge();
    let untold = vec!["version 3 of the catalog is not there any more".to_owned()];
    let merge = MergeObservation {
        untold,
        ..adopted()
    };
    let observation = found(&write, (pinned, head), Some(merge));
    let plan = planned(&write, &observation, choice);
    Scene {
        verdict: judge_choice(&write, None, &observation, choice),
        bytes: PlanBytes::of(&plan).unwrap(),
        plan,
        sidecar: write,
    }
}

fn merged_parents(plan: &Plan) -> Vec<Option<String>> {
    let rows = plan.steps.iter().filter_map(|step| match step {
        Step::GraphHistory {
            row: GraphHistoryRow::GraphCommits { merged_parent, .. },
            ..
        } => Some(merged_parent.clone()),
        _ => None,
    });
    rows.collect()
}

#[test]
fn a_merge_is_published_without_a_table_only_by_who_acknowledges_which() {
    let write = merge();
    let scene = scene(&write, None, &found(&write, (5, 6), Some(adopted())));
    assert_eq!(scene.plan.disposition, Disposition::RollForward);
    assert_eq!(
        scene.plan.requires,
        [Requirement::WritersStopped, Requirement::IncompleteMerge]
    );
    let keys: Vec<_> = scene.plan.left_out.iter().map(LeftOut::table_key).collect();
    assert_eq!(keys, [Some("node:Book"); 2]);
    let mut without = approval(&scene);
    without.acknowledged.remove(&Requirement::IncompleteMerge);
    assert_eq!(without.missing(&scene.plan), [Requirement::IncompleteMerge]);
    assert!(authorize(scene.bytes.clone(), &[without]).is_err());
    assert!(authorize(scene.bytes.clone(), &[approval(&scene)]).is_ok());
    assert_eq!(scene.plan.other_choices(), [Choice::RollBack]);

    let text = explain(&scene.plan, None, &[]).text();
    assert!(text.contains("node:Book is not in its sidecar"), "{text}");
    assert!(text.contains("rolled back instead"), "{text}");
    assert!(
        !text.contains("all of its") && !text.contains("its one table"),
        "{text}"
    );
}

#[test]
fn a_merge_that_names_all_of_itself_needs_no_acknowledgement_and_has_no_other_choice() {
    let write = merge();
    let whole = found(&write, (5, 6), Some(MergeObservation::default()));
    let scene = scene(&write, None, &whole);
    assert_eq!(scene.plan.requires, [Requirement::WritersStopped]);
    assert!(scene.plan.other_choices().is_empty());
    let chosen = planned(&write, &whole, Choice::RollBack);
    assert_eq!(chosen, scene.plan, "there is nothing to choose");
    assert!(
        !scene.bytes.text().contains("left_out") && !scene.bytes.text().contains("choice"),
        "the bytes of other plans stay as they were"
    );
}

#[test]
fn what_nobody_looked_at_or_could_tell_is_named_like_a_table() {
    let write = merge();
    let untold = MergeObservation {
        untold: vec!["the commit is in no history".to_owned()],
        ..MergeObservation::default()
    };
    for merge in [None, Some(untold)] {
        let scene = scene(&write, None, &found(&write, (5, 6), merge));
        assert!(scene.plan.requires.contains(&Requirement::IncompleteMerge));
        assert!(matches!(scene.plan.left_out[..], [LeftOut::Untold { .. }]));
        let text = explain(&scene.plan, None, &[]).text();
        assert!(text.contains("Nothing tells whether"), "{text}");
    }
}

#[test]
fn the_other_choice_is_a_roll_back_with_a_digest_of_its_own() {
    let write = merge();
    let observation = found(&write, (5, 6), Some(adopted()));
    let forward = planned(&write, &observation, Choice::Verdict);
    let back = planned(&write, &observation, Choice::RollBack);
    assert_eq!(
        (back.disposition, back.decision, back.choice),
        (
            Disposition::RollBack,
            Some(Decision::RollForward),
            Choice::RollBack
        )
    );
    assert_eq!(back.operation_id, forward.operation_id);
    assert_eq!(back.requires, [Requirement::WritersStopped]);
    assert_eq!(back.tables[0].action, Action::RestoreAndPublish);
    assert_eq!(back.tables[0].restore_to, Some(5));
    assert_eq!(back.outcome(), Some(OutcomeKind::RolledBack));
    assert_eq!(merged_parents(&back), [None], "the branch is not merged");
    assert_eq!(
        merged_parents(&forward),
        std::slice::from_ref(&write.merge_source_commit_id)
    );
    let recorded = back.steps.iter().find_map(|step| match step {
        Step::GraphHistory {
            row: GraphHistoryRow::GraphCommitRecoveries { recovery_kind, .. },
            ..
        } => Some(*recovery_kind),
        _ => None,
    });
    assert_eq!(recorded, Some(RecoveryKind::RolledBack));
    let (forward_bytes, back_bytes) = (
        PlanBytes::of(&forward).unwrap(),
        PlanBytes::of(&back).unwrap(),
    );
    assert_ne!(forward_bytes.digest(), back_bytes.digest());
    assert_eq!(back_bytes.decode().unwrap(), back);
    assert_eq!(back.other_choices(), [Choice::Verdict]);
    let text = explain(&back, None, &[]).text();
    assert!(text.contains("This plan rolls it back by choice"), "{text}");
    assert!(!text.contains("schema"), "{text}");
    assert!(
        text.contains("The versions above the published one of node:Book stay"),
        "{text}"
    );
}

#[test]
fn there_is_no_choice_where_something_is_published_or_nothing_is_moved() {
    let write = merge();
    for stand in [(6, 6), (5, 5), (6, 7), (5, 4)] {
        let observation = found(&write, stand, Some(adopted()));
        let verdict = judge(&write, None, &observation);
        assert_ne!(verdict.disposition, Disposition::RollForward);
        assert_eq!(
            judge_choice(&write, None, &observation, Choice::RollBack),
            verdict,
            "{stand:?}"
        );
    }
    for kind in WriterKind::ALL {
        if kind == WriterKind::BranchMerge {
            continue;
        }
        let other = sidecar(kind, vec![pin("node:Author", 5, 6)]);
        let observation = found(&other, (5, 6), Some(adopted()));
        assert_eq!(
            judge_choice(&other, None, &observation, Choice::RollBack),
            judge(&other, None, &observation),
            "{kind:?}"
        );
    }
}

#[test]
fn a_roll_back_that_is_chosen_is_blocked_where_the_pin_cannot_be_restored() {
    let write = merge();
    let mut observation = found(&write, (5, 6), Some(adopted()));
    observation.tables[0].restorable = Restorability::NotRestorable {
        reason: "files are gone".to_owned(),
    };
    let forward = judge(&write, None, &observation);
    assert_eq!(forward.blockers, []);
    let back = judge_choice(&write, None, &observation, Choice::RollBack);
    assert_eq!(back.blockers[0].code, Code::TargetNotRestorable);
}

#[test]
fn a_merge_that_is_published_in_half_is_not_recorded_as_merged_unasked() {
    let write = merge();
    let scene = scene(&write, None, &found(&write, (6, 6), Some(adopted())));
    assert_eq!(scene.plan.disposition, Disposition::AlreadyPublished);
    assert_eq!(scene.plan.requires, [Requirement::IncompleteMerge]);
    assert!(scene.plan.other_choices().is_empty(), "it is visible");
    let text = explain(&scene.plan, None, &[]).text();
    assert!(!text.contains("complete"), "{text}");
    assert!(text.contains("node:Book is not in its sidecar"), "{text}");
}

#[test]
fn writers_that_commit_several_times_have_to_be_stopped_before_a_roll_forward() {
    for kind in WriterKind::ALL {
        let write = sidecar(kind, vec![pin("node:Author", 5, 6)]);
        let schema = (kind == WriterKind::SchemaApply)
            .then(|| crate::support::staged(&write, "pis", false, false));
        let observation = Observation {
            schema,
            ..found(&write, (5, 6), Some(MergeObservation::default()))
        };
        let scene = scene(&write, None, &observation);
        assert_eq!(scene.plan.disposition, Disposition::RollForward, "{kind:?}");
        assert_eq!(
            scene.plan.requires.contains(&Requirement::WritersStopped),
            !kind.commits_each_table_once(),
            "{kind:?}"
        );
    }
}

#[test]
fn the_whole_write_is_claimed_only_where_no_commit_can_be_missing() {
    let extent = |kind: WriterKind, change: &dyn Fn(&mut Observation)| {
        let write = sidecar(kind, vec![pin("node:Author", 5, 6)]);
        let mut observation = found(&write, (5, 6), Some(MergeObservation::default()));
        change(&mut observation);
        scene(&write, None, &observation).plan.extent()
    };
    let as_it_is = |_: &mut Observation| {};
    for kind in [WriterKind::Mutation, WriterKind::Load] {
        assert_eq!(extent(kind, &as_it_is), Some(Extent::Whole), "{kind:?}");
    }
    for kind in [
        WriterKind::BranchMerge,
        WriterKind::EnsureIndices,
        WriterKind::Optimize,
    ] {
        assert_eq!(
            extent(kind, &as_it_is),
            Some(Extent::AsCommitted),
            "{kind:?}"
        );
    }
    let another = |observation: &mut Observation| {
        observation.tables[0].transactions = vec![crate::support::transaction(6, "Rewrite", None)];
    };
    assert_eq!(
        extent(WriterKind::Mutation, &another),
        Some(Extent::AsCommitted)
    );
    let incomplete = |observation: &mut Observation| observation.merge = Some(adopted());
    assert_eq!(
        extent(WriterKind::BranchMerge, &incomplete),
        Some(Extent::LeavesOut)
    );
    let back = |observation: &mut Observation| {
        observation.tables[0].pinned = sidecar::observation::Pinned::At { version: 6 }
    };
    assert_eq!(extent(WriterKind::Mutation, &back), None);
}

#[test]
fn another_table_that_is_left_out_is_a_difference_that_is_named() {
    let write = merge();
    let before = planned(
        &write,
        &found(&write, (5, 6), Some(adopted())),
        Choice::Verdict,
    );
    let mut more = adopted();
    more.uncovered[0].head = 6;
    let now = planned(&write, &found(&write, (5, 6), Some(more)), Choice::Verdict);
    let found = differences(&before, &now);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].field.name(), "left_out");
    assert!(found[0].found.contains("HEAD 6"), "{found:?}");
}

/// A version with its Lance branch, where there is one.
type Stand = Option<(u64, Option<&'static str>)>;

/// `source`, `target` and the base of one table outside the sidecar, and whether it differs by the merge.
#[test]
fn a_table_differs_unless_the_source_has_not_changed_it_since_a_common_base() {
    let (one, two) = (Some((1, None)), Some((2, None)));
    let forked = Some((2, Some("feature")));
    let cases: &[(Stand, Stand, &[Stand], bool)] = &[
        (one, one, &[], false),
        (two, one, &[], true),
        (forked, two, &[], true),
        (two, one, &[one], true),
        // The target moved on; the source did not.
        (one, two, &[one], false),
        (None, one, &[None], false),
        (None, one, &[], true),
        (one, None, &[one], false),
        (one, None, &[None], true),
        // One of several bases is enough.
        (two, one, &[one, two], false),
        (forked, one, &[two], true),
    ];
    for (source, target, bases, differs) in cases {
        let side = |table: &Option<(u64, Option<&str>)>| -> Shown {
            let table =
                table.map(|(version, branch)| ("node:Book".to_owned(), shown(version, branch)));
            let pinned = ("node:Author".to_owned(), shown(9, None));
            table.into_iter().chain([pinned]).collect()
        };
        let bases: Vec<Shown> = bases.iter().map(side).collect();
        let mut target_side = side(target);
        target_side.insert("node:Author".to_owned(), shown(5, None));
        let found = differing_tables(&merge(), &side(source), &target_side, &bases);
        assert_eq!(
            found.len(),
            usize::from(*differs),
            "{source:?} {target:?} {bases:?}"
        );
        assert!(found.iter().all(|table| table.table_key == "node:Book"));
    }
}

#[test]
fn a_merge_that_is_taken_back_stays_in_the_history_and_that_is_acknowledged() {
    let write = merge();
    let published = found(&write, (5, 6), Some(MergeObservation::default()));
    let taken_back = |observation: &Observation, choice: Choice| {
        let plan = planned(&write, observation, choice);
        let outcome = plan.outcome().unwrap();
        let finished = Finished {
            digest: PlanBytes::of(&plan).unwrap().digest(),
            plan,
            outcome,
            tables: Vec::new(),
            catalog: Effect::Changed,
            sidecar: bytes(&write).into(),
            recorded_at: write.started_at,
        };
        let what = Undo::of(&write.operation_id, &finished, &write).unwrap();
        let mut tables: Vec<_> = what
            .sidecar
            .tables
            .iter()
            .map(|pin| at(pin, pin.expected_version, pin.expected_version))
            .collect();
        for table in &mut tables {
            table.restorable = Restorability::Restorable;
            if let HeadObservation::At { transaction, .. } = &mut table.head {
                transaction.clone_from(&finished.plan.tables[0].head_transaction);
            }
        }
        let root = RootId::new("file:///data/graph");
        let undone = undo(&root, &what, &world(tables));
        assert_eq!(undone.blockers, []);
        undone.plan
    };
    let plan = taken_back(&published, Choice::Verdict);
    assert_eq!(
        plan.requires,
        [Requirement::WritersStopped, Requirement::MergeStaysRecorded]
    );
    let text = explain(&plan, None, &[]).text();
    assert!(text.contains("Merging it again does nothing"), "{text}");

    // Where nothing was recorded as merged, there is nothing to state.
    let back = found(&write, (5, 6), Some(adopted()));
    let unrecorded = Observation {
        kept_history: KeptHistory::Nowhere,
        ..published
    };
    for plan in [
        taken_back(&back, Choice::RollBack),
        taken_back(&unrecorded, Choice::Verdict),
    ] {
        assert_eq!(plan.requires, [Requirement::WritersStopped]);
        let text = explain(&plan, None, &[]).text();
        assert!(!text.contains("merging"), "{text}");
    }
}
