//! The words an operator reads at three in the morning, frozen as one text.

use std::fmt::Write;

use sidecar::api::{PlanContext, PlanReport, Progress};
use sidecar::explanation::{precondition_sentence, step_sentence, table_effect};
use sidecar::observation::{
    CatalogObservation, ContentComparison, HeadObservation, MergeObservation,
};
use sidecar::{Choice, Code, Observation, Sidecar, Timestamp, WriterKind, explain};

use crate::merge::incomplete_merge;
use crate::plan::one_of_each;
use crate::support::{
    Scene, at, check_golden, half_way, on_branch, pin, refused_scene, scene, sidecar, staged, world,
};

fn mutation(tables: &[(&str, u64, u64, u64, u64)]) -> Scene {
    let write = sidecar(
        WriterKind::Mutation,
        tables
            .iter()
            .map(|(key, expected, post_commit, ..)| pin(key, *expected, *post_commit))
            .collect(),
    );
    let observed = write
        .tables
        .iter()
        .zip(tables)
        .map(|(pin, (.., pinned, head))| at(pin, *pinned, *head))
        .collect();
    scene(&write, None, &world(observed))
}

fn schema_change(tables: &[(u64, u64)], files: &str, published: bool) -> Scene {
    let write = sidecar(
        WriterKind::SchemaApply,
        tables
            .iter()
            .enumerate()
            .map(|(index, _)| pin(["node:A", "node:B"][index], 4, 5))
            .collect(),
    );
    let registration = sidecar::Registration {
        table_key: "node:New".to_owned(),
        table_path: "nodes/new".to_owned(),
        table_branch: None,
        unknown: std::collections::BTreeMap::new(),
    };
    let write = Sidecar {
        additional_registrations: vec![registration],
        ..write
    };
    let observed = write
        .tables
        .iter()
        .zip(tables)
        .map(|(pin, (pinned, head))| at(pin, *pinned, *head))
        .collect();
    scene(
        &write,
        None,
        &Observation {
            schema: Some(staged(&write, files, false, published)),
            ..world(observed)
        },
    )
}

fn without_actor(kind: WriterKind, pinned: u64, head: u64) -> Scene {
    let write = Sidecar {
        actor_id: None,
        ..sidecar(kind, vec![pin("node:Author", 4, 5)])
    };
    scene(
        &write,
        None,
        &Observation {
            merge: Some(MergeObservation::default()),
            ..world(vec![at(&write.tables[0], pinned, head)])
        },
    )
}

fn scenes() -> Vec<(&'static str, Scene)> {
    let names = [
        "refused",
        "waiting",
        "branch gone",
        "HEAD below pin",
        "published",
        "published partly",
        "never started",
        "both committed",
        "tangled",
    ];
    let mut scenes: Vec<_> = names.into_iter().zip(one_of_each()).collect();
    let held = || {
        let write = sidecar(
            WriterKind::Load,
            vec![pin("node:Author", 4, 5), pin("edge:Wrote", 5, 6)],
        );
        let mut tables = vec![at(&write.tables[0], 4, 6), at(&write.tables[1], 5, 8)];
        for table in &mut tables {
            table.head_content = ContentComparison::Equal;
        }
        scene(&write, None, &world(tables))
    };
    let unreached_branch = || {
        let write = sidecar(
            WriterKind::Load,
            vec![
                on_branch(pin("node:Author", 4, 5), "feature"),
                on_branch(pin("edge:Wrote", 5, 6), "feature"),
            ],
        );
        let mut tables = vec![at(&write.tables[0], 4, 5), at(&write.tables[1], 5, 5)];
        tables[1].head = HeadObservation::BranchMissing;
        scene(&write, None, &world(tables))
    };
    let no_catalog = || {
        let write = sidecar(WriterKind::Mutation, vec![pin("node:Author", 4, 5)]);
        let catalog = CatalogObservation::Unreadable {
            reason: "there is no __manifest in this root".to_owned(),
        };
        scene(
            &write,
            None,
            &Observation {
                catalog,
                ..world(vec![at(&write.tables[0], 4, 5)])
            },
        )
    };
    let hostile = || {
        let actor_id = Some(format!("\u{1b}[2Jroot\u{202e}{}", "x".repeat(4_000)));
        let write = Sidecar {
            actor_id,
            ..sidecar(WriterKind::Mutation, vec![pin("node:Author", 4, 5)])
        };
        scene(&write, None, &world(vec![at(&write.tables[0], 4, 5)]))
    };
    scenes.extend([
        ("refused for its version", refused_scene(&half_way().sidecar, Code::UnsupportedVersion, "01M8125ENACWR9X1EZNRMDV5V2.json has schema_version 10, this build acts on 1, 2, 9; recover it with the engine that wrote it")),
        ("half-way", half_way()),
        ("one table of three", mutation(&[("node:A", 4, 5, 4, 5), ("node:B", 4, 5, 4, 4), ("node:C", 4, 5, 4, 4)])),
        ("two tables of three", mutation(&[("node:A", 4, 5, 4, 5), ("node:B", 4, 5, 4, 5), ("node:C", 4, 5, 4, 4)])),
        ("taken back beside a table that was published meanwhile", mutation(&[("node:A", 4, 5, 5, 5), ("node:B", 4, 5, 4, 5)])),
        ("one table, committed", mutation(&[("node:Author", 4, 5, 4, 5)])),
        ("eleven tables, committed", mutation(&["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"].map(|key| (key, 4, 5, 4, 5)))),
        ("one table, one above a pin of others", mutation(&[("node:Author", 4, 5, 5, 6)])),
        ("two tables, several above the pin", mutation(&[("node:A", 4, 5, 4, 7), ("node:B", 4, 5, 4, 30)])),
        ("catalog behind", mutation(&[("node:A", 4, 5, 3, 3), ("node:B", 4, 5, 3, 4)])),
        ("one table, never started", mutation(&[("node:Author", 4, 5, 4, 4)])),
        ("no tables", mutation(&[])),
        ("no catalog", no_catalog()),
        ("restored already, not published", held()),
        ("Lance branch never made", unreached_branch()),
        ("compaction without an actor", without_actor(WriterKind::Optimize, 4, 7)),
        ("load without an actor, superseded in part", without_actor(WriterKind::Load, 5, 6)),
        ("merge without an actor, published", without_actor(WriterKind::BranchMerge, 5, 5)),
        ("merge without an actor, committed", without_actor(WriterKind::BranchMerge, 4, 6)),
        ("merge that leaves tables out", incomplete_merge(5, 6, Choice::Verdict)),
        ("merge that leaves tables out, rolled back by choice", incomplete_merge(5, 6, Choice::RollBack)),
        ("merge that is published and leaves tables out", incomplete_merge(6, 6, Choice::Verdict)),
        ("schema staged whole", schema_change(&[], "pis", false)),
        ("schema staging unfinished", schema_change(&[], "pi", false)),
        ("schema committed, never staged", schema_change(&[(4, 5), (4, 6)], "", false)),
        ("schema published, not promoted", schema_change(&[(5, 5), (5, 5)], "is", true)),
        ("schema half-way", schema_change(&[(4, 5), (4, 4)], "p", false)),
        ("schema contradictory", schema_change(&[], "i", false)),
        ("hostile actor", hostile()),
    ]);
    scenes
}

#[test]
fn every_sentence_is_frozen() {
    let mut text = String::new();
    for (name, scene) in scenes() {
        let explanation = explain(
            &scene.plan,
            Some(scene.sidecar.started_at),
            &scene.verdict.blockers,
        );
        writeln!(
            text,
            "## {name} ({})\n{}\n{}",
            scene.plan.disposition.name(),
            explanation.headline,
            explanation.consequence
        )
        .unwrap();
        for table in &scene.plan.tables {
            let branch = table
                .branch
                .as_deref()
                .map_or_else(String::new, |branch| format!(" on {branch}"));
            writeln!(
                text,
                "- {}{branch}: {} {}",
                table.table_key,
                table.rule,
                table_effect(&scene.plan, table)
            )
            .unwrap();
        }
        let report = PlanReport::new(&scene.plan, &scene.bytes, context(&scene));
        for left_out in &report.left_out {
            writeln!(text, "~ {}", left_out.sentence).unwrap();
        }
        for (index, step) in report.steps.iter().enumerate() {
            writeln!(text, "{}. {}, {}", index + 1, step.sentence, step.condition).unwrap();
        }
        for blocker in &scene.verdict.blockers {
            writeln!(text, "! {}: {}", blocker.code, blocker.detail).unwrap();
        }
        if !scene.plan.requires.is_empty() {
            writeln!(
                text,
                "? {}",
                scene
                    .plan
                    .requires
                    .iter()
                    .map(|requirement| requirement.statement())
                    .collect::<Vec<_>>()
                    .join(" ")
            )
            .unwrap();
        }
        text.push('\n');
    }
    check_golden(
        "explanations.txt",
        include_str!("../golden/explanations.txt"),
        &text,
    );
}

fn context(scene: &Scene) -> PlanContext<'_> {
    PlanContext {
        sidecar: Some(&scene.sidecar),
        sidecar_bytes: None,
        observation: None,
        blockers: scene.verdict.blockers.clone(),
        progress: Progress::Open,
        attempt: None,
        planned_anew_as: None,
        approvals: Vec::new(),
        age_seconds: None,
        now: Timestamp::from_micros(1_795_400_000_000_000),
    }
}

#[test]
fn sentences_are_whole() {
    for (name, scene) in scenes() {
        let explanation = explain(
            &scene.plan,
            Some(scene.sidecar.started_at),
            &scene.verdict.blockers,
        );
        for sentence in [&explanation.headline, &explanation.consequence] {
            assert!(
                sentence.ends_with('.') && !sentence.contains("..") && !sentence.contains("  "),
                "{name}: {sentence}"
            );
            assert!(!sentence.chars().any(char::is_control), "{name}");
        }
        for step in &scene.plan.steps {
            assert!(!step_sentence(step).ends_with('.'));
        }
    }
    let step = &half_way().plan.steps[0];
    let sidecar::Step::Tag { precondition, .. } = step else {
        panic!("{step:?}")
    };
    assert_eq!(
        precondition_sentence(precondition),
        "only if HEAD is still 5"
    );
}

#[test]
fn a_report_is_executable_only_with_an_effect_and_without_a_blocker() {
    for (name, scene) in scenes() {
        let report = PlanReport::new(&scene.plan, &scene.bytes, context(&scene));
        assert_eq!(
            report.executable,
            !scene.plan.steps.is_empty() && scene.verdict.blockers.is_empty(),
            "{name}"
        );
        assert_eq!(
            report.explanation,
            format!("{} {}", report.headline, report.consequence)
        );
        assert_eq!(report.digest, Some(scene.bytes.digest()));
        let again: PlanReport =
            serde_json::from_str(&serde_json::to_string(&report).unwrap()).unwrap();
        assert_eq!(again, report, "{name}");
    }
}

#[test]
fn the_name_of_a_file_that_is_set_aside_steers_no_terminal() {
    let name = "a\u{1b}[2J\u{202e}\n.json";
    let file = sidecar::SidecarFile::read(name, b"{".to_vec(), &sidecar::Limits::DEFAULT);
    let reasons = [sidecar::Reason::new(sidecar::Code::NotJson, "not JSON")];
    let plan = sidecar::follow_up::dismissal(
        &sidecar::RootId::new("file:///data/graph"),
        sidecar::follow_up::dismissal_id(&file),
        &file,
        Some(file.bytes.clone()),
        sidecar::Disposition::Refused,
        &reasons,
    )
    .plan;
    let mut sentences = vec![sidecar::explain(&plan, None, &[]).text()];
    sentences.extend(plan.steps.iter().map(sidecar::explanation::step_sentence));
    for sentence in sentences {
        assert!(
            !sentence.contains(['\u{1b}', '\u{202e}', '\n']),
            "{sentence:?}"
        );
    }
}

#[test]
fn a_young_write_is_not_said_to_have_stopped() {
    let young = [sidecar::Reason::new(Code::TooYoung, "it is 2 min old")];
    let told = |scene: &Scene, blockers: &[sidecar::Reason]| {
        explain(&scene.plan, Some(scene.sidecar.started_at), blockers)
    };
    let half = half_way();
    let old = told(&half, &[]);
    assert!(old.headline.contains("stopped half-way"), "{old:?}");
    let running = told(&half, &young);
    assert!(
        running.headline.ends_with(
            "may still be running. So far one of its two tables stands above the published version."
        ),
        "{running:?}"
    );
    assert!(running.consequence.ends_with(&old.consequence));
    let none_yet = told(&mutation(&[("node:A", 4, 5, 4, 4)]), &young);
    assert!(
        none_yet
            .headline
            .ends_with("may still be running. So far it moved no table."),
        "{none_yet:?}"
    );
}
