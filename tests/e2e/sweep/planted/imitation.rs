//! An executor made of the product's public pieces that does what the product does, but for one planted flaw.

use restore_backend::clock;
use restore_backend::journal_store::{Appended, Journal, close, publish_claim};
use restore_backend::lance_room::{
    CATALOG_PATH, CatalogReading, CommitOutcome, EffectIdentity, FenceRequest, Head, PinUpdate,
    PublishRequest, RestoreRequest, TableLocation, TransactionEntry,
};
use restore_backend::service;
use restore_backend::sidecar_dir::{StoredSidecar, delete_sidecar, read_sidecar};
use sidecar::journal::{JournalEntry, StepResult};
use sidecar::{
    ApplyReport, Digest, Effect, EffectOn, Limits, OutcomeKind, Plan, PlanBytes, SidecarBytes,
    SidecarFate, Step, TableOutcome, Tag,
};

use super::super::invariants::version_path;
use super::super::script::{Acting, product};
use super::super::world::raw;
use super::flaw::Flaw;
use crate::support::{place, rows};

struct Imitation {
    acting: Acting,
    flaw: Flaw,
    journal: Journal,
    plan: Plan,
    identity: EffectIdentity,
    published: bool,
}

pub async fn imitate(acting: Acting, flaw: Flaw) -> Result<ApplyReport, String> {
    let root = acting.opened.root.clone();
    let digest = acting.digest.ok_or("no digest")?;
    if flaw != Flaw::NeverLooks {
        service::plan(&root, acting.operation.as_str(), clock::now())
            .await
            .map_err(|error| error.to_string())?;
    }
    let journal = Journal::load(root.objects(), &acting.operation, &Limits::DEFAULT)
        .await
        .unwrap();
    let text = journal.state.approvals()[0].1.clone();
    let plan = PlanBytes::verify(text.clone(), digest)
        .unwrap()
        .decode()
        .unwrap();
    let StoredSidecar::Bytes(bytes) = read_sidecar(root.objects(), &plan.file, &Limits::DEFAULT)
        .await
        .unwrap()
    else {
        return Err("the sidecar is gone".to_owned());
    };
    let named = match flaw {
        Flaw::ApprovedById => Digest::of(Tag::Sidecar, b"another plan"),
        _ => digest,
    };
    let mut imitation = Imitation {
        identity: EffectIdentity {
            operation_id: acting.operation.to_string(),
            plan_digest: named.to_string(),
        },
        acting,
        flaw,
        journal,
        plan,
        published: false,
    };
    let sidecar = SidecarBytes::new(bytes);
    let claim = JournalEntry::Claimed {
        epoch: 1,
        executor: "an imitation".to_owned(),
        plan_digest: digest,
        plan: text,
        sidecar: sidecar.clone(),
    };
    imitation.record(claim).await;
    publish_claim(root.objects(), &imitation.acting.operation)
        .await
        .unwrap();
    imitation.do_steps().await?;
    imitation.end(sidecar).await?;
    if flaw == Flaw::GoesOnAfterConflict {
        return Ok(conflict(&imitation.acting, digest));
    }
    // What it came to is told by the product, which finds the terminal record.
    product(imitation.acting).await
}

fn conflict(acting: &Acting, digest: Digest) -> ApplyReport {
    let unknown = EffectOn {
        effect: Effect::Unknown,
    };
    ApplyReport {
        operation_id: acting.operation.clone(),
        digest,
        outcome: OutcomeKind::Conflict,
        tables: Vec::new(),
        catalog: unknown,
        audit: unknown,
        sidecar: SidecarFate::Kept,
        differences: Vec::new(),
        detail: "something moved".to_owned(),
    }
}

impl Imitation {
    async fn record(&mut self, entry: JournalEntry) {
        let appended = self
            .journal
            .clone()
            .append(self.acting.opened.root.objects(), clock::now(), entry)
            .await
            .unwrap();
        let Appended::Done(journal) = appended else {
            panic!("the record is taken")
        };
        self.journal = *journal;
    }

    async fn catalog_version(&self) -> u64 {
        let room = self.acting.opened.root.room();
        let CatalogReading::Present(catalog) = room.catalog(None).await.unwrap() else {
            panic!("no catalog")
        };
        catalog.version
    }

    async fn do_steps(&mut self) -> Result<(), String> {
        let steps = self.plan.steps.clone();
        for (index, step) in steps.iter().enumerate() {
            if matches!(step, Step::Record { .. } | Step::Retire { .. }) {
                continue;
            }
            let catalog_version = match step {
                Step::FenceCatalog { .. } | Step::Publish { .. } => {
                    Some(self.catalog_version().await)
                }
                _ => None,
            };
            self.record(JournalEntry::StepsStarted {
                epoch: 1,
                steps: vec![index],
                catalog_version,
            })
            .await;
            let version = match self.flaw {
                Flaw::RecordsWithoutEffects => Some(1),
                _ => self.do_step(step, catalog_version).await?,
            };
            self.record(JournalEntry::StepsFinished {
                epoch: 1,
                results: vec![StepResult {
                    step: index,
                    version,
                    already_done: false,
                }],
            })
            .await;
        }
        Ok(())
    }

    async fn do_step(&mut self, step: &Step, catalog: Option<u64>) -> Result<Option<u64>, String> {
        let room = self.acting.opened.root.room().clone();
        let outcome = match step {
            Step::Tag {
                table_key,
                name,
                version,
                ..
            } => {
                if self.flaw != Flaw::NeverLooks {
                    let tagged = room.tag(&place(table_key), name, *version).await;
                    tagged.map_err(|error| error.to_string())?;
                }
                return Ok(Some(*version));
            }
            Step::FenceCatalog { .. } if self.flaw == Flaw::NoFence => return Ok(catalog),
            Step::FenceCatalog { .. } => {
                let read_version = catalog.unwrap_or_default();
                let request = FenceRequest {
                    branch: None,
                    read_version,
                    read_transaction: self.transaction(CATALOG_PATH, read_version).await,
                    identity: self.identity.clone(),
                };
                room.fence_catalog(&request).await
            }
            Step::Restore {
                table_key, version, ..
            } => return self.restore(table_key, *version).await,
            Step::Publish { pins, .. } => {
                let published = match self.flaw {
                    Flaw::HalfPublish => &pins[..1],
                    _ => &pins[..],
                };
                let updates = published.iter().map(|pin| PinUpdate {
                    table_key: pin.table_key.clone(),
                    from_pin: pin.from_version,
                    to_version: pin.to_version,
                    table_branch: None,
                });
                let request = PublishRequest {
                    branch: None,
                    read_version: catalog.unwrap_or_default(),
                    updates: updates.collect(),
                    registrations: Vec::new(),
                    tombstones: Vec::new(),
                    identity: self.identity.clone(),
                };
                self.published = true;
                room.publish(&request).await
            }
            Step::Record { .. }
            | Step::Retire { .. }
            | Step::Untag { .. }
            | Step::Announce { .. }
            | Step::PromoteSchema { .. }
            | Step::DiscardSchema { .. }
            | Step::Lineage { .. }
            | Step::UnlockSchema { .. } => return Ok(None),
        };
        match outcome.map_err(|error| error.to_string())? {
            CommitOutcome::Committed { version } | CommitOutcome::AlreadyDone { version } => {
                Ok(Some(version))
            }
            other => Err(format!("{other:?}")),
        }
    }

    async fn transaction(&self, path: &str, version: u64) -> String {
        let room = self.acting.opened.root.room();
        let entry = room.transaction(&TableLocation::main(path), version).await;
        let TransactionEntry::Known(summary) = entry.unwrap() else {
            panic!("version {version} of {path} is gone")
        };
        summary.uuid
    }

    async fn restore(&mut self, table: &str, target: u64) -> Result<Option<u64>, String> {
        let mut made = None;
        let times = if self.flaw == Flaw::RestoresTwice {
            2
        } else {
            1
        };
        if self.flaw == Flaw::UnfencedRestore {
            let told = raw(&self.acting.store, table).await;
            self.acting.told.lock().await.push(told);
        }
        for _ in 0..times {
            let room = self.acting.opened.root.room();
            let Head::At { version: head } = room.head(&place(table)).await.unwrap() else {
                panic!("no table")
            };
            let request = RestoreRequest {
                location: place(table),
                head_version: head,
                head_transaction: self.transaction(&place(table).path, head).await,
                target,
                identity: self.identity.clone(),
            };
            match room.restore(&request).await {
                Ok(CommitOutcome::Committed { version }) => made = Some(version),
                other => return Err(format!("{other:?}")),
            }
        }
        Ok(made)
    }

    async fn end(&mut self, sidecar: SidecarBytes) -> Result<(), String> {
        let objects = self.acting.opened.root.objects().clone();
        let room = self.acting.opened.root.room().clone();
        let folder = format!("__recovery_log/{}", self.acting.operation);
        let put = async |name: &str, bytes: Vec<u8>| {
            let path = format!("{folder}/{name}").into();
            objects
                .put_opts(&path, bytes.into(), Default::default())
                .await
                .unwrap();
        };
        match self.flaw {
            Flaw::TidiesUp => {
                let table = self.plan.tables.last().unwrap().table_key.clone();
                room.set_config(&place(&table), "tidy", "yes")
                    .await
                    .unwrap();
            }
            Flaw::CleansUp => {
                let first = version_path(&place("node:T0").path, 1);
                std::fs::remove_file(self.acting.store.path().join(first)).unwrap();
            }
            Flaw::DeletesFirst => {
                delete_sidecar(&objects, &self.plan.file).await.unwrap();
                return Err("it dies here".to_owned());
            }
            Flaw::GoesOnAfterConflict => {
                self.record(JournalEntry::Interrupted {
                    epoch: 1,
                    detail: "something moved".to_owned(),
                    differences: Vec::new(),
                })
                .await;
                room.append_rows(&place("node:T0"), &rows(0..1))
                    .await
                    .unwrap();
                delete_sidecar(&objects, &self.plan.file).await.unwrap();
                return Ok(());
            }
            Flaw::Overwrites => put("000004.json", b"{}".to_vec()).await,
            _ => {}
        }
        let kept = match self.flaw {
            Flaw::ForgetsSidecar => SidecarBytes::new(Vec::new()),
            _ => sidecar,
        };
        let outcome = |table: &sidecar::PlannedTable| {
            let effect = match table.publish_as {
                Some(_) => Effect::Changed,
                None => Effect::Unchanged,
            };
            TableOutcome::of(&self.plan, table, effect)
        };
        let tables = self.plan.tables.iter().map(outcome).collect();
        let finished = JournalEntry::Finished {
            epoch: 1,
            outcome: OutcomeKind::of_finished(self.plan.disposition).unwrap(),
            tables,
            catalog: if self.published {
                Effect::Changed
            } else {
                Effect::Unchanged
            },
            sidecar: kept,
        };
        if self.flaw == Flaw::ForgetsSidecar {
            // The journal refuses such a record; somebody who does not ask it writes it all the same.
            let record = self.journal.state.next_record(clock::now(), finished);
            put(
                &format!("{:06}.json", record.sequence),
                record.to_bytes().unwrap(),
            )
            .await;
        } else {
            self.record(finished).await;
        }
        delete_sidecar(&objects, &self.plan.file).await.unwrap();
        close(&objects, &self.acting.operation).await.unwrap();
        Ok(())
    }
}
