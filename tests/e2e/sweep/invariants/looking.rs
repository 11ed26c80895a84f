//! What is asked of storage, and what looking at a root tells.

use std::collections::BTreeSet;

use root_objects::store::{Request, Verb};
use sidecar::api::RecoverySummary;

use super::super::evidence::Evidence;
use super::super::subject::NOTES;
use super::super::world::{Ending, GARBAGE, OTHER, World};
use super::{dataset, dataset_of, unless, version_path};

/// A struck run may try again and look again; it may not go on without end.
const SENT_MAX: usize = 4;

/// The object that says which root this is, under whichever spelling: made once, by the first who records anything.
const IDENTITY: &str = "__recovery_log/root-";

/// Only the operation's journal, its sidecar, its tables and the catalog are written to, and nothing outside is read.
pub(super) fn i14_confinement(world: &World, evidence: &Evidence) -> Vec<String> {
    let journal = format!("__recovery_log/{}/", world.operation);
    // The mark of an open operation lies beside the journals.
    let own = format!("__recovery_log/open/{}.", world.operation);
    let is_mark =
        |path: &str| path.starts_with(&own) || path.starts_with("__recovery_log/open/complete.");
    let datasets: Vec<String> = world
        .tables
        .iter()
        .map(|table| format!("{}/", dataset(table)))
        .collect();
    let in_tables = |path: &str| {
        let mut datasets = datasets.iter();
        datasets.any(|dataset| path.starts_with(dataset)) || path.starts_with("__manifest/")
    };
    let is_inside = |request: &Request| {
        let path = format!("{}/", request.path);
        if in_tables(&path) {
            return true;
        }
        match request.verb {
            Verb::Delete if path.starts_with(&own) => true,
            Verb::Delete => world.retires.as_ref() == Some(&request.path),
            Verb::PutCreate if world.announces.as_ref() == Some(&request.path) => true,
            verb if verb.is_mutation() => {
                path.starts_with(&journal) || path.starts_with(IDENTITY) || is_mark(&path)
            }
            _ => {
                path.starts_with("__recovery/")
                    || path.starts_with("__recovery_log/")
                    || path.starts_with(&format!("{}/", dataset(OTHER)))
            }
        }
    };
    let sent = evidence.runs.iter().flat_map(|run| &run.sent);
    let outside = sent.filter(|request| !is_inside(request));
    let mut wrong: Vec<String> = outside
        .map(|request| format!("{request} is outside"))
        .collect();
    // Nothing was written past the store either.
    let (before, after) = (&world.before.files, &evidence.after.files);
    let beside = evidence.beside.iter();
    wrong.extend(beside.map(|path| format!("{} lies beside the root", path.display())));
    let paths: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let is_foreign = |path: &str| {
        let mut told = evidence.acknowledged.iter();
        told.any(|told| path.starts_with(&format!("{}/", dataset(&told.table))))
    };
    for path in paths {
        let is_inside = in_tables(path)
            || is_foreign(path)
            || path.starts_with(&journal)
            || is_mark(path)
            || (path.starts_with(IDENTITY) && !before.contains_key(path))
            || [&world.retires, &world.announces].contains(&&Some(path.clone()));
        wrong.extend(unless(
            is_inside || before.get(path) == after.get(path),
            || format!("{path} is not as it was"),
        ));
    }
    wrong
}

/// No run panics or hangs, and none sends more than a few times what an undisturbed one does; nor does a look.
pub(super) fn i15_bounded(world: &World, evidence: &Evidence) -> Vec<String> {
    let looking = world.clean().map(|clean| clean.looking.len());
    let clean = world.clean().map(|clean| clean.last().sent.len());
    let mut wrong: Vec<String> = evidence
        .looked
        .clone()
        .and_then(Result::err)
        .into_iter()
        .collect();
    let looks_max = looking.map_or(usize::MAX, |looking| looking * SENT_MAX);
    wrong.extend(unless(evidence.looking.len() <= looks_max, || {
        format!("{} requests of a look", evidence.looking.len())
    }));
    for run in &evidence.runs {
        wrong.extend(unless(!run.has_panicked && !run.hangs, || {
            format!("{:?}", run.report)
        }));
        let max = clean.map_or(usize::MAX, |clean| clean * SENT_MAX);
        wrong.extend(unless(run.sent.len() <= max, || {
            format!("{} requests", run.sent.len())
        }));
    }
    wrong
}

/// Listing and planning send no mutating request.
pub(super) fn i17_looking_is_read_only(_: &World, evidence: &Evidence) -> Vec<String> {
    let writes = evidence
        .looking
        .iter()
        .filter(|request| request.verb.is_mutation());
    writes
        .map(|request| format!("looking sent {request}"))
        .collect()
}

/// The same world has the same plan.
pub(super) fn i18_determinism(_: &World, evidence: &Evidence) -> Vec<String> {
    let digests = evidence.seen().into_iter().map(|looked| &looked.digests);
    digests
        .filter(|[first, second]| first != second)
        .map(|[first, second]| format!("{first}, then {second}"))
        .collect()
}

/// A file that is no sidecar is listed with its reason, hides nobody, and is left alone.
pub(super) fn i19_isolation(world: &World, evidence: &Evidence) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Some(looked) = evidence.seen() {
        // Every file with whether it is refused; what follows from something finished has no file, and is not pending.
        let mut expected = vec![(GARBAGE.trim_start_matches("__recovery/").to_owned(), true)];
        match world.ending {
            Ending::Dismissal => expected.push((NOTES.to_owned(), true)),
            ending if ending.is_recovery() => {
                expected.push((world.operation.file_name(), false));
            }
            _ => {}
        }
        let entry = |entry: &RecoverySummary| (entry.file.clone(), entry.refused.is_some());
        let listed: Vec<_> = looked.list.recoveries.iter().map(entry).collect();
        let missing = expected.iter().filter(|entry| !listed.contains(entry));
        wrong.extend(missing.map(|(file, _)| format!("{file} is not listed as it is")));
        wrong.extend(unless(listed.len() <= expected.len(), || {
            format!("{listed:?} are listed")
        }));
    }
    let is_kept = evidence.after.files.get(GARBAGE) == world.before.files.get(GARBAGE);
    wrong.extend(unless(is_kept, || "the bad file was touched".to_owned()));
    wrong
}

/// The catalog is read before the first table of a plan is looked at, and once more after the last.
pub(super) fn i21_consistent_observation(world: &World, evidence: &Evidence) -> Vec<String> {
    // No table is looked at for what touches none.
    let touches_none = matches!(world.ending, Ending::Release | Ending::Dismissal);
    if evidence.looked.is_none() || touches_none {
        return Vec::new();
    }
    let heads = |place: &str| -> Vec<usize> {
        let folder = format!("{place}/_versions");
        let sent = evidence.looking.iter().enumerate();
        sent.filter(|(_, request)| request.verb == Verb::List && request.path == folder)
            .map(|(index, _)| index)
            .collect()
    };
    let catalog = heads("__manifest");
    let tables: Vec<usize> = world
        .tables
        .iter()
        .flat_map(|table| heads(&dataset(table)))
        .collect();
    let (Some(first), Some(last)) = (tables.iter().min(), tables.iter().max()) else {
        return vec!["no table was looked at".to_owned()];
    };
    let is_around =
        catalog.iter().any(|read| read < first) && catalog.iter().any(|read| read > last);
    unless(is_around, || {
        format!("the catalog was read at {catalog:?}, tables at {tables:?}")
    })
    .into_iter()
    .collect()
}

/// The version that is to come back was read, by this execution or one before, before anything was committed.
pub(super) fn i22_target_exists(world: &World, evidence: &Evidence) -> Vec<String> {
    let sent: Vec<&Request> = evidence.runs.iter().flat_map(|run| &run.sent).collect();
    let effects = evidence.after.effects(world.operation.as_str());
    let mut wrong = Vec::new();
    for (digest, plan) in evidence.plans() {
        let committed = effects.iter().filter(|effect| effect.digest == digest);
        let files = committed
            .map(|effect| version_path(&dataset_of(effect.table.as_deref()), effect.version));
        let files: Vec<String> = files.collect();
        let first = sent
            .iter()
            .position(|request| request.verb.is_mutation() && files.contains(&request.path));
        let Some(first) = first else { continue };
        for table in &plan.tables {
            let Some(target) = table.restore_to else {
                continue;
            };
            let path = version_path(&dataset(&table.table_key), target);
            let was_read = sent[..first]
                .iter()
                .any(|request| request.verb == Verb::Get && request.path == path);
            wrong.extend(unless(was_read, || {
                format!("version {target} of {} was not looked at", table.table_key)
            }));
        }
    }
    wrong
}
