//! Plans as canonical bytes: what is in them, in which order, frozen.

use sidecar::observation::{CatalogObservation, HeadObservation};
use sidecar::{
    AuthorizationError, Code, Digest, Disposition, Observation, OperationId, Plan, PlanBytes,
    PlanError, PlanInput, PlannedTable, Precondition, RootId, Step, Tag, WriterKind, authorize,
    differences, plan, refuse,
};

use crate::support::{
    OLDER, Scene, all_committed, at, check_golden, half_way, on_branch, pin, refused_scene, scene,
    sidecar, tangled, world,
};

/// One scene per disposition, in the order of the dispositions.
pub(crate) fn one_of_each() -> Vec<Scene> {
    let write = sidecar(
        WriterKind::Mutation,
        vec![pin("node:Author", 4, 5), pin("edge:Wrote", 5, 6)],
    );
    let stand = |positions: [(u64, u64); 2]| {
        let tables = write
            .tables
            .iter()
            .zip(positions)
            .map(|(pin, (pinned, head))| at(pin, pinned, head))
            .collect();
        scene(&write, None, &world(tables))
    };
    let pins = write.tables.iter().cloned();
    let on_feature = sidecar(
        write.writer_kind,
        pins.map(|pin| on_branch(pin, "feature")).collect(),
    );
    let gone = Observation {
        catalog: CatalogObservation::BranchAbsent { tree_left: false },
        ..world(Vec::new())
    };
    let waiting = world(vec![at(&write.tables[0], 4, 5), at(&write.tables[1], 5, 5)]);
    vec![
        refused_scene(
            &write,
            Code::Misnamed,
            "copy.json carries operation 01M8125ENACWR9X1EZNRMDV5V2",
        ),
        scene(&write, Some(OLDER), &waiting),
        scene(&on_feature, None, &gone),
        stand([(5, 4), (5, 5)]),
        stand([(5, 5), (7, 7)]),
        stand([(5, 5), (5, 5)]),
        stand([(4, 4), (5, 5)]),
        all_committed(),
        tangled(),
    ]
}

#[test]
fn the_plan_of_each_disposition_of_versions_1_and_2_is_frozen_with_its_digest() {
    let frozen = [
        include_str!("../golden/plan-refused.txt"),
        include_str!("../golden/plan-waiting.txt"),
        include_str!("../golden/plan-orphaned_branch.txt"),
        include_str!("../golden/plan-abort.txt"),
        include_str!("../golden/plan-already_published.txt"),
        include_str!("../golden/plan-superseded.txt"),
        include_str!("../golden/plan-never_started.txt"),
        include_str!("../golden/plan-roll_forward.txt"),
        include_str!("../golden/plan-roll_back.txt"),
    ];
    let scenes = one_of_each();
    let mut of_other_versions = Disposition::ALL.to_vec();
    of_other_versions.retain(|disposition| {
        !matches!(
            disposition,
            Disposition::StaleArmed | Disposition::AlreadyRolledBack
        )
    });
    assert_eq!(
        scenes
            .iter()
            .map(|scene| scene.plan.disposition)
            .collect::<Vec<_>>(),
        of_other_versions
    );
    for (scene, frozen) in scenes.iter().zip(frozen) {
        let found = format!("{}\n{}\n", scene.bytes.text(), scene.bytes.digest());
        check_golden(
            &format!("plan-{}.txt", scene.plan.disposition.name()),
            frozen,
            &found,
        );
    }
}

#[test]
fn only_a_plan_with_an_effect_has_steps_and_every_one_of_those_ends_by_retiring_the_sidecar() {
    for scene in one_of_each() {
        let steps = &scene.plan.steps;
        let carried_out = scene.plan.disposition.has_effect();
        assert_eq!(
            !steps.is_empty(),
            carried_out,
            "{:?}",
            scene.plan.disposition
        );
        if carried_out {
            assert!(
                matches!(&steps[steps.len() - 2..], [Step::Record { .. }, Step::Retire { file, .. }] if *file == scene.plan.file)
            );
        }
    }
}

fn kinds(plan: &Plan) -> Vec<&'static str> {
    plan.steps.iter().map(Step::kind).collect()
}

#[test]
fn steps_come_in_the_order_that_loses_nothing() {
    assert_eq!(
        kinds(&half_way().plan),
        [
            "tag",
            "tag",
            "fence_catalog",
            "restore",
            "publish",
            "record",
            "retire"
        ]
    );
    assert_eq!(
        kinds(&all_committed().plan),
        ["tag", "tag", "tag", "tag", "publish", "record", "retire"]
    );
    assert_eq!(
        kinds(&tangled().plan),
        [
            "tag",
            "tag",
            "tag",
            "tag",
            "tag",
            "tag",
            "fence_catalog",
            "restore",
            "restore",
            "publish",
            "record",
            "retire"
        ]
    );
}

#[test]
fn a_restore_returns_to_the_manifest_pin_and_lands_on_head_plus_one() {
    let plan = tangled().plan;
    let restores: Vec<_> = plan
        .steps
        .iter()
        .filter_map(|step| match step {
            Step::Restore {
                table_key,
                version,
                lands_at,
                precondition:
                    Precondition::TableHead {
                        version: head,
                        transaction,
                    },
                ..
            } => Some((
                table_key.as_str(),
                *version,
                *lands_at,
                *head,
                transaction.is_some(),
            )),
            _ => None,
        })
        .collect();
    assert_eq!(
        restores,
        [
            ("node:Author", 5, 7, 6, true),
            ("node:Book", 7, 11, 10, true)
        ]
    );
    let Some(Step::Publish { pins, .. }) = plan.steps.iter().find(|step| step.kind() == "publish")
    else {
        panic!("no publish")
    };
    let pins: Vec<_> = pins
        .iter()
        .map(|pin| (pin.table_key.as_str(), pin.from_version, pin.to_version))
        .collect();
    assert_eq!(
        pins,
        [
            ("edge:Wrote", 5, 6),
            ("node:Author", 5, 7),
            ("node:Book", 7, 11)
        ],
        "pin is HEAD again for every moved table"
    );
}

#[test]
fn tags_name_every_version_that_must_not_be_lost_and_no_name_twice() {
    for scene in [half_way(), all_committed(), tangled()] {
        let tags: Vec<_> = scene
            .plan
            .steps
            .iter()
            .filter_map(|step| match step {
                Step::Tag {
                    table_key,
                    branch,
                    name,
                    version,
                    ..
                } => Some((table_key.clone(), branch.clone(), name.clone(), *version)),
                _ => None,
            })
            .collect();
        for table in scene
            .plan
            .tables
            .iter()
            .filter(|table| table.lance_head > table.manifest_pinned)
        {
            for version in [table.lance_head.unwrap(), table.manifest_pinned.unwrap()] {
                assert!(
                    tags.iter()
                        .any(|(table_key, _, _, tagged)| (table_key, *tagged)
                            == (&table.table_key, version)),
                    "{} {version}",
                    table.table_key
                );
            }
        }
        let mut names: Vec<_> = tags
            .iter()
            .map(|(table_key, _, name, _)| (table_key, name))
            .collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), tags.len());
    }
}

#[test]
fn what_passes_by_itself_is_not_in_a_plan_and_what_matters_is() {
    let write = sidecar(WriterKind::Mutation, vec![pin("node:Author", 4, 5)]);
    let observed = world(vec![at(&write.tables[0], 4, 5)]);
    let digest = |observation: &Observation| scene(&write, None, observation).bytes.digest();
    let before = digest(&observed);

    let catalog = CatalogObservation::Present {
        version: 4_000,
        stamp: 2,
        two_phase: false,
        branch_created_at: None,
    };
    assert_eq!(
        digest(&Observation {
            catalog,
            ..observed.clone()
        }),
        before,
        "the catalog moves whenever anything is published"
    );
    let mut deeper = observed.clone();
    deeper.tables[0].transactions.clear();
    assert_eq!(digest(&deeper), before, "evidence is shown, not approved");

    let mut changed = Vec::new();
    let mut moved = observed.clone();
    moved.tables[0].head = HeadObservation::At {
        version: 6,
        transaction: None,
    };
    changed.push(digest(&moved));
    let mut remade = observed.clone();
    remade.tables[0].head = HeadObservation::At {
        version: 5,
        transaction: Some("another".to_owned()),
    };
    changed.push(digest(&remade));
    let mut published = observed.clone();
    published.tables[0].pinned = sidecar::observation::Pinned::At { version: 5 };
    changed.push(digest(&published));
    let mut elsewhere = observed;
    elsewhere.tables[0].location = Some("nodes/other".to_owned());
    changed.push(digest(&elsewhere));
    for (index, digest) in changed.iter().enumerate() {
        assert_ne!(*digest, before, "change {index}");
        assert!(!changed[..index].contains(digest));
    }
}

#[test]
fn a_plan_for_one_root_operation_file_or_sidecar_is_no_plan_for_another() {
    let verdict = refuse(sidecar::Reason::new(Code::NotJson, "not JSON"), None);
    let digest = |root: &str, operation_id: &str, file: &str, bytes: &[u8]| {
        let operation_id: OperationId = operation_id.parse().unwrap();
        let input = PlanInput {
            root: &RootId::new(root),
            operation_id: &operation_id,
            file,
            sidecar_digest: Digest::of(Tag::Sidecar, bytes),
            sidecar: None,
            observation: None,
            verdict: &verdict,
        };
        PlanBytes::of(&plan(&input)).unwrap().digest()
    };
    let digests = [
        digest("file:///a", OLDER, "x.json", b"{"),
        digest("file:///b", OLDER, "x.json", b"{"),
        digest("file:///a", crate::support::OPERATION, "x.json", b"{"),
        digest("file:///a", OLDER, "y.json", b"{"),
        digest("file:///a", OLDER, "x.json", b"["),
    ];
    for (index, found) in digests.iter().enumerate() {
        assert!(!digests[..index].contains(found), "{index}");
    }
    assert_eq!(
        digests[0],
        digest("file:///a/", OLDER, "x.json", b"{"),
        "a trailing slash is the same root"
    );
}

#[test]
fn bytes_that_are_not_canonical_are_not_a_plan() {
    let scene = half_way();
    let text = scene.bytes.text();
    assert_eq!(scene.bytes.decode().unwrap(), scene.plan);
    let value: serde_json::Value = serde_json::from_str(text).unwrap();
    for other in [
        format!(" {text}"),
        format!("{text}\n"),
        text.replacen(':', ": ", 1),
        serde_json::to_string_pretty(&value).unwrap(),
        value.to_string(),
        text.replacen('{', "{\"note\":1,", 1),
        text.replace("node:Author", "node:\\u0041uthor"),
        String::new(),
        "[".repeat(100_000),
    ] {
        assert_ne!(other, text);
        let digest = Digest::of(Tag::Plan, other.as_bytes());
        let bytes = PlanBytes::verify(other.clone(), digest).unwrap();
        assert!(
            matches!(bytes.decode(), Err(PlanError::NotAPlan { .. })),
            "{}",
            &other[..other.len().min(60)]
        );
        assert!(matches!(
            PlanBytes::verify(other, scene.bytes.digest()),
            Err(PlanError::DigestDiffers { .. })
        ));
    }
}

#[test]
fn a_plan_whose_root_is_not_in_normal_form_is_not_canonical() {
    let text = half_way().bytes.text().to_owned();
    let other = text.replacen("file:///data/graph\"", "file:///data/graph/\"", 1);
    assert_ne!(other, text);
    let digest = Digest::of(Tag::Plan, other.as_bytes());
    assert!(matches!(
        PlanBytes::verify(other, digest).unwrap().decode(),
        Err(PlanError::NotAPlan { .. })
    ));
}

#[test]
fn a_plan_that_names_a_table_twice_is_refused() {
    let plan = half_way().plan;
    let twin = |branch: Option<&str>| {
        let mut plan = plan.clone();
        let again = PlannedTable {
            branch: branch.map(str::to_owned),
            ..plan.tables[1].clone()
        };
        plan.tables.push(again);
        PlanBytes::of(&plan).unwrap()
    };
    for branch in [None, Some("main")] {
        let bytes = twin(branch);
        let refused = PlanError::TableTwice {
            digest: bytes.digest(),
            table_key: plan.tables[1].table_key.clone(),
            branch: branch.map(str::to_owned),
        };
        assert_eq!(bytes.decode(), Err(refused.clone()));
        assert_eq!(
            refused.to_string(),
            format!(
                "the plan with digest {} names table {} of main twice",
                bytes.digest(),
                plan.tables[1].table_key
            )
        );
        assert!(matches!(
            authorize(bytes, &[]),
            Err(AuthorizationError::Plan(PlanError::TableTwice { .. }))
        ));
    }
    assert!(
        !matches!(
            twin(Some("feature")).decode(),
            Err(PlanError::TableTwice { .. })
        ),
        "a branch of its own"
    );
}

#[test]
fn what_moved_between_two_plans_is_named_field_by_field() {
    let planned = half_way().plan;
    assert_eq!(differences(&planned, &planned), []);
    let found = all_committed().plan;
    let fields: Vec<_> = differences(&planned, &found)
        .into_iter()
        .map(|difference| {
            (
                difference.table_key,
                difference.field.to_string(),
                difference.planned,
                difference.found,
            )
        })
        .collect();
    let row = |table_key: Option<&str>, field: &str, planned: &str, found: &str| {
        (
            table_key.map(str::to_owned),
            field.to_owned(),
            planned.to_owned(),
            found.to_owned(),
        )
    };
    assert_eq!(
        fields,
        [
            row(None, "disposition", "roll_back", "roll_forward"),
            row(Some("edge:Wrote"), "lance_head", "5", "6"),
            row(
                Some("edge:Wrote"),
                "head_transaction",
                "none",
                "00000000-0000-4000-8000-000000000006"
            ),
            row(Some("edge:Wrote"), "action", "none", "publish"),
            row(
                Some("node:Author"),
                "action",
                "restore_and_publish",
                "publish"
            ),
        ]
    );
    let mut other = planned.clone();
    other.requires.clear();
    assert_eq!(
        differences(&planned, &other).len(),
        1,
        "any difference is at least one difference"
    );
}
