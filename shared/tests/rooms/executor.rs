//! What comes next: every state of the journal of a few small plans, which have every kind of step, against everything that can
//! have been seen, held against rules written down here apart from the step; and every record against every state of the journal.

use std::collections::{BTreeMap, BTreeSet};

use sidecar::executor::{
    self, CATALOG_TRIES_MAX, CatalogSeen, Landed, Look, Move, Seen, SidecarSeen, StepsOutcome,
};
use sidecar::follow_up::{SetTag, Undo, release, release_id, undo};
use sidecar::journal::{Finished, JournalEntry, JournalError, StepResult};
use sidecar::observation::{KeptHistory, Restorability, SchemaObservation};
use sidecar::{
    Difference, DifferenceField, Digest, Disposition, Observation, OutcomeKind, Plan, PlanBytes,
    Purpose, Registration, RootId, Sidecar, Step, Tag, WriterKind,
};

use crate::journal::{
    Journal, approved, claimed, finished, finished_steps, interrupted, reopened, started,
};
use crate::support::{
    Scene, all_committed, at, bytes, half_way, operation, pin, scene, sidecar, staged, tangled,
    world,
};
use crate::version_9::taken_back::{There, schema_change_of_version_9};

/// The version that [`started`] intends effects on the catalog on.
const INTENDED_ON: u64 = 40;

/// Where a journal is.
#[derive(Debug, Clone, PartialEq)]
enum Stage {
    Unclaimed,
    /// These steps, which are of one kind, come next; perhaps they were begun.
    Steps {
        kind: &'static str,
        steps: Vec<usize>,
        begun: bool,
    },
    AllDone,
    Finished,
}

struct State {
    journal: Journal,
    stage: Stage,
    /// Whether nothing was begun that a plan made now would see.
    untouched: bool,
    epoch: u64,
}

/// Two tables, both published already: only the sidecar is left to retire.
fn published() -> Scene {
    let sidecar = sidecar(
        WriterKind::Mutation,
        vec![pin("node:Author", 4, 5), pin("edge:Wrote", 5, 6)],
    );
    let tables = vec![at(&sidecar.tables[0], 5, 5), at(&sidecar.tables[1], 6, 6)];
    let scene = scene(&sidecar, None, &world(tables));
    assert_eq!(scene.plan.disposition, Disposition::AlreadyPublished);
    scene
}

/// Two tables of a graph with a history, neither of which was reached: rows are added, and no table is touched.
fn not_reached() -> Scene {
    let sidecar = sidecar(
        WriterKind::Mutation,
        vec![pin("node:Author", 4, 5), pin("edge:Wrote", 5, 6)],
    );
    let tables = vec![at(&sidecar.tables[0], 4, 4), at(&sidecar.tables[1], 5, 5)];
    let mut world = world(tables);
    world.kept_history = KeptHistory::InTables;
    let scene = scene(&sidecar, None, &world);
    assert_eq!(scene.plan.disposition, Disposition::NeverStarted);
    scene
}

/// A schema change that rewrote one table and was to add another, with so many of its files staged, its lock left, and the history
/// that released engines keep.
fn schema_change(files: &str) -> Scene {
    let sidecar = Sidecar {
        additional_registrations: vec![Registration {
            table_key: "node:New".to_owned(),
            table_path: "nodes/new".to_owned(),
            table_branch: None,
            unknown: BTreeMap::new(),
        }],
        ..sidecar(WriterKind::SchemaApply, vec![pin("node:Author", 4, 5)])
    };
    let observation = Observation {
        schema: Some(SchemaObservation {
            locked_since: Some(sidecar.started_at),
            ..staged(&sidecar, files, false, false)
        }),
        kept_history: KeptHistory::InTables,
        ..world(vec![at(&sidecar.tables[0], 4, 5)])
    };
    scene(&sidecar, None, &observation)
}

fn terminal(scene: &Scene) -> Finished {
    Finished {
        plan: scene.plan.clone(),
        digest: scene.bytes.digest(),
        outcome: OutcomeKind::of_finished(scene.plan.disposition).unwrap(),
        tables: Vec::new(),
        catalog: sidecar::Effect::Changed,
        sidecar: bytes(&scene.sidecar).into(),
        recorded_at: scene.sidecar.started_at,
    }
}

/// A plan that follows from what another came to. Which bytes stand for its sidecar changes no step.
fn following(recovered: Scene, plan: Plan) -> Scene {
    let plan = Plan {
        sidecar: Digest::of(Tag::Sidecar, &bytes(&recovered.sidecar)),
        ..plan
    };
    Scene {
        bytes: PlanBytes::of(&plan).unwrap(),
        plan,
        ..recovered
    }
}

fn root() -> RootId {
    RootId::new("file:///data/graph")
}

/// The undo of a roll back of several tables: what comes back is announced, and not published.
fn undone() -> Scene {
    let recovered = tangled();
    let what = Undo::of(&operation(), &terminal(&recovered), &recovered.sidecar).unwrap();
    let pins = what.sidecar.tables.iter();
    let mut tables: Vec<_> = pins
        .map(|pin| at(pin, pin.expected_version, pin.expected_version))
        .collect();
    for table in &mut tables {
        table.restorable = Restorability::Restorable;
    }
    let made = undo(&root(), &what, &world(tables));
    assert_eq!(made.blockers, Vec::new());
    following(recovered, made.plan)
}

/// The release of the tags of a roll back of several tables.
fn released() -> Scene {
    let recovered = tangled();
    let tags = recovered.plan.steps.iter().filter_map(|step| match step {
        Step::Tag {
            table_key,
            branch,
            name,
            version,
            ..
        } => Some(SetTag {
            table: recovered
                .plan
                .tables
                .iter()
                .find(|table| (&table.table_key, &table.branch) == (table_key, branch))
                .unwrap()
                .clone(),
            name: name.clone(),
            version: *version,
        }),
        _ => None,
    });
    let tags: Vec<SetTag> = tags.collect();
    let made = release(
        &root(),
        release_id(&operation()),
        &operation(),
        &recovered.sidecar,
        &tags,
    );
    assert_eq!(made.blockers, Vec::new());
    following(recovered, made.plan)
}

fn scenes() -> [Scene; 9] {
    [
        half_way(),
        all_committed(),
        published(),
        not_reached(),
        schema_change("pis"),
        schema_change("p"),
        schema_change_of_version_9(There::Whole),
        undone(),
        released(),
    ]
}

/// Steps of these kinds go together with their neighbours of the same kind.
const TOGETHER: [&str; 3] = ["tag", "untag", "restore"];

/// What a plan made now would not see, if nothing else was done.
const UNSEEN: [&str; 5] = [
    "tag",
    "untag",
    "announce",
    "fence_catalog",
    "prepare_sidecar",
];

/// The steps of the plan that go together, written down by kind.
fn groups(scene: &Scene) -> Vec<(&'static str, Vec<usize>)> {
    let kinds: Vec<_> = scene.plan.steps.iter().map(Step::kind).collect();
    let mut groups: Vec<(&'static str, Vec<usize>)> = Vec::new();
    for (index, kind) in kinds.into_iter().enumerate() {
        match groups.last_mut() {
            Some((last, steps)) if *last == kind && TOGETHER.contains(&kind) => steps.push(index),
            _ => groups.push((kind, vec![index])),
        }
    }
    groups.retain(|(kind, _)| !matches!(*kind, "record" | "retire"));
    groups
}

/// How a plan ends when all its steps are done.
fn ending(plan: &Plan) -> OutcomeKind {
    match plan.purpose {
        Purpose::Recover => OutcomeKind::of_finished(plan.disposition).unwrap(),
        Purpose::Undo { .. } => OutcomeKind::RolledBack,
        Purpose::Release { .. } | Purpose::Dismiss { .. } => OutcomeKind::CleanedUp,
    }
}

/// Every state the journal of one plan goes through, each also taken over by another claim.
fn states(scene: &Scene) -> Vec<State> {
    let mut states = Vec::new();
    let unclaimed = |journal: &Journal, epoch| State {
        journal: journal.clone(),
        stage: Stage::Unclaimed,
        untouched: true,
        epoch,
    };
    let empty = Journal::of(scene);
    let consent = empty.clone().then(approved(scene));
    states.extend([unclaimed(&empty, 0), unclaimed(&consent, 0)]);
    let mut held = |journal: &Journal, stage: Stage, untouched: bool| {
        let claim_again = journal.clone().then(claimed(scene, 2));
        for (journal, epoch) in [(journal.clone(), 1), (claim_again, 2)] {
            states.push(State {
                journal,
                stage: stage.clone(),
                untouched,
                epoch,
            });
        }
    };
    let mut journal = consent.then(claimed(scene, 1));
    let mut untouched = true;
    for (kind, steps) in groups(scene) {
        let stage = |begun| Stage::Steps {
            kind,
            steps: steps.clone(),
            begun,
        };
        held(&journal, stage(false), untouched);
        journal = journal.then(started(1, &steps));
        untouched &= UNSEEN.contains(&kind);
        held(&journal, stage(true), untouched);
        journal = journal.then(finished_steps(1, &steps));
    }
    held(&journal, Stage::AllDone, untouched);
    states.push(unclaimed(&journal.clone().then(interrupted(1)), 1));
    states.push(State {
        journal: journal.then(finished(scene, 1)),
        stage: Stage::Finished,
        untouched: false,
        epoch: 0,
    });
    states
}

fn moved() -> Difference {
    Difference {
        table_key: None,
        field: DifferenceField::Disposition,
        planned: "one".to_owned(),
        found: "another".to_owned(),
    }
}

fn results(steps: &[usize]) -> Vec<StepResult> {
    let result = |step: &usize| StepResult {
        step: *step,
        version: Some(9),
        already_done: false,
    };
    steps.iter().map(result).collect()
}

/// The catalog as the plan found it at one version, later with its pins moved, and gone.
fn catalogs(scene: &Scene) -> Vec<Option<CatalogSeen>> {
    let pins: BTreeMap<String, u64> = scene
        .plan
        .tables
        .iter()
        .filter_map(|table| Some((table.table_key.clone(), table.manifest_pinned?)))
        .collect();
    let mut others = pins.clone();
    others.values_mut().for_each(|pin| *pin += 1);
    vec![
        None,
        Some(CatalogSeen::At {
            version: INTENDED_ON,
            pins: pins.clone(),
        }),
        Some(CatalogSeen::At {
            version: INTENDED_ON + 2,
            pins,
        }),
        Some(CatalogSeen::At {
            version: INTENDED_ON + 2,
            pins: others,
        }),
        Some(CatalogSeen::Gone {
            what: DifferenceField::Catalog,
        }),
    ]
}

/// Everything that can have been seen, whether or not it makes sense together.
fn sights(scene: &Scene, steps: &[usize]) -> Vec<Seen> {
    let conflict = |done: &[usize], unclear: &[usize]| StepsOutcome::Conflict {
        done: results(done),
        unclear: unclear.to_vec(),
        detail: "moved".to_owned(),
        differences: vec![moved()],
    };
    let dids = [
        None,
        Some(StepsOutcome::Done(results(steps))),
        Some(StepsOutcome::CatalogMoved),
        Some(conflict(&[], &[])),
        Some(conflict(&[], steps)),
        Some(conflict(&steps[..steps.len().min(1)], &[])),
        Some(StepsOutcome::Unknown {
            detail: "timed out".to_owned(),
        }),
    ];
    let differences = [None, Some(Vec::new()), Some(vec![moved()])];
    let mut seen = vec![Seen::default()];
    let mut cross = |fill: &dyn Fn(&Seen) -> Vec<Seen>| {
        seen = seen.iter().flat_map(fill).collect();
    };
    cross(&|seen| {
        let fill = |catalog_tries| Seen {
            catalog_tries,
            ..seen.clone()
        };
        [0, CATALOG_TRIES_MAX - 1, CATALOG_TRIES_MAX]
            .map(fill)
            .into()
    });
    cross(&|seen| {
        let fill = |since_approval: &Option<_>| Seen {
            since_approval: since_approval.clone(),
            ..seen.clone()
        };
        differences.iter().map(fill).collect()
    });
    cross(&|seen| {
        let fill = |since_effects: &Option<_>| Seen {
            since_effects: since_effects.clone(),
            ..seen.clone()
        };
        differences.iter().map(fill).collect()
    });
    cross(&|seen| {
        let fill = |catalog: Option<_>| Seen {
            catalog,
            ..seen.clone()
        };
        catalogs(scene).into_iter().map(fill).collect()
    });
    cross(&|seen| {
        let fill = |landed| Seen {
            landed,
            ..seen.clone()
        };
        let landed = [Landed::Ours, Landed::Foreign, Landed::Gone].map(Some);
        [None].into_iter().chain(landed).map(fill).collect()
    });
    cross(&|seen| {
        let fill = |did: &Option<_>| Seen {
            did: did.clone(),
            ..seen.clone()
        };
        dids.iter().map(fill).collect()
    });
    cross(&|seen| {
        let fill = |(sidecar, closed, since_finished): (_, _, Option<usize>)| Seen {
            sidecar,
            closed,
            since_finished: since_finished.map(|moved| vec![self::moved(); moved]),
            ..seen.clone()
        };
        let sidecars = [
            SidecarSeen::Gone,
            SidecarSeen::AsPlanned,
            SidecarSeen::Another,
        ]
        .map(Some);
        let looked = [None, Some(0), Some(1)];
        [(None, None, Some(1)), (None, Some(true), None)]
            .into_iter()
            .chain(sidecars.map(|sidecar| (sidecar, None, Some(1))))
            .chain(looked.map(|looked| (sidecars[1], None, looked)))
            .chain(looked.map(|looked| (sidecars[0], Some(false), looked)))
            .chain(looked.map(|looked| (sidecars[2], Some(false), looked)))
            .chain(looked.map(|looked| (sidecars[0], Some(true), looked)))
            .chain(looked.map(|looked| (sidecars[2], Some(true), looked)))
            .map(fill)
            .collect()
    });
    seen
}

/// The effect without the words for people.
fn told(effect: &Move) -> String {
    match effect {
        Move::Look(Look::Landed { step, version }) => format!("look for {step} at {version}"),
        Move::Look(look) => format!("look {look:?}"),
        Move::Begin {
            steps,
            catalog_version,
        } => format!("begin {steps:?} on {catalog_version:?}"),
        Move::Note(results) => {
            let told = |result: &StepResult| {
                let again = if result.already_done {
                    "already"
                } else {
                    "now"
                };
                (result.step, result.version, again)
            };
            format!("note {:?}", results.iter().map(told).collect::<Vec<_>>())
        }
        Move::Interrupt { unclear, .. } => format!("interrupt, unclear {unclear:?}"),
        Move::Pause {
            outcome, unclear, ..
        } => format!("pause {}, unclear {unclear:?}", outcome.name()),
        Move::Record(outcome) => format!("record {}", outcome.name()),
        Move::Reopen { .. } => "reopen".to_owned(),
        other => format!("{other:?}"),
    }
}

/// What must come next.
fn expected(scene: &Scene, state: &State, seen: &Seen) -> String {
    let none: [usize; 0] = [];
    match &state.stage {
        Stage::Finished => {
            let has_file = matches!(
                scene.plan.purpose,
                Purpose::Recover | Purpose::Dismiss { .. }
            );
            let last = match (seen.sidecar, seen.closed) {
                (None, _) => "look Sidecar",
                (Some(SidecarSeen::AsPlanned), _) => "DeleteSidecar",
                (Some(SidecarSeen::Gone | SidecarSeen::Another), None) => "look Closed",
                (Some(SidecarSeen::Gone | SidecarSeen::Another), Some(false)) => "Close",
                // An undo and a release have no file.
                (Some(_), Some(true)) if !has_file => "Ended(NoFile)",
                (Some(SidecarSeen::Gone), Some(true)) => "Ended(Retired)",
                (Some(SidecarSeen::Another), Some(true)) => "Ended(Replaced)",
            };
            // A sidecar goes, an operation is closed, and that it is done is told, only once its end was looked at: by whoever wrote it
            // down right before, or by whoever finds it written.
            let looked_already = ending(&scene.plan) == OutcomeKind::CleanedUp
                && seen.since_approval.as_ref().is_some_and(Vec::is_empty);
            return match &seen.since_finished {
                _ if last.starts_with("look") => last,
                None if !looked_already => "look SinceFinished",
                Some(moved) if !moved.is_empty() => "reopen",
                _ => last,
            }
            .to_owned();
        }
        Stage::Unclaimed => return "Claim".to_owned(),
        Stage::Steps { .. } | Stage::AllDone => {}
    }
    // Before a table is touched, what was approved has to be what is there.
    match &seen.since_approval {
        None if state.untouched => return "look SinceApproval".to_owned(),
        Some(moved) if state.untouched && !moved.is_empty() => {
            let unclear = match &state.stage {
                Stage::Steps {
                    steps, begun: true, ..
                } => steps.clone(),
                _ => Vec::new(),
            };
            return format!("interrupt, unclear {unclear:?}");
        }
        _ => {}
    }
    let Stage::Steps { kind, steps, begun } = &state.stage else {
        let outcome = ending(&scene.plan);
        // Where nothing is done to tables, one look by the executor that records is enough.
        let looked_already = outcome == OutcomeKind::CleanedUp
            && seen.since_approval.as_ref().is_some_and(Vec::is_empty);
        return match &seen.since_effects {
            None if !looked_already => "look SinceEffects".to_owned(),
            Some(moved) if !moved.is_empty() => format!("interrupt, unclear {none:?}"),
            _ => format!("record {}", ending(&scene.plan).name()),
        };
    };
    match &seen.did {
        Some(StepsOutcome::Done(results)) => return told(&Move::Note(results.clone())),
        Some(StepsOutcome::Conflict { done, .. }) if !done.is_empty() => {
            return told(&Move::Note(done.clone()));
        }
        Some(StepsOutcome::Conflict { unclear, .. }) => {
            return format!("interrupt, unclear {unclear:?}");
        }
        Some(StepsOutcome::Unknown { .. }) => return format!("pause unknown, unclear {steps:?}"),
        Some(StepsOutcome::CatalogMoved) | None => {}
    }
    if seen.catalog_tries == CATALOG_TRIES_MAX {
        return format!("pause conflict, unclear {none:?}");
    }
    // A step that changes neither a table nor the catalog, and announces no such change, asks nothing of it.
    let asks = matches!(
        *kind,
        "fence_catalog" | "prepare_sidecar" | "drop_dataset" | "restore" | "publish"
    );
    if !asks {
        return format!("begin {steps:?} on None");
    }
    let Some(catalog) = &seen.catalog else {
        return "look Catalog".to_owned();
    };
    let commits = matches!(*kind, "fence_catalog" | "publish");
    let landing = INTENDED_ON + 1;
    if commits && *begun {
        match seen.landed {
            None => return format!("look for {} at {landing}", steps[0]),
            Some(Landed::Ours) => {
                return format!("note [({}, Some({landing}), \"already\")]", steps[0]);
            }
            Some(Landed::Foreign | Landed::Gone) => {}
        }
    }
    let as_planned = |pins: &BTreeMap<String, u64>| {
        let mut tables = scene.plan.tables.iter();
        tables.all(|table| pins.get(&table.table_key).copied() == table.manifest_pinned)
    };
    match catalog {
        CatalogSeen::At { version, pins } if as_planned(pins) => {
            let on = commits.then_some(*version);
            format!("begin {steps:?} on {on:?}")
        }
        // A restore whose answer was lost, or the very publish, unless another's commit stands where it would.
        _ if *begun && !(commits && seen.landed == Some(Landed::Foreign)) => {
            format!("interrupt, unclear {steps:?}")
        }
        _ => format!("interrupt, unclear {none:?}"),
    }
}

#[test]
fn what_comes_next_is_as_the_rules_say_for_everything_that_can_be_seen() {
    let (mut effects, mut kinds) = (BTreeSet::new(), BTreeSet::new());
    let mut compared = 0;
    for scene in scenes() {
        kinds.extend(scene.plan.steps.iter().map(Step::kind));
        for state in states(&scene) {
            let steps = match &state.stage {
                Stage::Steps { steps, .. } => steps.clone(),
                _ => vec![0],
            };
            for seen in sights(&scene, &steps) {
                let found = executor::next(&state.journal.state, &seen);
                let expected = expected(&scene, &state, &seen);
                assert_eq!(
                    told(&found),
                    expected,
                    "{:?} of {}, {seen:?}",
                    state.stage,
                    scene.plan.disposition.name()
                );
                let word = |text: &str| text.split([' ', '(', ',']).next().unwrap().to_owned();
                effects.insert(word(&expected));
                compared += 1;
            }
        }
    }
    println!("{compared} states and sights compared");
    let every = [
        "Claim",
        "Close",
        "DeleteSidecar",
        "Ended",
        "begin",
        "interrupt",
        "look",
        "note",
        "pause",
        "record",
        "reopen",
    ];
    assert_eq!(effects, every.map(str::to_owned).into());
    let every = [
        "announce",
        "discard_schema",
        "drop_dataset",
        "fence_catalog",
        "lineage",
        "prepare_sidecar",
        "promote_schema",
        "publish",
        "record",
        "restore",
        "retire",
        "tag",
        "unlock_schema",
        "untag",
    ];
    assert_eq!(kinds, every.into());
}

fn revoked(scene: &Scene) -> JournalEntry {
    JournalEntry::Revoked {
        plan_digest: scene.bytes.digest(),
        revoked_by: "bea".to_owned(),
        reason: None,
    }
}

/// A record of the effect that comes next is taken; of all other records only those that the state allows are.
#[test]
fn only_records_that_can_follow_are_taken() {
    let mut refused = 0;
    for scene in scenes() {
        let all = scene.plan.steps.len();
        for state in states(&scene) {
            let (next, begun, all_done) = match &state.stage {
                Stage::Steps { steps, begun, .. } => (steps.clone(), *begun, false),
                Stage::AllDone => (Vec::new(), false, true),
                Stage::Unclaimed | Stage::Finished => (Vec::new(), false, false),
            };
            let is_finished = state.stage == Stage::Finished;
            let is_approved = state.journal.state.records() > 0;
            let epochs = state.journal.state.next_epoch() - 1;
            let mut check = |entry: JournalEntry, is_taken: bool| {
                let offered = state.journal.offer(entry.clone()).map(drop);
                match offered {
                    Ok(()) => assert!(is_taken, "{entry:?} is taken in {:?}", state.stage),
                    Err(JournalError::IllegalTransition { reason, .. }) => {
                        assert!(!is_taken, "{entry:?} in {:?}: {reason}", state.stage);
                        refused += 1;
                    }
                    Err(error) => panic!("{entry:?} in {:?}: {error}", state.stage),
                }
            };
            check(approved(&scene), !is_finished);
            // An attempt under way is not stopped so, and an operation that nobody began is not opened again.
            check(reopened(), is_finished);
            let is_open = matches!(state.stage, Stage::Unclaimed);
            check(revoked(&scene), is_open && is_approved);
            for epoch in 0..=epochs + 2 {
                let holds = epoch != 0
                    && epoch == state.epoch
                    && !matches!(state.stage, Stage::Unclaimed | Stage::Finished);
                check(
                    claimed(&scene, epoch),
                    epoch == epochs + 1 && is_approved && !is_finished,
                );
                check(interrupted(epoch), holds);
                check(finished(&scene, epoch), holds && all_done);
                for index in 0..all {
                    let is_next = holds && next.contains(&index);
                    check(started(epoch, &[index]), is_next);
                    check(finished_steps(epoch, &[index]), is_next && begun);
                }
                check(started(epoch, &next), holds);
                check(
                    finished_steps(epoch, &next),
                    holds && (begun || next.is_empty()),
                );
            }
        }
    }
    println!("{refused} records refused");
    for scene in scenes() {
        an_operation_that_is_reopened_is_planned_anew(&scene);
    }
    for scene in scenes() {
        let consent = Journal::of(&scene).then(approved(&scene));
        let withdrawn = consent.then(revoked(&scene));
        for entry in [claimed(&scene, 1), revoked(&scene)] {
            assert!(matches!(
                withdrawn.offer(entry).map(drop),
                Err(JournalError::IllegalTransition { .. })
            ));
        }
        withdrawn.then(approved(&scene)).then(claimed(&scene, 1));
    }
}

/// Its sidecar stands again, nobody has approved anything, what was done is kept for whoever drops tags, and it can be carried
/// out and reopened once more.
fn an_operation_that_is_reopened_is_planned_anew(scene: &Scene) {
    let mut journal = Journal::of(scene).then(approved(scene));
    for epoch in [1, 2] {
        journal = journal.then(claimed(scene, epoch));
        for (_, steps) in groups(scene) {
            journal = journal
                .then(started(epoch, &steps))
                .then(finished_steps(epoch, &steps));
        }
        journal = journal.then(finished(scene, epoch));
        assert!(journal.state.stand_in().is_none(), "finished");
        let tags = sidecar::follow_up::tags_of(&journal.state).len();
        journal = journal.then(reopened());
        let state = &journal.state;
        assert!(state.finished().is_none() && state.attempt().is_none());
        assert!(
            state.approvals().is_empty(),
            "consent was for what was done"
        );
        assert_eq!(executor::next(state, &Seen::default()), Move::Claim);
        assert_eq!(sidecar::follow_up::tags_of(state).len(), tags);
        let is_a_write = !matches!(scene.plan.purpose, Purpose::Release { .. });
        assert_eq!(state.stand_in().is_some(), is_a_write);
        assert!(journal.offer(claimed(scene, epoch + 1)).is_err());
        journal = journal.then(approved(scene));
    }
}

#[test]
fn an_operation_is_over_once_it_is_closed_and_its_sidecar_is_gone() {
    let retires = half_way().plan;
    assert!(retires.retires().is_some());
    let mut retires_none = retires.clone();
    retires_none.steps.clear();
    assert_eq!(retires_none.retires(), None);
    for (plan, sidecar, closed, expected) in [
        (&retires, None, None, false),
        (&retires, None, Some(true), true),
        (&retires, Some(SidecarSeen::Gone), Some(true), true),
        (&retires, Some(SidecarSeen::Another), Some(true), true),
        (&retires, Some(SidecarSeen::AsPlanned), Some(true), false),
        (&retires, Some(SidecarSeen::Gone), Some(false), false),
        (&retires_none, Some(SidecarSeen::AsPlanned), None, true),
    ] {
        let what = format!("{sidecar:?} {closed:?}");
        let seen = Seen {
            sidecar,
            closed,
            ..Seen::default()
        };
        assert_eq!(seen.is_over(plan), expected, "{what}");
    }
}
