//! What is asked of storage, and what looking at a root tells.

use restore_backend::store::{Request, Verb};

use super::super::evidence::Evidence;
use super::super::world::{Ending, GARBAGE, OTHER, World};
use super::{dataset, sidecar_path, unless, version_path};

/// A struck run may try again and look again; it may not go on without end.
const SENT_MAX: usize = 4;

/// Only the operation's journal, its sidecar, its tables and the catalog are written to, and nothing outside is read.
pub(super) fn i14_confinement(world: &World, evidence: &Evidence) -> Vec<String> {
    let journal = format!("__recovery_log/{}/", world.operation);
    let datasets: Vec<String> = world
        .tables
        .iter()
        .map(|table| format!("{}/", dataset(table)))
        .collect();
    let is_inside = |request: &Request| {
        let path = format!("{}/", request.path);
        let in_tables = datasets.iter().any(|dataset| path.starts_with(dataset));
        if in_tables || path.starts_with("__manifest/") {
            return true;
        }
        match request.verb {
            Verb::Delete => request.path == sidecar_path(world),
            verb if verb.is_mutation() => path.starts_with(&journal),
            _ => {
                path.starts_with("__recovery/")
                    || path.starts_with("__recovery_log/")
                    || path.starts_with(&format!("{}/", dataset(OTHER)))
            }
        }
    };
    let sent = evidence.runs.iter().flat_map(|run| &run.sent);
    let outside = sent.filter(|request| !is_inside(request));
    outside
        .map(|request| format!("{request} is outside"))
        .collect()
}

/// No run panics, and none sends more than a few times what an undisturbed one does.
pub(super) fn i15_bounded(world: &World, evidence: &Evidence) -> Vec<String> {
    let clean = world.clean().map(|clean| clean.last().sent.len());
    let mut wrong: Vec<String> = evidence
        .looked
        .clone()
        .and_then(Result::err)
        .into_iter()
        .collect();
    for run in &evidence.runs {
        wrong.extend(unless(!run.has_panicked, || format!("{:?}", run.report)));
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
    let garbage = GARBAGE.rsplit('/').next();
    let mut wrong = Vec::new();
    if let Some(looked) = evidence.seen() {
        let recoveries = &looked.list.recoveries;
        let refused = |recovery: &&sidecar::api::RecoverySummary| {
            Some(recovery.file.as_str()) == garbage && recovery.refused.is_some()
        };
        let pending = |recovery: &&sidecar::api::RecoverySummary| {
            recovery.operation_id.as_deref() == Some(world.operation.as_str())
                && recovery.refused.is_none()
        };
        wrong.extend(unless(
            recoveries.iter().any(|entry| refused(&entry)),
            || "the bad file is not listed".to_owned(),
        ));
        wrong.extend(unless(
            recoveries.iter().any(|entry| pending(&entry)),
            || "the good sidecar is hidden".to_owned(),
        ));
    }
    let is_kept = evidence.after.files.get(GARBAGE) == world.before.files.get(GARBAGE);
    wrong.extend(unless(is_kept, || "the bad file was touched".to_owned()));
    wrong
}

/// The catalog is read before the first table of a plan is looked at, and once more after the last.
pub(super) fn i21_consistent_observation(world: &World, evidence: &Evidence) -> Vec<String> {
    if evidence.looked.is_none() {
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
    if world.ending != Ending::Back {
        return Vec::new();
    }
    let sent: Vec<&Request> = evidence.runs.iter().flat_map(|run| &run.sent).collect();
    let effects = evidence.after.effects(world.operation.as_str());
    let mut wrong = Vec::new();
    for (digest, plan) in evidence.plans() {
        let committed = effects.iter().filter(|effect| effect.digest == digest);
        let files = committed.map(|effect| {
            let place = effect
                .table
                .as_deref()
                .map_or_else(|| "__manifest".to_owned(), dataset);
            version_path(&place, effect.version)
        });
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
