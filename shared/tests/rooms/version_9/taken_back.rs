//! A schema change that made one dataset and never confirmed, as it is taken back.

use sidecar::observation::{
    CatalogObservation, HeadObservation, NextSchema, Pinned, RegistrationObservation,
    SchemaObservation,
};
use sidecar::version_9::proof::{SeenOperation, SeenTransaction, SeenVersions};
use sidecar::version_9::{
    Beside, BranchSeen, Evidence, GraphSeen, HeadSeen, SchemaIdentity, SchemaSeen, TableSeen,
};
use sidecar::{
    DatasetFile, DatasetFiles, Disposition, Limits, Observation, Plan, PlanError, Sidecar, Step,
};

use super::fixture::of;
use crate::support::{Scene, scene, world};

/// What is there of the dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum There {
    Whole,
    /// A removal died: the file of the transaction is left.
    InPart,
    Nothing,
}

/// The plan that takes it back, where its file is as the writer left it.
pub(crate) fn schema_change_of_version_9(there: There) -> Scene {
    let fixture = of("v9-schema-add-type-table-1");
    let sidecar = Sidecar::parse(&fixture.file, &fixture.bytes, &Limits::DEFAULT).unwrap();
    let file = fixture.parsed();
    let payload = file.payload().unwrap();
    let planned = payload.effects[0].planned()[0].clone();
    let file = |path: &str| DatasetFile {
        path: path.to_owned(),
        bytes: 1,
    };
    let transaction = file(&format!("_transactions/0-{}.txn", planned.uuid));
    let version = file("_versions/18446744073709551614.manifest");
    let (head, seen, files) = match there {
        There::Whole => {
            let head = HeadObservation::At {
                version: 1,
                transaction: Some(planned.uuid.clone()),
            };
            let made = SeenTransaction {
                identity: planned,
                operation: SeenOperation::Other,
            };
            let seen = HeadSeen::At(SeenVersions {
                head: 1,
                transactions: [(1, made)].into(),
            });
            (head, seen, vec![version, transaction])
        }
        There::InPart => {
            let gone = (HeadObservation::DatasetMissing, HeadSeen::DatasetMissing);
            (gone.0, gone.1, vec![transaction])
        }
        There::Nothing => (
            HeadObservation::DatasetMissing,
            HeadSeen::DatasetMissing,
            Vec::new(),
        ),
    };
    let authority = &payload.authority;
    let evidence = Evidence {
        beside: Beside::default(),
        branch: BranchSeen::There {
            identifier: authority.branch_identifier.clone(),
            lance_branch: None,
        },
        graph: GraphSeen {
            head: authority.graph_head.clone(),
            ..GraphSeen::default()
        },
        schema: SchemaSeen {
            live: Ok(SchemaIdentity {
                domain: authority.schema_identity_domain.clone(),
                ir_hash: authority.schema_ir_hash.clone(),
                identity_version: authority.schema_identity_version,
            }),
            is_staged: false,
            next: NextSchema::default(),
        },
        tables: vec![TableSeen {
            head: seen,
            fork: None,
            branch_below: None,
            is_visible_version_gone: false,
        }],
    };
    let registration = RegistrationObservation {
        table_key: sidecar.additional_registrations[0].table_key.clone(),
        pinned: Pinned::Absent,
        head,
        location_conflict: None,
        files: Some(DatasetFiles::of(files)),
    };
    let observation = Observation {
        catalog: CatalogObservation::Present {
            version: 40,
            stamp: sidecar::root_layout::STAMP_WITH_IDENTITIES,
            two_phase: false,
            branch_created_at: None,
        },
        schema: Some(SchemaObservation {
            registrations: vec![registration],
            ..SchemaObservation::default()
        }),
        version_9: Some(std::sync::Arc::new(Ok(evidence))),
        ..world(Vec::new())
    };
    let scene = scene(&sidecar, None, &observation);
    assert_eq!(scene.plan.disposition, Disposition::RollBack);
    assert_eq!(scene.verdict.blockers, []);
    scene
}

/// A backup may bring the file back as its writer left it, when the dataset is removed in part already.
#[test]
fn whatever_is_left_of_the_dataset_the_plan_is_lawful_and_names_what_returns() {
    for (there, drops, returns) in [
        (There::Whole, true, true),
        (There::InPart, true, false),
        (There::Nothing, false, false),
    ] {
        let Scene { plan, bytes, .. } = schema_change_of_version_9(there);
        let decoded: Result<Plan, PlanError> = bytes.decode();
        assert_eq!(decoded.as_ref(), Ok(&plan), "{there:?}");
        let mut undos = plan.steps.iter().filter_map(Step::written_undo);
        let undo = undos.next().expect("the undo is written into the file");
        assert_eq!(!undo.outcomes.is_empty(), returns, "{there:?}");
        assert_eq!(
            plan.steps.iter().any(Step::changes_a_table),
            drops,
            "{there:?}"
        );
    }
}
