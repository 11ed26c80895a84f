//! What is decided about a sidecar, for every position of its tables (PROTOCOL.md, section 4.3, first match wins).

use std::collections::BTreeMap;

use sidecar::observation::{
    CatalogObservation, ContentComparison, HeadObservation, MergeObservation, Pinned,
    Restorability, TableObservation, TransactionObservation, Unread,
};
use sidecar::{
    Action, Code, Decision, Disposition, Limits, Observation, Reason, Registration, Requirement,
    Sidecar, SidecarFile, Standing, TablePin, Timestamp, WriterKind, assemble, judge,
};

use crate::support::{OLDER, at, on_branch, pin, present, scene, sidecar, transaction, world};

const EXPECTED: u64 = 2;
const POST_COMMIT: u64 = 3;
const KINDS: [WriterKind; 5] = [
    WriterKind::Mutation,
    WriterKind::Load,
    WriterKind::BranchMerge,
    WriterKind::EnsureIndices,
    WriterKind::Optimize,
];

/// What may stand between the writer's start and HEAD.
#[derive(Debug, Clone, Copy, PartialEq)]
enum History {
    Ordinary,
    /// Version 3 is a Restore.
    RestoreAt3,
    /// Version 3 was cleaned away.
    GoneAt3,
    /// HEAD is a Restore to exactly the pin.
    HeadRestoresPin,
    /// HEAD holds what the pin holds.
    SameContent,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Head {
    At(u64),
    BranchMissing,
    DatasetMissing,
    Unreadable,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Pin {
    At(u64),
    Absent,
    Tombstoned,
}

#[derive(Debug, Clone, Copy)]
struct Position {
    pinned: Pin,
    head: Head,
    history: History,
}

fn positions(histories: &[History]) -> Vec<Position> {
    let pins = [
        Pin::Absent,
        Pin::Tombstoned,
        Pin::At(0),
        Pin::At(1),
        Pin::At(2),
        Pin::At(3),
        Pin::At(4),
    ];
    let heads =
        (1..=6)
            .map(Head::At)
            .chain([Head::BranchMissing, Head::DatasetMissing, Head::Unreadable]);
    let places: Vec<(Pin, Head)> = heads
        .flat_map(|head| pins.map(|pinned| (pinned, head)))
        .collect();
    histories
        .iter()
        .flat_map(|history| {
            places.iter().map(|(pinned, head)| Position {
                pinned: *pinned,
                head: *head,
                history: *history,
            })
        })
        .collect()
}

fn table(index: usize, position: Position, on_feature: bool) -> (TablePin, TableObservation) {
    let pin = pin(["node:A", "node:B", "node:C"][index], EXPECTED, POST_COMMIT);
    let pin = if on_feature {
        on_branch(pin, "feature")
    } else {
        pin
    };
    let pinned = match position.pinned {
        Pin::At(version) => version,
        Pin::Absent | Pin::Tombstoned => 2,
    };
    let head = match position.head {
        Head::At(version) => version,
        Head::BranchMissing | Head::DatasetMissing | Head::Unreadable => pinned,
    };
    let mut observed = at(&pin, pinned, head);
    for entry in &mut observed.transactions {
        match position.history {
            History::RestoreAt3 if entry.version == 3 => {
                *entry = transaction(3, "Restore", Some(1))
            }
            History::GoneAt3 if entry.version == 3 => {
                *entry = TransactionObservation {
                    version: 3,
                    transaction: None,
                }
            }
            History::HeadRestoresPin if entry.version == head => {
                *entry = transaction(head, "Restore", Some(pinned))
            }
            _ => {}
        }
    }
    if position.history == History::SameContent {
        observed.head_content = ContentComparison::Equal;
    }
    observed.pinned = match position.pinned {
        Pin::At(version) => Pinned::At { version },
        Pin::Absent => Pinned::Absent,
        Pin::Tombstoned => Pinned::Tombstoned { version: 9 },
    };
    observed.head = match position.head {
        Head::At(_) => observed.head,
        Head::BranchMissing => HeadObservation::BranchMissing,
        Head::DatasetMissing => HeadObservation::DatasetMissing,
        Head::Unreadable => HeadObservation::Unreadable {
            reason: "timed out".to_owned(),
        },
    };
    (pin, observed)
}

/// Protocol section 4 for tables that are not a schema change's, in the order of its table.
fn by_the_book(kind: WriterKind, positions: &[Position]) -> Disposition {
    let several_commits = !matches!(kind, WriterKind::Mutation | WriterKind::Load);
    let mut stands = Vec::new();
    for position in positions {
        // A table that is absent, tombstoned, or whose dataset cannot be read, aborts; an absent pin is not version 0.
        let Pin::At(pinned @ 1..) = position.pinned else {
            return Disposition::Abort;
        };
        let head = match position.head {
            Head::DatasetMissing | Head::Unreadable => return Disposition::Abort,
            Head::BranchMissing => pinned,
            Head::At(head) => head,
        };
        // A HEAD below its pin, and a catalog behind what the writer saw.
        if head < pinned || pinned < EXPECTED {
            return Disposition::Abort;
        }
        stands.push((pinned, head));
    }
    if stands.iter().all(|(pinned, head)| pinned == head) {
        let published = stands.iter().zip(positions).all(|((pinned, _), position)| {
            let since: Vec<u64> = (EXPECTED + 1..=*pinned).collect();
            let taken_back = match position.history {
                History::RestoreAt3 | History::GoneAt3 => since.contains(&3),
                History::HeadRestoresPin => since.contains(pinned),
                History::Ordinary | History::SameContent => false,
            };
            *pinned >= POST_COMMIT && !taken_back && position.head != Head::BranchMissing
        });
        return match published {
            true => Disposition::AlreadyPublished,
            false if stands.iter().any(|(pinned, _)| *pinned > EXPECTED) => Disposition::Superseded,
            false => Disposition::NeverStarted,
        };
    }
    let as_announced = |((pinned, head), position): (&(u64, u64), &Position)| {
        // Of writers that make several commits none restores: what is restored is taken back.
        let taken_back = match position.history {
            History::RestoreAt3 => *head == 3,
            History::HeadRestoresPin => true,
            History::Ordinary | History::GoneAt3 | History::SameContent => false,
        };
        *pinned == EXPECTED
            && if several_commits {
                head > pinned && !taken_back
            } else {
                *head == pinned + 1 && *head == POST_COMMIT
            }
    };
    if stands.iter().zip(positions).all(as_announced) {
        Disposition::RollForward
    } else {
        Disposition::RollBack
    }
}

/// What is done to one table: the action, where it returns to, what becomes its pin.
fn action_by_the_book(
    disposition: Disposition,
    position: Position,
) -> (Action, Option<u64>, Option<u64>) {
    let (Pin::At(pinned), Head::At(head)) = (position.pinned, position.head) else {
        return (Action::None, None, None);
    };
    if head <= pinned {
        return (Action::None, None, None);
    }
    match disposition {
        Disposition::RollForward => (Action::Publish, None, Some(head)),
        Disposition::RollBack
            if matches!(
                position.history,
                History::SameContent | History::HeadRestoresPin
            ) =>
        {
            (Action::Publish, None, Some(head))
        }
        Disposition::RollBack => (Action::RestoreAndPublish, Some(pinned), Some(head + 1)),
        _ => (Action::None, None, None),
    }
}

/// Whether something stands above the pin of a table, and goes along with what is done to it, that this kind does not make.
fn takes_unexpected_along(kind: WriterKind, disposition: Disposition, position: Position) -> bool {
    let (Pin::At(pinned), Head::At(head)) = (position.pinned, position.head) else {
        return false;
    };
    let goes_along = match action_by_the_book(disposition, position).0 {
        Action::Publish => disposition == Disposition::RollForward,
        action => action == Action::RestoreAndPublish,
    };
    let above = |version: u64| version > pinned && version <= head;
    let restored = match position.history {
        History::RestoreAt3 => above(3),
        History::HeadRestoresPin => above(head),
        _ => false,
    };
    let several_commits = !matches!(kind, WriterKind::Mutation | WriterKind::Load);
    let unreadable = several_commits && position.history == History::GoneAt3 && above(3);
    // The ordinary commits of these tests are appends.
    let foreign = matches!(kind, WriterKind::EnsureIndices | WriterKind::Optimize);
    goes_along && (restored || unreadable || foreign)
}

#[track_caller]
fn check(kind: WriterKind, positions: &[Position]) {
    // Only a branch can be missing that is not main, and all of a write is on one.
    let on_feature = positions
        .iter()
        .any(|position| position.head == Head::BranchMissing);
    let (pins, observed): (Vec<_>, Vec<_>) = positions
        .iter()
        .enumerate()
        .map(|(index, position)| table(index, *position, on_feature))
        .unzip();
    let sidecar = sidecar(kind, pins);
    let observation = Observation {
        merge: Some(MergeObservation::default()),
        ..world(observed)
    };
    let verdict = judge(&sidecar, None, &observation);
    let expected = by_the_book(kind, positions);
    assert_eq!(
        verdict.disposition, expected,
        "{kind:?} {positions:?}\n{verdict:?}"
    );
    for (table, position) in verdict.tables.iter().zip(positions) {
        assert_eq!(
            (table.action, table.restore_to, table.publish_as),
            action_by_the_book(expected, *position),
            "{kind:?} {positions:?}"
        );
    }
    let returns_elsewhere = verdict
        .tables
        .iter()
        .any(|table| table.restore_to.is_some_and(|target| target != EXPECTED));
    let mut requires = Vec::new();
    let may_go_on = expected == Disposition::RollForward && !kind.commits_each_table_once();
    if may_go_on || matches!(expected, Disposition::RollBack | Disposition::NeverStarted) {
        requires.push(Requirement::WritersStopped);
    }
    if returns_elsewhere {
        requires.push(Requirement::TargetDiffersFromExpected);
    }
    if positions
        .iter()
        .any(|position| takes_unexpected_along(kind, expected, *position))
    {
        requires.push(Requirement::UnexpectedCommits);
    }
    let stays_as_published_since = |position: &Position| {
        matches!(position.pinned, Pin::At(pinned) if pinned > EXPECTED)
            && matches!(
                action_by_the_book(expected, *position).0,
                Action::None | Action::Publish
            )
    };
    let may_stay_in_part = match expected {
        Disposition::RollBack => true,
        Disposition::Superseded => positions
            .iter()
            .any(|position| position.pinned == Pin::At(EXPECTED)),
        _ => false,
    };
    if may_stay_in_part && positions.iter().any(stays_as_published_since) {
        requires.push(Requirement::StaysPublishedInPart);
    }
    assert_eq!(verdict.requires, requires, "{kind:?} {positions:?}");
    assert_eq!(
        verdict.blockers.is_empty(),
        expected != Disposition::Abort,
        "{kind:?} {positions:?} {:?}",
        verdict.blockers
    );
}

#[test]
fn one_table_at_every_position_with_every_history() {
    let positions = positions(&[
        History::Ordinary,
        History::RestoreAt3,
        History::GoneAt3,
        History::HeadRestoresPin,
        History::SameContent,
    ]);
    assert_eq!(positions.len(), 9 * 7 * 5);
    for kind in KINDS {
        for position in &positions {
            check(kind, &[*position]);
        }
    }
}

#[test]
fn two_tables_at_every_pair_of_positions() {
    let positions = positions(&[
        History::Ordinary,
        History::RestoreAt3,
        History::HeadRestoresPin,
    ]);
    for kind in [WriterKind::Mutation, WriterKind::Optimize] {
        for first in &positions {
            for second in &positions {
                check(kind, &[*first, *second]);
            }
        }
    }
}

fn one(kind: WriterKind, pinned: u64, head: u64) -> (Sidecar, Observation) {
    let sidecar = sidecar(kind, vec![pin("node:A", EXPECTED, POST_COMMIT)]);
    let observation = world(vec![at(&sidecar.tables[0], pinned, head)]);
    (sidecar, observation)
}

fn on_graph_branch(
    (write, mut observation): (Sidecar, Observation),
    catalog: CatalogObservation,
) -> (Sidecar, Observation) {
    let pins = write.tables.into_iter();
    let pins = pins.map(|pin| on_branch(pin, "feature")).collect();
    for table in &mut observation.tables {
        table.branch = Some("feature".to_owned());
    }
    observation.catalog = catalog;
    (sidecar(write.writer_kind, pins), observation)
}

fn absent(tree_left: bool) -> CatalogObservation {
    CatalogObservation::BranchAbsent { tree_left }
}

fn created_at(micros: u64) -> CatalogObservation {
    CatalogObservation::Present {
        version: 3,
        stamp: 3,
        two_phase: false,
        branch_created_at: Some(Timestamp::from_micros(micros)),
    }
}

#[track_caller]
fn check_branch(catalog: CatalogObservation, disposition: Disposition, code: Code) {
    for (pinned, head) in [(2, 2), (2, 3), (3, 3), (4, 6), (1, 1), (3, 2)] {
        let (sidecar, observation) =
            on_graph_branch(one(WriterKind::Load, pinned, head), catalog.clone());
        let scene = scene(&sidecar, None, &observation);
        assert_eq!(
            scene.verdict.disposition, disposition,
            "pin {pinned} HEAD {head}"
        );
        assert_eq!(scene.verdict.blockers[0].code, code);
        assert!(
            scene
                .verdict
                .tables
                .iter()
                .all(|table| table.action == Action::None)
        );
        assert!(scene.plan.steps.is_empty());
    }
}

#[test]
fn a_graph_branch_that_is_gone_orphans_the_write_wherever_its_tables_stand() {
    for (pinned, head) in [(2, 2), (2, 3), (3, 3), (4, 6), (1, 1), (3, 2)] {
        let (write, observation) =
            on_graph_branch(one(WriterKind::Load, pinned, head), absent(false));
        let scene = scene(&write, None, &observation);
        assert_eq!(scene.verdict.disposition, Disposition::OrphanedBranch);
        assert_eq!(scene.verdict.blockers, Vec::new());
        let steps: Vec<_> = scene.plan.steps.iter().map(sidecar::Step::kind).collect();
        assert_eq!(steps, ["record", "retire"], "pin {pinned} HEAD {head}");
    }
}

#[test]
fn a_graph_branch_whose_tree_is_left_aborts() {
    check_branch(absent(true), Disposition::Abort, Code::BranchTreeLeft);
}

/// Two machines' clocks are compared: a clock that is ahead must not refuse a write for ever.
#[test]
fn a_graph_branch_that_seems_to_be_made_anew_has_to_be_acknowledged_whatever_is_done() {
    let started_at = one(WriterKind::Load, 2, 3).0.started_at.micros();
    for (pinned, head) in [(2, 2), (2, 3), (3, 3), (4, 4), (2, 5)] {
        let verdict_at = |created| {
            let (sidecar, observation) =
                on_graph_branch(one(WriterKind::Load, pinned, head), created_at(created));
            judge(&sidecar, None, &observation)
        };
        let (same, seems) = (verdict_at(started_at), verdict_at(started_at + 1));
        assert_eq!(
            same.disposition, seems.disposition,
            "pin {pinned} HEAD {head}"
        );
        let mut asked = same.requires.clone();
        assert!(!asked.contains(&Requirement::BranchRecreated));
        asked.push(Requirement::BranchRecreated);
        assert_eq!(seems.requires, asked, "pin {pinned} HEAD {head}");
    }
    // Main is always the same.
    let (sidecar, mut observation) = one(WriterKind::Load, 2, 3);
    observation.catalog = created_at(started_at + 1);
    assert_eq!(judge(&sidecar, None, &observation).requires, []);
}

#[test]
fn a_table_on_another_branch_than_the_write_is_refused_wherever_it_stands() {
    let feature = Some("feature".to_owned());
    for (pinned, head) in [(2, 2), (2, 3), (3, 3), (2, 5)] {
        for (branch, table_branch, fits) in [
            (None, feature.clone(), false),
            (feature.clone(), None, false),
            (feature.clone(), Some("main".to_owned()), false),
            (feature.clone(), Some("later".to_owned()), false),
            (Some("main".to_owned()), None, true),
            (None, Some("main".to_owned()), true),
            (feature.clone(), feature.clone(), true),
        ] {
            let (mut write, mut observation) = one(WriterKind::Mutation, pinned, head);
            write.branch.clone_from(&branch);
            write.tables[0].table_branch.clone_from(&table_branch);
            observation.tables[0].branch = table_branch.clone().filter(|name| name != "main");
            let verdict = judge(&write, None, &observation);
            let code = verdict.blockers.first().map(|reason| reason.code);
            let refused = (Disposition::Refused, Some(Code::TableBranchDiffers));
            let named = format!("{branch:?} {table_branch:?}");
            assert_eq!(
                (verdict.disposition, code) != refused,
                fits,
                "{named}: {verdict:?}"
            );
            // It is refused in lists too, and so can be set aside.
            let file = write.operation_id.file_name();
            let read = SidecarFile::read(&file, crate::support::bytes(&write), &Limits::DEFAULT);
            let refusal = assemble(vec![read])[0].refusal.clone();
            assert_eq!(refusal.is_none(), fits, "{named}");
        }
    }
    // So is one that would add a table on another branch.
    let write = Sidecar {
        additional_registrations: vec![Registration {
            table_key: "node:New".to_owned(),
            table_path: "nodes/new".to_owned(),
            table_branch: feature,
            unknown: BTreeMap::new(),
        }],
        ..sidecar(WriterKind::SchemaApply, Vec::new())
    };
    let verdict = judge(&write, None, &world(Vec::new()));
    assert_eq!(verdict.blockers[0].code, Code::TableBranchDiffers);
}

#[test]
fn main_is_never_orphaned() {
    for catalog in [
        absent(false),
        absent(true),
        CatalogObservation::Unreadable {
            reason: "no such bucket".to_owned(),
        },
    ] {
        let (sidecar, observation) = one(WriterKind::Mutation, 2, 3);
        for branch in [None, Some("main".to_owned())] {
            let sidecar = Sidecar {
                branch,
                ..sidecar.clone()
            };
            let verdict = judge(
                &sidecar,
                None,
                &Observation {
                    catalog: catalog.clone(),
                    ..observation.clone()
                },
            );
            assert_eq!(verdict.disposition, Disposition::Abort, "{catalog:?}");
        }
    }
}

#[test]
fn the_first_match_wins_refused_before_waiting_before_orphaned_before_abort() {
    let (sidecar, mut observation) =
        on_graph_branch(one(WriterKind::Mutation, 1, 1), absent(false));
    let disposition = |sidecar: &Sidecar, waiting_for, observation: &Observation| {
        judge(sidecar, waiting_for, observation).disposition
    };
    assert_eq!(
        disposition(&sidecar, None, &observation),
        Disposition::OrphanedBranch
    );
    assert_eq!(
        disposition(&sidecar, Some(OLDER), &observation),
        Disposition::Waiting
    );
    observation.tables[0].location_conflict =
        Some(Reason::new(Code::LocationOutsideRoot, "elsewhere"));
    assert_eq!(
        disposition(&sidecar, Some(OLDER), &observation),
        Disposition::Refused
    );
    observation.tables[0].location_conflict = None;
    observation.catalog = present();
    assert_eq!(
        disposition(&sidecar, Some(OLDER), &observation),
        Disposition::Waiting
    );
    assert_eq!(
        disposition(&sidecar, None, &observation),
        Disposition::Abort
    );
}

#[test]
fn a_waiting_sidecar_shows_where_its_tables_stand_and_does_nothing() {
    for (pinned, head, decision) in [
        (2, 3, Decision::RollForward),
        (2, 2, Decision::RollBack),
        (3, 2, Decision::Abort),
    ] {
        let (sidecar, observation) = one(WriterKind::Mutation, pinned, head);
        let scene = scene(&sidecar, Some(OLDER), &observation);
        assert_eq!(
            (scene.verdict.disposition, scene.verdict.decision),
            (Disposition::Waiting, Some(decision))
        );
        assert_eq!(scene.verdict.blockers[0].code, Code::WaitingFor);
        assert!(scene.verdict.blockers[0].detail.contains(OLDER));
        assert_eq!(scene.verdict.blockers[0].about.as_deref(), Some(OLDER));
        assert!(scene.plan.steps.is_empty());
    }
}

#[test]
fn beside_an_older_file_that_is_broken_every_effect_has_to_be_acknowledged() {
    let broken = |waiting_for| Standing {
        waiting_for,
        older_unreadable: true,
    };
    let requires_it = |sidecar: &Sidecar, standing: Standing<'_>, observation: &Observation| {
        let verdict = judge(sidecar, standing, observation);
        let requires = verdict.requires.contains(&Requirement::OlderUnreadable);
        assert_eq!(
            requires,
            verdict.disposition.has_effect(),
            "{:?}",
            verdict.disposition
        );
        let without = judge(sidecar, standing.waiting_for, observation);
        assert!(!without.requires.contains(&Requirement::OlderUnreadable));
        verdict.disposition
    };
    let (sidecar, forward) = one(WriterKind::Mutation, 2, 3);
    let (_, back) = one(WriterKind::Mutation, 2, 4);
    let (_, never) = one(WriterKind::Mutation, 2, 2);
    for (observation, disposition) in [
        (&forward, Disposition::RollForward),
        (&back, Disposition::RollBack),
        (&never, Disposition::NeverStarted),
    ] {
        assert_eq!(
            requires_it(&sidecar, broken(None), observation),
            disposition
        );
        assert_eq!(
            requires_it(&sidecar, broken(Some(OLDER)), observation),
            Disposition::Waiting
        );
    }
    let (sidecar, observation) = on_graph_branch(one(WriterKind::Mutation, 1, 1), absent(false));
    assert_eq!(
        requires_it(&sidecar, broken(None), &observation),
        Disposition::OrphanedBranch
    );
}

#[test]
fn a_field_this_build_does_not_implement_refuses_even_past_the_listing() {
    let (mut sidecar, observation) = one(WriterKind::Mutation, 2, 3);
    sidecar
        .unknown
        .insert("confirmed".to_owned(), serde_json::json!(3));
    let verdict = judge(&sidecar, None, &observation);
    assert_eq!(
        (verdict.disposition, verdict.blockers[0].code),
        (Disposition::Refused, Code::UnimplementedField)
    );
}

#[test]
fn no_tables_and_nothing_to_add_or_remove_is_already_published() {
    for kind in KINDS {
        assert_eq!(
            judge(&sidecar(kind, Vec::new()), None, &world(Vec::new())).disposition,
            Disposition::AlreadyPublished
        );
    }
}

#[test]
fn a_table_that_was_not_looked_at_aborts_though_the_others_are_fine() {
    let sidecar = sidecar(
        WriterKind::Mutation,
        vec![pin("node:A", 2, 3), pin("node:B", 2, 3)],
    );
    let (first, second) = (at(&sidecar.tables[0], 2, 3), at(&sidecar.tables[1], 2, 3));
    for tables in [
        vec![],
        vec![first.clone()],
        vec![second.clone()],
        vec![second.clone(), first.clone()],
        vec![first.clone(), first.clone()],
    ] {
        let scene = scene(&sidecar, None, &world(tables.clone()));
        assert_eq!(
            scene.verdict.disposition,
            Disposition::Abort,
            "{} tables",
            tables.len()
        );
        assert_eq!(scene.verdict.blockers[0].code, Code::TableUnreadable);
        assert_eq!(scene.verdict.tables.len(), 2);
        assert!(scene.plan.steps.is_empty());
    }
    assert_eq!(
        judge(&sidecar, None, &world(vec![first, second])).disposition,
        Disposition::RollForward
    );
}

#[test]
fn a_dataset_without_a_main_branch_is_missing_and_not_merely_unreached() {
    let (sidecar, mut observation) = one(WriterKind::Mutation, 2, 2);
    observation.tables[0].head = HeadObservation::BranchMissing;
    let verdict = judge(&sidecar, None, &observation);
    assert_eq!(
        (verdict.disposition, verdict.blockers[0].code),
        (Disposition::Abort, Code::TableMissing)
    );
}

#[test]
fn a_write_that_nobody_can_judge_as_storage_does_not_answer_is_not_set_aside() {
    let (sidecar, mut observation) = one(WriterKind::Mutation, 2, 3);
    observation.tables[0].head = HeadObservation::Unreadable {
        reason: "503".to_owned(),
    };
    // Bytes that make no sense stay what they are.
    let verdict = judge(&sidecar, None, &observation);
    assert_eq!(verdict.disposition, Disposition::Abort);
    assert_eq!(verdict.blockers.len(), 1);
    assert_eq!(verdict.blockers[0].code, Code::TableUnreadable);

    observation.unread = vec![Unread {
        what: "the Lance HEAD of node:Author".to_owned(),
        reason: "503".to_owned(),
    }];
    let verdict = judge(&sidecar, None, &observation);
    assert_eq!(verdict.disposition, Disposition::Abort);
    let codes: Vec<Code> = verdict.blockers.iter().map(|it| it.code).collect();
    assert_eq!(codes, [Code::TableUnreadable, Code::Unreadable]);
    assert!(
        verdict.blockers[1]
            .detail
            .starts_with("the Lance HEAD of node:Author cannot be read now, so nobody"),
        "{:?}",
        verdict.blockers
    );

    // What does not keep the write from being judged is told where it matters.
    let (sidecar, judged) = one(WriterKind::Mutation, 2, 3);
    observation.tables = judged.tables;
    let verdict = judge(&sidecar, None, &observation);
    assert_eq!(verdict.disposition, Disposition::RollForward);
    assert_eq!(verdict.blockers, []);
}

#[test]
fn a_head_nothing_can_be_committed_on_aborts() {
    let (sidecar, mut observation) = one(WriterKind::Mutation, 2, 3);
    observation.tables[0].head = HeadObservation::At {
        version: u64::MAX,
        transaction: None,
    };
    let verdict = judge(&sidecar, None, &observation);
    assert_eq!(
        (verdict.disposition, verdict.blockers[0].code),
        (Disposition::Abort, Code::TableUnreadable)
    );
}

#[test]
fn a_write_announced_at_or_below_its_start_is_not_taken_for_published() {
    for post_commit in [0, 1, 2] {
        let sidecar = sidecar(WriterKind::Mutation, vec![pin("node:A", 2, post_commit)]);
        assert_eq!(
            judge(&sidecar, None, &world(vec![at(&sidecar.tables[0], 2, 2)])).disposition,
            Disposition::NeverStarted
        );
    }
}

#[test]
fn a_pin_that_cannot_be_restored_or_was_not_checked_blocks_a_roll_back_and_nothing_else() {
    for restorable in [
        Restorability::NotChecked,
        Restorability::NotRestorable {
            reason: "files are gone".to_owned(),
        },
    ] {
        for (pinned, head, blocked) in [(2, 4, true), (2, 3, false), (2, 2, false), (3, 3, false)] {
            let (sidecar, mut observation) = one(WriterKind::Mutation, pinned, head);
            observation.tables[0].restorable = restorable.clone();
            let codes: Vec<Code> = judge(&sidecar, None, &observation)
                .blockers
                .iter()
                .map(|blocker| blocker.code)
                .collect();
            assert_eq!(
                codes,
                if blocked {
                    vec![Code::TargetNotRestorable]
                } else {
                    vec![]
                },
                "pin {pinned} HEAD {head} {restorable:?}"
            );
        }
    }
}

#[test]
fn a_catalog_stamp_this_build_does_not_know_blocks_whatever_would_be_done() {
    for (stamp, blocked) in [
        (0, true),
        (1, true),
        (2, false),
        (3, false),
        (4, false),
        (5, true),
        (6, true),
        (u32::MAX, true),
    ] {
        for (pinned, head) in [(2, 3), (2, 4), (2, 2), (3, 3)] {
            let (sidecar, mut observation) = one(WriterKind::Mutation, pinned, head);
            observation.catalog = CatalogObservation::Present {
                version: 9,
                stamp,
                two_phase: false,
                branch_created_at: None,
            };
            let blockers = judge(&sidecar, None, &observation).blockers;
            assert_eq!(
                blockers
                    .iter()
                    .any(|blocker| blocker.code == Code::CatalogStampUnsupported),
                blocked,
                "stamp {stamp}"
            );
        }
    }
}

#[test]
fn every_table_that_contradicts_the_catalog_is_named() {
    let sidecar = sidecar(
        WriterKind::Mutation,
        vec![
            pin("node:A", 2, 3),
            pin("node:B", 2, 3),
            pin("node:C", 2, 3),
        ],
    );
    let tables = vec![
        at(&sidecar.tables[0], 3, 2),
        at(&sidecar.tables[1], 1, 2),
        at(&sidecar.tables[2], 2, 3),
    ];
    let blockers = judge(&sidecar, None, &world(tables)).blockers;
    let found: Vec<(Code, bool)> = blockers
        .iter()
        .map(|blocker| {
            (
                blocker.code,
                blocker.detail.starts_with("node:A") || blocker.detail.starts_with("node:B"),
            )
        })
        .collect();
    assert_eq!(
        found,
        [(Code::HeadBelowPin, true), (Code::PinBelowExpected, true)]
    );
}

#[test]
fn dispositions_are_spelled_as_in_json() {
    for disposition in Disposition::ALL {
        assert_eq!(
            serde_json::to_value(disposition).unwrap(),
            disposition.name()
        );
    }
    for action in [
        Action::None,
        Action::Publish,
        Action::RestoreAndPublish,
        Action::Register,
        Action::Tombstone,
    ] {
        assert_eq!(serde_json::to_value(action).unwrap(), action.name());
    }
}

/// A HEAD that says which operation of a two-phase writer committed it.
fn committed_by(mut table: TableObservation, operation: &str) -> TableObservation {
    for entry in &mut table.transactions {
        if let Some(transaction) = &mut entry.transaction {
            transaction.properties.insert(
                sidecar::root_layout::PROPERTY_WRITER_OPERATION_ID.to_owned(),
                operation.to_owned(),
            );
        }
    }
    table
}

#[test]
fn the_halves_of_two_writes_do_not_add_up_to_one() {
    const OTHER: &str = "01M8125ENACWR9X1EZNRMDV5VZ";
    let sidecar = sidecar(
        WriterKind::Mutation,
        vec![
            pin("node:A", EXPECTED, POST_COMMIT),
            pin("node:B", EXPECTED, POST_COMMIT),
        ],
    );
    let own = sidecar.operation_id.as_str().to_owned();
    let at_head = |index: usize| at(&sidecar.tables[index], EXPECTED, POST_COMMIT);
    let both_own = world(vec![
        committed_by(at_head(0), &own),
        committed_by(at_head(1), &own),
    ]);
    assert_eq!(
        judge(&sidecar, None, &both_own).disposition,
        Disposition::RollForward
    );
    let nameless = world(vec![at_head(0), at_head(1)]);
    assert_eq!(
        judge(&sidecar, None, &nameless).disposition,
        Disposition::RollForward
    );

    let uncovered = world(vec![at_head(0), committed_by(at_head(1), OTHER)]);
    let verdict = judge(&sidecar, None, &uncovered);
    assert_eq!(verdict.disposition, Disposition::RollBack);
    assert_eq!(
        verdict.tables[1].classification,
        Some(sidecar::Classification::UnexpectedAtP1)
    );
    assert_eq!(verdict.tables[1].action, Action::RestoreAndPublish);

    // Where the other write is pending itself, what it committed is left to it.
    let covered = TableObservation {
        covered_by: Some(OTHER.parse().unwrap()),
        ..committed_by(at_head(1), OTHER)
    };
    let verdict = judge(&sidecar, None, &world(vec![at_head(0), covered]));
    assert_eq!(verdict.disposition, Disposition::RollBack);
    assert_eq!(verdict.tables[0].action, Action::RestoreAndPublish);
    assert_eq!(
        verdict.tables[1].classification,
        Some(sidecar::Classification::NoMovement)
    );
    assert_eq!(verdict.tables[1].action, Action::None);
    assert!(
        verdict.tables[1].rule.contains(OTHER),
        "{}",
        verdict.tables[1].rule
    );
}
