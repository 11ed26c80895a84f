//! What writers, and this program, left in a root.

use std::sync::Arc;

use restore_backend::execute::ProgressSink;
use restore_backend::root::{Root, RootOptions};
use root_objects::store::Verb;

use super::*;
use crate::support::gates::{DiesAt, Point};
use crate::support::place;

#[tokio::test(flavor = "multi_thread")]
async fn the_lock_of_a_dead_schema_change_is_told() {
    let store = Store::unpacked("omnigraph-0.7.0", "schema-lock-only");
    let report = today(&store).await;
    assert_eq!(kinds(&report), [FindingKind::SchemaLockLeft], "{report:#?}");
    let finding = &report.findings[0];
    assert_eq!(finding.subject, "__schema_apply_lock__");
    assert!(
        finding
            .resolve
            .contains("delete the Lance branch __schema_apply_lock__")
    );
    assert_eq!(
        report.catalog.branches,
        Some(1),
        "the lock is no branch of the graph"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lock_and_staged_files_are_those_of_the_schema_change_whose_sidecar_is_there() {
    let store = Store::unpacked("omnigraph-0.7.0", "schema-mixed-staged");
    let files = [
        "_schema.pg.staging",
        "_schema.ir.json.staging",
        "__schema_state.json.staging",
    ];
    let report = today(&store).await;
    assert_eq!(kinds(&report), [FindingKind::PendingSidecar], "{report:#?}");
    // The same without its sidecar.
    std::fs::remove_dir_all(store.path().join("__recovery")).unwrap();
    let report = today(&store).await;
    the_one(&report, FindingKind::SchemaLockLeft);
    let staged = report
        .findings
        .iter()
        .filter(|finding| finding.kind == FindingKind::StagedSchemaFileLeft);
    let staged: Vec<&str> = staged.map(|finding| finding.subject.as_str()).collect();
    assert_eq!(staged, files);
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_the_sidecar_folder_that_are_no_sidecars_are_named_and_no_link_is_followed() {
    let store = Store::with_tables(&TABLES).await;
    let folder = store.path().join("__recovery");
    std::fs::create_dir_all(folder.join("deeper")).unwrap();
    std::fs::write(folder.join("deeper/inner.json"), "{}").unwrap();
    std::fs::write(folder.join("notes.txt"), "{}").unwrap();
    let outside = store.beside().join("outside.json");
    std::fs::write(&outside, "{}").unwrap();
    std::os::unix::fs::symlink(&outside, folder.join("link.json")).unwrap();
    let report = before_an_upgrade(&store).await;
    let subject = |kind| the_one(&report, kind).subject.as_str();
    assert_eq!(subject(FindingKind::StrayEntry), "__recovery/notes.txt");
    assert_eq!(
        subject(FindingKind::NestedEntry),
        "__recovery/deeper/inner.json"
    );
    let link = the_one(&report, FindingKind::PendingSidecar);
    assert_eq!(link.subject, "link.json");
    assert!(
        link.detail.contains("is a link and is not followed"),
        "{}",
        link.detail
    );
    let is_weighty = |kind| the_one(&report, kind).stands_in_the_way;
    assert!(!is_weighty(FindingKind::StrayEntry) && is_weighty(FindingKind::NestedEntry));
    let no = [
        (ChecklistItem::SidecarsResolved, CheckStatus::No),
        (ChecklistItem::AllIsPublished, CheckStatus::No),
        (ChecklistItem::NoSidecarFiles, CheckStatus::No),
        (ChecklistItem::FolderIsClean, CheckStatus::No),
    ];
    assert_eq!(not_yes(&report), no);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_is_open_until_it_is_finished_and_its_tags_stay_until_they_are_released() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES[..2], 1).await;
    let digest = store.open().await.approve(&operation).await;
    let approved = today(&store).await;
    assert_eq!(
        kinds(&approved),
        [FindingKind::PendingSidecar],
        "an approval alone is no open operation"
    );
    assert!(approved.findings[0].detail.contains(", approved"));

    let dying = Arc::new(DiesAt::at(Point::first(
        Verb::PutCreate,
        format!("{}/_versions", place(TABLES[0]).path),
    )));
    let dead = store.open_behind(dying).await;
    service::apply(&dead.root, &operation, digest, &ProgressSink::default())
        .await
        .ok();
    let report = before_an_upgrade(&store).await;
    let open = the_one(&report, FindingKind::OpenOperation);
    assert_eq!(open.subject, operation.as_str());
    assert!(open.stands_in_the_way);
    assert!(not_yes(&report).contains(&(ChecklistItem::NoOpenOperation, CheckStatus::No)));

    let opened = store.open().await;
    opened.apply(&operation, digest).await;
    let report = before_an_upgrade(&store).await;
    assert_eq!(kinds(&report), [FindingKind::RecoveryTags]);
    let tags = &report.findings[0];
    let path = store.path().to_str().unwrap();
    assert_eq!(
        tags.resolve,
        format!("sidecar-inspector release {path} {operation} --min-age 0s")
    );
    assert_eq!(
        not_yes(&report),
        [(ChecklistItem::NoRecoveryTags, CheckStatus::No)]
    );
    assert!(
        !today(&store).await.stands_in_the_way,
        "tags are only to be known"
    );

    super::upgrade::release(&store, &operation).await;
    assert_eq!(kinds(&before_an_upgrade(&store).await), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_beside_the_journals_is_told_once() {
    let store = Store::with_tables(&TABLES).await;
    std::fs::create_dir_all(store.path().join("__recovery_log/open")).unwrap();
    std::fs::write(store.path().join("__recovery_log/open/notes.txt"), "x").unwrap();
    let report = today(&store).await;
    let stray = the_one(&report, FindingKind::StrayObject);
    assert_eq!(stray.subject, "__recovery_log/open/notes.txt");
    assert!(!report.stands_in_the_way);
}

#[tokio::test(flavor = "multi_thread")]
async fn schema_files_that_are_gone_or_damaged_are_told() {
    for (engine, name) in [
        ("omnigraph-0.7.0", "uncovered-delete"),
        ("omnigraph-0.8.0", "uncovered-delete"),
        ("omnigraph-0.9.0", "v9-uncovered-drift-compaction"),
    ] {
        let store = Store::unpacked(engine, name);
        let of_schema = |report: &DoctorReport| -> Vec<(FindingKind, String)> {
            let findings = report.findings.iter();
            findings
                .filter(|finding| {
                    matches!(
                        finding.kind,
                        FindingKind::SchemaFileMissing | FindingKind::SchemaFileMalformed
                    )
                })
                .map(|finding| (finding.kind, finding.subject.clone()))
                .collect()
        };
        assert_eq!(of_schema(&today(&store).await), [], "{engine}");
        std::fs::remove_file(store.path().join("_schema.pg")).unwrap();
        std::fs::write(store.path().join("_schema.ir.json"), "{\"a\": ").unwrap();
        std::fs::write(store.path().join("__schema_state.json"), "").unwrap();
        let malformed = |name: &str| (FindingKind::SchemaFileMalformed, name.to_owned());
        assert_eq!(
            of_schema(&today(&store).await),
            [
                (FindingKind::SchemaFileMissing, "_schema.pg".to_owned()),
                malformed("_schema.ir.json"),
                malformed("__schema_state.json"),
            ],
            "{engine}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_cannot_be_read_hides_no_lock() {
    let store = Store::unpacked("omnigraph-0.7.0", "schema-lock-only");
    std::fs::create_dir_all(store.path().join("__recovery/foo.json")).unwrap();
    let report = today(&store).await;
    let lock = the_one(&report, FindingKind::SchemaLockLeft);
    assert!(lock.detail.contains("may belong to foo.json"), "{lock:?}");
    assert!(
        lock.resolve.starts_with("Resolve foo.json first: "),
        "{lock:?}"
    );
    // Nothing can be recorded about a folder, so no command sets it aside.
    let opened = store.open().await;
    let plans = service::drain(&opened.root, clock::now()).await.unwrap();
    let next = plans.plans[0].next.as_ref().unwrap();
    assert!(next.starts_with("sidecar-inspector plan "), "{next}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_of_a_recovery_whose_journal_is_gone_are_not_released_by_a_plan() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES[..2], 1).await;
    store.open().await.recover(&operation).await;
    std::fs::remove_dir_all(store.path().join("__recovery_log")).unwrap();
    let report = today(&store).await;
    let tags = the_one(&report, FindingKind::RecoveryTags);
    assert!(tags.resolve.starts_with("Its journal is gone"), "{tags:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_are_found_in_a_dataset_that_no_catalog_names() {
    let store = Store::with_tables(&TABLES).await;
    let operation = store.crashed_write(&TABLES[..2], 1).await;
    store.open().await.recover(&operation).await;
    let tagged = store.path().join(place(TABLES[0]).path);
    let left = tagged.parent().unwrap().join("left");
    crashed_roots::store::copy_folder(&tagged, &left);
    let report = today(&store).await;
    let tags = the_one(&report, FindingKind::RecoveryTags);
    assert!(tags.detail.contains("/left"), "{}", tags.detail);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_folder_that_cannot_be_read_is_told_and_the_rest_beside_it() {
    let store = Store::unpacked("omnigraph-0.7.0", "uncovered-delete");
    for round in 0..2 {
        let journals = store.path().join("__recovery_log");
        if round == 0 {
            std::os::unix::fs::symlink("/nowhere", &journals).unwrap();
        } else {
            std::fs::remove_file(&journals).unwrap();
            std::fs::write(&journals, "x").unwrap();
        }
        let uri = store.path().to_str().unwrap();
        let options = RootOptions::default;
        assert!(Root::open(uri, options()).await.is_err());
        let root = Root::open_to_examine(uri, options()).await.unwrap();
        let report = service::doctor(&root, DoctorScope::Upgrade, clock::now()).await;
        let report = report.unwrap();
        let not_known = |subject: &str| {
            let mut findings = report.findings.iter();
            findings.any(|it| it.kind == FindingKind::NotKnown && it.subject == subject)
        };
        assert!(not_known("which root this is"), "{report:#?}");
        assert!(not_known("__recovery_log/"), "{report:#?}");
        assert!(
            kinds(&report).contains(&FindingKind::UncoveredCommits),
            "{report:#?}"
        );
    }
}
