//! How far a `SchemaApply` came, by its staged files (PROTOCOL.md, section 6.1).

use std::collections::BTreeSet;

use super::Disposition;
use super::catalog_changes::published;
use crate::observation::SchemaObservation;
use crate::schema_file::SchemaFile;
use crate::sidecar::Sidecar;

/// Where the tables a `SchemaApply` pinned stand, as far as it matters to its schema files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TablesStand {
    /// It pinned none: it only adds or removes tables.
    NoTables,
    /// Every one is past its pin, as announced: committed, and not published.
    AllMoved,
    /// Some moved, not all as announced.
    SomeMoved,
    /// None moved; the disposition that this alone would mean.
    NoneMoved(Disposition),
}

/// The three staged files, in the order in which they are staged and later renamed over the live ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Staged {
    /// All three are there.
    Whole,
    /// The first ones are renamed already.
    Promoting,
    /// The last ones were never written.
    Unfinished,
    /// None is there.
    Nothing,
    /// No crash of the writer leaves these.
    Impossible,
}

impl Staged {
    const fn of(schema: &SchemaObservation) -> Self {
        match (
            schema.source.staged.is_some(),
            schema.ir.staged.is_some(),
            schema.state.staged.is_some(),
        ) {
            (true, true, true) => Self::Whole,
            (false, _, true) => Self::Promoting,
            (true, _, false) => Self::Unfinished,
            (false, false, false) => Self::Nothing,
            (true, false, true) | (false, true, false) => Self::Impossible,
        }
    }
}

/// Whether the staged files may be put in place: they are whole, of one schema, and it is the one that the sidecar announces.
///
/// # Errors
/// Which file is wrong, and in what, in words.
pub(super) fn promotable(sidecar: &Sidecar, schema: &SchemaObservation) -> Result<(), String> {
    if !schema.is_staged() {
        return Ok(());
    }
    let next = schema
        .next
        .as_ref()
        .ok_or("its staged schema files were not read")?;
    let (ir, state) = (
        schema.found_as(SchemaFile::Ir),
        schema.found_as(SchemaFile::State),
    );
    if !next.unfit.is_empty() {
        let unfit: Vec<String> = next
            .unfit
            .iter()
            .map(|file| format!("{}: {}", file.name, file.why))
            .collect();
        return Err(format!(
            "a schema file cannot be put in place. {}. Look at it by hand",
            unfit.join("; ")
        ));
    }
    let hash = |hash: &Option<String>| hash.clone().unwrap_or_else(|| "none".to_owned());
    if next.ir_hash.is_none() || next.ir_hash != next.state_hash {
        return Err(format!(
            "{state} names the compiled schema {}, but that of {ir} is {}: one of the two is of another schema change, or damaged; look at both by hand",
            hash(&next.state_hash),
            hash(&next.ir_hash)
        ));
    }
    let declared: BTreeSet<&str> = next.declares.iter().map(String::as_str).collect();
    let declares = |key: &String| declared.contains(key.as_str());
    let added = sidecar.additional_registrations.iter();
    if let Some(added) = added
        .map(|added| &added.table_key)
        .find(|key| !declares(key))
    {
        return Err(format!(
            "{ir} does not declare {added}, which this schema change adds: it is of another schema change"
        ));
    }
    let removed = sidecar.tombstones.iter();
    if let Some(removed) = removed
        .map(|gone| &gone.table_key)
        .find(|key| declares(key))
    {
        return Err(format!(
            "{ir} still declares {removed}, which this schema change removes: it is of another schema change"
        ));
    }
    Ok(())
}

/// The disposition of a `SchemaApply`. Catalog and pins are published in one commit, so if one is and the other is not, that is
/// an error.
///
/// # Errors
/// What contradicts what, in words.
pub(super) fn disposition(
    sidecar: &Sidecar,
    schema: &SchemaObservation,
    tables: TablesStand,
) -> Result<Disposition, &'static str> {
    let changes_catalog =
        !sidecar.additional_registrations.is_empty() || !sidecar.tombstones.is_empty();
    let published = changes_catalog && published(sidecar, schema);
    let live_schema_is_new =
        !sidecar.additional_registrations.is_empty() && schema.live_ir_declares_tables;
    match (Staged::of(schema), tables) {
        (Staged::Impossible, _) => Err(
            "the staged schema files are not what an interrupted schema change leaves: one from the middle is missing, or alone",
        ),
        (Staged::Unfinished, _) if published => {
            Err("the catalog holds the new tables, but the schema files were never staged whole")
        }
        (Staged::Unfinished, _) => Ok(Disposition::RollBack),

        (Staged::Whole | Staged::Promoting, TablesStand::NoTables) => Ok(Disposition::RollForward),
        (Staged::Nothing, TablesStand::NoTables) if published || !changes_catalog => {
            Ok(Disposition::AlreadyPublished)
        }
        (Staged::Nothing, TablesStand::NoTables) if live_schema_is_new => {
            Ok(Disposition::RollForward)
        }
        (Staged::Nothing, TablesStand::NoTables) => Ok(Disposition::RollBack),

        (_, TablesStand::AllMoved) if published => Err(
            "the catalog holds the new tables, but not the new versions of the others, and both are published in one commit",
        ),
        (Staged::Whole | Staged::Promoting, TablesStand::AllMoved) => Ok(Disposition::RollForward),
        (Staged::Nothing, TablesStand::AllMoved) if live_schema_is_new => {
            Ok(Disposition::RollForward)
        }
        (Staged::Nothing, TablesStand::AllMoved) => Ok(Disposition::RollBack),

        (Staged::Promoting, TablesStand::SomeMoved) => Err(
            "the new schema is partly live, but not every table is where the schema change would take it",
        ),
        (Staged::Whole | Staged::Nothing, TablesStand::SomeMoved) => Ok(Disposition::RollBack),

        (
            Staged::Whole | Staged::Promoting,
            TablesStand::NoneMoved(Disposition::AlreadyPublished),
        ) => Ok(Disposition::RollForward),
        (Staged::Nothing, TablesStand::NoneMoved(Disposition::AlreadyPublished))
            if changes_catalog && !published =>
        {
            Ok(Disposition::Superseded)
        }
        (Staged::Whole | Staged::Promoting, TablesStand::NoneMoved(Disposition::Superseded)) => {
            Err(
                "the new schema is staged, and others published the tables since: whether this schema change is among that cannot be told",
            )
        }
        (Staged::Promoting, TablesStand::NoneMoved(_)) => {
            Err("the new schema is partly live, but no table was committed")
        }
        (Staged::Whole, TablesStand::NoneMoved(_)) => Ok(Disposition::RollBack),
        (Staged::Nothing, TablesStand::NoneMoved(disposition)) => Ok(disposition),
    }
}
