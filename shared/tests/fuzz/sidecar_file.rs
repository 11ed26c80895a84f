//! Sidecar files: whatever the bytes and whatever the world, a verdict that is safe, or a refusal with its reason.

use std::collections::BTreeSet;

use serde_json::Value;
use sidecar::follow_up::{dismissal, dismissal_id};
use sidecar::observation::{CatalogObservation, KeptHistory};
use sidecar::{
    Action, Classification, Code, Decision, Digest, Disposition, Glimpse, Limits, Observation,
    Plan, PlanBytes, PlanInput, Reason, RootId, Sidecar, SidecarBytes, SidecarFile, Step, Tag,
    Verdict, WriterKind, assemble, decide, judge, plan, refuse, what_if,
};

use crate::campaign::{Reached, plain};
use crate::dice::Dice;
use crate::{mutation, shown, world};

const LIMITS: Limits = Limits::DEFAULT;
const NAME: &str = "01M8125ENACWR9X1EZNRMDV5V2.json";

pub(crate) fn check(bytes: &[u8]) -> Reached {
    let dice = &mut Dice::of(bytes);
    let glimpse = Glimpse::of(bytes, &LIMITS);
    assert!(glimpse.tables.len() <= LIMITS.tables_max);
    let named = glimpse.operation_id.map(|id| format!("{id}.json"));
    let name = named
        .filter(|_| !dice.one_in(8))
        .unwrap_or_else(|| NAME.to_owned());
    let file = SidecarFile::read(&name, bytes.to_vec(), &LIMITS);
    assert_eq!(file.digest, Some(Digest::of(Tag::Sidecar, bytes)));
    let refusal = listed(&file);
    match &file.content {
        Err(reason) => {
            shown::fit(&reason.detail);
            assert!(refusal.is_some(), "what cannot be read is refused");
            let verdict = refuse(reason.clone(), None);
            let dismissed = set_aside(&file, Disposition::Refused, &verdict.blockers);
            Reached::refused(&format!(
                "{} {dismissed} {}",
                reason.code,
                plain(&reason.detail)
            ))
        }
        Ok(sidecar) => {
            within_limits(sidecar, bytes);
            written_back(&name, sidecar);
            assert!(what_if(sidecar).len() <= 16);
            let ends: Vec<String> = (0..3).map(|_| judged(sidecar, &file, dice)).collect();
            let code = refusal.map(|reason| reason.code.name());
            Reached::taken(format!(
                "{} {code:?} {}",
                sidecar.writer_kind.name(),
                ends[0]
            ))
        }
    }
}

/// In a list with a copy of itself the well-named file is the one that counts, and it waits for nobody.
fn listed(file: &SidecarFile) -> Option<Reason> {
    let copy = SidecarFile {
        file: "copy.json".to_owned(),
        ..file.clone()
    };
    let both = assemble(vec![copy, file.clone()]);
    assert_eq!(both.len(), 2);
    for entry in &both {
        if let Some(reason) = &entry.refusal {
            shown::fit(&reason.detail);
            assert_eq!(entry.waiting_for, None, "nobody waits who is refused");
        }
    }
    let alone = assemble(vec![file.clone()]).remove(0);
    assert_eq!(alone.waiting_for, None);
    let entry = both
        .into_iter()
        .find(|entry| entry.file.file == file.file)
        .unwrap();
    assert_eq!(
        entry.refusal, alone.refusal,
        "a copy changes nothing for the file itself"
    );
    entry.refusal
}

fn within_limits(sidecar: &Sidecar, bytes: &[u8]) {
    assert!(bytes.len() as u64 <= LIMITS.sidecar_bytes_max);
    assert!(
        sidecar.tables.len() + sidecar.additional_registrations.len() + sidecar.tombstones.len()
            <= LIMITS.tables_max
    );
    let pins: BTreeSet<_> = sidecar
        .tables
        .iter()
        .map(|pin| (&pin.table_key, pin.table_branch()))
        .collect();
    assert_eq!(pins.len(), sidecar.tables.len(), "no table is pinned twice");
    for pin in &sidecar.tables {
        for text in [&pin.table_key, &pin.table_path] {
            assert!(
                !text.is_empty()
                    && text.chars().count() <= LIMITS.text_chars_max
                    && !text.contains(char::is_control)
            );
        }
    }
    let branches = sidecar
        .tables
        .iter()
        .map(|pin| &pin.table_branch)
        .chain([&sidecar.branch]);
    for branch in branches.flatten() {
        let climbs = branch
            .split(['/', '\\'])
            .any(|segment| segment.is_empty() || segment == "..");
        assert!(
            !climbs && !branch.contains(char::is_control),
            "{branch:?} is a folder below the dataset"
        );
    }
}

/// Compares all but fractions (no known field has one): serde_json may read one back one bit off.
fn written_back(name: &str, sidecar: &Sidecar) {
    let text = serde_json::to_vec(sidecar).unwrap();
    let mut again =
        Sidecar::parse(name, &text, &LIMITS).expect("what was read is written back as a sidecar");
    let fraction =
        |unknown: &std::collections::BTreeMap<String, Value>| unknown.values().any(has_fraction);
    if fraction(&again.unknown) {
        again.unknown.clone_from(&sidecar.unknown);
    }
    for (again, pin) in again.tables.iter_mut().zip(&sidecar.tables) {
        if fraction(&again.unknown) {
            again.unknown.clone_from(&pin.unknown);
        }
    }
    for (again, registration) in again
        .additional_registrations
        .iter_mut()
        .zip(&sidecar.additional_registrations)
    {
        if fraction(&again.unknown) {
            again.unknown.clone_from(&registration.unknown);
        }
    }
    for (again, tombstone) in again.tombstones.iter_mut().zip(&sidecar.tombstones) {
        if fraction(&again.unknown) {
            again.unknown.clone_from(&tombstone.unknown);
        }
    }
    assert_eq!(&again, sidecar, "nothing is lost or added");
}

fn has_fraction(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64(),
        Value::Array(items) => items.iter().any(has_fraction),
        Value::Object(fields) => fields.values().any(has_fraction),
        _ => false,
    }
}

fn judged(sidecar: &Sidecar, file: &SidecarFile, dice: &mut Dice) -> String {
    let observation = world::around(sidecar, dice);
    let waiting_for = dice.one_in(12).then_some("01M8125E20G3JA88BS9CEJEX1K");
    let verdict = judge(sidecar, waiting_for, &observation);
    let planned = planned(sidecar, file, &observation, &verdict);
    let bytes = PlanBytes::of(&planned).unwrap();
    // A misnamed file is refused before anything is looked at, and nothing is planned for it.
    if file.file == sidecar.operation_id.file_name() {
        assert_eq!(bytes.decode().as_ref(), Ok(&planned));
    }
    shown::check(&planned, Some(sidecar.started_at), &verdict.blockers);
    agrees_with_itself(sidecar, &verdict);
    moves_only_up(&observation, &verdict, &planned);
    never_acts_on_what_it_does_not_know(sidecar, &verdict);
    order_is_nothing(sidecar, waiting_for, file, &observation, &bytes);
    if matches!(
        verdict.disposition,
        Disposition::Refused | Disposition::Abort
    ) {
        set_aside(file, verdict.disposition, &verdict.blockers);
    }
    format!(
        "{} {:?} {:?}",
        verdict.disposition.name(),
        verdict.blockers.first().map(|reason| reason.code),
        planned
            .steps
            .iter()
            .map(Step::kind)
            .take(3)
            .collect::<Vec<_>>()
    )
}

fn planned(
    sidecar: &Sidecar,
    file: &SidecarFile,
    observation: &Observation,
    verdict: &Verdict,
) -> Plan {
    plan(&PlanInput {
        root: &RootId::new("file:///data/graph"),
        operation_id: &sidecar.operation_id,
        file: &file.file,
        sidecar_digest: Digest::of(Tag::Sidecar, &file.bytes),
        sidecar: Some(sidecar),
        observation: Some(observation),
        verdict,
    })
}

fn agrees_with_itself(sidecar: &Sidecar, verdict: &Verdict) {
    assert_eq!(verdict.tables.len(), sidecar.tables.len());
    let classifications: Option<Vec<Classification>> = verdict
        .tables
        .iter()
        .map(|table| table.classification)
        .collect();
    match (verdict.disposition, classifications.as_deref().map(decide)) {
        (Disposition::Refused, _) => assert_eq!(verdict.decision, None),
        (_, decision) => assert_eq!(verdict.decision, decision),
    }
    let shows_only = matches!(
        verdict.disposition,
        Disposition::Refused | Disposition::Waiting | Disposition::Abort
    );
    let touched = verdict
        .tables
        .iter()
        .any(|table| table.action != Action::None);
    assert!(
        !shows_only || (!touched && !verdict.blockers.is_empty() && verdict.requires.is_empty())
    );
    let cleans_up = matches!(
        verdict.disposition,
        Disposition::OrphanedBranch
            | Disposition::AlreadyPublished
            | Disposition::Superseded
            | Disposition::NeverStarted
    );
    assert!(!cleans_up || !touched, "cleaning up touches no table");
    let judged = !shows_only && verdict.disposition != Disposition::OrphanedBranch;
    assert!(
        !judged || verdict.decision != Some(Decision::Abort),
        "a contradiction aborts"
    );
    if verdict.disposition == Disposition::RollForward
        && sidecar.writer_kind != WriterKind::SchemaApply
    {
        assert_eq!(
            verdict.decision,
            Some(Decision::RollForward),
            "all or nothing"
        );
    }
}

fn moves_only_up(observation: &Observation, verdict: &Verdict, planned: &Plan) {
    for (table, observed) in verdict.tables.iter().zip(&observation.tables) {
        let (pinned, head) = (observed.pinned.version(), observed.head.version());
        if let Some(target) = table.restore_to {
            assert_eq!(Some(target), pinned, "what is published is what comes back");
            assert_eq!(
                table.publish_as,
                head.and_then(|head| head.checked_add(1)),
                "it lands on the HEAD that was seen plus one"
            );
        }
        if let Some(publish_as) = table.publish_as {
            assert!(
                Some(publish_as) > pinned && Some(publish_as) >= head,
                "a pin never goes down"
            );
        }
    }
    let mut tags = BTreeSet::new();
    for step in &planned.steps {
        if let Step::Tag {
            table_key, name, ..
        } = step
        {
            assert!(
                tags.insert((table_key, name)),
                "{name} is set twice on {table_key}"
            );
        }
    }
    let ends = planned
        .steps
        .iter()
        .map(Step::kind)
        .rev()
        .take(2)
        .collect::<Vec<_>>();
    assert!(ends.is_empty() || ends == ["retire", "record"]);
    assert_eq!(planned.has_effect(), !planned.steps.is_empty());
    assert!(
        planned
            .tables
            .is_sorted_by_key(|table| (&table.table_key, &table.branch))
    );
}

fn never_acts_on_what_it_does_not_know(sidecar: &Sidecar, verdict: &Verdict) {
    let outside = sidecar.additional_registrations.iter().any(|registration| {
        registration
            .table_path
            .split(['/', '\\'])
            .any(|segment| matches!(segment, "" | "." | ".."))
            || registration.table_path.contains("://")
            || registration.table_path.starts_with('_')
    });
    if outside || !sidecar.unimplemented_fields().is_empty() {
        assert_eq!(verdict.disposition, Disposition::Refused);
    }
}

/// Neither the order of tables nor what passes by itself changes a byte of the plan.
fn order_is_nothing(
    sidecar: &Sidecar,
    waiting_for: Option<&str>,
    file: &SidecarFile,
    observation: &Observation,
    bytes: &PlanBytes,
) {
    // The history of a graph names tables in the order of the sidecar, as engines do.
    if observation.tables.len() != sidecar.tables.len()
        || observation.kept_history != KeptHistory::Nowhere
    {
        return;
    }
    let (mut sidecar, mut observation) = (sidecar.clone(), observation.clone());
    sidecar.tables.reverse();
    observation.tables.reverse();
    if let CatalogObservation::Present { version, .. } = &mut observation.catalog {
        *version = version.wrapping_add(1);
    }
    let verdict = judge(&sidecar, waiting_for, &observation);
    let reversed = PlanBytes::of(&planned(&sidecar, file, &observation, &verdict)).unwrap();
    assert_eq!(reversed.text(), bytes.text());
}

fn set_aside(file: &SidecarFile, disposition: Disposition, reasons: &[Reason]) -> bool {
    let hostile = SidecarFile {
        file: "a\u{1b}[2J\u{202e}\n.json".to_owned(),
        ..file.clone()
    };
    for file in [file, &hostile] {
        for bytes in [Some(file.bytes.clone()), None] {
            let is_known = reasons.iter().all(|reason| reason.code != Code::Unreadable);
            let kept = bytes.is_some() && is_known;
            let laid_down = dismissal(
                &RootId::new("s3://bucket/graph"),
                dismissal_id(file),
                file,
                bytes,
                disposition,
                reasons,
            );
            shown::check(&laid_down.plan, None, &laid_down.blockers);
            assert_eq!(
                laid_down.plan.has_effect(),
                kept,
                "a file goes only if the journal can keep it"
            );
            assert_eq!(
                kept,
                !laid_down
                    .blockers
                    .iter()
                    .any(|reason| reason.code == Code::Unreadable)
            );
            if kept {
                let json = serde_json::to_string(&laid_down.sidecar).unwrap();
                let read: SidecarBytes = serde_json::from_str(&json).unwrap();
                assert_eq!(read.as_bytes(), file.bytes, "the very bytes are kept");
                assert_eq!(
                    laid_down.plan.sidecar,
                    Digest::of(Tag::Sidecar, &file.bytes)
                );
            }
        }
    }
    std::str::from_utf8(&file.bytes).is_ok()
}

pub(crate) fn mutate(bytes: &[u8], other: &[u8], dice: &mut Dice) -> Vec<u8> {
    let raw = dice.one_in(4);
    mutation::json(bytes, dice)
        .filter(|_| !raw)
        .unwrap_or_else(|| mutation::raw(bytes, other, dice))
}
